#include "graph/structure/weight_histogram.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <mutex>

#include "graph/structure/window_rows.hpp"

namespace bdh {
namespace {

// Of a float32 without its sign: 8 of exponent and 12 of mantissa are left.
constexpr int dropped_bits = 11;
constexpr std::size_t bins = std::size_t{1} << (31 - dropped_bits);

}  // namespace

weight_histogram::weight_histogram(const weight_matrix& rows, const neuron_window& w,
                                   executor& work, const std::function<void()>& interrupt)
    : positive_(bins), negative_(bins) {
  // Counts are the same however they are divided: one histogram a thread is enough.
  const detail::block_groups blocks(rows, w);
  const std::size_t workers = std::min(work.threads(), blocks.count());
  std::atomic<std::size_t> next{0};
  std::mutex guard;
  detail::for_each_or_throw(work, workers, [&](std::size_t) {
    std::vector<std::uint64_t> positive(bins), negative(bins);
    for (std::size_t group; (group = next++) < blocks.count();)
      for (std::size_t b = blocks.begin(group); b < blocks.end(group); ++b)
        detail::visit_block(rows, w, b, interrupt, [&](const weight_row& row) {
          const detail::row_part part =
              detail::part_of(row, rows.is_complete(), w.first_source, w.sources);
          for (std::size_t e = 0; e < part.weights.size(); ++e) {
            if (part.source(e) == row.target) continue;
            const auto bits = std::bit_cast<std::uint32_t>(part.weights[e]);
            ++(bits >> 31 != 0 ? negative : positive)[(bits & 0x7fffffffu) >> dropped_bits];
          }
        });
    const std::lock_guard lock(guard);
    for (std::size_t i = 0; i < bins; ++i) positive_[i] += positive[i], negative_[i] += negative[i];
  });
}

float weight_histogram::threshold(std::uint64_t edges, sign which) const {
  std::uint64_t above = 0;
  std::size_t bin = bins;
  while (bin != 0) {
    above += (which != sign::inhibitory ? positive_[bin - 1] : 0) +
             (which != sign::excitatory ? negative_[bin - 1] : 0);
    if (above > edges) break;
    --bin;
  }
  if (bin == bins) return std::numeric_limits<float>::infinity();
  return std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits);
}

void weight_histogram::each_size(sign which,
                                 const std::function<void(float, std::uint64_t)>& use) const {
  const std::vector<std::uint64_t>& counts = which == sign::inhibitory ? negative_ : positive_;
  for (std::size_t bin = 0; bin < bins; ++bin)
    if (counts[bin] != 0)
      use(std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits), counts[bin]);
}

}  // namespace bdh
