// Spikes of a window: their laws, the AND gate of two trains, what they depend on, and a network of
// three neurons by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/random.hpp"
#include "kernels/cpu/cpu_kernels.hpp"
#include "support/instruction_sets.hpp"

namespace {

using bdh::kernels::index;

constexpr int draws = 20000;
const float just_below_one = 1.0f - 0x1p-24f;

struct law {
  bool integrates;
  index bins;
  std::uint32_t population = 1, token = 0;
};

bdh::kernels::spike_window window_of(const law& l, float scale = 1) {
  return {.key = bdh::random_key(7, bdh::purpose::spikes),
          .token = l.token,
          .place = 1u << 8 | l.population << 16,
          .scale = scale,
          .bins = l.bins,
          .integrates = l.integrates,
          .half_phase = false};
}

struct train {
  index count;
  float estimate;
  std::vector<bool> bins;
};

// A window of these values, of particles numbered from 0 on; `mask` may be null.
void emit(bdh::instruction_set set, const bdh::kernels::spike_window& w,
          const std::vector<float>& values, std::vector<float>& estimate,
          std::vector<index>& spikes, std::uint64_t* mask) {
  bdh::kernels::cpu_kernels_for(set).emit_spikes({.window = w,
                                                  .value = values.data(),
                                                  .id = nullptr,
                                                  .number = nullptr,
                                                  .first = 0,
                                                  .paired = false,
                                                  .estimate = estimate.data(),
                                                  .spikes = spikes.data(),
                                                  .mask = mask},
                                                 static_cast<index>(values.size()));
}

// Of many particles of one value.
std::vector<train> emitted(const law& l, float value, int particles = draws, float scale = 1) {
  const bdh::kernels::spike_window w = window_of(l, scale);
  const std::vector<float> values(particles, value);
  std::vector<float> estimate(particles);
  std::vector<index> spikes(particles);
  std::vector<std::uint64_t> mask(std::size_t{w.words()} * particles);
  emit(bdh::instruction_set::best, w, values, estimate, spikes, mask.data());
  std::vector<train> all;
  for (int k = 0; k < particles; ++k) {
    train t{spikes[k], estimate[k], {}};
    for (index b = 0; b < l.bins; ++b)
      t.bins.push_back(mask[std::size_t{w.words()} * k + b / 64] >> (b % 64) & 1);
    all.push_back(t);
  }
  return all;
}

struct moments {
  double mean = 0, variance = 0;
};

template <class Of>
moments moments_of(int n, Of of) {
  moments m;
  for (int k = 0; k < n; ++k) m.mean += of(k) / n;
  for (int k = 0; k < n; ++k) m.variance += (of(k) - m.mean) * (of(k) - m.mean) / n;
  return m;
}

// Five standard errors, and what rounding of the sums needs.
bool near(double found, double expected, double variance_of_one) {
  return std::abs(found - expected) <= 5 * std::sqrt(variance_of_one / draws) + 1e-9;
}

index coinciding(const train& a, const train& b) {
  index both = 0;
  for (std::size_t k = 0; k < a.bins.size(); ++k) both += a.bins[k] && b.bins[k];
  return both;
}

}  // namespace

