// The search of bdh concepts: sentences are read, candidates chosen and confirmed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <bdh/simulator.hpp>

#include "apps/analysis/concept_texts.hpp"
#include "apps/analysis/concepts_output.hpp"
#include "apps/common/options.hpp"

namespace bdh::app {

struct concepts_options {
  std::string model, output, trace_output, trace_file;
  concept_files files;
  bool trace = false;
  engine_choice engine;
  std::optional<layer_id> layer;
  std::optional<head_id> head;
  std::string factor = "y", measure = "strength";
  std::uint64_t top = 10, carry = 100, seed = 1, memory = 1024;
  bool neurons = false, json = false, force = false;
};

// Throws input_error for sets that could confirm nothing, and `stopped`.
concept_results run_concepts(const concepts_options& o, const model& m, simulator& brain);

}  // namespace bdh::app
