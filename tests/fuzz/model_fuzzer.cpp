// The reader of model files on whole images, checksum header included, whose checksum is not
// compared: the check of the structure (io/hdf5/validate.hpp), then libhdf5 on what it lets
// through, then our reader. Almost every change of length or of an address is refused by that
// check, so most mutations change a few bytes in their place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/model/model_image.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::minstd_rand random(seed);
  if (size < 1024 || random() % 16 == 0) return LLVMFuzzerMutate(data, size, most);
  const std::size_t width = std::size_t{1} << random() % 6, steps = (size - 512) / width;
  std::uint8_t* const at = data + 512 + random() % steps * width;
  if (random() % 4 == 0)  // an address, a size or a piece of structure from elsewhere
    std::memmove(at, data + 512 + random() % steps * width, width);
  else
    LLVMFuzzerMutate(at, width, width);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    bdh::load_model_image(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
