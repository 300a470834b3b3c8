#include "graph/measured_graphs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/rounded.hpp"

namespace bdh {
namespace {

constexpr double farthest = 1e15;  // of positions, so that no square overflows

void expect_edges(double found, edge_id most) {
  if (found > static_cast<double>(most))
    throw input_error("edges of a graph", shown(found), "up to " + std::to_string(most),
                      "lower degrees or probabilities");
}

edge_set by_source(std::vector<std::uint64_t> packed, neuron_id neurons) {
  std::sort(packed.begin(), packed.end());
  edge_set s;
  s.indptr.assign(std::size_t{neurons} + 1, 0);
  s.targets.reserve(packed.size());
  for (const std::uint64_t e : packed) {
    ++s.indptr[(e >> 32) + 1];
    s.targets.push_back(static_cast<neuron_id>(e));
  }
  std::partial_sum(s.indptr.begin(), s.indptr.end(), s.indptr.begin());
  return s;
}

// ---- degrees

// Edges as pairs of ends, with how often each occurs.
class matched_ends {
 public:
  matched_ends(const degree_sequence& d, random_stream& random) : random_(random) {
    for (neuron_id i = 0; i < d.out.size(); ++i) source_.insert(source_.end(), d.out[i], i);
    for (neuron_id j = 0; j < d.in.size(); ++j) target_.insert(target_.end(), d.in[j], j);
    for (std::size_t k = target_.size(); k > 1; --k) std::swap(target_[k - 1], target_[below(k)]);
    for (std::size_t e = 0; e < source_.size(); ++e) ++count_[edge(e)];
  }

  // Exchanges the ends of a bad edge with those of another one until none is bad; false: too many
  // attempts.
  bool repair() {
    std::vector<std::size_t> bad;
    for (std::size_t e = 0; e < source_.size(); ++e)
      if (is_bad(e)) bad.push_back(e);
    std::uint64_t attempts = 100'000 + 200 * std::uint64_t{source_.size()};
    while (!bad.empty()) {
      if (!is_bad(bad.back())) {
        bad.pop_back();
        continue;
      }
      if (attempts-- == 0) return false;
      exchange(bad.back(), below(source_.size()));
    }
    return true;
  }

  std::vector<std::uint64_t> edges() const {
    std::vector<std::uint64_t> all(source_.size());
    for (std::size_t e = 0; e < all.size(); ++e) all[e] = edge(e);
    return all;
  }

 private:
  static std::uint64_t packed(neuron_id source, neuron_id target) {
    return std::uint64_t{source} << 32 | target;
  }
  std::uint64_t edge(std::size_t e) const { return packed(source_[e], target_[e]); }
  bool is_bad(std::size_t e) const { return source_[e] == target_[e] || count_.at(edge(e)) > 1; }
  std::size_t below(std::size_t bound) { return random_.below(static_cast<std::uint32_t>(bound)); }

  void exchange(std::size_t e, std::size_t f) {
    const std::uint64_t first = packed(source_[e], target_[f]),
                        second = packed(source_[f], target_[e]);
    if (source_[e] == target_[f] || source_[f] == target_[e] || first == second) return;
    if (count_.contains(first) || count_.contains(second)) return;
    for (const std::size_t old : {e, f})
      if (const auto at = count_.find(edge(old)); --at->second == 0) count_.erase(at);
    std::swap(target_[e], target_[f]);
    ++count_[first];
    ++count_[second];
  }

  random_stream& random_;
  std::vector<neuron_id> source_, target_;
  std::unordered_map<std::uint64_t, std::uint32_t> count_;
};

void check_numbers(const degree_sequence& d) {
  const std::size_t n = d.out.size();
  double out = 0, in = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto& [what, degree] : {std::pair{"out", d.out[i]}, {"in", d.in[i]}})
      if (degree >= n)
        throw input_error(std::string(what) + "-degree of neuron " + std::to_string(i),
                          std::to_string(degree),
                          "up to " + std::to_string(n - 1) + ", the other neurons");
    out += d.out[i];
    in += d.in[i];
  }
  if (out != in)
    throw input_error("degrees", shown(out) + " edges that leave and " + shown(in) + " that arrive",
                      "as many of both");
  if (out == 0) throw input_error("degrees", "no edges", "one at least");
}

