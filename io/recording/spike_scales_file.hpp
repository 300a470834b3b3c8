// Scales of spikes as a file that people can read: JSON, with the model and the text that they were
// measured on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include <bdh/model.hpp>

#include "core/analysis/spike_scales.hpp"

namespace bdh {

struct spike_scales_file {
  std::string model_sha256, model_source, text_sha256;
  std::uint64_t tokens = 0, window = 0;
  spike_percentiles percentiles;
  spike_scales scales;
};

void write_spike_scales(const std::filesystem::path& file, const spike_scales_file& what);

// Throws input_error for a file that is none, whose scales are those of another model, or not
// finite and above 0; where a population can never be active, its scale may be 0.
spike_scales_file read_spike_scales(const std::filesystem::path& file, const model& m);

// "scales" of such a file: numbers by population and layer.
nlohmann::ordered_json as_json(const spike_scales& scales);
// `place`: for messages.
spike_scales spike_scales_of(const nlohmann::json& scales, const model& m,
                             const std::string& place);

}  // namespace bdh