TEST_CASE("counts of spikes have the mean and the variance of their code") {
  const float probabilities[] = {0, 0x1p-32f, 0.01f, 0.13f, 0.25f, 0.5f, just_below_one, 1};
  for (const bool integrates : {false, true})
    for (const index bins : {index{1}, index{8}, index{32}, index{100}})
      for (const float p32 : probabilities) {
        CAPTURE(integrates);
        CAPTURE(bins);
        CAPTURE(p32);
        const double p = p32, expected = p * bins;
        const auto all = emitted({integrates, bins}, p32);
        const moments m = moments_of(draws, [&](int k) { return double(all[k].count); });
        const double f = expected - std::floor(expected);
        const double variance = integrates ? f * (1 - f) : expected * (1 - p);
        const double fourth = integrates ? variance * (1 - 3 * variance)
                                         : variance * (1 + 3 * (double(bins) - 2) * p * (1 - p));
        CHECK(near(m.mean, expected, variance));
        // The square of what the mean may be off comes on top.
        CHECK(std::abs(m.variance - variance) <=
              5 * std::sqrt(std::max(fourth - variance * variance, 0.0) / draws) +
                  25 * variance / draws + 1e-9);
        for (const train& t : all) {
          REQUIRE(t.count == index(std::count(t.bins.begin(), t.bins.end(), true)));
          if (p == 0 || p == 1) REQUIRE(t.count == bins * index(p));
          REQUIRE(t.estimate == float(double(t.count) / bins));
          if (integrates)
            REQUIRE((t.count == std::floor(expected) || t.count == std::ceil(expected)));
        }
        for (index b = 0; b < bins; ++b)
          CHECK(near(moments_of(draws, [&](int k) { return double(all[k].bins[b]); }).mean, p,
                     p * (1 - p)));
      }
}

TEST_CASE("a window without masks has the same counts, and estimates end at the scale") {
  for (const bool integrates : {false, true})
    for (const index bins : {index{7}, index{1024}}) {
      const auto all = emitted({integrates, bins}, 0.3f, 50, 1.7f);
      std::vector<float> values(50, 0.3f), estimate(50);
      std::vector<index> spikes(50);
      emit(bdh::instruction_set::plain, window_of({integrates, bins}, 1.7f), values, estimate,
           spikes, nullptr);
      for (int k = 0; k < 50; ++k) {
        CHECK(spikes[k] == all[k].count);
        CHECK(estimate[k] == all[k].estimate);
      }
      CHECK(emitted({integrates, bins}, 9.0f, 1, 1.7f)[0].estimate == 1.7f);
    }
}

TEST_CASE("an AND gate of two trains counts pairs of the same bin") {
  const float ps[] = {0.25f, 0.5f, 0.03f};
  for (const bool integrates : {false, true})
    for (const float p : ps)
      for (const float q : ps) {
        CAPTURE(integrates);
        CAPTURE(p);
        CAPTURE(q);
        const index bins = 32;
        const auto x = emitted({integrates, bins, 1}, p), w = emitted({integrates, bins, 3}, q);
        const moments both =
            moments_of(draws, [&](int k) { return double(coinciding(x[k], w[k])); });
        const double pq = double(p) * q, expected = bins * pq;
        // Regular trains coincide in clusters: their own spread is the bound there.
        CHECK(near(both.mean, expected, integrates ? both.variance : expected * (1 - pq)));
        const double variance = expected * (1 - pq),
                     fourth = variance * (1 + 3 * (double(bins) - 2) * pq * (1 - pq));
        if (!integrates) CHECK(near(both.variance, variance, fourth - variance * variance));
        const moments pairs =
            moments_of(draws, [&](int k) { return double(x[k].count) * w[k].count; });
        CHECK(near(pairs.mean, double(bins) * bins * pq, pairs.variance));
      }
}

TEST_CASE("two regular trains of a rate of a quarter meet always or never") {
  for (const index bins : {index{16}, index{256}}) {
    const auto x = emitted({true, bins, 1}, 0.25f), w = emitted({true, bins, 3}, 0.25f);
    const moments both = moments_of(draws, [&](int k) { return double(coinciding(x[k], w[k])); });
    CHECK(both.variance / (both.mean * both.mean) == doctest::Approx(3).epsilon(0.25 / 3));
    for (int k = 0; k < draws; ++k) {
      const index c = coinciding(x[k], w[k]);
      REQUIRE((c == 0 || c == bins / 4));
    }
  }
}

