// Checkpoints of a run: state files RUNDIR/checkpoint-POSITION.h5, where POSITION tokens had been
// read. Two are kept.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/model/model.hpp"
#include "core/simulation/state.hpp"

namespace bdh {

// Whole or not at all, read back before it counts; then the ones before the last two go. Throws
// device_error.
void write_checkpoint(const std::filesystem::path& run, const synapse_state& state, const model& m);

void remove_checkpoints(const std::filesystem::path& run) noexcept;

struct checkpoint {
  std::filesystem::path file;
  synapse_state state;
  std::vector<std::string> refused;  // newer ones that are damaged, and why
};
// The newest that is whole; nothing when there is none. Throws input_error when all that there are
// are damaged.
std::optional<checkpoint> latest_checkpoint(const std::filesystem::path& run, const model& m);

}  // namespace bdh
