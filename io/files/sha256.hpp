// SHA-256 of bytes and files (OpenSSL): names what a model was imported from and what a recording
// was made with.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace bdh {

class sha256 {
 public:
  sha256();  // throws device_error when OpenSSL cannot provide the algorithm
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);

  // 64 lower-case hexadecimal digits of everything given so far; more may follow.
  std::string hex() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// Throws input_error naming a file that cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace bdh
