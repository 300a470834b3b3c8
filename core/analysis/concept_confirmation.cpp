#include "core/analysis/concept_confirmation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/base/random.hpp"

namespace bdh {
namespace {

constexpr std::size_t fewest_texts = 2;  // of a set: one to choose by, one to confirm

// Of a set of so many texts: the larger half.
std::size_t to_confirm(std::size_t texts) { return texts - texts / 2; }

std::vector<std::size_t> drawn_order(std::size_t count, std::uint64_t seed, std::uint64_t set) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  random_stream random(seed, purpose::selection, set);
  for (std::size_t k = count; k > 1; --k)
    std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
  return order;
}

}  // namespace

halves split_texts(std::size_t positive, std::size_t negative, std::uint64_t seed) {
  halves h;
  const auto deal = [&](std::size_t count, std::size_t first, std::uint64_t set,
                        std::vector<std::size_t>& choose, std::vector<std::size_t>& confirm) {
    const std::vector<std::size_t> order = drawn_order(count, seed, set);
    for (std::size_t k = 0; k < count; ++k)
      (k < count - to_confirm(count) ? choose : confirm).push_back(first + order[k]);
    std::sort(choose.begin(), choose.end());
    std::sort(confirm.begin(), confirm.end());
  };
  deal(positive, 0, 1, h.choose.positive, h.confirm.positive);
  deal(negative, positive, 2, h.choose.negative, h.confirm.negative);
  return h;
}

std::vector<finding> confirm(std::span<const separation> chosen,
                             std::vector<std::vector<float>> values_of, const halves& texts,
                             double level) {
  std::vector<finding> all;
  std::vector<double> p;
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    finding f{.what = chosen[k], .values = std::move(values_of[k]), .chosen = {}, .confirmed = {}};
    const auto test = [&](const text_sets& sets) {
      std::vector<float> a, b;
      for (std::size_t t : sets.positive) a.push_back(f.values[t]);
      for (std::size_t t : sets.negative) b.push_back(f.values[t]);
      return mann_whitney(a, b);
    };
    f.chosen = test(texts.choose);
    f.confirmed = test(texts.confirm);
    p.push_back(f.confirmed.p);
    all.push_back(std::move(f));
  }
  const std::vector<double> corrected = holm(p);
  for (std::size_t k = 0; k < all.size(); ++k) {
    all[k].corrected_p = corrected[k];
    all[k].holds = corrected[k] < level &&
                   (all[k].chosen.rank_biserial > 0) == (all[k].confirmed.rank_biserial > 0);
  }
  std::stable_sort(all.begin(), all.end(), [](const finding& a, const finding& b) {
    const auto key = [](const finding& f) {
      return std::tuple(f.corrected_p, f.confirmed.p, -std::abs(f.confirmed.rank_biserial));
    };
    return key(a) < key(b);
  });
  return all;
}

std::size_t texts_needed(std::size_t carried, double level) {
  std::size_t texts = fewest_texts;
  while (least_p(to_confirm(texts), to_confirm(texts)) * static_cast<double>(carried) >= level)
    ++texts;
  return texts;
}

std::size_t texts_needed_beside(std::size_t others, std::size_t carried, double level) {
  std::size_t texts = fewest_texts;
  while (least_p(to_confirm(others), to_confirm(texts)) * static_cast<double>(carried) >= level)
    ++texts;
  return texts;
}

}  // namespace bdh
