// What groups and matched pairs of texts do to the test of concepts: who is held out, and how often
// it is wrong.
#include "core/analysis/concept_confirmation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/base/random.hpp"

namespace {

constexpr std::size_t words = 16, sentences = 6;  // of each set; of a word

double drawn(std::uint64_t item, std::uint64_t step) {
  return bdh::normal(11, bdh::purpose::test_weights, item, step);
}

// Texts of two sets of words, one word after the other.
bdh::text_design by_words() {
  bdh::text_design d;
  for (std::size_t t = 0; t < 2 * words * sentences; ++t) d.group.push_back(t / sentences);
  return d;
}

// A strength in every text: what its word brings, what the concept adds, and noise.
std::vector<float> strengths(std::uint64_t repetition, double of_word, double of_concept) {
  std::vector<float> values;
  for (std::size_t t = 0; t < 2 * words * sentences; ++t) {
    const std::size_t word = t / sentences;
    values.push_back(static_cast<float>(of_word * drawn(1000 + word, repetition) +
                                        (word < words ? of_concept : 0) + drawn(t, repetition)));
  }
  return values;
}

bdh::separation in_favour(const std::vector<float>& values, const bdh::halves& h) {
  double a = 0, b = 0;
  for (const std::size_t t : h.choose.positive) a += values[t];
  for (const std::size_t t : h.choose.negative) b += values[t];
  bdh::separation s;
  s.mean_difference = static_cast<float>(a / static_cast<double>(h.choose.positive.size()) -
                                         b / static_cast<double>(h.choose.negative.size()));
  s.u_balance = s.mean_difference > 0 ? 1 : -1;
  return s;
}

bdh::finding tested(const std::vector<float>& values, const bdh::halves& h,
                    const bdh::text_design& design) {
  const std::vector<bdh::separation> chosen{in_favour(values, h)};
  return bdh::confirm(chosen, {values}, h, 0.05, design).front();
}

}  // namespace

TEST_CASE("a group is dealt whole, and every text is somewhere once") {
  const bdh::text_design design = by_words();
  const bdh::halves h = bdh::split_texts(words * sentences, words * sentences, 5, design);
  std::multiset<std::size_t> all;
  for (const auto* sets : {&h.choose, &h.confirm, &h.same_groups})
    for (const auto* set : {&sets->positive, &sets->negative}) all.insert(set->begin(), set->end());
  CHECK(all.size() == 2 * words * sentences);
  CHECK(std::set(all.begin(), all.end()).size() == all.size());
  std::set<std::size_t> choosing, confirming, same;
  for (const std::size_t t : h.choose.positive) choosing.insert(design.group[t]);
  for (const std::size_t t : h.confirm.positive) confirming.insert(design.group[t]);
  for (const std::size_t t : h.same_groups.positive) same.insert(design.group[t]);
  CHECK(choosing.size() == words / 2);
  CHECK(confirming.size() == words / 2);
  CHECK(same == choosing);
  for (const std::size_t g : confirming) CHECK_FALSE(choosing.contains(g));
  const bdh::confirming_power power = bdh::power_of(h, design);
  CHECK(power.positive == words / 2);
  CHECK(power.least == bdh::least_p(words / 2, words / 2));
  // Another seed, other words.
  CHECK(bdh::split_texts(words * sentences, words * sentences, 6, design).choose.positive !=
        h.choose.positive);
}

TEST_CASE("words without a concept are rarely confirmed as one; a concept is") {
  const bdh::text_design design = by_words();
  constexpr int repetitions = 200;
  int as_groups = 0, as_sentences = 0, same_words = 0, found = 0;
  for (std::uint64_t k = 0; k < repetitions; ++k) {
    const bdh::halves h = bdh::split_texts(words * sentences, words * sentences, k, design);
    const std::vector<float> of_words = strengths(k, 4, 0);
    const bdh::finding f = tested(of_words, h, design);
    as_groups += f.holds ? 1 : 0;
    same_words += f.holds_for_same ? 1 : 0;
    // The same halves, each sentence for itself: words are taken for many independent texts.
    as_sentences += tested(of_words, h, {}).holds ? 1 : 0;
    found += tested(strengths(k, 0.5, 2), h, design).holds ? 1 : 0;
  }
  CHECK(as_groups <= 15);  // 5 expected: half of 5 %, as the direction must be that of the choice
  CHECK(as_sentences >= 40);  // what the groups are for
  CHECK(same_words >= 40);    // words do separate, in other sentences with them
  CHECK(found >= 190);
}

TEST_CASE("matched texts: signs of differences") {
  // Eight pairs, of which the frame brings far more than the word.
  const bdh::text_design design{.paired = true};
  std::vector<float> values;
  for (std::size_t t = 0; t < 16; ++t)
    values.push_back(static_cast<float>(100 * drawn(t % 8, 1)) + (t < 8 ? 1.0f : 0.0f));
  const bdh::halves h = bdh::split_texts(8, 8, 3, design);
  REQUIRE(h.confirm.positive.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) CHECK(h.confirm.negative[k] == h.confirm.positive[k] + 8);
  for (std::size_t k = 0; k < 4; ++k) CHECK(h.choose.negative[k] == h.choose.positive[k] + 8);
  const bdh::finding f = tested(values, h, design);
  CHECK(f.confirmed.exact);
  CHECK(f.confirmed.p == 2.0 / 16);  // all four differences are 1: two of 2^4 sign patterns
  CHECK(f.confirmed.u == 4);
  CHECK(f.confirmed.rank_biserial == 1);
  CHECK(bdh::power_of(h, design).least == 2.0 / 16);
  CHECK(tested(values, h, {}).confirmed.p > 0.3);  // not matched, the frames hide it
}
