#include "io/files/journal.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"

namespace bdh {
namespace {

constexpr std::string_view journal_magic = "bdhjrnl1";
constexpr std::size_t head_bytes = 16;

std::uint32_t checksum(std::span<const std::byte> bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

struct record_head {
  std::uint64_t length = 0;
  std::uint32_t content = 0;  // its checksum
  std::uint32_t own = 0;      // of the two above
};
static_assert(sizeof(record_head) == head_bytes);

std::uint32_t own_checksum(const record_head& h) {
  return checksum(std::as_bytes(std::span(&h, 1)).first(head_bytes - sizeof h.own));
}

}  // namespace

journal_writer journal_writer::create(const std::filesystem::path& file) {
  journal_writer made(
      file, ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666));
  if (made.descriptor_ < 0) made.fail();
  iovec magic{const_cast<char*>(journal_magic.data()), journal_magic.size()};
  made.write_pieces({&magic, 1});
  return made;
}

journal_writer journal_writer::reopen(const std::filesystem::path& file, std::uint64_t size) {
  journal_writer made(file, ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (made.descriptor_ < 0 || ::ftruncate(made.descriptor_, static_cast<off_t>(size)) != 0)
    made.fail();
  return made;
}

journal_writer::journal_writer(journal_writer&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

journal_writer& journal_writer::operator=(journal_writer&& other) noexcept {
  path_ = std::move(other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

journal_writer::~journal_writer() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void journal_writer::fail() const { throw_errno(path_, errno); }

void journal_writer::write_pieces(std::span<iovec> pieces) {
  while (!pieces.empty()) {
    const ssize_t done = ::writev(descriptor_, pieces.data(), static_cast<int>(pieces.size()));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail();
    auto left = static_cast<std::size_t>(done);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) return;
    if (done == 0) fail();
    pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + left;
    pieces.front().iov_len -= left;
  }
}

// One call, so that a kill seldom tears a record.
void journal_writer::append(std::span<const std::span<const std::byte>> parts) {
  boost::crc_32_type crc;
  record_head head;
  for (const std::span<const std::byte> part : parts) {
    crc.process_bytes(part.data(), part.size());
    head.length += part.size();
  }
  head.content = crc.checksum();
  head.own = own_checksum(head);
  std::array<iovec, 9> pieces{};
  std::size_t count = 0;
  const auto add = [&](std::span<const std::byte> part) {
    pieces.at(count++) = {const_cast<std::byte*>(part.data()), part.size()};
  };
  add(std::as_bytes(std::span(&head, 1)));
  for (const std::span<const std::byte> part : parts) add(part);
  write_pieces(std::span(pieces).first(count));
}

void journal_writer::sync() {
  if (::fsync(descriptor_) != 0) fail();
}

journal_reader::journal_reader(const std::filesystem::path& file)
    : stream_(file, std::ios::binary) {
  std::error_code failed;
  size_ = std::filesystem::file_size(file, failed);
  if (failed || !stream_)
    throw input_error(file.string(), "cannot be read", "the journal of a recording");
  std::array<char, journal_magic.size()> start{};
  stream_.read(start.data(), start.size());
  if (!stream_ || std::string_view(start.data(), start.size()) != journal_magic)
    throw input_error(file.string(), "another kind of file", "the journal of a recording");
  end_ = journal_magic.size();
}

std::optional<std::vector<std::byte>> journal_reader::next() {
  if (ended_) return std::nullopt;
  ended_ = true;  // unless this record is whole
  record_head head;
  if (size_ - end_ < head_bytes || !stream_.read(reinterpret_cast<char*>(&head), head_bytes))
    return std::nullopt;
  if (head.own != own_checksum(head) || head.length > size_ - end_ - head_bytes)
    return std::nullopt;
  std::vector<std::byte> content(head.length);
  if (!stream_.read(reinterpret_cast<char*>(content.data()),
                    static_cast<std::streamsize>(content.size())))
    return std::nullopt;
  if (checksum(content) != head.content) return std::nullopt;
  end_ += head_bytes + content.size();
  ended_ = false;
  return content;
}

}  // namespace bdh
