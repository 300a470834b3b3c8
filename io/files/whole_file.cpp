#include "io/files/whole_file.hpp"

#include <fstream>
#include <iterator>

#include <bdh/error.hpp>

namespace bdh {

std::string read_whole_file(const std::filesystem::path& file, std::uintmax_t most,
                            const std::string& expected) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  std::ifstream from(file, std::ios::binary);
  if (failed || !from)
    throw input_error(file.string(),
                      failed ? "cannot be read: " + failed.message() : "cannot be read", expected);
  if (size > most)
    throw input_error(file.string(), std::to_string(size) + " bytes",
                      "at most " + std::to_string(most));
  std::string bytes(std::istreambuf_iterator<char>(from), {});
  if (from.bad()) throw input_error(file.string(), "cannot be read", expected);
  return bytes;
}

}  // namespace bdh
