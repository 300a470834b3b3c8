// The HDF5 file driver through which this program writes. HDF5 1.10 crashes at exit after a failed
// write of its own metadata (measured: a file size limit hit in H5Fflush), so this driver never
// reports one to HDF5: it keeps the first failure for us, drops every later write, and the owner of
// the file throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace bdh::hdf5 {

// A file being written, and what has become of it. Overwrites of what an earlier commit put on disk
// are held back until the bytes behind the committed end, to which they may point, are there: a
// kill in the middle of a flush leaves the old state.
struct output {
  // Creates; throws input_error when it exists, device_error.
  explicit output(const std::filesystem::path& path);
  output(const output&) = delete;
  output& operator=(const output&) = delete;
  ~output();

  void read(std::uint64_t offset, std::byte* to, std::size_t size) noexcept;
  void write(std::uint64_t offset, const std::byte* from, std::size_t size) noexcept;
  void truncate(std::uint64_t size) noexcept;
  void commit(bool sync) noexcept;  // what was held back goes to the file

  int error = 0;          // errno of the first failure
  std::uint64_t end = 0;  // of the file, as HDF5 has written it

 private:
  struct piece {
    std::uint64_t offset;
    std::vector<std::byte> bytes;
  };
  void put(std::uint64_t offset, const std::byte* from, std::size_t size) noexcept;
  void fail() noexcept;

  int descriptor_ = -1;
  std::uint64_t committed_ = 0;  // end of the file at the last commit
  std::vector<piece> held_;      // in the order of writing
};

// A property list (to be closed by the caller) of a file that is written through `to`, which must
// outlive it. Negative: failure.
std::int64_t access_through(output& to) noexcept;

}  // namespace bdh::hdf5
