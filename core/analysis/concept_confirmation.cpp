#include "core/analysis/concept_confirmation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "core/analysis/event_statistics.hpp"
#include "core/base/random.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t sign_flips = 100'000;
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

// Groups of a set dealt whole; of those that choose, half of the texts do, the others are held out.
void deal_groups(std::size_t count, std::size_t first, std::uint64_t seed, std::uint64_t set,
                 const text_design& design, halves& h, std::vector<std::size_t> text_sets::*half) {
  std::vector<std::size_t> groups;
  std::map<std::size_t, std::vector<std::size_t>> texts;
  for (std::size_t t = first; t < first + count; ++t) {
    std::vector<std::size_t>& of_group = texts[design.group[t]];
    if (of_group.empty()) groups.push_back(design.group[t]);
    of_group.push_back(t);
  }
  const std::vector<std::size_t> order = drawn_order(groups.size(), seed, set);
  const std::size_t choosing = groups.size() - to_confirm(groups.size());
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const std::vector<std::size_t>& all = texts[groups[order[k]]];
    if (k >= choosing) {
      (h.confirm.*half).insert((h.confirm.*half).end(), all.begin(), all.end());
      continue;
    }
    const std::vector<std::size_t> drawn = drawn_order(all.size(), seed, 2 + set + 2 * k);
    for (std::size_t n = 0; n < all.size(); ++n)
      ((n < to_confirm(all.size()) ? h.choose : h.same_groups).*half).push_back(all[drawn[n]]);
  }
}

// The mean of each group that has texts in a set.
std::vector<float> group_means(const std::vector<float>& values,
                               const std::vector<std::size_t>& set, const text_design& design) {
  std::map<std::size_t, std::pair<double, double>> sums;  // of values, and how many
  for (const std::size_t t : set) {
    auto& [sum, number] = sums[design.group[t]];
    sum += values[t];
    number += 1;
  }
  std::vector<float> means;
  for (const auto& [group, sum] : sums) means.push_back(static_cast<float>(sum.first / sum.second));
  return means;
}

// Of matched values, by flipping the signs of their differences.
rank_test signs_test(const std::vector<float>& a, const std::vector<float>& b) {
  rank_test t;
  const double n = static_cast<double>(a.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] > b[k]) t.u += 1;
    if (a[k] == b[k]) t.u += 0.5;
  }
  t.rank_biserial = a.empty() ? 0 : 2 * t.u / n - 1;
  const auto flips = permutation_test(std::vector<double>(a.begin(), a.end()),
                                      std::vector<double>(b.begin(), b.end()), true, 0, sign_flips);
  t.p = flips.p;
  t.exact = flips.exact;
  return t;
}

}  // namespace

halves split_texts(std::size_t positive, std::size_t negative, std::uint64_t seed,
                   const text_design& design) {
  halves h;
  const auto deal = [&](std::size_t count, std::size_t first, std::uint64_t set,
                        std::vector<std::size_t> text_sets::*half) {
    if (!design.group.empty()) return deal_groups(count, first, seed, set, design, h, half);
    const std::vector<std::size_t> order = drawn_order(count, seed, set);
    for (std::size_t k = 0; k < count; ++k)
      ((k < count - to_confirm(count) ? h.choose : h.confirm).*half).push_back(first + order[k]);
  };
  deal(positive, 0, 1, &text_sets::positive);
  // Matched texts stay together: the same draw.
  deal(negative, positive, design.paired ? 1 : 2, &text_sets::negative);
  for (text_sets* sets : {&h.choose, &h.confirm, &h.same_groups}) {
    std::sort(sets->positive.begin(), sets->positive.end());
    std::sort(sets->negative.begin(), sets->negative.end());
  }
  return h;
}

std::vector<finding> confirm(std::span<const separation> chosen,
                             std::vector<std::vector<float>> values_of, const halves& texts,
                             double level, const text_design& design) {
  std::vector<finding> all;
  std::vector<double> p, same_p;
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    finding f{.what = chosen[k], .values = std::move(values_of[k]), .chosen = {}, .confirmed = {}};
    const auto values_in = [&](const std::vector<std::size_t>& set) {
      std::vector<float> values;
      for (const std::size_t t : set) values.push_back(f.values[t]);
      return values;
    };
    const auto test = [&](const text_sets& sets) {
      return mann_whitney(values_in(sets.positive), values_in(sets.negative));
    };
    f.chosen = test(texts.choose);
    if (design.paired)
      f.confirmed =
          signs_test(values_in(texts.confirm.positive), values_in(texts.confirm.negative));
    else if (!design.group.empty())
      f.confirmed = mann_whitney(group_means(f.values, texts.confirm.positive, design),
                                 group_means(f.values, texts.confirm.negative, design));
    else
      f.confirmed = test(texts.confirm);
    if (!design.group.empty()) f.same_groups = test(texts.same_groups);
    p.push_back(f.confirmed.p);
    same_p.push_back(f.same_groups.p);
    all.push_back(std::move(f));
  }
  const std::vector<double> corrected = holm(p), same_corrected = holm(same_p);
  for (std::size_t k = 0; k < all.size(); ++k) {
    finding& f = all[k];
    const auto as_chosen = [&](const rank_test& t) {
      return (f.chosen.rank_biserial > 0) == (t.rank_biserial > 0);
    };
    f.corrected_p = corrected[k];
    f.same_corrected_p = same_corrected[k];
    f.holds = corrected[k] < level && as_chosen(f.confirmed);
    f.holds_for_same =
        !design.group.empty() && same_corrected[k] < level && as_chosen(f.same_groups);
  }
  std::stable_sort(all.begin(), all.end(), [](const finding& a, const finding& b) {
    const auto key = [](const finding& f) {
      return std::tuple(f.corrected_p, f.confirmed.p, -std::abs(f.confirmed.rank_biserial));
    };
    return key(a) < key(b);
  });
  return all;
}

confirming_power power_of(const halves& texts, const text_design& design) {
  const auto count = [&](const std::vector<std::size_t>& set) {
    if (design.group.empty()) return set.size();
    std::set<std::size_t> groups;
    for (const std::size_t t : set) groups.insert(design.group[t]);
    return groups.size();
  };
  confirming_power power{count(texts.confirm.positive), count(texts.confirm.negative), 1};
  if (design.paired)
    power.least =
        std::max(std::ldexp(2.0, -static_cast<int>(std::min<std::size_t>(power.positive, 1000))),
                 1.0 / static_cast<double>(sign_flips));
  else
    power.least = least_p(power.positive, power.negative);
  return power;
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
