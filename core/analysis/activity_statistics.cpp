#include "core/analysis/activity_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/analysis/rank_statistics.hpp"

namespace bdh {
namespace {

double participation(double sum, double squares) { return squares > 0 ? sum * sum / squares : 0; }

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(std::max<std::size_t>(1, values.size()));
}

}  // namespace

activity_statistics::activity_statistics(neuron_id neurons, neuron_id neurons_per_head,
                                         layer_id layers, std::vector<double> frequency)
    : neurons_(neurons),
      per_head_(neurons_per_head),
      layers_(layers),
      frequency_(std::move(frequency)),
      seen_(2 * std::size_t{layers}) {}

void activity_statistics::see(layer_id layer, bool of_y, std::span<const neuron_id> neurons,
                              std::span<const float> values) {
  seen_layer& s = seen_[of_y ? layers_ + layer - 1 : layer - 1];
  s.times.resize(neurons_);
  s.sum.resize(neurons_);
  double sum = 0, squares = 0;
  for (std::size_t k = 0; k < neurons.size(); ++k) {
    ++s.times[neurons[k]];
    s.sum[neurons[k]] += values[k];
    sum += values[k];
    squares += double{values[k]} * values[k];
  }
  if (squares > 0) {
    s.participation += participation(sum, squares);
    ++s.tokens;
  }
}

std::vector<layer_activity> activity_statistics::layers() const {
  std::vector<layer_activity> all;
  for (const bool of_y : {false, true})
    for (layer_id l = 1; l <= layers_; ++l) {
      layer_activity a{.layer = l, .of_y = of_y, .least = tokens_.empty() ? 0.0 : 1.0};
      std::vector<double> share, surprisal;
      for (const token_activity& t : tokens_) {
        const double v = (of_y ? t.y : t.x)[l - 1];
        a.mean += v / static_cast<double>(tokens_.size());
        a.least = std::min(a.least, v);
        a.most = std::max(a.most, v);
        if (std::isnan(t.surprisal)) continue;
        share.push_back(v);
        surprisal.push_back(t.surprisal);
      }
      a.pearson = pearson(share, surprisal);
      a.spearman = spearman(share, surprisal);
      const seen_layer& s = of(l, of_y);
      a.seen = !s.times.empty();
      if (a.seen) {
        a.ever = static_cast<std::uint64_t>(
            std::count_if(s.times.begin(), s.times.end(), [](std::uint64_t n) { return n != 0; }));
        a.of_a_token = s.tokens == 0 ? 0 : s.participation / static_cast<double>(s.tokens);
        double sum = 0, squares = 0;
        for (double v : s.sum) {
          sum += v;
          squares += v * v;
        }
        a.of_the_text = participation(sum, squares);
      }
      all.push_back(a);
    }
  return all;
}

std::vector<surprisal_bin> activity_statistics::by_surprisal(std::size_t bins) const {
  std::vector<const token_activity*> known;
  for (const token_activity& t : tokens_)
    if (!std::isnan(t.surprisal)) known.push_back(&t);
  std::stable_sort(known.begin(), known.end(),
                   [](const auto* a, const auto* b) { return a->surprisal < b->surprisal; });
  bins = std::min(bins, known.size());
  std::vector<surprisal_bin> all;
  for (std::size_t b = 0; b < bins; ++b) {
    const std::size_t first = b * known.size() / bins, last = (b + 1) * known.size() / bins;
    surprisal_bin bin{
        .from = known[first]->surprisal, .to = known[last - 1]->surprisal, .tokens = last - first};
    const auto weight = 1 / static_cast<double>(last - first);
    for (std::size_t k = first; k < last; ++k) {
      bin.mean += weight * known[k]->surprisal;
      bin.x += weight * mean_of(known[k]->x);
      bin.y += weight * mean_of(known[k]->y);
      bin.synaptic_events += weight * known[k]->synaptic_events;
    }
    all.push_back(bin);
  }
  return all;
}

std::vector<frequency_band> activity_statistics::by_frequency(std::size_t bands) const {
  const bool all_seen =
      std::none_of(seen_.begin(), seen_.end(), [](const seen_layer& s) { return s.times.empty(); });
  if (frequency_.empty() || !all_seen || tokens_.empty()) return {};
  std::vector<std::size_t> pair(frequency_.size());  // the fastest first
  std::iota(pair.begin(), pair.end(), std::size_t{0});
  std::stable_sort(pair.begin(), pair.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(frequency_[a]) > std::abs(frequency_[b]);
  });
  bands = std::min(bands, pair.size());
  std::vector<frequency_band> all;
  for (std::size_t b = 0; b < bands; ++b) {
    const std::size_t first = b * pair.size() / bands, last = (b + 1) * pair.size() / bands;
    frequency_band band{.fastest = std::abs(frequency_[pair[first]]),
                        .slowest = std::abs(frequency_[pair[last - 1]])};
    std::uint64_t x = 0, y = 0;
    for (std::size_t k = first; k < last; ++k)
      for (std::size_t base = 2 * pair[k]; base < neurons_; base += per_head_)
        for (const std::size_t i : {base, base + 1}) {
          ++band.neurons;
          for (layer_id l = 1; l <= layers_; ++l) {
            x += of(l, false).times[i];
            y += of(l, true).times[i];
          }
        }
    const double whole =
        static_cast<double>(band.neurons) * static_cast<double>(tokens_.size()) * layers_;
    band.x = static_cast<double>(x) / whole;
    band.y = static_cast<double>(y) / whole;
    all.push_back(band);
  }
  return all;
}

std::uint64_t activity_statistics::ever_active() const {
  std::uint64_t count = 0;
  for (neuron_id i = 0; i < neurons_; ++i) {
    bool any = false;
    for (layer_id l = 1; l <= layers_; ++l)
      any = any || (!of(l, false).times.empty() && of(l, false).times[i] != 0);
    count += any;
  }
  return count;
}

}  // namespace bdh
