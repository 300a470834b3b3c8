// Projections made of the edges of another one.
#include <algorithm>
#include <cmath>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/projection.hpp>

namespace bdh {

void projection::give_back(edge_id first, edge_id last) const noexcept {
  indices_.give_back(first, last);
  weights_.give_back(first, last);
  if (first == 0 && last == edges()) indptr_.give_back(0, indptr_.size());
}

// pieces(row, use) calls use(first, last) for the edges of a row that are in the part, ascending.
template <class Piece>
projection projection::part(Piece pieces) const {
  constexpr edge_id looked_at = edge_id{1} << 20;
  array<edge_id> begin(std::size_t{rows()} + 1);
  const auto for_rows = [&](auto of_row) {
    edge_id before = 0;
    for (neuron_id r = 0; r < rows(); ++r) {
      of_row(r);
      if (indptr_[r + 1] - before < looked_at) continue;
      give_back(before, indptr_[r + 1]);
      before = indptr_[r + 1];
    }
    give_back(before, edges());
  };
  for_rows([&](neuron_id r) {
    begin[r + 1] = begin[r];
    pieces(r, [&](edge_id first, edge_id last) { begin[r + 1] += last - first; });
  });
  array<neuron_id> indices(begin[rows()]);
  array<float> weights(begin[rows()]);
  for_rows([&](neuron_id r) {
    edge_id to = begin[r];
    pieces(r, [&](edge_id first, edge_id last) {
      for (edge_id e = first; e < last; ++e, ++to) {
        indices[to] = indices_[e];
        weights[to] = weight(e);
        if (!std::isfinite(weights[to]))
          throw input_error(name_ + "/data[" + std::to_string(e) + "]", shown(weights[to]),
                            "a finite weight");
        if (no_sign_bit_ && weights[to] < 0)
          throw input_error(name_ + "/data[" + std::to_string(e) + "]", shown(weights[to]),
                            "a weight >= 0", "inhibition has a projection of its own");
      }
    });
  });
  projection p = sparse(name_, source_, target_, major_, std::move(begin), std::move(indices),
                        std::move(weights));
  return is_bfloat16() ? p.in_bfloat16() : std::move(p);
}

projection projection::part_to(std::span<const std::pair<neuron_id, neuron_id>> targets) const {
  assert(major_ == major::source && !is_dense());
  const neuron_id* const all = indices_.data();
  return part([&](neuron_id r, auto use) {
    const neuron_id* at = all + indptr_[r];
    const neuron_id* const end = all + indptr_[r + 1];
    for (const auto& [first, last] : targets) {
      const neuron_id* const begin = std::lower_bound(at, end, first);
      at = std::lower_bound(begin, end, last);
      use(static_cast<edge_id>(begin - all), static_cast<edge_id>(at - all));
    }
  });
}

projection projection::part_of_rows(neuron_id first, neuron_id last) const {
  assert(!is_dense());
  return part([&](neuron_id r, auto use) {
    if (first <= r && r < last) use(indptr_[r], indptr_[r + 1]);
  });
}

std::optional<edge_id> projection::in_part(const projection& part, edge_id e) const {
  const neuron_id row = row_of(e), column = indices_[e];
  return major_ == major::source ? part.find(row, column) : part.find(column, row);
}

projection projection::transposed() const {
  projection t;
  t.name_ = name_;
  t.source_ = source_;
  t.target_ = target_;
  t.major_ = major_ == major::source ? major::target : major::source;
  t.no_sign_bit_ = no_sign_bit_;
  t.weights_ = array<float>(edges());
  if (is_dense()) {
    for (std::size_t r = 0; r < rows(); ++r)
      for (std::size_t c = 0; c < columns(); ++c)
        t.weights_[c * rows() + r] = weight(r * columns() + c);
    return t;
  }
  t.indptr_ = array<edge_id>(std::size_t{columns()} + 1);
  t.indices_ = array<neuron_id>(edges());
  for (neuron_id column : indices_) ++t.indptr_[column + 1];
  for (std::size_t c = 0; c < columns(); ++c) t.indptr_[c + 1] += t.indptr_[c];
  array<edge_id> next(columns());
  std::copy(t.indptr_.begin(), t.indptr_.end() - 1, next.begin());
  for (neuron_id r = 0; r < rows(); ++r)
    for (edge_id e = indptr_[r]; e < indptr_[r + 1]; ++e) {
      const edge_id to = next[indices_[e]]++;
      t.indices_[to] = r;
      t.weights_[to] = weight(e);
    }
  return t;
}

}  // namespace bdh
