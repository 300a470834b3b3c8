// A file as bytes in memory, without a copy.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace bdh {

// A regular file mapped into memory, read-only.
class mapped_file {
 public:
  // Throws input_error: missing, unreadable, not a regular file, empty.
  explicit mapped_file(const std::filesystem::path& file);
  ~mapped_file();
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace bdh
