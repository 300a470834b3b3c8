// The K largest among entries that come one by one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bdh {

// The k entries of the largest size, largest first; of equal ones, those that came first. Entries
// of size 0 do not count.
template <class T>
class top_k {
 public:
  explicit top_k(std::size_t k) : k_(k) {}

  void offer(double size, const T& entry) {
    if (size == 0) return;
    ++nonzero_;
    if (k_ == 0 || (all_.size() == k_ && size <= all_.back().first)) return;
    const auto at = std::upper_bound(all_.begin(), all_.end(), size,
                                     [](double s, const auto& e) { return s > e.first; });
    all_.emplace(at, size, entry);
    if (all_.size() > k_) all_.pop_back();
  }
  std::uint64_t nonzero() const noexcept { return nonzero_; }  // entries offered, of size > 0
  std::vector<T> entries() const {
    std::vector<T> entries;
    entries.reserve(all_.size());
    for (const auto& [size, entry] : all_) entries.push_back(entry);
    return entries;
  }

 private:
  std::size_t k_;
  std::uint64_t nonzero_ = 0;
  std::vector<std::pair<double, T>> all_;
};

}  // namespace bdh
