#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/plot/figure/drawing.hpp"

namespace bdh::figure {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// The cell of each row or column when there are so many cells.
class pieces {
 public:
  pieces(std::size_t whole, std::size_t most)
      : whole_(whole), count_(std::min(whole, std::max<std::size_t>(most, 1))) {}
  std::size_t count() const { return count_; }
  std::size_t of(std::size_t k) const { return k * count_ / whole_; }

  cell_names joined(const cell_names& names) const {
    cell_names all{.what = names.what, .sizes = std::vector<double>(count_, 0)};
    for (std::size_t k = 0; k < whole_; ++k)
      all.sizes[of(k)] += names.sizes.empty() ? 1 : names.sizes[k];
    if (names.first.size() != whole_ || names.last.size() != whole_) return all;
    all.first.resize(count_), all.last.resize(count_);
    for (std::size_t k = 0; k < whole_; ++k) {
      if (k == 0 || of(k) != of(k - 1)) all.first[of(k)] = names.first[k];
      all.last[of(k)] = names.last[k];
    }
    return all;
  }

 private:
  std::size_t whole_, count_;
};

double size_of(const cell_names& names, std::size_t k) {
  return names.sizes.empty() ? 1 : names.sizes[k];
}

}  // namespace

heat_map binned(const heat_map& whole, std::size_t rows, std::size_t columns) {
  if (whole.rows <= rows && whole.columns <= columns) return whole;
  const pieces down(whole.rows, rows), across(whole.columns, columns);
  heat_map h = whole;
  h.rows = down.count();
  h.columns = across.count();
  h.row_names = down.joined(whole.row_names);
  h.column_names = across.joined(whole.column_names);
  h.values.assign(h.rows * h.columns, unknown);
  std::vector<double> weights(whole.joined == joined_as::mean ? h.values.size() : 0, 0);
  for (std::size_t row = 0; row < whole.rows; ++row)
    for (std::size_t column = 0; column < whole.columns; ++column) {
      const double v = whole.values[row * whole.columns + column];
      if (std::isnan(v)) continue;
      const std::size_t cell = down.of(row) * h.columns + across.of(column);
      double& to = h.values[cell];
      if (whole.joined == joined_as::largest) {
        if (std::isnan(to) || std::abs(v) > std::abs(to)) to = v;
        continue;
      }
      const double weight = size_of(whole.row_names, row) * size_of(whole.column_names, column);
      to = (std::isnan(to) ? 0 : to) + v * weight;
      weights[cell] += weight;
    }
  for (std::size_t cell = 0; cell < weights.size(); ++cell)
    if (weights[cell] > 0) h.values[cell] /= weights[cell];
  return h;
}

}  // namespace bdh::figure
