#include "core/simulation/streams.hpp"

#include <algorithm>
#include <string>
#include <typeinfo>
#include <vector>

#include "core/base/error.hpp"

namespace bdh {

void step_streams(std::span<stream_step> steps) {
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const std::string place = "stream " + std::to_string(k);
    const simulator &first = *steps[0].stream, &other = *steps[k].stream;
    const engine &a = *first.engine_, &b = *other.engine_;
    if (&first.model_ != &other.model_ || typeid(a) != typeid(b) || a.device() != b.device() ||
        a.sites() != b.sites() || first.table_.rounds != other.table_.rounds)
      throw input_error(
          place, "another model, engine, number of sites or round table than that of stream 0",
          "a sibling of it");
    if (std::any_of(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(k),
                    [&](const stream_step& s) { return s.stream == &other; }))
      throw input_error(place, "a stream for the second time", "one token a stream");
  }

  observation at = observation::none;
  for (const stream_step& s : steps) at = std::max(at, s.stream->looked_at());
  // Does something with every stream that has not failed.
  const auto in_each = [steps](auto&& work) {
    for (stream_step& s : steps) {
      if (s.failed) continue;
      try {
        work(s);
      } catch (...) {
        s.failed = std::current_exception();
      }
    }
  };
  for (stream_step& s : steps) s.failed = nullptr;
  in_each([at](stream_step& s) { s.stream->begin(s.token, at); });
  std::vector<scheduler*> together;  // those that have begun; who fails between rounds is carried
                                     // to the end of the token
  for (const stream_step& s : steps)
    if (!s.failed) together.push_back(&s.stream->scheduler_);
  const round_observer looks{[&](const round_mark& done) {
                               in_each([&](stream_step& s) { s.stream->notice(done, true); });
                             },
                             [&](std::size_t part, std::size_t parts) {
                               for (const stream_step& s : steps)
                                 if (!s.failed) s.stream->write_probes(part, parts);
                             }};
  scheduler::finish(together, &looks);
  in_each([](stream_step& s) { s.report = s.stream->end(); });
}

}  // namespace bdh
