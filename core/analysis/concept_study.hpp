// A whole search for concepts: texts are read, candidates are chosen on one half of them
// (core/analysis/concept_search.hpp) and confirmed on the other
// (core/analysis/concept_confirmation.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <bdh/probe.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/concept_confirmation.hpp"
#include "core/analysis/concept_search.hpp"
#include "core/base/executor.hpp"

namespace bdh {

struct concept_question {
  std::vector<std::vector<token_id>> texts;  // each is read from zero synapses
  halves split;
  text_design design;
  // Neurons: X and Y, mean over a text. Else synapses, at the end of a text.
  bool of_neurons = false;
  probe_factor factor = probe_factor::y;  // of synapses
  synapse_measure measure = synapse_measure::strength;
  std::vector<layer_id> layers;  // as concept_layers() has them
  std::optional<head_id> head = {};
  std::uint64_t carry = 100;  // candidates that are chosen
  double level = 0.05;        // of all confirmations together
  // For what the texts write; above it layers are read one after the other.
  double memory_bytes = double{1 << 30};

  std::uint64_t candidates(const model& m) const;
  std::uint64_t tokens() const;  // of all texts
};

struct concept_answer {
  std::vector<finding> findings;  // of all that were carried over, the best first
  // Of each finding that is a synapse, for every text: both measures; amplitudes where the model
  // rotates.
  std::vector<std::vector<float>> strengths, amplitudes;
  std::size_t factor_bytes = 0, tile_bytes = 0;  // the most that was held
};

enum class concept_work { reading, comparing };
// Called with the share of the work that is done, from 0 anew for each pass; while comparing by
// several threads. False ends the search.
using concept_progress = std::function<bool(concept_work, double share)>;

// The layers that have candidates, or of them the `only` one. Layer 1 has no synapse between
// neurons that anything writes: through hubs its W is on a sensory node alone, and there is no Y
// before it. Throws input_error: at `model_place` where no layer has any, at `place` for one that
// has none.
std::vector<layer_id> concept_layers(const model& m, bool of_neurons, probe_factor factor,
                                     std::optional<layer_id> only, const std::string& place,
                                     const std::string& model_place);

// Tokens that synapses of this source take for one turn; nothing where they do not turn.
std::optional<double> turn_period(const model& m, neuron_id pre);

// Nothing where `go_on` ended it. Throws input_error for a strength that is not finite.
std::optional<concept_answer> find_concepts(const concept_question& question, simulator& brain,
                                            executor& threads, const concept_progress& go_on);

}  // namespace bdh
