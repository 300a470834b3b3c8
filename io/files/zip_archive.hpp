// A zip archive in memory that another program wrote. Names, sizes and methods of all entries are
// checked when it is opened, before memory is taken for any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <bdh/array.hpp>

namespace bdh {

class zip_archive {
 public:
  struct entry {
    std::uint64_t index = 0, bytes = 0;  // place in the archive, size when unpacked
  };

  struct content {
    std::string expected;    // "a SciPy matrix", for messages
    bool compressed = true;  // entries may be, by deflate
    std::string hint = {};   // what to do where they may not be, and are
  };

  // `bytes` must outlive it; `place` is for messages. Throws input_error: damaged, entries that are
  // encrypted, compressed otherwise, larger than their stored bytes can make them, of the same
  // name, or with names that lead out of a folder.
  zip_archive(std::span<const std::byte> bytes, std::string place, content what);
  ~zip_archive();
  zip_archive(const zip_archive&) = delete;
  zip_archive& operator=(const zip_archive&) = delete;

  const std::map<std::string, entry, std::less<>>& entries() const noexcept { return entries_; }
  const entry* find(const std::string& name) const;  // null: not there
  // Unpacked. Throws input_error at `place` where the bytes are damaged: the archive keeps a
  // checksum.
  array<std::byte> read(const entry& e, const std::string& place) const;
  std::string place_of(const std::string& name) const { return place_ + ":" + name; }

 private:
  struct library;
  void add(std::uint64_t index, std::uint64_t file_bytes);

  std::unique_ptr<library> library_;
  std::string place_;
  content what_;
  std::map<std::string, entry, std::less<>> entries_;
};

}  // namespace bdh
