// A whole file as bytes, for those that people write and for descriptions: small ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace bdh {

// Throws input_error where the file cannot be read, as a folder or a pipe cannot, or has more than
// `most` bytes; `expected` says what it should be.
std::string read_whole_file(const std::filesystem::path& file, std::uintmax_t most,
                            const std::string& expected);

}  // namespace bdh
