// An append-only file of records, each with its length and checksums: what was handed over survives
// a kill of the program, and a reader knows where a torn end begins.
//
//     "bdhjrnl1", then records: u64 length, u32 CRC-32 of the content, u32 CRC-32 of these twelve
//     bytes, content
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct iovec;

namespace bdh {

class journal_writer {
 public:
  static journal_writer create(const std::filesystem::path& file);  // which must not exist
  // Cut to `size` bytes.
  static journal_writer reopen(const std::filesystem::path& file, std::uint64_t size);
  journal_writer(journal_writer&& other) noexcept;
  journal_writer& operator=(journal_writer&& other) noexcept;
  ~journal_writer();

  // To the operating system, at once. Both throw device_error.
  void append(std::span<const std::byte> content) { append({&content, 1}); }
  void append(std::span<const std::span<const std::byte>> parts);  // of one record, at most 8
  void sync();                                                     // to the disk

 private:
  journal_writer(std::filesystem::path file, int descriptor)
      : path_(std::move(file)), descriptor_(descriptor) {}
  void write_pieces(std::span<iovec> pieces);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

class journal_reader {
 public:
  // Throws input_error for what is no journal.
  explicit journal_reader(const std::filesystem::path& file);

  // The next whole record; nothing at the end of the file or of what is undamaged.
  std::optional<std::vector<std::byte>> next();
  // Bytes up to the end of the last record given.
  std::uint64_t end() const noexcept { return end_; }
  // Bytes behind it, once next() has given nothing.
  std::uint64_t damaged() const noexcept { return size_ - end_; }

 private:
  std::ifstream stream_;
  std::uint64_t size_ = 0, end_ = 0;
  bool ended_ = false;
};

}  // namespace bdh