TEST_CASE(
    "trains of one particle in other populations, tokens, bins and particles are independent") {
  const law one{false, 4, 1, 0};
  const auto x = emitted(one, 0.5f);
  const auto independent = [&](auto a, auto b) {
    double count[2][2] = {};
    for (int k = 0; k + 1 < draws; ++k) count[a(k)][b(k)] += 1;
    double chi = 0;
    const double n = draws - 1;
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        const double expected = (count[i][0] + count[i][1]) * (count[0][j] + count[1][j]) / n;
        chi += (count[i][j] - expected) * (count[i][j] - expected) / expected;
      }
    return chi < 25;  // one degree of freedom: five standard deviations
  };
  const auto first = [](const std::vector<train>& of) {
    return [&of](int k) -> bool { return of[k].bins[0]; };
  };
  // Y, W of round 1 and of round 3, A of two heads; then another token.
  for (const std::uint32_t population : {2u, 3u, 4u, 16u, 17u}) {
    const auto other = emitted({false, 4, population, 0}, 0.5f);
    CHECK(independent(first(x), first(other)));
  }
  const auto later = emitted({false, 4, 1, 1}, 0.5f);
  CHECK(independent(first(x), first(later)));
  for (int b = 1; b < 4; ++b)
    CHECK(independent(first(x), [&](int k) -> bool { return x[k].bins[b]; }));
  CHECK(independent(first(x), [&](int k) -> bool { return x[k + 1].bins[0]; }));
}

TEST_CASE("a train depends on nothing but its own particle") {
  const law l{false, 70, 1, 3};
  const bdh::kernels::spike_window w = window_of(l);
  const auto all = emitted(l, 0.4f, 100);
  const std::vector<index> id = {3, 17, 64, 99};
  const std::vector<float> value(4, 0.4f);
  for (const bdh::instruction_set set : tests::instruction_sets()) {
    std::vector<float> estimate(4);
    std::vector<index> spikes(4);
    std::vector<std::uint64_t> mask(200);
    bdh::kernels::cpu_kernels_for(set).emit_spikes({.window = w,
                                                    .value = value.data(),
                                                    .id = id.data(),
                                                    .number = nullptr,
                                                    .first = 0,
                                                    .paired = false,
                                                    .estimate = estimate.data(),
                                                    .spikes = spikes.data(),
                                                    .mask = mask.data()},
                                                   4);
    for (int k = 0; k < 4; ++k)
      for (index b = 0; b < 70; ++b)
        CHECK(bool(mask[2 * id[k] + b / 64] >> (b % 64) & 1) == all[id[k]].bins[b]);
  }
}

TEST_CASE("values above and below zero are emitted by two particles") {
  const law l{false, 32, 16, 0};
  const std::vector<float> value = {0.5f, -0.5f};
  const std::vector<index> id = {5, 5};
  std::vector<float> estimate(2);
  std::vector<index> spikes(2);
  bdh::kernels::cpu_kernels_for(bdh::instruction_set::best)
      .emit_spikes({.window = window_of(l),
                    .value = value.data(),
                    .id = id.data(),
                    .number = nullptr,
                    .first = 0,
                    .paired = true,
                    .estimate = estimate.data(),
                    .spikes = spikes.data(),
                    .mask = nullptr},
                   2);
  const auto single = emitted(l, 0.5f, 12);  // particles 10 and 11
  CHECK(estimate[0] == single[10].estimate);
  CHECK(estimate[1] == -single[11].estimate);
}

TEST_CASE("what is not a number or below zero is silent") {
  for (const float value : {std::nanf(""), -1.0f, 0.0f}) {
    const auto all = emitted({false, 8}, value, 3);
    for (const train& t : all) CHECK(t.count == 0);
  }
}

