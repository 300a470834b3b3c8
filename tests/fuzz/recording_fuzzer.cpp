// Journals of recordings: as they are, and with checksums that are right again, so that what lies
// behind them is reached. Whatever is a journal becomes a report, which is then read: its structure
// is ours, its numbers are the stranger's.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include <bdh/error.hpp>

#include "io/files/journal.hpp"
#include "io/recording/recording.hpp"
#include "io/recording/recording_reader.hpp"
#include "temporary_folder.hpp"

namespace {

constexpr std::size_t magic_bytes = 8,
                      head_bytes = 16;  // of a journal, of a record, which begins with its length

// The name of a file that is not there.
std::filesystem::path scratch(const char* name) {
  static const temporary_folder all;
  std::filesystem::remove(all.path / name);
  return all.path / name;
}

void read_all(const std::filesystem::path& file) {
  bdh::recording_reader reader(file);
  bdh::recording_row row;
  for (std::uint64_t rows = 0; rows < 1000 && reader.next(row);) ++rows;
  reader.row_from(reader.rows() / 2 * reader.what().every);
  reader.seek(0);
  if (reader.what().layout != bdh::recording_layout::events && reader.rows() != 0 &&
      reader.what().width != 0)
    reader.column(reader.what().width - 1);
}

void rebuild_and_read(const std::filesystem::path& journal) {
  try {
    const std::filesystem::path report = scratch("report.h5");
    bdh::rebuild(journal, report);
    read_all(report);
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
}

void write_records(std::span<const std::byte> bytes, bdh::journal_writer& to) {
  for (bytes = bytes.subspan(std::min(magic_bytes, bytes.size())); bytes.size() >= head_bytes;) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes = bytes.subspan(head_bytes);
    length = std::min<std::uint64_t>(length, bytes.size());
    to.append(bytes.first(length));
    bytes = bytes.subspan(length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::filesystem::path plain = scratch("plain.journal"), mended = scratch("mended.journal");
  std::ofstream(plain, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  rebuild_and_read(plain);
  {
    auto writer = bdh::journal_writer::create(mended);
    write_records(std::as_bytes(std::span(data, size)), writer);
  }
  rebuild_and_read(mended);
  return 0;
}
