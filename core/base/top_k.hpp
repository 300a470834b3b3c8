// The k first of many values by an order, without sorting them all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bdh {

// Leaves the `k` first of `values` by the strict total order `before`, in no particular order. The
// last of them stands at the end. O(values).
template <class T, class Before>
void keep_top_k(std::vector<T>& values, std::size_t k, Before before) {
  if (values.size() <= k) return;
  if (k != 0)
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k - 1),
                     values.end(), before);
  values.erase(values.begin() + static_cast<std::ptrdiff_t>(k), values.end());
}

// The k first of values that come one after the other, by the strict weak order `before`; of equal
// ones those that came first. Memory: about 2 k values.
template <class T, class Before>
class top_k_by {
 public:
  explicit top_k_by(std::size_t k, Before before = {}) : k_(k), before_(std::move(before)) {}

  void offer(T value) {
    if (k_ == 0) return;
    kept_.push_back({std::move(value), next_++});
    if (kept_.size() >= 2 * k_ + 1024) trim();
  }
  // A value that is behind this one cannot be among the first k; null: not known yet.
  const T* bound() const noexcept { return has_bound_ ? &kept_[k_ - 1].value : nullptr; }
  // The first k, in order. Leaves none.
  std::vector<T> take() {
    trim();
    std::sort(kept_.begin(), kept_.end(), in_order());
    std::vector<T> values;
    values.reserve(kept_.size());
    for (entry& e : kept_) values.push_back(std::move(e.value));
    kept_.clear();
    has_bound_ = false;
    return values;
  }

 private:
  struct entry {
    T value;
    std::uint64_t number;  // of the offer
  };

  auto in_order() const {
    return [this](const entry& a, const entry& b) {
      if (before_(a.value, b.value)) return true;
      return !before_(b.value, a.value) && a.number < b.number;
    };
  }
  void trim() {
    if (kept_.size() <= k_) return;
    keep_top_k(kept_, k_, in_order());
    has_bound_ = true;
  }

  std::size_t k_;
  [[no_unique_address]] Before before_;
  std::uint64_t next_ = 0;
  bool has_bound_ = false;
  std::vector<entry> kept_;
};

// The k entries of the largest size, largest first; of equal ones, those that came first. Entries
// of size 0 do not count.
template <class T>
class top_k {
 public:
  explicit top_k(std::size_t k) : best_(k) {}

  void offer(double size, const T& entry) {
    if (size == 0) return;
    ++nonzero_;
    if (!best_.bound() || size > best_.bound()->size) best_.offer({size, entry});
  }
  std::uint64_t nonzero() const noexcept { return nonzero_; }  // entries offered, of size > 0
  std::vector<T> entries() const {
    auto best = best_;
    std::vector<T> entries;
    for (sized& s : best.take()) entries.push_back(std::move(s.entry));
    return entries;
  }

 private:
  struct sized {
    double size;
    T entry;
  };
  struct larger {
    bool operator()(const sized& a, const sized& b) const { return a.size > b.size; }
  };

  std::uint64_t nonzero_ = 0;
  top_k_by<sized, larger> best_;
};

}  // namespace bdh
