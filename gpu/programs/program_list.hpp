// Every program that a device can run, by number, and the call that launches one.
#pragma once

#include <cstddef>
#include <type_traits>

#include "gpu/device/device.hpp"
#include "gpu/programs/circuit_programs.hpp"
#include "gpu/programs/intervention_programs.hpp"
#include "gpu/programs/programs.hpp"
#include "gpu/programs/sampling_programs.hpp"
#include "gpu/programs/spike_programs.hpp"
#include "gpu/programs/synapse_programs.hpp"

namespace bdh::gpu {

// Threads of the groups that a program is for, where they are those of a GPU: eight, if it says
// nothing else.
template <class Program>
constexpr index group_threads = 8;
template <class Program>
requires(Program::threads != 0) constexpr index group_threads<Program> = Program::threads;

template <class... Programs>
struct program_set {
  static constexpr std::size_t size = sizeof...(Programs);

  template <class Program>
  static constexpr std::size_t number() {
    constexpr bool same[] = {std::is_same_v<Program, Programs>...};
    for (std::size_t i = 0; i < size; ++i)
      if (same[i]) return i;
    return size;
  }
};

using programs =
    program_set<list_starts, gather_list, push_blocks, reduce_block_sums, update_hub_w, normalise_a,
                compute_a_gain, pull_rows, pull_long_rows, pull_targets, pull_long_targets, fire_x,
                fire_y, check_values, net_drive_block, update_sources, sense_sources, tally_edges,
                tally_active, add_values, add_terms, hold_values, hold_weights, cut_partial_sums,
                turn_angles, use_rows, reweight_rows, use_units, reweight_units,
                reweight_long_units, read_strengths, write_strengths, mute_strengths,
                unmute_strengths, find_likely, rank_tokens, weigh_tokens, draw_token, total_counts,
                emit_window, tally_spikes>;

template <class Program>
void launch(device& on, const Program& program, const extent& items) {
  static_assert(programs::number<Program>() < programs::size, "not in the list of programs");
  static_assert(std::is_trivially_copyable_v<Program>);
  if (items.most != 0) on.launch(programs::number<Program>(), &program, sizeof program, items);
}

}  // namespace bdh::gpu
