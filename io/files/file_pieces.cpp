#include "io/files/file_pieces.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <bdh/error.hpp>

namespace bdh {

file_pieces::file_pieces(const std::filesystem::path& file, std::size_t piece)
    : file_(file), buffer_(piece) {
  const auto fail = [&](const char* wrong) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw input_error(file_.string(), wrong, "a readable file");
  };
  // Non-blocking, so that a named pipe is refused below instead of waited for.
  descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(std::strerror(errno));
  struct ::stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) fail("a directory");
  if (!S_ISREG(status.st_mode)) fail("not a regular file");
  if (status.st_size == 0) fail("an empty file");
  size_ = static_cast<std::uint64_t>(status.st_size);
}

file_pieces::~file_pieces() { ::close(descriptor_); }

std::span<const std::byte> file_pieces::next() {
  ssize_t got = 0;
  do got = ::read(descriptor_, buffer_.data(), buffer_.size());
  while (got < 0 && errno == EINTR);
  if (got < 0) throw input_error(file_.string(), std::strerror(errno), "a readable file");
  return std::span(buffer_).first(static_cast<std::size_t>(got));
}

}  // namespace bdh
