#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/token_loop.hpp"

namespace bdh {
namespace {

void expect_different_streams_of_one_model(std::span<const stream_step> steps) {
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const std::string place = "stream " + std::to_string(k);
    if (!steps[k].stream->loop().can_run_with(steps[0].stream->loop()))
      throw input_error(
          place,
          "another model, engine, number of sites or round table than that of stream 0, or weights "
          "that learn",
          "a new_stream() of it");
    if (std::any_of(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(k),
                    [&](const stream_step& s) { return s.stream == steps[k].stream; }))
      throw input_error(place, "a stream for the second time", "one token a stream");
  }
}

}  // namespace

void step_streams(std::span<stream_step> steps) {
  expect_different_streams_of_one_model(steps);
  observation sees = observation::none;
  for (const stream_step& s : steps) sees = std::max(sees, s.stream->loop().sees());
  std::vector<token_loop::stream> begun;
  std::vector<stream_step*> of_begun;
  for (stream_step& s : steps) {
    s.failed = nullptr;
    try {
      s.stream->loop().begin(s.token, sees);
      begun.push_back({&s.stream->loop()});
      of_begun.push_back(&s);
    } catch (...) {
      s.failed = std::current_exception();
    }
  }
  token_loop::run_together(begun);
  for (std::size_t k = 0; k < begun.size(); ++k) {
    of_begun[k]->failed = begun[k].failed;
    if (begun[k].failed) {
      begun[k].loop->give_up();
      continue;
    }
    try {
      of_begun[k]->report = begun[k].loop->end();
    } catch (...) {
      of_begun[k]->failed = std::current_exception();
    }
  }
}

}  // namespace bdh
