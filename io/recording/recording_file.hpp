// The HDF5 file of a recording (io/recording/recording.hpp). Rows are kept in memory until a chunk
// is full or a commit comes: fewer writes, and none between commits that matter.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/hdf5/file.hpp"
#include "io/recording/recording.hpp"

namespace bdh {

class recording_file {
 public:
  // A new file. `shown` instead of the path in messages, where given.
  static std::unique_ptr<recording_file> create(const std::filesystem::path& path,
                                                const recording_description& what,
                                                const std::string& shown = {});
  virtual ~recording_file() = default;

  void append(std::uint64_t position, token_id token, const recording_row& row);  // that fits
  void sync();   // the rows, to the disk
  void mark();   // only after sync: they are committed
  void close();  // nothing may follow
  std::uint64_t rows() const noexcept { return rows_; }

 protected:
  recording_file(const std::filesystem::path& path, const recording_description& what,
                 const std::string& shown);

  hdf5::file file_;
  hdf5::dataset marker_;  // mapping/time
  const std::uint64_t start_, every_;

 private:
  virtual void add(std::uint64_t position, token_id token, const recording_row& row) = 0;
  virtual void write() = 0;    // what is kept in memory
  virtual void mark_more() {}  // beside mapping/time
  virtual void release() = 0;  // all datasets

  std::uint64_t rows_ = 0, synced_ = 0;
};

}  // namespace bdh
