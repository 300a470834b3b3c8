#include "ptx/memory.hpp"

#include <algorithm>
#include <cstring>

namespace tests::ptx {
namespace {

std::uintptr_t address_of(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }

std::string thread_name(std::uint32_t number) { return "thread " + std::to_string(number); }

void expect_aligned(std::uintptr_t address, std::size_t bytes) {
  if (address % bytes != 0)
    throw fault("an access of " + std::to_string(bytes) + " bytes at an address that is " +
                std::to_string(address % bytes) + " past a multiple");
}

void expect_all(const memory::array& in, std::size_t offset, std::size_t bytes) {
  const void* const missing = std::memchr(in.written.data() + offset, 0, bytes);
  if (missing)
    throw fault("byte " +
                std::to_string(static_cast<const std::uint8_t*>(missing) - in.written.data()) +
                " of " + in.what + " is read and was never written");
}

}  // namespace

void memory::add(const void* at, std::size_t bytes, const std::string& what, bool read_only) {
  const auto after = arrays_.upper_bound(address_of(at));
  if (after != arrays_.begin())
    if (const array& around = std::prev(after)->second;
        around.begin + around.bytes > address_of(at))
      arrays_.erase(std::prev(after));
  array& a = arrays_[address_of(at)];
  a.begin = address_of(at);
  a.bytes = bytes;
  a.what = what;
  a.read_only = read_only;
  a.written.assign(bytes, read_only ? 1 : 0);
  if (!read_only) a.accesses.resize((bytes + a.unit - 1) / a.unit);
}

void memory::remove(const void* at, std::size_t bytes) noexcept {
  arrays_.erase(arrays_.lower_bound(address_of(at)),
                arrays_.lower_bound(address_of(at) + std::max<std::size_t>(bytes, 1)));
}

memory::array& memory::find(std::uintptr_t address, std::size_t bytes) {
  auto after = arrays_.upper_bound(address);
  if (after == arrays_.begin()) throw fault("an address before every array");
  array& a = std::prev(after)->second;
  const std::size_t offset = address - a.begin;
  if (offset >= a.bytes + 256)
    throw fault("an address in no array, " + std::to_string(offset - a.bytes) +
                " bytes behind the end of " + a.what);
  if (offset + bytes > a.bytes)
    throw fault("bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes - 1) +
                " of " + a.what + ", which has " + std::to_string(a.bytes));
  return a;
}

memory::array& memory::array_of(std::uintptr_t address, std::size_t bytes, array* last) {
  if (last && address >= last->begin && address - last->begin + bytes <= last->bytes) return *last;
  return find(address, bytes);
}

void memory::mark_written(const void* at, std::size_t bytes) {
  array& a = find(address_of(at), bytes);
  std::fill_n(a.written.begin() + static_cast<std::ptrdiff_t>(address_of(at) - a.begin), bytes,
              std::uint8_t{1});
}

void memory::expect_written(const void* at, std::size_t bytes) {
  const array& a = find(address_of(at), bytes);
  expect_all(a, address_of(at) - a.begin, bytes);
}

std::size_t memory::touched() const {
  std::size_t bytes = 0;
  for (const auto& [begin, a] : arrays_)
    for (const last_accesses& unit : a.accesses) bytes += unit.launch == launch_ ? a.unit : 0;
  return bytes;
}

void memory::refine(array& a) {
  std::vector<last_accesses> finer(2 * a.accesses.size());
  for (std::size_t k = 0; k < finer.size(); ++k) finer[k] = a.accesses[k / 2];
  a.accesses = std::move(finer);
  a.unit = 2;
}

void memory::read(const thread& by, std::uintptr_t address, std::size_t bytes, array*& last) {
  expect_aligned(address, bytes);
  array& a = array_of(address, bytes, last);
  last = &a;
  if (a.read_only) return;
  const std::size_t offset = address - a.begin;
  expect_all(a, offset, bytes);
  for (std::size_t k = offset / a.unit; k <= (offset + bytes - 1) / a.unit; ++k)
    note_read(a.accesses[k], by, a);
}

void memory::write(const thread& by, std::uintptr_t address, std::span<const std::byte> what,
                   array*& last) {
  const std::size_t bytes = what.size();
  expect_aligned(address, bytes);
  array& a = array_of(address, bytes, last);
  last = &a;
  if (a.read_only) throw fault("a write to " + a.what);
  if (bytes < a.unit) refine(a);
  const std::size_t offset = address - a.begin;
  std::fill_n(a.written.begin() + static_cast<std::ptrdiff_t>(offset), bytes, std::uint8_t{1});
  auto* const to = reinterpret_cast<std::byte*>(address);
  const bool changed = std::memcmp(to, what.data(), bytes) != 0;
  for (std::size_t k = offset / a.unit; k <= (offset + bytes - 1) / a.unit; ++k)
    note_write(a.accesses[k], by, changed, a);
  std::memcpy(to, what.data(), bytes);
}

void memory::note_read(last_accesses& a, const thread& by, const array& in) const {
  if (a.launch != launch_) {
    a = {};
    a.launch = launch_;
  }
  if (a.writer != a.none && a.writer != by.number &&
      !by.follows(a.writer, a.written_at, by.barriers))
    throw fault("a race: reads of " + in.what + " what " + thread_name(a.writer) +
                " wrote without a barrier between");
  if (a.reader != by.number && a.reader < a.many) {
    if (a.reader / warp_size == by.number / warp_size) {
      a.readers |= 1u << a.reader % warp_size;
      a.readers_until = std::max(a.readers_until, a.read_at);
    } else {
      a.reader = a.many;
    }
  }
  if (a.reader != a.many) a.reader = by.number;
  a.read_at = by.meetings;
}

void memory::note_write(last_accesses& a, const thread& by, bool changed, const array& in) const {
  if (a.launch != launch_) {
    a = {};
    a.launch = launch_;
  }
  if (changed && a.writer != a.none && a.writer != by.number &&
      !by.follows(a.writer, a.written_at, by.barriers))
    throw fault("a race: writes to " + in.what + " where " + thread_name(a.writer) +
                " wrote another value without a barrier between");
  const std::uint32_t others = a.readers & ~(1u << by.lane());
  if (a.reader == a.many ||
      (a.reader != a.none && a.reader != by.number &&
       !by.follows(a.reader, a.read_at, by.meetings)) ||
      (others != 0 && ((others & ~by.group) != 0 || a.readers_until >= by.meetings)))
    throw fault("a race: writes to " + in.what + " what " +
                (a.reader == a.many || a.reader == by.number ? "others" : thread_name(a.reader)) +
                " read without a barrier between");
  a.writer = by.number;
  a.written_at = by.barriers;
  a.reader = a.none;
  a.readers = 0;
}

}  // namespace tests::ptx
