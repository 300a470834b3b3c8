// A folder in place of a checkpoint.
#pragma once

#include <filesystem>

namespace bdh {

// Nothing where `path` is no folder. Throws input_error that says what is in the folder, and which
// of it can be imported.
void expect_no_folder(const std::filesystem::path& path);

}  // namespace bdh
