// run.json as it is written, for the files that write it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bdh {

// The status of a run that says "running" in a folder that is not locked is "interrupted". Throws
// input_error, and unavailable_error for another format_version.
nlohmann::json read_run_json(const std::filesystem::path& folder);
// Replaces it, atomically. Throws device_error.
void write_run_json(const std::filesystem::path& folder, const nlohmann::json& run);

// The name of a recording that run.json lists: a file in the run's folder, not a way out of it.
// Throws input_error.
std::string recording_name(const nlohmann::json& listed, const std::filesystem::path& run_json);

}  // namespace bdh
