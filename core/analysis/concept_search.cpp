#include "core/analysis/concept_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <tuple>

#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr std::size_t lanes = 64;                          // candidates that are compared at a time
constexpr std::size_t tile_bytes = std::size_t{32} << 20;  // of x'
constexpr std::size_t widest = 512;                        // sources of a tile
constexpr std::size_t targets_at_a_time = 16;

// Strengths of one target in the texts in which they are not all 0: the positive texts, then the
// negative ones.
struct strength_rows {
  std::size_t positive = 0, negative = 0;  // rows
  std::size_t width = 0;                   // a multiple of `lanes`
  std::vector<float> values;               // rows x width
  std::size_t rows() const { return positive + negative; }
  const float* row(std::size_t r) const { return values.data() + r * width; }
};

// (strengths of positive texts above those of negative ones) - (below), over all pairs of texts;
// where there is no row it is 0.
void u_balances(const strength_rows& s, std::size_t first, std::size_t m, std::size_t n,
                std::array<std::int32_t, lanes>& sum) {
  sum.fill(0);
  const auto silent_positive = static_cast<std::int32_t>(m - s.positive),
             silent_negative = static_cast<std::int32_t>(n - s.negative);
  for (std::size_t p = 0; p < s.positive; ++p) {
    const float* a = s.row(p) + first;
    for (std::size_t q = 0; q < s.negative; ++q) {
      const float* b = s.row(s.positive + q) + first;
      for (std::size_t k = 0; k < lanes; ++k)
        sum[k] += (a[k] > b[k] ? 1 : 0) - (a[k] < b[k] ? 1 : 0);
    }
    for (std::size_t k = 0; k < lanes; ++k)
      sum[k] += (a[k] > 0 ? silent_negative : 0) - (a[k] < 0 ? silent_negative : 0);
  }
  for (std::size_t q = 0; q < s.negative; ++q) {
    const float* b = s.row(s.positive + q) + first;
    for (std::size_t k = 0; k < lanes; ++k)
      sum[k] += (b[k] < 0 ? silent_positive : 0) - (b[k] > 0 ? silent_positive : 0);
  }
}

float mean_difference(const strength_rows& s, std::size_t at, std::size_t m, std::size_t n) {
  float a = 0, b = 0;
  for (std::size_t p = 0; p < s.positive; ++p) a += s.row(p)[at];
  for (std::size_t q = s.positive; q < s.rows(); ++q) b += s.row(q)[at];
  const float difference = a / static_cast<float>(m) - b / static_cast<float>(n);
  return std::isfinite(difference) ? difference : 0;
}

class synapse_search {
 public:
  synapse_search(const model& m, const search_place& where, std::span<const layer_factors> texts,
                 const text_sets& sets, executor& threads, best_separations& best)
      : model_(m), where_(where), texts_(texts), sets_(sets), threads_(threads), best_(best) {
    first_ = where.head ? *where.head * m.neurons_per_head() : 0;
    last_ = where.head ? first_ + m.neurons_per_head() : m.neurons();
    all_ = sets.positive;
    all_.insert(all_.end(), sets.negative.begin(), sets.negative.end());
    for (std::size_t t : all_) {
      base_.push_back(depth_);
      depth_ += texts[t].tokens();
    }
  }

  void run() { model_.is_direct() ? over_edges() : over_pairs(); }

 private:
  std::size_t positives() const { return sets_.positive.size(); }
  std::size_t negatives() const { return sets_.negative.size(); }
  bool of_amplitudes() const { return where_.measure == synapse_measure::amplitude; }
  // Called before each group of targets; a search ends with all of them done.
  bool stops() {
    const std::size_t done = groups_done_++;
    return where_.go_on && !where_.go_on(static_cast<double>(done) / static_cast<double>(groups_));
  }

  // Rows for the texts in which f of the target is not 0 throughout; false: too few for any
  // strength to get in.
  bool begin(neuron_id target, std::size_t width, strength_rows& s,
             std::vector<std::size_t>& active) const {
    active.clear();
    s.positive = s.negative = 0;
    for (std::size_t k = 0; k < all_.size(); ++k) {
      const auto& offset = texts_[all_[k]].f().offset;
      if (offset[target] == offset[target + 1]) continue;
      active.push_back(k);
      ++(k < positives() ? s.positive : s.negative);
    }
    const std::size_t ties = (positives() - s.positive) * (negatives() - s.negative);
    if (static_cast<std::int64_t>(positives() * negatives() - ties) < best_.least()) return false;
    s.width = (width + lanes - 1) / lanes * lanes;
    s.values.assign(s.rows() * s.width, 0.0f);
    return true;
  }

