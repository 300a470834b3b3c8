// The index of a checkpoint in several safetensors files, with two shards beside it: the index up
// to a zero byte, two bytes for the size of the first shard, the first shard, the second.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/layouts.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "temporary_folder.hpp"

namespace {

// Of `text`, which loses them.
std::string_view take(std::string_view& text, std::size_t count) {
  const std::string_view taken = text.substr(0, count);
  text.remove_prefix(taken.size());
  return taken;
}

void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const temporary_folder beside;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view index = take(rest, rest.find('\0'));
  take(rest, 1);
  std::size_t first = 0;
  for (const char byte : take(rest, 2)) first = first << 8 | static_cast<unsigned char>(byte);
  write(beside.path / "a.safetensors", take(rest, first));
  write(beside.path / "b.safetensors", rest);
  const std::string place = (beside.path / "model.safetensors.index.json").string();
  try {
    const auto file = bdh::read_shards(std::as_bytes(std::span(index)), place);
    for (const bdh::tensor& t : file->tensors()) try {
        file->weights(t);
      } catch (const bdh::error&) {
      }
    bdh::recognise(*file);
    bdh::read_configuration(*file);
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
