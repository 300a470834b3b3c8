#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "core/base/random.hpp"
#include "graph/top_weights.hpp"

namespace {

std::vector<std::size_t> kept(std::size_t columns, const std::vector<float>& scores,
                              bdh::edge_id count) {
  const auto row = [&](std::size_t r, std::span<float> out) {
    std::copy_n(scores.begin() + r * columns, columns, out.begin());
  };
  bdh::sieve s = bdh::largest(scores.size() / columns, columns, count, row);
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (s.keeps(scores[i])) at.push_back(i);
  return at;
}

using places = std::vector<std::size_t>;

}  // namespace

TEST_CASE("the largest scores are kept, of equal ones those that come first") {
  const std::vector<float> scores{0.5f, 2, 0, 2, 1, 2, 0, 1};
  CHECK(kept(4, scores, 1) == places{1});
  CHECK(kept(4, scores, 2) == places{1, 3});
  CHECK(kept(4, scores, 4) == places{1, 3, 4, 5});
  CHECK(kept(4, scores, 5) == places{1, 3, 4, 5, 7});
  CHECK(kept(4, scores, 7) == places{0, 1, 2, 3, 4, 5, 7});
  CHECK(kept(4, scores, 8).size() == 8);
  CHECK(kept(4, scores, 0).empty());
}

TEST_CASE("it agrees with sorting, also where scores differ in their last bit") {
  std::vector<float> scores(3000);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double u = bdh::uniform(3, bdh::purpose::test_weights, i, 0);
    const double of_three[]{1 + 1e-6 * u, u * 1e-40, 100 * u};
    scores[i] = static_cast<float>(of_three[i % 3]);
  }
  std::vector<std::size_t> by_score(scores.size());
  for (std::size_t i = 0; i < by_score.size(); ++i) by_score[i] = i;
  std::stable_sort(by_score.begin(), by_score.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (const std::size_t count : {1u, 10u, 999u, 1000u, 1500u, 2100u, 2999u}) {
    places expected(by_score.begin(), by_score.begin() + static_cast<std::ptrdiff_t>(count));
    std::sort(expected.begin(), expected.end());
    CHECK(kept(60, scores, count) == expected);
  }
}
