// How activity is to travel as spikes, as users write it: what fits each other and a model, and the
// description of it that a run keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/spike_scales.hpp"
#include "io/recording/recording.hpp"

namespace bdh {

// A setting that does not fit the others, or the model. Its place is the setting, "spike-pair and";
// where the text names others they have two dashes, as options of the command line.
class spike_setting_error : public input_error {
 public:
  using input_error::input_error;
};

struct spike_settings {
  std::optional<std::string> bins;  // K, or x=K,y=K and so on; nothing: activity as it is
  std::optional<std::string> code, phase, pair;
  std::optional<std::string> scales;  // file
  std::optional<spike_scales> known;  // in place of a file
  std::optional<double> dt;           // ms
  bool hubs = false;

  bool given() const noexcept { return bins.has_value(); }
  double bin_ms() const noexcept { return dt.value_or(1); }
};

// Throws spike_setting_error for what does not fit each other, whatever the model.
void check(const spike_settings& s);
void check_bins(const std::string& bins);  // of these alone

// Null where activity travels as it is. Throws spike_setting_error for what does not fit the
// model's circuits, input_error for scales that are not its own.
std::shared_ptr<const spiking> spiking_of(const spike_settings& s, const model& m);

// What a person is to know about a choice that has been checked; empty: nothing.
std::string spike_note(const spiking& how, const model& m);

// Trains know how long a bin is; strengths of pairs are not followed where activity travels as
// spikes, or weights learn. Throws input_error or unavailable_error naming the request.
void prepare_recordings(const simulator& brain, double bin_ms,
                        std::vector<recording_description>& planned);

// A run's description of its spikes, for run.json: settings, scales, windows of a token.
nlohmann::json spike_description(const spike_settings& s, const spiking& how, const model& m,
                                 std::uint64_t seed);
// The settings of such a description. Throws input_error naming `place`.
spike_settings described_spikes(const nlohmann::json& description, const model& m,
                                const std::string& place);

}  // namespace bdh
