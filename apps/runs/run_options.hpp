// The options of a run: from the command line, and again from run.json when it goes on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <bdh/sampling.hpp>

#include "apps/common/options.hpp"
#include "apps/common/token_source.hpp"
#include "apps/runs/prefill.hpp"

namespace bdh::app {

struct run_options {
  std::string model;
  token_choice input;
  engine_choice engine;
  prefill_choice prefill;
  std::uint64_t generate = 0, top_k = 0;
  std::optional<double> temperature;
  std::uint64_t seed = 0;
  std::string folder, record_file, state, save_state;
  std::string initial_synapses;  // a CSV file (io/protocol/initial_synapses.hpp)
  std::vector<std::string> record;
  std::vector<std::string> interventions;  // bdh/intervention.hpp
  std::string protocol, condition;         // io/protocol/protocol.hpp
  std::optional<std::uint64_t> trials;     // of each condition; each is a stream
  std::optional<std::uint64_t> trial;      // which of them this is
  std::uint64_t checkpoint_every = 0;      // tokens; 0: only when a signal stops the run
  bool json = false, quiet = false, force = false;
  std::string batch;                     // file of prompts, one a line; "-": standard input
  std::optional<std::uint64_t> streams;  // that run at the same time
  bool in_streams() const { return !batch.empty() || streams; }
};

sampling sampling_of(const run_options& o);

// A JSON object with all that run_options_of needs to go on, paths absolute.
std::string recorded_options(const run_options& o, const simulator& brain);

// `recorded`: the options of a run (run_reader), each as JSON. `place`: in messages. Throws
// input_error when one is missing or is not what it should be.
run_options run_options_of(const std::map<std::string, std::string>& recorded,
                           const std::string& place);

}  // namespace bdh::app
