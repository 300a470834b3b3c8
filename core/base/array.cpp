#include "core/base/array.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/base/error.hpp"

namespace bdh {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t large = std::size_t{1} << 20;  // from here on pages come from mmap, untouched until used

}  // namespace

void* allocate_zeroed(std::size_t count, std::size_t size) {
  const std::size_t bytes = count <= static_cast<std::size_t>(-1) / 2 / size ? count * size : 0;
  if (bytes == 0)
    throw device_error("memory", std::to_string(count) + " x " + std::to_string(size) + " bytes", "less than an address can reach");
  if (bytes >= large) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
      madvise(memory, bytes, MADV_HUGEPAGE);  // advice only: fewer TLB misses when rows are gathered
      return memory;
    }
  } else if (void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)) {
    std::memset(memory, 0, bytes);
    return memory;
  }
  throw device_error("memory", "the system refused " + std::to_string(bytes) + " bytes", "enough free memory");
}

void free_zeroed(void* memory, std::size_t bytes) noexcept {
  if (bytes >= large)
    munmap(memory, bytes);
  else
    std::free(memory);
}

}  // namespace bdh
