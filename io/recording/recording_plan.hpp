// What a user wants recorded, checked against the model before anything runs.
//
//     logits | events | summary | x:NEURONS | y:NEURONS | synapses:SYNAPSES | snapshot |
//     pairs:top:K
//     ... every 10         only positions that are multiples of 10
//     ... layers 1-2,5     only these layers
//     ... factor y         of synapses and pairs: by Y of the layer before, the paper's Eq. 16,
//     instead of by
//                          W, what acts
//
// NEURONS and SYNAPSES: bdh/selection.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

#include "core/analysis/pair_strengths.hpp"
#include "io/recording/recording.hpp"

namespace bdh {

struct recording_request {
  std::string what;                   // "x:0-99"
  std::uint64_t every = 1;            // tokens
  std::optional<std::string> layers;  // all
  // Synapses and pairs: by factor Y, the paper's Eq. 16, instead of the strengths that act.
  bool by_y = false;
  std::string place;  // for messages: "--record 'x:0-99 every 10'", "plan.json[3]"
};

// All throw input_error.
recording_request parse_recording(std::string_view text);
std::vector<recording_request> read_recordings(
    const std::filesystem::path& file);  // JSON: a list of texts or {"what", "every", "layers"}

// One recording for each layer of each request. `position`: of the first token to come. Throws
// input_error or unavailable_error naming the request, what is wrong with it and the valid range.
std::vector<recording_description> plan_recordings(const model& m,
                                                   const std::vector<recording_request>& requests,
                                                   std::uint64_t position);

// Active neurons of a token in the mean, by layer.
struct expected_activity {
  std::vector<double> x, y;  // (L)
  double spikes = 0;         // of a neuron
};

// Bytes on disk, for so many tokens.
struct predicted_bytes {
  double recordings = 0, journals = 0;  // journals: while the run goes on
};
// `active`: none: what trained models have, a quarter of X, a twentieth of Y.
predicted_bytes predict_bytes(const std::vector<recording_description>& recordings, double tokens,
                              const std::optional<expected_activity>& active = std::nullopt);

// What recordings of pairs of neurons take while a stream reads so many tokens.
struct pair_costs {
  kept_pairs what = kept_pairs::strengths;
  double bytes = 0;        // of memory
  std::size_t layers = 0;  // followed at every token, those of each factor counted apart
  double looks = 0;        // at all n^2 strengths of a layer
};
pair_costs predict_pair_costs(const model& m, const std::vector<recording_description>& recordings,
                              double tokens);

}  // namespace bdh
