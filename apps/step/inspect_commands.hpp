// What the commands of bdh step that show something have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/queries.hpp>

#include "apps/step/commands.hpp"

namespace bdh::app {

inline constexpr std::size_t default_rows = 10;  // of a list, without `top`

// Throws input_error above 10000.
std::size_t row_count(std::uint64_t count);

struct shown_variable {
  const char* name;
  variable what;
};
const shown_variable* variable_named(std::string_view name);  // null: none

// experiment::ensure_probed(), and a line where tokens had to be read again.
void ensure_probed(step_session& session, const std::vector<probe_spec>& specs);
double strength(const simulator& brain, const probe_spec& p);  // of an edge, or of a probed pair
// The pair in this layer, or in all.
std::vector<probe_spec> specs_of(const step_session& session, const neuron_pair& pair,
                                 std::optional<layer_id> layer,
                                 probe_factor factor = probe_factor::w);
neuron_pair next_pair(const step_session& session, arguments& a);  // "i->j" or "i j"

void show_synapse(step_session& session, arguments& a);
void place_probe(step_session& session, arguments& a);
void show_top(step_session& session, arguments& a);
void show_changed(step_session& session, arguments& a);
void show_plot(step_session& session, arguments& a);

}  // namespace bdh::app
