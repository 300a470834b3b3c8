// From values to places on an axis, and the values that an axis names.
#pragma once

#include <string>
#include <vector>

namespace bdh::figure {

enum class spacing { linear, logarithmic };

struct tick {
  double value = 0;
  std::string label;  // empty: a small tick
};

struct tick_list {
  std::vector<tick> ticks;  // ascending
  int exponent = 0;         // labels are in units of 10 to this
};

class scale {
 public:
  // Finite numbers, of a logarithmic scale positive; widened where they are (nearly) equal.
  scale(spacing kind, double least, double most);

  spacing kind() const noexcept { return kind_; }
  double least() const noexcept { return least_; }
  double most() const noexcept { return most_; }
  bool shows(double value) const noexcept;    // is a number, and positive where that is needed
  double place(double value) const noexcept;  // 0 at least, 1 at most; outside of them beyond

  // At most `count` (>= 1) labelled ticks at round values: 1, 2 or 5 times a power of ten, or
  // powers of ten. `whole`: of integers.
  tick_list ticks(int count, bool whole = false) const;
  // Widened to round values, of the step that so many ticks give.
  scale rounded(int count) const;

 private:
  spacing kind_;
  double least_, most_;
};

}  // namespace bdh::figure
