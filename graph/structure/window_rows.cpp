#include "graph/structure/window_rows.hpp"

#include <atomic>
#include <exception>
#include <mutex>

namespace bdh::detail {
namespace {

constexpr std::size_t most_groups = 64;

}  // namespace

void for_each_or_throw(executor& work, std::size_t count,
                       const std::function<void(std::size_t)>& piece) {
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

block_groups::block_groups(const weight_matrix& rows, const neuron_window& w)
    : first_(w.first_target / rows.block_rows()),
      blocks_((w.first_target + w.targets + rows.block_rows() - 1) / rows.block_rows() - first_),
      count_(std::min(blocks_, most_groups)) {}

}  // namespace bdh::detail
