#include "core/structure.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/random.hpp"
#include "graph/degrees.hpp"

namespace bdh {
namespace {

constexpr int dropped_bits = 11;  // of a float32 without its sign: 8 of exponent and 12 of mantissa are left
constexpr std::size_t bins = std::size_t{1} << (31 - dropped_bits);
constexpr std::size_t most_groups = 64;  // of blocks, each summed by itself, whatever the number of threads

// Work that may throw: the first exception comes out when all pieces have ended.
void for_each(executor& work, std::size_t count, const std::function<void(std::size_t)>& piece) {
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

// The blocks in which the targets of a window lie, and groups of them.
class groups {
 public:
  groups(const weight_rows& rows, const neuron_window& w)
      : first_(w.first_target / rows.block_rows()),
        blocks_((w.first_target + w.targets + rows.block_rows() - 1) / rows.block_rows() - first_),
        count_(std::min(blocks_, most_groups)) {}
  std::size_t count() const { return count_; }
  std::size_t begin(std::size_t group) const { return first_ + group * blocks_ / count_; }
  std::size_t end(std::size_t group) const { return begin(group + 1); }

 private:
  std::size_t first_, blocks_, count_;
};

// A part of a row: weights of the sources from `first` on, or of those listed.
struct row_part {
  neuron_id first = 0;
  std::span<const neuron_id> sources;
  std::span<const float> weights;
  neuron_id source(std::size_t e) const { return sources.empty() ? first + static_cast<neuron_id>(e) : sources[e]; }
};

row_part part_of(const weight_row& row, bool complete, neuron_id first, neuron_id count) {
  if (complete) return {first, {}, row.weights.subspan(first, count)};
  const auto begin = std::lower_bound(row.sources.begin(), row.sources.end(), first),
             end = std::lower_bound(begin, row.sources.end(), first + count);
  const auto at = static_cast<std::size_t>(begin - row.sources.begin()), size = static_cast<std::size_t>(end - begin);
  return {first, row.sources.subspan(at, size), row.weights.subspan(at, size)};
}

// visit(row) of every row of a block whose target is in the window.
template <class Visit>
void visit_block(const weight_rows& rows, const neuron_window& w, std::size_t block, const std::function<void()>& interrupt, Visit visit) {
  if (interrupt) interrupt();
  rows.visit(block, [&](const weight_row& row) {
    if (row.target >= w.first_target && row.target - w.first_target < w.targets) visit(row);
  });
}

struct sign_tally {
  std::uint64_t self_loops = 0;
  std::vector<std::uint32_t> out_edges;
  std::vector<double> out_weight;
  std::vector<neuron_id> sources;  // of the edges, target by target
};

// What one group of blocks adds up.
struct group_tally {
  sign_tally excitatory, inhibitory;
  std::vector<head_block> blocks;
};

class cutter {
 public:
  cutter(const weight_rows& rows, const neuron_window& w, thresholds at, const cut_options& options)
      : rows_(rows), w_(w), at_(at), options_(options), groups_(rows, w), tallies_(groups_.count()) {
    g_.where = w;
    g_.at = at;
    for (sign_sums* s : {&g_.excitatory, &g_.inhibitory}) {
      s->in_edges.assign(w.nodes(), 0);
      s->in_weight.assign(w.nodes(), 0);
    }
    per_head_ = options.neurons_per_head != 0 ? options.neurons_per_head : rows.sources();
    heads_ = options.neurons_per_head != 0 ? rows.sources() / per_head_ : 1;
  }

  cut_graph run(executor& work, const std::function<void()>& interrupt) {
    for_each(work, groups_.count(), [&](std::size_t group) {
      group_tally& t = tallies_[group];
      for (sign_tally* s : {&t.excitatory, &t.inhibitory}) {
        s->out_edges.assign(w_.sources, 0);
        s->out_weight.assign(w_.sources, 0);
      }
      t.blocks.resize(std::size_t{heads_} * heads_);
      for (std::size_t b = groups_.begin(group); b < groups_.end(group); ++b)
        visit_block(rows_, w_, b, interrupt, [&](const weight_row& row) { add(row, t); });
    });
    finish(g_.excitatory, &group_tally::excitatory);
    finish(g_.inhibitory, &group_tally::inhibitory);
    if (options_.neurons_per_head != 0) add_blocks();
    if (kept_ <= options_.most_edges) {
      g_.excitatory_edges = edges_of(g_.excitatory, &group_tally::excitatory);
      g_.inhibitory_edges = edges_of(g_.inhibitory, &group_tally::inhibitory);
    }
    return std::move(g_);
  }

 private:
  void add(const weight_row& row, group_tally& t) {
    const neuron_id node = w_.node_of_target(row.target), last = w_.first_source + w_.sources;
    std::uint32_t found[2] = {};
    double sums[2] = {};
    for (neuron_id head = w_.first_source / per_head_, first = w_.first_source; first < last; ++head) {
      const neuron_id end = std::min(last, (head + 1) * per_head_);
      std::uint32_t edges[2] = {};
      double weight[2] = {};
      add(part_of(row, rows_.is_complete(), first, end - first), row.target, t, edges, weight);
      head_block& block = t.blocks[heads_ == 1 ? 0 : std::size_t{head} * heads_ + row.target / per_head_];
      block.excitatory += edges[0], block.inhibitory += edges[1];
      block.excitatory_weight += weight[0], block.inhibitory_weight += weight[1];
      for (int s = 0; s < 2; ++s) found[s] += edges[s], sums[s] += weight[s];
      first = end;
    }
    g_.excitatory.in_edges[node] = found[0], g_.inhibitory.in_edges[node] = found[1];
    g_.excitatory.in_weight[node] = sums[0], g_.inhibitory.in_weight[node] = sums[1];
    if (kept_ += found[0] + found[1]; kept_ > options_.most_edges) t.excitatory.sources = {}, t.inhibitory.sources = {};
  }

  void add(const row_part& part, neuron_id target, group_tally& t, std::uint32_t* edges, double* weight) {
    const bool keep = kept_ <= options_.most_edges;
    for (std::size_t e = 0; e < part.weights.size(); ++e) {
      const float v = part.weights[e];
      const bool inhibits = v < 0;
      const float size = inhibits ? -v : v;
      if (!(size > (inhibits ? at_.inhibitory : at_.excitatory))) continue;
      const neuron_id j = part.source(e);
      sign_tally& s = inhibits ? t.inhibitory : t.excitatory;
      if (j == target) {
        ++s.self_loops;
        continue;
      }
      const neuron_id node = j - w_.first_source;
      ++edges[inhibits];
      weight[inhibits] += size;
      ++s.out_edges[node];
      s.out_weight[node] += size;
      if (keep) s.sources.push_back(node);
    }
  }

  void finish(sign_sums& s, sign_tally group_tally::*which) {
    s.out_edges.assign(w_.nodes(), 0);
    s.out_weight.assign(w_.nodes(), 0);
    for (group_tally& t : tallies_) {
      sign_tally& from = t.*which;
      s.self_loops += from.self_loops;
      for (neuron_id j = 0; j < w_.sources; ++j) {
        s.out_edges[j] += from.out_edges[j];
        s.out_weight[j] += from.out_weight[j];
      }
      from.out_edges = {}, from.out_weight = {};
    }
    for (const std::uint32_t d : s.in_edges) s.edges += d;
    for (const double v : s.in_weight) s.weight += v;
  }

  void add_blocks() {
    g_.blocks.resize(std::size_t{heads_} * heads_);
    for (const group_tally& t : tallies_)
      for (std::size_t b = 0; b < g_.blocks.size(); ++b) {
        g_.blocks[b].excitatory += t.blocks[b].excitatory;
        g_.blocks[b].inhibitory += t.blocks[b].inhibitory;
        g_.blocks[b].excitatory_weight += t.blocks[b].excitatory_weight;
        g_.blocks[b].inhibitory_weight += t.blocks[b].inhibitory_weight;
      }
  }

  // Groups are in ascending order of targets, and so are the edges in each.
  edge_set edges_of(const sign_sums& s, sign_tally group_tally::*which) {
    edge_set by_target;
    by_target.indptr.resize(std::size_t{w_.nodes()} + 1);
    std::partial_sum(s.in_edges.begin(), s.in_edges.end(), by_target.indptr.begin() + 1, [](edge_id a, edge_id b) { return a + b; });
    by_target.targets.reserve(s.edges);
    for (group_tally& t : tallies_) {
      auto& sources = (t.*which).sources;
      by_target.targets.insert(by_target.targets.end(), sources.begin(), sources.end());
      sources = {};
    }
    return reversed(by_target);
  }

  const weight_rows& rows_;
  const neuron_window w_;
  const thresholds at_;
  const cut_options options_;
  const groups groups_;
  std::vector<group_tally> tallies_;
  cut_graph g_;
  std::atomic<std::uint64_t> kept_{0};
  neuron_id per_head_ = 0, heads_ = 1;
};

// 64 x 64 bits, [row] bit column: turned over its diagonal, in 6 steps of ever smaller blocks (Hacker's Delight, 7-3).
void transpose(std::uint64_t (&m)[64]) {
  std::uint64_t mask = 0x00000000ffffffffu;
  for (unsigned j = 32; j != 0; j >>= 1, mask ^= mask << j)
    for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
      const std::uint64_t t = ((m[k] >> j) ^ m[k | j]) & mask;
      m[k] ^= t << j;
      m[k | j] ^= t;
    }
}

// Which pairs have an edge: a bit each, row = target.
class bit_matrix {
 public:
  explicit bit_matrix(neuron_id nodes) : words_((nodes + 63u) / 64u), bits_(words_ * words_ * 64) {}
  std::size_t words() const { return words_; }
  std::uint64_t* row(std::size_t target) { return bits_.data() + target * words_; }
  void tile(std::size_t targets, std::size_t sources, std::uint64_t (&out)[64]) const {
    for (std::size_t r = 0; r < 64; ++r) out[r] = bits_[(targets * 64 + r) * words_ + sources];
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

// Bits of a with the opposite in b, in tile (x, y).
std::uint64_t in_both(const bit_matrix& a, const bit_matrix& b, std::size_t x, std::size_t y) {
  std::uint64_t here[64], there[64], count = 0;
  a.tile(x, y, here);
  b.tile(y, x, there);
  transpose(there);
  for (std::size_t r = 0; r < 64; ++r) count += static_cast<std::uint64_t>(std::popcount(here[r] & there[r]));
  return count;
}

// E |2 B - k| / k for B binomial(k, p): over 12 standard deviations on each side of the mean, beyond which nothing is left.
double expected_agreement(std::uint32_t k, double p) {
  if (p <= 0 || p >= 1) return 1;
  const double n = k, spread = 12 * std::sqrt(n * p * (1 - p)) + 12;
  const auto first = static_cast<std::uint32_t>(std::max(0.0, n * p - spread)),
             last = static_cast<std::uint32_t>(std::min(n, n * p + spread));
  double sum = 0;
  for (std::uint32_t b = first; b <= last; ++b) {
    const double log_p = std::lgamma(n + 1) - std::lgamma(b + 1.0) - std::lgamma(n - b + 1) + b * std::log(p) + (n - b) * std::log1p(-p);
    sum += std::exp(log_p) * std::abs(2.0 * b - n);
  }
  return sum / n;
}

template <class T>
std::vector<std::optional<double>> difference_in_sum(const std::vector<T>& plus, const std::vector<T>& minus, bool absolute) {
  std::vector<std::optional<double>> share(plus.size());
  for (std::size_t i = 0; i < share.size(); ++i) {
    const double a = static_cast<double>(plus[i]), b = static_cast<double>(minus[i]);
    if (a + b > 0) share[i] = (absolute ? std::abs(a - b) : a - b) / (a + b);
  }
  return share;
}

}  // namespace

neuron_window neuron_window::all_of(const weight_rows& rows) { return {0, rows.sources(), 0, rows.targets()}; }

neuron_window neuron_window::of_heads(neuron_id neurons_per_head, head_id from, head_id to) {
  return {from * neurons_per_head, neurons_per_head, to * neurons_per_head, neurons_per_head};
}

weight_histogram::weight_histogram(const weight_rows& rows, const neuron_window& w, executor& work, const std::function<void()>& interrupt)
    : positive_(bins), negative_(bins) {
  // Counts are the same however they are divided: one histogram a thread is enough.
  const groups blocks(rows, w);
  const std::size_t workers = std::min(work.threads(), blocks.count());
  std::atomic<std::size_t> next{0};
  std::mutex guard;
  for_each(work, workers, [&](std::size_t) {
    std::vector<std::uint64_t> positive(bins), negative(bins);
    for (std::size_t group; (group = next++) < blocks.count();)
      for (std::size_t b = blocks.begin(group); b < blocks.end(group); ++b)
        visit_block(rows, w, b, interrupt, [&](const weight_row& row) {
          const row_part part = part_of(row, rows.is_complete(), w.first_source, w.sources);
          for (std::size_t e = 0; e < part.weights.size(); ++e) {
            if (part.source(e) == row.target) continue;
            const auto bits = std::bit_cast<std::uint32_t>(part.weights[e]);
            ++(bits >> 31 != 0 ? negative : positive)[(bits & 0x7fffffffu) >> dropped_bits];
          }
        });
    const std::lock_guard lock(guard);
    for (std::size_t i = 0; i < bins; ++i) positive_[i] += positive[i], negative_[i] += negative[i];
  });
}

float weight_histogram::threshold(std::uint64_t edges, sign which) const {
  std::uint64_t above = 0;
  std::size_t bin = bins;
  while (bin != 0) {
    above += (which != sign::inhibitory ? positive_[bin - 1] : 0) + (which != sign::excitatory ? negative_[bin - 1] : 0);
    if (above > edges) break;
    --bin;
  }
  if (bin == bins) return std::numeric_limits<float>::infinity();
  return std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits);
}

void weight_histogram::each_size(sign which, const std::function<void(float, std::uint64_t)>& use) const {
  const std::vector<std::uint64_t>& counts = which == sign::inhibitory ? negative_ : positive_;
  for (std::size_t bin = 0; bin < bins; ++bin)
    if (counts[bin] != 0) use(std::bit_cast<float>(static_cast<std::uint32_t>(bin) << dropped_bits), counts[bin]);
}

cut_graph cut(const weight_rows& rows, const neuron_window& w, thresholds at, executor& work, const cut_options& options,
              const std::function<void()>& interrupt) {
  return cutter(rows, w, at, options).run(work, interrupt);
}

answered_edges answered_in(const cut_graph& g) {
  const edge_set &e = *g.excitatory_edges, &i = *g.inhibitory_edges;
  return {answered(e, e), answered(i, i), answered(e, i)};
}

double answered_bytes(const neuron_window& w) {
  const double words = std::ceil(w.nodes() / 64.0);
  return 2 * words * words * 64 * sizeof(std::uint64_t);
}

answered_edges answered_in(const weight_rows& rows, const neuron_window& w, thresholds at, executor& work,
                           const std::function<void()>& interrupt) {
  bit_matrix excitatory(w.nodes()), inhibitory(w.nodes());
  const groups all(rows, w);
  for_each(work, all.count(), [&](std::size_t group) {
    for (std::size_t b = all.begin(group); b < all.end(group); ++b)
      visit_block(rows, w, b, interrupt, [&](const weight_row& row) {
        const row_part part = part_of(row, rows.is_complete(), w.first_source, w.sources);
        std::uint64_t *plus = excitatory.row(row.target - w.first_target), *minus = inhibitory.row(row.target - w.first_target);
        for (std::size_t e = 0; e < part.weights.size(); ++e) {
          const neuron_id j = part.source(e);
          const std::uint64_t bit = std::uint64_t{j != row.target} << ((j - w.first_source) % 64);
          const std::size_t word = (j - w.first_source) / 64;
          plus[word] |= part.weights[e] > at.excitatory ? bit : 0;
          minus[word] |= part.weights[e] < -at.inhibitory ? bit : 0;
        }
      });
  });
  std::vector<answered_edges> found(excitatory.words());
  for_each(work, found.size(), [&](std::size_t x) {
    for (std::size_t y = 0; y < found.size(); ++y) {
      found[x].excitatory += in_both(excitatory, excitatory, x, y);
      found[x].inhibitory += in_both(inhibitory, inhibitory, x, y);
      found[x].mixed += in_both(excitatory, inhibitory, x, y);
    }
  });
  answered_edges sum;
  for (const answered_edges& f : found) {
    sum.excitatory += f.excitatory;
    sum.inhibitory += f.inhibitory;
    sum.mixed += f.mixed;
  }
  return sum;
}

std::vector<std::optional<double>> dale_by_edges(const cut_graph& g) {
  return difference_in_sum(g.excitatory.out_edges, g.inhibitory.out_edges, true);
}

std::vector<std::optional<double>> dale_by_weight(const cut_graph& g) {
  return difference_in_sum(g.excitatory.out_weight, g.inhibitory.out_weight, true);
}

std::optional<double> dale_by_chance(const cut_graph& g) {
  const double edges = static_cast<double>(g.excitatory.edges + g.inhibitory.edges);
  if (edges == 0) return std::nullopt;
  const double p = static_cast<double>(g.excitatory.edges) / edges;
  std::map<std::uint32_t, double> nodes_of;
  for (neuron_id i = 0; i < g.where.nodes(); ++i) ++nodes_of[g.excitatory.out_edges[i] + g.inhibitory.out_edges[i]];
  nodes_of.erase(0);
  double sum = 0, nodes = 0;
  for (const auto& [k, count] : nodes_of) {
    sum += count * expected_agreement(k, p);
    nodes += count;
  }
  return sum / nodes;
}

std::vector<std::optional<double>> balance(const cut_graph& g) {
  return difference_in_sum(g.excitatory.in_weight, g.inhibitory.in_weight, false);
}

random_product gaussian_product(const neuron_window& like, std::size_t depth, std::uint64_t seed) {
  const auto drawn = [&](std::size_t rows, std::uint64_t step) {
    array<float> values(rows * depth);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(normal(seed, purpose::graph_weights, i, step));
    return values;
  };
  neuron_window window = like;
  window.first_source = window.first_target = 0;
  if (!like.same_neurons()) window.first_target = like.sources;  // rows before it are of no use, and are never visited
  const std::size_t before = like.same_neurons() ? 0 : like.sources;
  array<float> left((before + like.targets) * depth);
  const array<float> of_targets = drawn(like.targets, 0);
  std::copy(of_targets.begin(), of_targets.end(), left.begin() + static_cast<std::ptrdiff_t>(before * depth));
  return {weight_rows::of_product(depth, std::move(left), drawn(like.sources, 1)), window};
}

}  // namespace bdh
