// Errors of the operating system, thrown with the same words everywhere.
#pragma once

#include <filesystem>
#include <string>

namespace bdh {

// `why`: an errno. Throws input_error where another place would do (no permission, no such folder),
// else device_error; with a hint where the disk is full.
[[noreturn]] void throw_errno(const std::filesystem::path& place, int why,
                              const std::string& what = "cannot be written");

}  // namespace bdh
