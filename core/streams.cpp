#include "core/streams.hpp"

#include <algorithm>
#include <string>
#include <typeinfo>
#include <vector>

#include "core/base/error.hpp"

namespace bdh {

void step_together(std::span<stream_step> steps) {
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const std::string place = "stream " + std::to_string(k);
    const simulator &first = *steps[0].stream, &other = *steps[k].stream;
    const engine &a = *first.engine_, &b = *other.engine_;
    if (&first.model_ != &other.model_ || typeid(a) != typeid(b) || a.device() != b.device() || a.sites() != b.sites() ||
        first.table_.rounds != other.table_.rounds)
      throw input_error(place, "another model, engine, number of sites or round table than that of stream 0", "a sibling of it");
    if (std::any_of(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(k),
                    [&](const stream_step& s) { return s.stream == &other; }))
      throw input_error(place, "a stream for the second time", "one token a stream");
  }

  looking at = looking::nowhere;
  for (const stream_step& s : steps) at = std::max(at, s.stream->looked_at());
  std::vector<stream_step*> reading;
  std::vector<scheduler*> together;
  for (stream_step& s : steps) {
    s.failed = nullptr;
    reading.push_back(&s);
  }
  // Does something with every stream that is still reading; those that fail drop out.
  const auto in_each = [&](auto&& work) {
    std::erase_if(reading, [&](stream_step* s) {
      try {
        work(*s);
      } catch (...) {
        s->failed = std::current_exception();
      }
      return s->failed != nullptr;
    });
    together.clear();
    for (stream_step* s : reading) together.push_back(&s->stream->scheduler_);
  };

  in_each([&](stream_step& s) { s.stream->begin(s.token, at); });
  while (const auto done = scheduler::advance(together)) in_each([&](stream_step& s) { s.stream->notice(*done); });
  scheduler::finish(together);
  in_each([](stream_step& s) { s.report = s.stream->end(); });
}

}  // namespace bdh
