#include <cstddef>
#include <cstdint>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    bdh::pickle::read(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const bdh::error&) {
  }
  return 0;
}
