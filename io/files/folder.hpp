// What is in a folder that was given in place of a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bdh {

// The names of its files and, with '/' behind, of its folders, in their order; of a folder with
// more than 10,000 entries any 10,000. Hidden ones come last. Throws input_error where it cannot be
// read.
std::vector<std::string> names_in(const std::filesystem::path& folder);

// "a", "a and b", "a, b and c", "a, b and 17 more".
std::string listed(const std::vector<std::string>& names);

}  // namespace bdh
