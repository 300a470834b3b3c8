// What threads may touch: arrays with their bounds, which of their bytes were ever written, and by
// whom they were read and written in the launch that is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ptx/kernel.hpp"

namespace tests::ptx {

inline constexpr std::uint32_t warp_size = 32;

// A thread of a launch. Threads that meet at a barrier do so in one group all through the launch;
// what they did before is counted by meetings.
struct thread {
  std::uint32_t number = 0;  // in the launch; a warp's are neighbours
  std::uint32_t group = 0;   // lanes of its warp; 0: it has not met others yet
  // Barriers until now, which order all; and with exchanges, behind which all have read what they
  // read before.
  std::uint32_t barriers = 0, meetings = 0;
  std::uint32_t at = 0;  // instruction
  enum class state : std::uint8_t { running, waiting, gone } is = state::running;

  std::uint32_t lane() const { return number % warp_size; }
  // Whether thread `other` is of the same group, and its count then is below this thread's now.
  bool follows(std::uint32_t other, std::uint32_t then, std::uint32_t now) const {
    return other / warp_size == number / warp_size && (group >> other % warp_size & 1) != 0 &&
           then < now;
  }
};

// The last accesses to some bytes in a launch. Two threads race if both touch them, one of them
// writes, and no barrier is between; but not if they write the same value.
struct last_accesses {
  static constexpr std::uint32_t none = ~std::uint32_t{0}, many = none - 1;
  std::uint32_t launch = 0;  // all else belongs to it
  std::uint32_t writer = none, written_at = 0;
  std::uint32_t reader = none, read_at = 0;      // many: of several warps
  std::uint32_t readers = 0, readers_until = 0;  // lanes of others in the reader's warp
};

class memory {
 public:
  struct array {
    std::uintptr_t begin = 0;
    std::size_t bytes = 0;
    std::string what;
    bool read_only = false;
    std::vector<std::uint8_t> written;  // by byte
    std::vector<last_accesses> accesses;
    std::uint32_t unit = 4;  // bytes that an entry of `accesses` stands for; 2 from the first
                             // store of two bytes on
  };

  // Takes the place of one that it is in.
  void add(const void* at, std::size_t bytes, const std::string& what, bool read_only = false);
  void remove(const void* at, std::size_t bytes) noexcept;  // all arrays that begin there

  // By the host: copies, clearing, compaction. Of one array.
  void mark_written(const void* at, std::size_t bytes);
  void expect_written(const void* at, std::size_t bytes);

  // By a thread, of whole elements: aligned. `last`: where an access of the same instruction went,
  // or null; kept up to date. A read only checks. Throw fault.
  void begin_launch() { ++launch_; }
  // Bytes that were read or written since then, each counted once; of arrays of the device.
  std::size_t touched() const;
  void read(const thread& by, std::uintptr_t address, std::size_t bytes, array*& last);
  void write(const thread& by, std::uintptr_t address, std::span<const std::byte> what,
             array*& last);

 private:
  array& array_of(std::uintptr_t address, std::size_t bytes, array* last);
  array& find(std::uintptr_t address, std::size_t bytes);
  void note_read(last_accesses& a, const thread& by, const array& in) const;
  void note_write(last_accesses& a, const thread& by, bool changed, const array& in) const;
  static void refine(array& a);

  std::map<std::uintptr_t, array> arrays_;
  std::uint32_t launch_ = 0;
};

}  // namespace tests::ptx
