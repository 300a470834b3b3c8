#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include <bdh/array.hpp>
#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t large = std::size_t{1}
                              << 20;  // from here on pages come from mmap, untouched until used

// How far behind the start of its page an address or offset lies.
std::size_t into_page(std::uint64_t address) {
  return address % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void* allocate_zeroed(std::size_t count, std::size_t size) {
  const std::size_t bytes = count <= static_cast<std::size_t>(-1) / 2 / size ? count * size : 0;
  if (bytes == 0)
    throw device_error("memory", std::to_string(count) + " x " + std::to_string(size) + " bytes",
                       "less than an address can reach");
  if (bytes >= large) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
      // Advice only: fewer TLB misses when rows are gathered.
      madvise(memory, bytes, MADV_HUGEPAGE);
      return memory;
    }
  } else if (void* memory =
                 std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)) {
    std::memset(memory, 0, bytes);
    return memory;
  }
  throw device_error("memory", "the system refused " + std::to_string(bytes) + " bytes",
                     "enough free memory");
}

void free_zeroed(void* memory, std::size_t bytes) noexcept {
  if (bytes >= large)
    munmap(memory, bytes);
  else
    std::free(memory);
}

const void* map_file(int descriptor, std::uint64_t offset, std::size_t bytes) {
  const std::size_t before = into_page(offset);
  void* const pages = mmap(nullptr, before + bytes, PROT_READ, MAP_PRIVATE, descriptor,
                           static_cast<off_t>(offset - before));
  if (pages == MAP_FAILED)
    throw device_error("memory",
                       "the system refused to map " + std::to_string(bytes) +
                           " bytes of a file: " + std::generic_category().message(errno),
                       "room for them");
  // Advice only, for file systems that cache in large pages.
  madvise(pages, before + bytes, MADV_HUGEPAGE);
  return static_cast<const char*>(pages) + before;
}

void unmap_file(const void* memory, std::size_t bytes) noexcept {
  const std::size_t before = into_page(reinterpret_cast<std::uintptr_t>(memory));
  munmap(const_cast<char*>(static_cast<const char*>(memory)) - before, before + bytes);
}

void give_back_pages(const void* memory, std::size_t bytes) noexcept {
  const std::size_t before = into_page(reinterpret_cast<std::uintptr_t>(memory));
  madvise(const_cast<char*>(static_cast<const char*>(memory)) - before, before + bytes,
          MADV_DONTNEED);
}

}  // namespace bdh
