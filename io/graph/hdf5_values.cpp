#include "io/graph/hdf5_values.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>

#include <bdh/error.hpp>

namespace bdh::graph_formats {

hdf5::limits foreign_limits(const std::filesystem::path& path) {
  constexpr std::uint64_t most_bytes = std::uint64_t{16} << 30, best_compression = 1032;  // gzip
  std::error_code failed;
  const std::uint64_t bytes =
      std::filesystem::is_regular_file(path, failed) ? std::filesystem::file_size(path, failed) : 0;
  return {
      .dataset_bytes = std::min(std::min(bytes, most_bytes) * best_compression + 4096, most_bytes),
      .plain = false};
}

array<float> read_weights(const hdf5::dataset& from, std::uint64_t rows, edge_numbers& numbers,
                          edge_list& list) {
  list.values_at = from.place();
  array<float> all(rows);
  const auto take_integers = [&](std::uint64_t first, auto values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      all[first + i] = numbers.take(values[i], first + i);
  };
  const auto take_reals = [&](std::uint64_t first, std::span<const double> values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      all[first + i] = numbers.take(values[i], first + i);
  };
  from.visit_numbers(rows, {take_integers, take_integers, take_reals});
  return all;
}

}  // namespace bdh::graph_formats
