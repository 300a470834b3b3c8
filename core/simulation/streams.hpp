// Several streams of tokens over one model: each is a simulator with synapses, probes and
// perturbations of its own, and they read their tokens together, so that an engine can share what
// it reads of the model.
//
//     bdh::simulator first(model, bdh::cpu_engine(model));
//     const auto second = first.new_stream();
//     bdh::stream_step steps[] = {{&first, 'H'}, {second.get(), 'W'}};
//     bdh::step_streams(steps);
//
// Every stream's bits are those of the stream alone. Streams may come and go from one token to the
// next.
#pragma once

#include <exception>
#include <span>

#include "core/simulation/simulator.hpp"

namespace bdh {

struct stream_step {
  simulator* stream;
  token_id token;
  step_report report = {};              // what stream->step(token) would have returned,
  std::exception_ptr failed = nullptr;  // or thrown: the other streams go on
};

// One token in each stream. Throws input_error, before anything is read, unless the streams are
// different ones of one model, made by new_stream().
void step_streams(std::span<stream_step> steps);

}  // namespace bdh
