// Reads a recording (io/recording/recording.hpp), of this program or another one, up to its commit
// marker, row by row: one block at a time is in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "io/recording/recording.hpp"

namespace bdh {

class recording_reader {
 public:
  // Throws input_error, as everything here does, when the file is no recording, or not a sound one.
  explicit recording_reader(const std::filesystem::path& file);
  recording_reader(recording_reader&&) noexcept;
  recording_reader& operator=(recording_reader&&) noexcept;
  ~recording_reader();

  // As far as the file says: the width of events is 0, the population of logits "readout".
  const recording_description& what() const noexcept;

  std::uint64_t rows() const noexcept;  // committed
  std::uint64_t position(std::uint64_t row) const noexcept;
  std::optional<std::uint64_t> row_from(
      std::uint64_t position) const noexcept;  // the first whose position is not below this one

  void seek(std::uint64_t row);   // <= rows(): `next` goes on there
  bool next(recording_row& row);  // false: no more
  std::vector<float> column(
      std::uint64_t value);  // of frames and logits: value < width of every row

 private:
  struct source;
  std::unique_ptr<source> source_;
};

}  // namespace bdh
