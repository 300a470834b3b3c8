// What `bdh concepts` found, as text and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/analysis/sentences.hpp"
#include "core/analysis/concept_confirmation.hpp"

namespace bdh::app {

struct concept_series {
  std::size_t text = 0;  // number of the sentence
  // [token][finding]: activity of a neuron, or strength of a synapse; and, of synapses of models
  // that rotate, the amplitude
  std::vector<std::vector<double>> values, amplitudes;
};

struct concept_results {
  const model* subject = nullptr;
  std::vector<sentence> texts;  // the positive ones, then the negative
  std::size_t positives = 0, tokens = 0;
  halves split;
  text_design design;
  bool apart = false;  // files of their own confirm
  std::uint64_t seed = 0;
  std::vector<layer_id> layers;
  std::optional<head_id> head;
  bool of_neurons = false, by_y = true;
  synapse_measure measure = synapse_measure::strength;  // what was compared
  std::uint64_t candidates = 0;
  double level = 0;
  std::vector<finding> findings;  // of all that were carried over, the best first
  // Of each finding that is a synapse, for every text: both measures; amplitudes where the model
  // rotates.
  std::vector<std::vector<float>> strengths, amplitudes;
  std::size_t factor_bytes = 0, tile_bytes = 0;
  std::vector<sentence> traced;        // sentences whose course was followed
  std::vector<concept_series> series;  // of the first findings, over them
  std::size_t traced_findings = 0;

  std::size_t confirmed() const;
  std::size_t only_same() const;  // that hold for groups that chose, and for no others
};

std::string as_text(const concept_results& r, std::size_t top);
nlohmann::ordered_json as_json(const concept_results& r, std::size_t top);
std::string as_csv(const concept_results& r);         // a line for each finding
std::string series_as_csv(const concept_results& r);  // a line for each token and finding

}  // namespace bdh::app