edge_set drawn(const degree_sequence& d, random_stream& random, edge_id most) {
  const double edges = std::accumulate(d.out.begin(), d.out.end(), 0.0);
  expect_edges(edges, std::min<edge_id>(most, 0xffffffffu));
  matched_ends ends(d, random);
  if (!ends.repair())
    throw input_error("degrees", "no graph without double edges and self-loops was found",
                      "degrees that one can have", "fewer edges at the neurons with most of them");
  return by_source(ends.edges(), static_cast<neuron_id>(d.out.size()));
}

// ---- distance

double square(double x) { return x * x; }

// Neurons that lie near each other, and the box round them.
struct cell {
  std::vector<neuron_id> members;  // ascending
  std::array<double, 3> low, high;
};

class drawn_by_distance {
 public:
  drawn_by_distance(const distance_rule& rule, random_stream& random)
      : rule_(rule), random_(random) {
    divide();
  }

  edge_set run(edge_id most) {
    const auto n = static_cast<neuron_id>(rule_.positions.size());
    edge_set s;
    std::vector<neuron_id> row;
    for (neuron_id i = 0; i < n; ++i) {
      row.clear();
      for (const cell& c : cells_) draw(i, c, row);
      std::sort(row.begin(), row.end());
      s.targets.insert(s.targets.end(), row.begin(), row.end());
      s.indptr.push_back(s.targets.size());
      expect_edges(static_cast<double>(s.targets.size()), most);
    }
    return s;
  }

 private:
  static constexpr double members = 32, most_cells = 1024;

  // A grid of at most 1024 cells over the box of all positions; empty cells are left out.
  void divide() {
    std::array<double, 3> low = rule_.positions[0], high = low;
    for (const auto& p : rule_.positions)
      for (int k = 0; k < 3; ++k) {
        low[k] = std::min(low[k], p[k]);
        high[k] = std::max(high[k], p[k]);
      }
    int dimensions = 0;
    for (int k = 0; k < 3; ++k) dimensions += high[k] > low[k];
    const double wanted =
        std::min(most_cells, std::max(1.0, static_cast<double>(rule_.positions.size()) / members));
    const auto side = dimensions == 0 ? std::size_t{1} : side_of(wanted, dimensions);
    std::vector<cell> grid(side * (dimensions > 1 ? side : 1) * (dimensions > 2 ? side : 1));
    for (neuron_id i = 0; i < rule_.positions.size(); ++i) {
      std::size_t at = 0;
      for (int k = 0; k < 3; ++k) {
        if (!(high[k] > low[k])) continue;
        const double share = (rule_.positions[i][k] - low[k]) / (high[k] - low[k]);
        at = at * side +
             std::min(side - 1, static_cast<std::size_t>(share * static_cast<double>(side)));
      }
      add(grid[at], i);
    }
    for (cell& c : grid)
      if (!c.members.empty()) cells_.push_back(std::move(c));
  }

  static std::size_t side_of(double cells, int dimensions) {
    std::size_t side = 1;
    while (std::pow(static_cast<double>(side + 1), dimensions) <= cells) ++side;
    return side;
  }

  void add(cell& c, neuron_id i) const {
    const auto& p = rule_.positions[i];
    if (c.members.empty()) c.low = c.high = p;
    for (int k = 0; k < 3; ++k) {
      c.low[k] = std::min(c.low[k], p[k]);
      c.high[k] = std::max(c.high[k], p[k]);
    }
    c.members.push_back(i);
  }

  double probability(double squared) const {
    const double d = std::sqrt(squared) / rule_.length;
    return rule_.probability *
           rounded::exp(rule_.kernel == distance_kernel::exponential ? -d : -d * d / 2);
  }

