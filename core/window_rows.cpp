#include "core/window_rows.hpp"

#include <atomic>
#include <exception>
#include <mutex>

namespace bdh::detail {
namespace {

constexpr std::size_t most_groups = 64;

}  // namespace

void for_each_or_throw(executor& work, std::size_t count, const std::function<void(std::size_t)>& piece) {
  std::atomic<bool> stop{false};
  std::exception_ptr thrown;
  std::mutex guard;
  work.for_each(count, [&](std::size_t i) {
    if (stop) return;
    try {
      piece(i);
    } catch (...) {
      stop = true;
      const std::lock_guard lock(guard);
      if (!thrown) thrown = std::current_exception();
    }
  });
  if (thrown) std::rethrow_exception(thrown);
}

block_groups::block_groups(const weight_rows& rows, const neuron_window& w)
    : first_(w.first_target / rows.block_rows()),
      blocks_((w.first_target + w.targets + rows.block_rows() - 1) / rows.block_rows() - first_),
      count_(std::min(blocks_, most_groups)) {}

row_part part_of(const weight_row& row, bool complete, neuron_id first, neuron_id count) {
  if (complete) return {first, {}, row.weights.subspan(first, count)};
  const auto begin = std::lower_bound(row.sources.begin(), row.sources.end(), first),
             end = std::lower_bound(begin, row.sources.end(), first + count);
  const auto at = static_cast<std::size_t>(begin - row.sources.begin()), size = static_cast<std::size_t>(end - begin);
  return {first, row.sources.subspan(at, size), row.weights.subspan(at, size)};
}

}  // namespace bdh::detail
