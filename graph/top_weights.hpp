// The largest of very many scores, without storing or sorting them: they are computed anew, row by
// row, for each of two passes.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include <bdh/ids.hpp>

namespace bdh {

// Fills `out` with the scores of one row, each >= 0; the same values at every call.
using score_rows = std::function<void(std::size_t row, std::span<float> out)>;

// Decides, edge by edge in their order, which belong to the largest: all above the threshold, and
// the first of those equal to it.
class sieve {
 public:
  sieve() = default;  // keeps everything
  sieve(float threshold, edge_id ties) : threshold_(threshold), ties_(ties), all_(false) {}
  bool keeps(float score) noexcept {
    return all_ || score > threshold_ || (score == threshold_ && ties_ != 0 && ties_-- != 0);
  }
  float threshold() const noexcept { return threshold_; }

 private:
  float threshold_ = 0;
  edge_id ties_ = 0;
  bool all_ = true;
};

// The sieve that keeps exactly `count` <= rows x columns scores, the largest, of equal ones those
// that come first. Exact: a float that is not negative orders as its bits do, so a histogram of the
// upper half of the bits finds the bin of the threshold, and one of the lower half the threshold
// itself. 1 MB, and a row of scores.
sieve largest(std::size_t rows, std::size_t columns, edge_id count, const score_rows& scores);

}  // namespace bdh
