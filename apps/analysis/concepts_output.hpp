// What `bdh concepts` found, as text and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/analysis/sentences.hpp"
#include "core/analysis/concept_study.hpp"

namespace bdh::app {

struct concept_series {
  std::size_t text = 0;  // number of the sentence
  // [token][finding]: activity of a neuron, or strength of a synapse; and, of synapses of models
  // that rotate, the amplitude
  std::vector<std::vector<double>> values, amplitudes;
};

struct concept_results {
  const model* subject = nullptr;
  std::vector<sentence> texts;  // those of the question: the positive ones, then the negative
  std::size_t positives = 0;
  bool apart = false;  // files of their own confirm
  std::uint64_t seed = 0;
  concept_question question;
  concept_answer answer;
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