  template <class Source>  // the presynaptic neuron of candidate k
  void offer(const strength_rows& s, neuron_id target, std::size_t count, Source source) const {
    std::vector<separation> found;
    std::array<std::int32_t, lanes> sum;
    for (std::size_t first = 0; first < count; first += lanes) {
      u_balances(s, first, positives(), negatives(), sum);
      for (std::size_t k = 0; k < std::min(lanes, count - first); ++k)
        if (std::abs(sum[k]) >= best_.least())
          found.push_back(
              {.layer = where_.layer,
               .of_y = false,
               .pair = {source(first + k), target},
               .u_balance = sum[k],
               .mean_difference = mean_difference(s, first + k, positives(), negatives())});
    }
    if (!found.empty()) best_.offer(found);
  }

  void over_pairs() {
    const std::size_t width =
        std::clamp(tile_bytes / sizeof(float) / std::max<std::size_t>(1, depth_) / lanes * lanes,
                   lanes, widest);
    std::vector<float> tile;  // (tokens of all texts x width): x'
    const std::size_t groups = (model_.neurons() + targets_at_a_time - 1) / targets_at_a_time;
    groups_ = groups * ((last_ - first_ + width - 1) / width);
    std::atomic<bool> stop{false};
    for (neuron_id first = first_; first < last_ && !stop; first += static_cast<neuron_id>(width)) {
      const auto count = static_cast<neuron_id>(std::min<std::size_t>(width, last_ - first));
      tile.assign(depth_ * width, 0.0f);
      threads_.for_each(all_.size(), [&](std::size_t k) {
        texts_[all_[k]].write_laboratory_x(first, count, tile.data() + base_[k] * width, width, 1);
      });
      const neuron_id targets = model_.neurons();
      threads_.for_each(groups, [&](std::size_t group) {
        if (stop || stops()) return stop.store(true);
        strength_rows s;
        std::vector<std::size_t> active;
        const std::size_t end = std::min<std::size_t>(targets, (group + 1) * targets_at_a_time);
        for (auto j = static_cast<neuron_id>(group * targets_at_a_time); j < end; ++j) {
          if (!begin(j, width, s, active)) continue;
          for (std::size_t r = 0; r < active.size(); ++r)
            add_terms(texts_[all_[active[r]]].f(), j, tile.data() + base_[active[r]] * width, width,
                      s.values.data() + r * s.width);
          if (of_amplitudes()) to_amplitudes(s);
          const neuron_id step = of_amplitudes() ? 2 : 1;
          offer(s, j, count / step,
                [first, step](std::size_t k) { return first + static_cast<neuron_id>(k) * step; });
        }
      });
    }
  }

  // The strengths of pairs 2m, 2m + 1 as one amplitude each, at m.
  static void to_amplitudes(strength_rows& s) {
    for (std::size_t r = 0; r < s.rows(); ++r) {
      float* row = s.values.data() + r * s.width;
      for (std::size_t k = 0; k < s.width / 2; ++k)
        row[k] = amplitude_of(row[2 * k], row[2 * k + 1]);
      std::fill(row + s.width / 2, row + s.width, 0.0f);
    }
  }

  static void add_terms(const neuron_events& f, neuron_id target, const float* x, std::size_t width,
                        float* sum) {
    for (std::uint64_t e = f.offset[target]; e < f.offset[target + 1]; ++e) {
      const float* from = x + f.token[e] * width;
      const float factor = f.value[e];
      for (std::size_t k = 0; k < width; ++k) sum[k] += factor * from[k];
    }
  }

  void over_edges() {
    const projection by_target = model_.direct().gs.transposed();
    const neuron_id targets = model_.neurons();
    groups_ = (targets + targets_at_a_time - 1) / targets_at_a_time;
    threads_.for_each(groups_, [&](std::size_t group) {
      if (stops()) return;
      strength_rows s;
      std::vector<std::size_t> active;
      std::vector<neuron_id> sources;
      const std::size_t end = std::min<std::size_t>(targets, (group + 1) * targets_at_a_time);
      for (std::size_t j = group * targets_at_a_time; j < end; ++j) {
        sources.clear();
        if (by_target.is_dense())
          for (neuron_id i = first_; i < last_; ++i) sources.push_back(i);
        else
          for (edge_id e = by_target.indptr()[j]; e < by_target.indptr()[j + 1]; ++e)
            if (by_target.indices()[e] >= first_ && by_target.indices()[e] < last_)
              sources.push_back(by_target.indices()[e]);
        if (of_amplitudes()) std::erase_if(sources, [](neuron_id i) { return i % 2 != 0; });
        over_edges_into(static_cast<neuron_id>(j), sources, s, active);
      }
    });
  }

  void over_edges_into(neuron_id target, std::span<const neuron_id> sources, strength_rows& s,
                       std::vector<std::size_t>& active) const {
    if (!begin(target, sources.size(), s, active)) return;
    for (std::size_t k = 0; k < sources.size(); ++k) {
      const neuron_pair pair{sources[k], target};
      const plasticity kept = plasticity_of(model_, texts_.front().retention(), pair);
      for (std::size_t r = 0; r < active.size(); ++r)
        s.values[r * s.width + k] = of_amplitudes() ? texts_[all_[active[r]]].amplitude(pair, kept)
                                                    : texts_[all_[active[r]]].strength(pair, kept);
    }
    offer(s, target, sources.size(), [&](std::size_t k) { return sources[k]; });
  }

