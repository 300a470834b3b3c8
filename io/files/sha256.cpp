#include "io/files/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <bdh/error.hpp>

namespace bdh {
namespace {

struct free_context {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using context_pointer = std::unique_ptr<EVP_MD_CTX, free_context>;

struct close_file {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

void require(bool fine) {
  if (!fine) throw device_error("OpenSSL", "SHA-256 failed", "a working digest");
}

}  // namespace

struct sha256::state {
  context_pointer context;
};

sha256::sha256() : state_(std::make_unique<state>()) {
  state_->context.reset(EVP_MD_CTX_new());
  require(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}

sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string sha256::hex() const {
  const context_pointer copy(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  require(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
          EVP_DigestFinal_ex(copy.get(), digest.data(), &size) == 1 && size == 32);
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
    for (const int shift : {4, 0}) text += "0123456789abcdef"[(digest[i] >> shift) & 15];
  return text;
}

std::string sha256_of_file(const std::filesystem::path& file) {
  const std::unique_ptr<std::FILE, close_file> in(std::fopen(file.c_str(), "rb"));
  if (!in) throw input_error(file.string(), std::strerror(errno), "a readable file");
  sha256 digest;
  std::vector<std::byte> block(std::size_t{1} << 20);
  std::size_t got = 0;
  while ((got = std::fread(block.data(), 1, block.size(), in.get())) > 0)
    digest.update(std::span(block).first(got));
  if (std::ferror(in.get()))
    throw input_error(file.string(), std::strerror(errno), "a readable file");
  return digest.hex();
}

}  // namespace bdh