  // Candidates with the probability of the nearest point of the box, each kept with the share of it
  // that its own distance has.
  void draw(neuron_id i, const cell& c, std::vector<neuron_id>& row) {
    const auto& from = rule_.positions[i];
    double nearest = 0;
    for (int k = 0; k < 3; ++k)
      nearest += square(std::max({c.low[k] - from[k], from[k] - c.high[k], 0.0}));
    const double most = probability(nearest);
    if (!(most > 0)) return;
    for (std::uint64_t at = random_.failures_before_success(most); at < c.members.size();
         at += 1 + random_.failures_before_success(most)) {
      const neuron_id j = c.members[at];
      double squared = 0;
      for (int k = 0; k < 3; ++k) squared += square(rule_.positions[j][k] - from[k]);
      if (random_.unit() * most < probability(squared) && j != i) row.push_back(j);
    }
  }

  const distance_rule& rule_;
  random_stream& random_;
  std::vector<cell> cells_;
};

void check_numbers(const distance_rule& d) {
  for (std::size_t i = 0; i < d.positions.size(); ++i)
    for (const double x : d.positions[i])
      if (!(std::abs(x) <= farthest))
        throw input_error("position of neuron " + std::to_string(i), shown(x), "-1e15 to 1e15");
  if (!(d.length > 0 && d.length <= farthest))
    throw input_error("length", shown(d.length), "0 < length <= 1e15");
  if (!(d.probability > 0 && d.probability <= 1))
    throw input_error("probability", shown(d.probability), "0 < probability <= 1");
}

edge_set drawn(const distance_rule& d, random_stream& random, edge_id most) {
  return drawn_by_distance(d, random).run(most);
}

// ---- populations

void check_numbers(const block_matrix& b) {
  for (const double p : b.probability)
    if (!(p >= 0 && p <= 1)) throw input_error("probability", shown(p), "0 to 1");
}

edge_set drawn(const block_matrix& b, random_stream& random, edge_id most) {
  const std::size_t populations = b.sizes.size();
  double expected = 0;
  for (std::size_t a = 0; a < populations; ++a)
    for (std::size_t t = 0; t < populations; ++t)
      expected += b.probability[a * populations + t] * b.sizes[a] * b.sizes[t];
  expect_edges(expected, most);
  edge_set s;
  neuron_id i = 0;
  for (std::size_t a = 0; a < populations; ++a)
    for (neuron_id k = 0; k < b.sizes[a]; ++k, ++i) {
      std::uint64_t begin = 0;
      for (std::size_t t = 0; t < populations; ++t) {
        const std::uint64_t end = begin + b.sizes[t];
        const double p = b.probability[a * populations + t];
        if (p > 0)
          for (std::uint64_t j = begin + random.failures_before_success(p); j < end;
               j += 1 + random.failures_before_success(p))
            if (j != i) s.targets.push_back(static_cast<neuron_id>(j));
        begin = end;
      }
      s.indptr.push_back(s.targets.size());
    }
  return s;
}

}  // namespace

const char* name(const measured_graph& g) noexcept {
  constexpr const char* names[] = {"degrees", "distance", "populations"};
  return names[g.index()];
}

neuron_id neurons_of(const measured_graph& g) {
  if (const auto* d = std::get_if<degree_sequence>(&g))
    return static_cast<neuron_id>(d->out.size());
  if (const auto* d = std::get_if<distance_rule>(&g))
    return static_cast<neuron_id>(d->positions.size());
  const auto& sizes = std::get<block_matrix>(g).sizes;
  return std::accumulate(sizes.begin(), sizes.end(), neuron_id{0});
}

void check(const measured_graph& g) {
  if (neurons_of(g) < 2) throw input_error("neurons", std::to_string(neurons_of(g)), "at least 2");
  std::visit([](const auto& of_kind) { check_numbers(of_kind); }, g);
}

edge_set generate(const measured_graph& g, random_stream random, edge_id most) {
  check(g);
  return std::visit([&](const auto& of_kind) { return drawn(of_kind, random, most); }, g);
}

}  // namespace bdh
