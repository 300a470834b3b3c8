// Points from which a run can be resumed: state files RUNDIR/checkpoint-POSITION.h5, where POSITION
// tokens had been read. Two are kept.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/state.hpp>

namespace bdh {

class simulator;

// Whole or not at all, read back before it counts; then the ones before the last two go. Throws
// device_error.
void write_resume_point(const std::filesystem::path& run, const simulator& brain);

void remove_resume_points(const std::filesystem::path& run) noexcept;

struct resume_point {
  std::filesystem::path file;        // to be restored from it: restore_state()
  run_state state;                   // all but its kept variables
  std::vector<std::string> refused;  // newer ones that are damaged, and why
};
// The newest that is whole; nothing when there is none. Throws input_error when all that there are
// are damaged.
std::optional<resume_point> latest_resume_point(const std::filesystem::path& run, const model& m);

}  // namespace bdh
