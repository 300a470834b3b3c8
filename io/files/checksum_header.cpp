#include "io/files/checksum_header.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"
#include "io/files/sha256.hpp"

namespace bdh {
namespace {

constexpr std::string_view first_line(checksummed what) {
  return what == checksummed::model ? "BDHMODEL1\n" : "BDHSTATE1\n";
}
constexpr const char* noun(checksummed what) {
  return what == checksummed::model ? "a model file (NAME.bdh.h5)" : "a state file";
}

using block = std::array<char, checksum_header_bytes>;

class descriptor {
 public:
  descriptor(const std::filesystem::path& file, int flags)
      : number_(::open(file.c_str(), flags | O_CLOEXEC)) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

// Bytes read, fewer than `size` only at the end of the file; negative: failed, see errno.
ssize_t read_some(int from, char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(from, to + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return got;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

block block_of(checksummed what, const std::string& sum, std::uint64_t length) {
  block b{};
  const std::string text =
      std::string(first_line(what)) + sum + "\n" + std::to_string(length) + "\n";
  std::memcpy(b.data(), text.data(), text.size());
  return b;
}

// The header of the bytes from here to the end, or nothing when they cannot be read (see errno).
std::optional<block> header_of_rest(int from, checksummed what) {
  sha256 sum;
  std::uint64_t length = 0;
  constexpr std::size_t step = std::size_t{1} << 20;
  const auto buffer = std::make_unique<char[]>(step);
  for (ssize_t got = 1; got != 0; length += static_cast<std::uint64_t>(got)) {
    got = read_some(from, buffer.get(), step);
    if (got < 0) return std::nullopt;
    sum.update(std::as_bytes(std::span(buffer.get(), static_cast<std::size_t>(got))));
  }
  return block_of(what, sum.hex(), length);
}

std::string message(int number) { return std::generic_category().message(number); }

}  // namespace

std::optional<checksummed> checksummed_as(std::string_view first_bytes) noexcept {
  for (checksummed what : {checksummed::model, checksummed::state})
    if (first_bytes.substr(0, first_line(what).size()) == first_line(what)) return what;
  return std::nullopt;
}

void write_checksum_header(const std::filesystem::path& file, checksummed what) {
  const descriptor f(file, O_RDWR);
  std::optional<block> b;
  if (f.number() < 0 || ::lseek(f.number(), checksum_header_bytes, SEEK_SET) < 0 ||
      !(b = header_of_rest(f.number(), what)))
    throw device_error(file.string(), "cannot be read back: " + message(errno));
  errno = 0;
  if (::pwrite(f.number(), b->data(), b->size(), 0) != static_cast<ssize_t>(b->size()))
    throw_errno(file, errno != 0 ? errno : ENOSPC);
}

void verify_checksum_header(const std::filesystem::path& file, checksummed what,
                            std::uint64_t largest_read) {
  const std::string place = file.string();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
    throw input_error(place, std::filesystem::exists(file, ignored) ? "not a file" : "no such file",
                      noun(what));
  const descriptor f(file, O_RDONLY);
  block found{};
  const ssize_t got = f.number() < 0 ? -1 : read_some(f.number(), found.data(), found.size());
  if (got < 0) throw input_error(place, "cannot be read: " + message(errno), noun(what));
  const auto is = checksummed_as({found.data(), static_cast<std::size_t>(got)});
  if (!is)
    throw input_error(place, "another kind of file", noun(what),
                      what == checksummed::model ? "`bdh import` makes one" : "");
  if (*is != what) throw input_error(place, noun(*is), noun(what));
  const std::string sum(found.data() + first_line(what).size(), 64);
  const std::uint64_t bytes = std::filesystem::file_size(file),
                      rest = bytes - std::min<std::uint64_t>(bytes, checksum_header_bytes);
  const auto expected =
      bytes > largest_read ? block_of(what, sum, rest) : header_of_rest(f.number(), what);
  if (!expected) throw input_error(place, "cannot be read: " + message(errno), noun(what));
  if (*expected != found)
    throw input_error(place, "bytes that do not match the checksum in its head",
                      "the file as it was written",
                      "it was damaged, cut short or edited; copy or make it again");
}

}  // namespace bdh
