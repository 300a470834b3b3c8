#include <cstddef>
#include <cstdint>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/layouts.hpp"
#include "io/checkpoint/tensor_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = bdh::read_torch_file(std::as_bytes(std::span(data, size)), "fuzz");
    for (const bdh::tensor& t : file->tensors()) try {
        file->weights(t);
      } catch (const bdh::error&) {
      }
    bdh::recognise(*file);
    bdh::read_configuration(*file);
  } catch (const bdh::error&) {
  }
  return 0;
}