// Three neurons, K = 4. X of neurons 0 and 1, a rotation pair, has scale 2, so that a spike is 1/2;
// W of the three targets has scale 1.
//
//     X(0)  1 1 0 1     W(0)  1 0 0 1     W(2) = 1/2, graded, where a target does not spike
//     X(1)  0 1 1 0     W(1)  0 1 1 1
//
//     pairs 0->0: 2, 1->0: 0, 0->1: 2, 1->1: 2; every spike pairs with target 2: 3 and 2
TEST_CASE("a network of three neurons, by hand") {
  const std::uint64_t x[] = {0b1011, 0b0110}, w[] = {0b1001, 0b1110, ~std::uint64_t{0}};
  const std::vector<float> amount = {0, 0.5f, 1, 1.5f, 2};
  // A quarter turn: R (e, o) = (-o, e).
  const float cosine = 0, sine = 1, decay[] = {0.5f, 0.5f};
  const float before[2][3] = {{1, 2, 4}, {8, 0, -2}};
  for (const bdh::instruction_set set : tests::instruction_sets()) {
    const bdh::kernels::cpu_kernels& bodies = bdh::kernels::cpu_kernels_for(set);
    // Round 0: A = sigma X^ with X^ = (3/2, 1).
    float rows[2][3];
    std::copy(&before[0][0], &before[0][0] + 6, &rows[0][0]);
    const index both[] = {0, 1};
    const float sent[] = {1.5f, 1.0f};
    float a[3];
    bodies.push_dense(bdh::kernels::push_dense{.rows = &rows[0][0],
                                               .stride = 3,
                                               .width = 3,
                                               .first_source = 0,
                                               .count = 2,
                                               .source = both,
                                               .activity = sent,
                                               .out = a});
    CHECK((a[0] == 9.5f && a[1] == 3.0f && a[2] == 4.0f));
    // Round 1, the even member gets -odd, the odd one even: amounts of pairs 0->j are 1, 1, 3/2,
    // of 1->j 0, 1, 1; W 1, 1, 1/2.
    const float expected[2][3] = {{0.5f - 0.0f, 1 - 1, 2 - 0.5f}, {4 + 1, 0 + 1, -1 + 0.75f}};
    const index pair[] = {0};
    const float post[] = {1, 1, 0.5f};
    float found = 0;
    bodies.reweight_coincident(bdh::kernels::reweight_coincident{.rows = &rows[0][0],
                                                                 .width = 3,
                                                                 .first_source = 0,
                                                                 .words = 1,
                                                                 .unit = pair,
                                                                 .mask = x,
                                                                 .amount = amount.data(),
                                                                 .post = post,
                                                                 .post_mask = w,
                                                                 .cosine = &cosine,
                                                                 .sine = &sine,
                                                                 .per_head = 2,
                                                                 .decay = decay,
                                                                 .rounding = nullptr,
                                                                 .found = &found},
                               1);
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 3; ++j) CHECK(rows[i][j] == expected[i][j]);
    CHECK(found == 2 + 0 + 2 + 2 + 3 + 2);
    // The same over explicit edges, 0 and 1 to all three targets, at rates 1 and 2.
    const std::uint64_t begin[] = {0, 3}, end[] = {3, 6}, age[] = {1};
    const index target[] = {0, 1, 2, 0, 1, 2};
    const float rate[] = {1, 1, 1, 2, 2, 2};
    const bool spiking[] = {true, true, false};
    float strength[6];
    std::copy(&before[0][0], &before[0][0] + 6, strength);
    bodies.reweight_coincident_edges({.begin = begin,
                                      .end = end,
                                      .target = target,
                                      .rate = rate,
                                      .retention = nullptr,
                                      .strength = strength,
                                      .words = 1,
                                      .amount = amount.data(),
                                      .post = post,
                                      .post_mask = w,
                                      .unit = pair,
                                      .mask = x,
                                      .cosine = &cosine,
                                      .sine = &sine,
                                      .decay = decay,
                                      .age = age,
                                      .found = &found,
                                      .spiking = spiking},
                                     1);
    // Of 1->j the amounts are 0, 2, 2.
    const float at_rates[] = {0.5f, 1 - 2, 2 - 1, 4 + 1, 0 + 1, -1 + 0.75f};
    for (int e = 0; e < 6; ++e) CHECK(strength[e] == at_rates[e]);
    CHECK(found == 6);
    // Round 2: Y = (drive)_+ X with the neuron's own graded X, 5/4 and 3/4.
    const float drive[] = {2, -1}, graded[] = {1.25f, 0.75f};
    float y[2];
    bodies.threshold_y({.drive = drive, .x = graded, .y = y, .n = 2});
    CHECK((y[0] == 2.5f && y[1] == 0.0f));
  }
}
