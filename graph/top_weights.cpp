#include "graph/top_weights.hpp"

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace bdh {
namespace {

// The bin that holds the `count`-th largest entry of a histogram, and how many entries of that bin
// are among the `count`.
std::pair<std::uint32_t, edge_id> bin_of(const std::vector<edge_id>& histogram, edge_id count) {
  auto bin = static_cast<std::uint32_t>(histogram.size() - 1);
  while (histogram[bin] < count) count -= histogram[bin--];
  return {bin, count};
}

}  // namespace

sieve largest(std::size_t rows, std::size_t columns, edge_id count, const score_rows& scores) {
  if (count >= edge_id{rows} * columns) return {};
  if (count == 0) return {std::bit_cast<float>(0x7f800000u), 0};
  std::vector<float> row(columns);
  std::vector<edge_id> upper(1 << 16), lower(1 << 16);
  for (std::size_t r = 0; r < rows; ++r) {
    scores(r, row);
    for (float s : row) ++upper[std::bit_cast<std::uint32_t>(s) >> 16];
  }
  const auto [bin, inside] = bin_of(upper, count);
  for (std::size_t r = 0; r < rows; ++r) {
    scores(r, row);
    for (float s : row)
      if (const auto bits = std::bit_cast<std::uint32_t>(s); bits >> 16 == bin)
        ++lower[bits & 0xffff];
  }
  const auto [low, ties] = bin_of(lower, inside);
  return {std::bit_cast<float>(bin << 16 | low), ties};
}

}  // namespace bdh
