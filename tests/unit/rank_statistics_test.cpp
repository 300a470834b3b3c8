// Rank statistics and activity, by hand and against all cases counted one by one.
#include "core/analysis/rank_statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "core/analysis/activity_statistics.hpp"
#include "core/analysis/concept_confirmation.hpp"

TEST_CASE("U, midranks and the normal p by hand") {
  // 3 above 1, 2; 5 above 1, 2, 4; 2 above 1 and equal to 2.
  const bdh::rank_test r =
      bdh::mann_whitney(std::vector<float>{3, 5, 2}, std::vector<float>{1, 2, 4});
  CHECK(r.u == 2 + 3 + 1.5);
  CHECK(r.rank_biserial == doctest::Approx(2 * 6.5 / 9 - 1));
  CHECK_FALSE(r.exact);
  // variance = 9/12 (7 - 6/30) = 5.1; z = (6.5 - 4.5 - 0.5) / sqrt(5.1)
  CHECK(r.p == doctest::Approx(std::erfc(1.5 / std::sqrt(5.1) / std::sqrt(2.0))).epsilon(1e-14));
  const bdh::rank_test apart =
      bdh::mann_whitney(std::vector<float>{1, 2, 3}, std::vector<float>{4, 5, 6, 7});
  CHECK(apart.u == 0);
  CHECK(apart.rank_biserial == -1);
  CHECK(apart.exact);
  CHECK(apart.p == doctest::Approx(2.0 / 35));
  CHECK(apart.p == doctest::Approx(bdh::least_p(3, 4)));
  CHECK(bdh::mann_whitney(std::vector<float>{1, 1}, std::vector<float>{1, 1, 1}).p == 1);
  CHECK(bdh::mann_whitney(std::vector<float>{}, std::vector<float>{1}).p == 1);
}

TEST_CASE(
    "the exact p is the share of all arrangements that are as far from the middle, or farther") {
  for (const auto& [m, n] : {std::pair{1, 1}, {2, 5}, {4, 4}, {5, 3}, {6, 6}}) {
    std::vector<int> of_a(static_cast<std::size_t>(m + n));
    std::fill(of_a.end() - m, of_a.end(), 1);
    std::map<double, double> count;  // U -> arrangements
    double all = 0;
    do {
      std::vector<float> a, b;
      for (std::size_t k = 0; k < of_a.size(); ++k)
        (of_a[k] ? a : b).push_back(static_cast<float>(k));
      ++count[bdh::mann_whitney(a, b).u];
      ++all;
    } while (std::next_permutation(of_a.begin(), of_a.end()));
    for (const auto& [u, ignored] : count) {
      double as_far = 0;
      for (const auto& [other, times] : count)
        if (std::abs(other - m * n / 2.0) >= std::abs(u - m * n / 2.0)) as_far += times;
      // Any two samples with this U.
      std::vector<float> a(static_cast<std::size_t>(m)), b(static_cast<std::size_t>(n));
      for (int k = 0; k < n; ++k) b[static_cast<std::size_t>(k)] = static_cast<float>(k + 1);
      int left = static_cast<int>(u);
      for (int k = 0; k < m; ++k) {
        const int above = std::min(left, n);
        a[static_cast<std::size_t>(k)] =
            static_cast<float>(above) + 0.5f + 0.01f * static_cast<float>(k);
        left -= above;
      }
      const bdh::rank_test r = bdh::mann_whitney(a, b);
      CHECK(r.u == u);
      CHECK(r.exact);
      CHECK(r.p == doctest::Approx(as_far / all).epsilon(1e-12));
    }
  }
}

TEST_CASE("Holm's correction, and how many texts it takes") {
  const std::vector<double> corrected = bdh::holm(std::vector<double>{0.03, 0.01, 0.02, 0.9});
  CHECK(corrected[1] == doctest::Approx(0.04));
  CHECK(corrected[2] == doctest::Approx(0.06));
  CHECK(corrected[0] == doctest::Approx(0.06));  // never below one that came before
  CHECK(corrected[3] == doctest::Approx(0.9));
  // 2 / C(6, 3) = 0.1, 2 / C(8, 4) = 0.029: four to confirm, three to choose.
  CHECK(bdh::texts_needed(1, 0.05) == 7);
  CHECK(bdh::least_p(8, 8) * 100 < 0.05);
  CHECK(bdh::least_p(7, 7) * 100 > 0.05);
  CHECK(bdh::texts_needed(100, 0.05) == 15);
  // 3 and 10 to confirm: 2 / C(13, 3) = 0.0070; 3 and 5: 0.036; 3 and 4: 0.057.
  CHECK(bdh::texts_needed_beside(6, 1, 0.05) == 9);
  CHECK(bdh::texts_needed_beside(15, 100, 0.05) == 13);  // 8 and 7 to confirm
  CHECK(bdh::least_p(3, bdh::texts_needed_beside(6, 100, 0.05) / 2) * 100 >= 0.05);
  CHECK(bdh::texts_needed_beside(1000, 1, 0.05) == 2);  // one to choose by, one to confirm
}

