#include "io/model/file_kind.hpp"

#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <bdh/error.hpp>

#include "io/files/checksum_header.hpp"
#include "io/hdf5/file.hpp"

namespace bdh {
namespace {

file_kind kind_of_hdf5(const std::filesystem::path& path) {
  try {
    const hdf5::file file = hdf5::file::open(path, {0, false});
    const hdf5::group root = file.root();
    const std::string format = root.has_attribute("format") ? root.text("format") : "";
    if (format == "bdh-model") return file_kind::model;
    if (format == "bdh-state") return file_kind::state;
    if (root.has("tokens") && root.has("logits")) return file_kind::expected;
  } catch (const error&) {
    // Damaged, or a `format` of another program.
  }
  return file_kind::hdf5;
}

}  // namespace

const char* name(file_kind k) noexcept {
  switch (k) {
    case file_kind::model:
      return "model";
    case file_kind::state:
      return "state";
    case file_kind::run:
      return "run";
    case file_kind::expected:
      return "expected values";
    case file_kind::hdf5:
      return "HDF5 file";
    case file_kind::safetensors:
      return "safetensors checkpoint";
    case file_kind::pytorch:
      return "PyTorch checkpoint";
    default:
      return "unknown";
  }
}

file_kind identify(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return std::filesystem::is_regular_file(path / "run.json", ignored) ? file_kind::run
                                                                        : file_kind::unknown;
  if (!std::filesystem::is_regular_file(path, ignored)) return file_kind::unknown;
  std::ifstream stream(path, std::ios::binary);
  std::array<char, checksum_header_bytes + 8> start{};
  stream.read(start.data(), start.size());
  const std::string_view head(start.data(), static_cast<std::size_t>(stream.gcount()));
  if (const auto what = checksummed_as(head))
    return *what == checksummed::model ? file_kind::model : file_kind::state;
  constexpr std::string_view hdf5_magic = "\x89HDF\r\n\x1a\n";
  if (head.substr(0, 8) == hdf5_magic ||
      (head.size() > checksum_header_bytes && head.substr(checksum_header_bytes) == hdf5_magic))
    return kind_of_hdf5(path);
  if (head.substr(0, 4) == "PK\x03\x04") return file_kind::pytorch;
  // Safetensors: the length of a JSON header in 8 bytes, then the header.
  if (head.size() > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0)
    return file_kind::safetensors;
  return file_kind::unknown;
}

}  // namespace bdh
