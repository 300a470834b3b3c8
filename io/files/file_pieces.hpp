// A file from front to back, in pieces: any size in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace bdh {

class file_pieces {
 public:
  // Throws input_error: missing, unreadable, not a regular file, empty.
  explicit file_pieces(const std::filesystem::path& file, std::size_t piece = std::size_t{1} << 16);
  ~file_pieces();
  file_pieces(const file_pieces&) = delete;
  file_pieces& operator=(const file_pieces&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  // The next piece, which is valid until the next call; empty at the end. Throws input_error.
  std::span<const std::byte> next();

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace bdh
