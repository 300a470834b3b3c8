#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "core/base/top_k.hpp"
#include "io/recording/comparison_detail.hpp"

namespace bdh {
namespace {

struct larger_difference {
  bool operator()(const synapse_difference& x, const synapse_difference& y) const {
    return larger(std::abs(x.a - x.b), std::abs(y.a - y.b));
  }
};

class largest_differences {
 public:
  largest_differences(double tolerance, std::uint64_t top)
      : tolerance_(tolerance), top_(top), largest_(top) {}

  // `made` describes the synapse, where it is needed.
  template <class Describe>
  void add(double a, double b, Describe describe) {
    ++all_.compared;
    if (same(a, b, tolerance_)) return;
    ++all_.differing;
    if (top_ == 0) return;
    synapse_difference d = describe();
    d.a = a;
    d.b = b;
    largest_.offer(std::move(d));
  }
  synapse_comparison take() {
    all_.largest = largest_.take();
    return std::move(all_);
  }

 private:
  double tolerance_;
  std::uint64_t top_;
  top_k_by<synapse_difference, larger_difference> largest_;
  synapse_comparison all_;
};

struct pair_of_rows {
  const recording_description &of_a, &of_b;
  std::uint64_t position;
  recording_row a, b;

  synapse_difference described() const {
    synapse_difference d;
    d.report = of_a.name;
    d.layer = of_a.layer;
    d.position = position;
    return d;
  }
};

void compare_snapshots(const pair_of_rows& rows, neuron_id neurons, largest_differences& to) {
  const recording_description& d = rows.of_a;
  if (d.width != rows.of_b.width || d.index_pointers != rows.of_b.index_pointers ||
      d.element_ids != rows.of_b.element_ids)
    return;
  for (std::size_t target = 0; target < d.node_ids.size(); ++target) {
    const std::uint64_t first = d.index_pointers[target], last = d.index_pointers[target + 1];
    for (std::uint64_t k = first; k < last; ++k)
      to.add(rows.a.values[k], rows.b.values[k], [&] {
        synapse_difference s = rows.described();
        s.post = static_cast<neuron_id>(d.node_ids[target]);
        s.to_hub = d.population == "hubs";
        if (!s.to_hub) s.edge = d.element_ids[k];
        if (last - first == neurons) s.pre = static_cast<neuron_id>(k - first);
        return s;
      });
  }
}

void compare_chosen(const pair_of_rows& rows, largest_differences& to) {
  const auto before = [](const recorded_synapse& x, const recorded_synapse& y) {
    return std::tie(x.post, x.pre) < std::tie(y.post, y.pre);
  };
  const auto &a = rows.of_a.synapses, &b = rows.of_b.synapses;
  if (!std::is_sorted(b.begin(), b.end(), before)) return;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const auto found = std::lower_bound(b.begin(), b.end(), a[k], before);
    if (found == b.end() || before(a[k], *found)) continue;
    to.add(rows.a.values[k], rows.b.values[static_cast<std::size_t>(found - b.begin())], [&] {
      synapse_difference s = rows.described();
      s.pre = a[k].pre;
      s.post = a[k].post;
      if (a[k].edge != recorded_synapse::no_edge) s.edge = a[k].edge;
      return s;
    });
  }
}

// By which synapses of a row differ: the edge, or the two neurons.
std::pair<std::uint64_t, std::uint64_t> key_of(const recording_description& d,
                                               const recording_row& row, std::size_t k) {
  return {row.edges[k], d.what == quantity::pairs ? row.nodes[k] : 0};
}

// Those that both list.
void compare_strongest(const pair_of_rows& rows, largest_differences& to) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, float> of_b;
  for (std::size_t k = 0; k < rows.b.edges.size(); ++k)
    of_b.emplace(key_of(rows.of_b, rows.b, k), rows.b.values[k]);
  for (std::size_t k = 0; k < rows.a.edges.size(); ++k) {
    const auto found = of_b.find(key_of(rows.of_a, rows.a, k));
    if (found == of_b.end()) continue;
    to.add(rows.a.values[k], found->second, [&] {
      synapse_difference s = rows.described();
      s.post = static_cast<neuron_id>(rows.a.nodes[k]);
      if (rows.of_a.what == quantity::pairs)
        s.pre = static_cast<neuron_id>(rows.a.edges[k]);
      else
        s.edge = rows.a.edges[k];
      return s;
    });
  }
}

}  // namespace

synapse_comparison compare_synapses(const run_reader& a, const run_reader& b, std::uint64_t first,
                                    std::uint64_t until, double tolerance, std::uint64_t top) {
  largest_differences all(tolerance, top);
  for_each_pair(
      a, b, {"synapses:", "snapshot", "pairs:"},
      [&](recording_reader& of_a, recording_reader& of_b) {
        const recording_description &in_a = of_a.what(), &in_b = of_b.what();
        if (in_a.what != in_b.what || in_a.layout != in_b.layout ||
            in_a.population != in_b.population || in_a.by_y != in_b.by_y)
          return;
        const auto last = last_common(of_a, of_b, first, until);
        if (!last) return;
        const pair_of_rows rows{in_a, in_b, *last, row_at(of_a, *last), row_at(of_b, *last)};
        if (in_a.what == quantity::snapshot)
          compare_snapshots(rows, a.neurons, all);
        else if (in_a.layout == recording_layout::frames)
          compare_chosen(rows, all);
        else
          compare_strongest(rows, all);
      });
  return all.take();
}

}  // namespace bdh
