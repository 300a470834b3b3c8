#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <thread>
#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/projection.hpp>

#include "core/base/executor.hpp"
#include "core/base/instruction_set.hpp"

namespace bdh {
namespace {

std::string at(const std::string& name, const char* what, std::size_t i) {
  return name + "/" + what + "[" + std::to_string(i) + "]";
}

template <class T>
array<T> copy_of(const array<T>& from) {
  array<T> to(from.size());
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

// Two looks at many values. They are compiled for wider vectors too, and chosen at run time: with
// few instructions for each value, reading a file's pages gets close to what memory gives. The
// results are those of integers, the same everywhere.

// Not 0 when indices do not ascend.
[[gnu::always_inline]] inline std::uint32_t out_of_order(const neuron_id* row,
                                                         std::size_t degree) noexcept {
  std::uint32_t bad = 0;  // not bool: the compiler's vectors then keep their lanes
  for (std::size_t i = 1; i < degree; ++i) bad |= row[i] <= row[i - 1] ? 1u : 0u;
  return bad;
}

struct bits_seen {
  // != 0 when a weight is infinite or not a number; all bits that some weight has.
  std::uint32_t not_finite = 0, any = 0;
};

[[gnu::always_inline]] inline bits_seen seen_bits(const float* weights,
                                                  std::size_t count) noexcept {
  constexpr std::uint32_t exponent = 0x7f800000;  // all ones: infinite or not a number
  std::uint32_t bad = 0, any = 0;
  for (std::size_t e = 0; e < count; ++e) {
    const auto bits = std::bit_cast<std::uint32_t>(weights[e]);
    bad |= (bits & exponent) == exponent ? 1u : 0u;
    any |= bits;
  }
  return {bad, any};
}

struct looks {
  std::uint32_t (*order)(const neuron_id*, std::size_t) noexcept;
  bits_seen (*bits)(const float*, std::size_t) noexcept;
};

std::uint32_t order_plain(const neuron_id* row, std::size_t degree) noexcept {
  return out_of_order(row, degree);
}
bits_seen bits_plain(const float* weights, std::size_t count) noexcept {
  return seen_bits(weights, count);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] std::uint32_t order_avx2(const neuron_id* row,
                                                 std::size_t degree) noexcept {
  return out_of_order(row, degree);
}
[[gnu::target("avx2")]] bits_seen bits_avx2(const float* weights, std::size_t count) noexcept {
  return seen_bits(weights, count);
}
[[gnu::target("avx512f")]] std::uint32_t order_avx512(const neuron_id* row,
                                                      std::size_t degree) noexcept {
  return out_of_order(row, degree);
}
[[gnu::target("avx512f")]] bits_seen bits_avx512(const float* weights, std::size_t count) noexcept {
  return seen_bits(weights, count);
}
#endif

looks looks_here() {
  switch (usable(instruction_set::best)) {
#if defined(__x86_64__)
    case instruction_set::avx512:
      return {order_avx512, bits_avx512};
    case instruction_set::avx2:
      return {order_avx2, bits_avx2};
#endif
    default:
      return {order_plain, bits_plain};
  }
}

// Whether check(first, last) holds for every piece of 0..count-1: on several threads where `work`,
// the number of values that it looks at, is worth them. Reading a large projection from a file's
// pages is most of the time that it takes to open.
template <class Check>
bool all_of_pieces(std::size_t count, std::size_t work, Check check) {
  constexpr std::size_t piece = std::size_t{1} << 20;  // values
  const std::size_t pieces =
      std::clamp<std::size_t>(work / piece, 1, std::max<std::size_t>(1, count));
  if (pieces == 1) return check(0, count);
  const std::size_t threads =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, pieces);
  std::atomic<bool> well = true;
  default_executor(threads)->for_each(pieces, [&](std::size_t i) {
    if (!check(count * i / pieces, count * (i + 1) / pieces)) well = false;
  });
  return well;
}

// A row's columns and weights, moved and sorted by column again. Weight: the bits of one, which
// travel behind the column.
template <class Bits, class Weight>
void move_row(std::span<const neuron_id> from, const Weight* weights,
              std::span<const neuron_id> columns, neuron_id* to, Weight* weights_to,
              std::vector<std::uint64_t>& scratch) {
  scratch.clear();
  for (std::size_t e = 0; e < from.size(); ++e)
    scratch.push_back(std::uint64_t{columns.empty() ? from[e] : columns[from[e]]} << 32 |
                      std::bit_cast<Bits>(weights[e]));
  if (!columns.empty()) std::sort(scratch.begin(), scratch.end());
  for (std::size_t e = 0; e < from.size(); ++e) {
    to[e] = static_cast<neuron_id>(scratch[e] >> 32);
    weights_to[e] = std::bit_cast<Weight>(static_cast<Bits>(scratch[e]));
  }
}

}  // namespace

projection projection::dense(std::string name, population source, population target, major rows,
                             array<float> weights, validation given) {
  projection p;
  p.name_ = std::move(name);
  p.source_ = std::move(source);
  p.target_ = std::move(target);
  p.major_ = rows;
  p.weights_ = std::move(weights);
  const std::size_t expected = std::size_t{p.source_.size} * p.target_.size;
  if (p.weights_.size() != expected)
    throw shape_error(p.name_, std::to_string(p.weights_.size()) + " weights",
                      std::to_string(p.source_.size) + " " + p.source_.name + " x " +
                          std::to_string(p.target_.size) + " " + p.target_.name);
  if (given == validation::check) p.check_weights();
  return p;
}

projection projection::sparse(std::string name, population source, population target, major rows,
                              array<edge_id> indptr, array<neuron_id> indices, array<float> weights,
                              validation given) {
  projection p;
  p.name_ = std::move(name);
  p.source_ = std::move(source);
  p.target_ = std::move(target);
  p.major_ = rows;
  p.indptr_ = std::move(indptr);
  p.indices_ = std::move(indices);
  p.weights_ = std::move(weights);

  const std::size_t edges = p.weights_.size();
  if (p.indptr_.size() != std::size_t{p.rows()} + 1)
    throw shape_error(p.name_ + "/indptr", std::to_string(p.indptr_.size()) + " entries",
                      std::to_string(p.rows()) + " rows + 1");
  if (p.indices_.size() != edges)
    throw shape_error(p.name_ + "/indices", std::to_string(p.indices_.size()) + " entries",
                      std::to_string(edges) + ", as many as weights");
  if (p.indptr_[0] != 0)
    throw input_error(at(p.name_, "indptr", 0), std::to_string(p.indptr_[0]), "0");
  for (std::size_t r = 0; r < p.rows(); ++r)
    if (p.indptr_[r + 1] < p.indptr_[r] || p.indptr_[r + 1] > edges)
      throw input_error(
          at(p.name_, "indptr", r + 1), std::to_string(p.indptr_[r + 1]),
          "between " + std::to_string(p.indptr_[r]) + " and " + std::to_string(edges));
  if (p.indptr_[p.rows()] != edges)
    throw input_error(at(p.name_, "indptr", p.rows()), std::to_string(p.indptr_[p.rows()]),
                      std::to_string(edges) + ", the number of edges");
  p.check_indices();
  if (given == validation::check)
    p.check_weights();
  else
    p.no_sign_bit_ = true;  // as far as is known
  return p;
}

// Ascending rows whose last index is below the number of columns: a pass that says only whether all
// is well, and then, if it is not, one that finds the first fault.
void projection::check_indices() const {
  const looks look = looks_here();
  const bool well = all_of_pieces(rows(), edges(), [&](std::size_t first, std::size_t last) {
    std::uint32_t bad = 0;
    for (std::size_t r = first; r < last; ++r) {
      const neuron_id* const row = indices_.data() + indptr_[r];
      const std::size_t degree = indptr_[r + 1] - indptr_[r];
      bad |= look.order(row, degree);
      bad |= degree != 0 && row[degree - 1] >= columns() ? 1u : 0u;
    }
    indices_.give_back(indptr_[first], indptr_[last]);
    return bad == 0;
  });
  if (well) return;
  const population& column = major_ == major::source ? target_ : source_;
  for (std::size_t r = 0; r < rows(); ++r)
    for (edge_id e = indptr_[r]; e < indptr_[r + 1]; ++e) {
      if (indices_[e] >= column.size)
        throw input_error(at(name_, "indices", e), column.name + " " + std::to_string(indices_[e]),
                          "< " + std::to_string(column.size));
      if (e > indptr_[r] && indices_[e] <= indices_[e - 1])
        throw input_error(at(name_, "indices", e),
                          indices_[e] == indices_[e - 1] ? "a duplicate edge"
                                                         : "an index smaller than the one before",
                          "ascending indices within row " + std::to_string(r));
    }
}

void projection::check_weights() {
  std::atomic<std::uint32_t> signs = 0;
  const looks look = looks_here();
  const bool well =
      all_of_pieces(weights_.size(), weights_.size(), [&](std::size_t first, std::size_t last) {
        const bits_seen seen = look.bits(weights_.data() + first, last - first);
        signs |= seen.any;
        weights_.give_back(first, last);
        return seen.not_finite == 0;
      });
  no_sign_bit_ = signs.load() >> 31 == 0;
  if (well) return;
  const edge_id e = first_not_finite().value();
  throw input_error(at(name_, "data", e), shown(weights_[e]), "a finite weight");
}

std::optional<edge_id> projection::first_negative() const {
  for (edge_id e = 0; !no_sign_bit_ && e < edges(); ++e)
    if (weight(e) < 0) return e;
  return std::nullopt;
}

std::optional<edge_id> projection::first_not_finite() const {
  for (edge_id e = 0; e < edges(); ++e)
    if (!std::isfinite(weight(e))) return e;
  return std::nullopt;
}

std::optional<edge_id> projection::find(neuron_id source, neuron_id target) const {
  if (source >= source_.size || target >= target_.size) return std::nullopt;
  const auto [row, column] =
      major_ == major::source ? std::pair{source, target} : std::pair{target, source};
  if (is_dense())
    return edges() == 0 ? std::nullopt : std::optional<edge_id>(edge_id{row} * columns() + column);
  const auto first = indices_.begin() + indptr_[row], last = indices_.begin() + indptr_[row + 1];
  const auto where = std::lower_bound(first, last, column);
  if (where == last || *where != column) return std::nullopt;
  return static_cast<edge_id>(where - indices_.begin());
}

projection projection::without_weights() const {
  projection p;
  p.name_ = name_;
  p.source_ = source_;
  p.target_ = target_;
  p.major_ = major_;
  p.no_sign_bit_ = no_sign_bit_;
  p.indptr_ = copy_of(indptr_);
  p.indices_ = copy_of(indices_);
  return p;
}

projection projection::copy() const {
  projection p = without_weights();
  p.weights_ = copy_of(weights_);
  p.narrow_ = copy_of(narrow_);
  return p;
}

projection projection::in_bfloat16() const {
  projection p = without_weights();
  p.narrow_ = array<bfloat16>(edges());
  for (edge_id e = 0; e < edges(); ++e) {
    p.narrow_[e] = to_bfloat16(weight(e));
    if (!std::isfinite(to_float(p.narrow_[e])))
      throw input_error(at(name_, "data", e), shown(weight(e)),
                        "at most 3.39e38, the largest bfloat16");
  }
  return p;
}

neuron_id projection::row_of(edge_id e) const noexcept {
  if (is_dense()) return static_cast<neuron_id>(e / columns());
  return static_cast<neuron_id>(std::upper_bound(indptr_.begin(), indptr_.end(), e) -
                                indptr_.begin() - 1);
}

projection projection::moved(std::span<const neuron_id> rows,
                             std::span<const neuron_id> columns) const {
  projection p;
  p.name_ = name_;
  p.source_ = source_;
  p.target_ = target_;
  p.major_ = major_;
  p.no_sign_bit_ = no_sign_bit_;
  p.weights_ = array<float>(weights_.size());
  p.narrow_ = array<bfloat16>(narrow_.size());
  const auto row = [&](neuron_id k) { return rows.empty() ? k : rows[k]; };
  if (is_dense()) {
    assert(columns.empty());
    const std::size_t width = this->columns();
    for (neuron_id k = 0; k < this->rows(); ++k) {
      if (!weights_.empty())
        std::copy_n(weights_.data() + row(k) * width, width, p.weights_.data() + k * width);
      if (!narrow_.empty())
        std::copy_n(narrow_.data() + row(k) * width, width, p.narrow_.data() + k * width);
    }
    return p;
  }
  p.indptr_ = array<edge_id>(indptr_.size());
  p.indices_ = array<neuron_id>(indices_.size());
  for (neuron_id k = 0; k < this->rows(); ++k)
    p.indptr_[k + 1] = p.indptr_[k] + indptr_[row(k) + 1] - indptr_[row(k)];
  all_of_pieces(this->rows(), edges(), [&](std::size_t first, std::size_t last) {
    std::vector<std::uint64_t> scratch;
    for (auto k = static_cast<neuron_id>(first); k < last; ++k) {
      const edge_id from = indptr_[row(k)], to = p.indptr_[k];
      const std::span of(indices_.data() + from, indptr_[row(k) + 1] - from);
      if (narrow_.empty())
        move_row<std::uint32_t>(of, weights_.data() + from, columns, p.indices_.data() + to,
                                p.weights_.data() + to, scratch);
      else
        move_row<std::uint16_t>(of, narrow_.data() + from, columns, p.indices_.data() + to,
                                p.narrow_.data() + to, scratch);
    }
    return true;
  });
  return p;
}

projection projection::scaled(float factor) const {
  projection p = without_weights();
  p.weights_ = array<float>(edges());
  for (edge_id e = 0; e < edges(); ++e) p.weights_[e] = weight(e) * factor;
  p.check_weights();
  return p;
}

}  // namespace bdh