TEST_CASE("halves have every text once, and the same ones for the same seed") {
  const bdh::halves h = bdh::split_texts(9, 6, 3);
  CHECK(h.choose.positive.size() == 4);
  CHECK(h.confirm.positive.size() == 5);
  CHECK(h.choose.negative.size() == 3);
  std::vector<std::size_t> all;
  for (const auto* part :
       {&h.choose.positive, &h.confirm.positive, &h.choose.negative, &h.confirm.negative})
    all.insert(all.end(), part->begin(), part->end());
  std::sort(all.begin(), all.end());
  std::vector<std::size_t> expected(15);
  std::iota(expected.begin(), expected.end(), std::size_t{0});
  CHECK(all == expected);
  CHECK(std::all_of(h.choose.positive.begin(), h.choose.positive.end(),
                    [](std::size_t t) { return t < 9; }));
  CHECK(bdh::split_texts(9, 6, 3).choose.positive == h.choose.positive);
  CHECK(bdh::split_texts(40, 6, 4).choose.positive != bdh::split_texts(40, 6, 3).choose.positive);
}

TEST_CASE("correlations by hand") {
  const std::vector<double> a{1, 2, 3, 4}, b{1, 4, 9, 16};
  CHECK(bdh::pearson(a, b) == doctest::Approx(25 / std::sqrt(5.0 * 129)));
  CHECK(bdh::spearman(a, b) == doctest::Approx(1));
  CHECK(bdh::spearman(a, std::vector<double>{2, 2, 1, 0}) ==
        doctest::Approx(-4.5 / std::sqrt(5 * 4.5)));
  CHECK(std::isnan(bdh::pearson(a, std::vector<double>{0.1, 0.1, 0.1, 0.1})));
  CHECK(std::isnan(bdh::spearman(std::vector<double>{}, std::vector<double>{})));
}

TEST_CASE("activity by hand: four neurons, two pairs, one layer") {
  bdh::activity_statistics all(4, 4, 1, {0.01, 0.25});
  using ids = std::vector<bdh::neuron_id>;
  const auto token = [&](double surprisal, const ids& x, const std::vector<float>& xs, const ids& y,
                         const std::vector<float>& ys) {
    all.see(1, false, x, xs);
    all.see(1, true, y, ys);
    bdh::token_activity t{
        .position = all.tokens().size(), .token = 0, .surprisal = surprisal, .synaptic_events = 10};
    t.x = {static_cast<double>(x.size()) / 4};
    t.y = {static_cast<double>(y.size()) / 4};
    all.add(t);
  };
  token(std::nan(""), {0, 1}, {1, 1}, {}, {});
  token(1, {2}, {3}, {2}, {5});
  token(2, {0, 1, 2}, {1, 1, 2}, {0}, {1});
  const std::vector<bdh::layer_activity> found = all.layers();
  REQUIRE(found.size() == 2);
  CHECK(found[0].mean == doctest::Approx(0.5));
  CHECK(found[0].least == 0.25);
  CHECK(found[0].most == 0.75);
  CHECK(found[0].ever == 3);
  CHECK(found[0].of_a_token == doctest::Approx((2 + 1 + 16.0 / 6) / 3));
  CHECK(found[0].of_the_text == doctest::Approx(81.0 / (4 + 4 + 25)));  // sums 2, 2, 5, 0
  CHECK(found[0].pearson == doctest::Approx(1));  // two tokens whose surprisal is known
  CHECK(found[1].ever == 2);
  CHECK(found[1].of_a_token == 1);
  CHECK(all.ever_active() == 3);
  const auto bands = all.by_frequency(2);
  REQUIRE(bands.size() == 2);
  CHECK(bands[0].fastest == 0.25);  // neurons 2, 3
  CHECK(bands[0].neurons == 2);
  CHECK(bands[0].x == doctest::Approx(2.0 / 6));
  CHECK(bands[1].x == doctest::Approx(4.0 / 6));
  CHECK(bands[0].y == doctest::Approx(1.0 / 6));
  const auto bins = all.by_surprisal(10);
  REQUIRE(bins.size() == 2);
  CHECK(bins[0].mean == 1);
  CHECK(bins[0].x == doctest::Approx(0.25));
  CHECK(bins[1].x == doctest::Approx(0.75));
}