  const model& model_;
  const search_place& where_;
  std::span<const layer_factors> texts_;
  const text_sets& sets_;
  executor& threads_;
  best_separations& best_;
  neuron_id first_ = 0, last_ = 0;  // presynaptic neurons
  std::vector<std::size_t> all_;    // texts: the positive, then the negative ones
  std::vector<std::size_t> base_;   // tokens of those before
  std::size_t depth_ = 0;
  std::size_t groups_ = 1;  // of targets, for all tiles
  std::atomic<std::size_t> groups_done_ = 0;
};

void expect_rotation(const model& m) {
  if (!m.rotation().present())
    throw unavailable_error("amplitude", "a model without rotation", "one that rotates",
                            "elsewhere strengths do not turn");
}

}  // namespace

bool better(const separation& a, const separation& b) noexcept {
  const auto key = [](const separation& s) {
    return std::tuple(-std::abs(s.u_balance), -std::abs(s.mean_difference), s.layer, s.of_y,
                      s.pair);
  };
  return key(a) < key(b);
}

void best_separations::offer(std::span<const separation> found) {
  const std::lock_guard lock(busy_);
  for (const separation& s : found) {
    if (heap_.size() == capacity_ && !better(s, heap_.front())) continue;
    if (heap_.size() == capacity_) {
      std::pop_heap(heap_.begin(), heap_.end(), better);
      heap_.pop_back();
    }
    heap_.push_back(s);
    std::push_heap(heap_.begin(), heap_.end(), better);
  }
  if (heap_.size() == capacity_)
    least_.store(std::max<std::int64_t>(1, std::abs(heap_.front().u_balance)),
                 std::memory_order_relaxed);
}

std::vector<separation> best_separations::sorted() const {
  const std::lock_guard lock(busy_);
  std::vector<separation> all = heap_;
  std::sort(all.begin(), all.end(), better);
  return all;
}

void search_synapses(const model& m, const search_place& where,
                     std::span<const layer_factors> texts, const text_sets& sets, executor& threads,
                     best_separations& best) {
  if (where.measure == synapse_measure::amplitude) expect_rotation(m);
  if (!texts.empty()) synapse_search(m, where, texts, sets, threads, best).run();
}

std::uint64_t candidate_synapses(const model& m, std::optional<head_id> head,
                                 synapse_measure measure) {
  if (measure == synapse_measure::amplitude) {
    expect_rotation(m);
    return candidate_synapses(m, head) / 2;
  }
  const neuron_id n = m.neurons(), N = m.neurons_per_head(), first = head ? *head * N : 0,
                  last = head ? first + N : n;
  if (!m.is_direct()) return std::uint64_t{last - first} * n;
  const projection& gs = m.direct().gs;
  if (gs.is_dense()) return std::uint64_t{last - first} * n;
  const auto begin = gs.indices().begin();
  return static_cast<std::uint64_t>(std::count_if(
      begin + static_cast<std::ptrdiff_t>(gs.indptr()[first]),
      begin + static_cast<std::ptrdiff_t>(gs.indptr()[last]), [n](neuron_id j) { return j < n; }));
}

std::size_t search_bytes(std::span<const layer_factors> texts, const text_sets& sets,
                         std::size_t threads) {
  std::size_t depth = 0;
  for (const auto* set : {&sets.positive, &sets.negative})
    for (std::size_t t : *set) depth += texts[t].tokens();
  const std::size_t rows = sets.positive.size() + sets.negative.size();
  return std::min(widest * sizeof(float) * depth,
                  std::max(tile_bytes, lanes * sizeof(float) * depth)) +
         threads * rows * widest * sizeof(float);
}

void search_neurons(const model& m, const search_place& where, bool of_y,
                    std::span<const std::vector<float>> values, const text_sets& sets,
                    best_separations& best) {
  const neuron_id first = where.head ? *where.head * m.neurons_per_head() : 0,
                  last = where.head ? first + m.neurons_per_head() : m.neurons();
  std::vector<separation> found;
  for (neuron_id i = first; i < last; ++i) {
    separation s{.layer = where.layer, .of_y = of_y, .pair = {i, i}};
    for (std::size_t p : sets.positive)
      for (std::size_t q : sets.negative)
        s.u_balance += (values[p][i] > values[q][i]) - (values[p][i] < values[q][i]);
    for (std::size_t p : sets.positive)
      s.mean_difference += values[p][i] / static_cast<float>(sets.positive.size());
    for (std::size_t q : sets.negative)
      s.mean_difference -= values[q][i] / static_cast<float>(sets.negative.size());
    if (std::abs(s.u_balance) >= best.least()) found.push_back(s);
  }
  best.offer(found);
}

}  // namespace bdh
