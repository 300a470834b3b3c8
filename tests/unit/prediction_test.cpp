// What follows from the logits: the loss of the token that came, the choice of the next one.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>

#include "core/base/exponential.hpp"
#include "core/simulation/loss.hpp"
#include "core/simulation/sampling_law.hpp"

using bdh::choose;
using bdh::cross_entropy;

namespace {

const float three = std::log(3.0f);

// How often each token is chosen at 40,000 positions, as a share.
std::vector<double> shares(const std::vector<float>& logits, const bdh::sampling& how) {
  constexpr int draws = 40000;
  std::vector<double> share(logits.size());
  for (int position = 0; position < draws; ++position)
    share[choose(logits, how, static_cast<std::uint64_t>(position))] += 1.0 / draws;
  return share;
}

}  // namespace

TEST_CASE("the cross-entropy of probabilities 1/4 and 3/4") {
  const std::array logits{0.0f, three};
  CHECK(cross_entropy(logits, 0) == doctest::Approx(std::log(4.0)).epsilon(1e-7));
  CHECK(cross_entropy(logits, 1) == doctest::Approx(std::log(4.0 / 3)).epsilon(1e-7));
}

TEST_CASE("the cross-entropy does not overflow, and a shift of all logits changes nothing") {
  CHECK(cross_entropy(std::array{10000.0f, 0.0f}, 0) == 0);
  CHECK(cross_entropy(std::array{10000.0f, 0.0f}, 1) == 10000);
  CHECK(cross_entropy(std::array{-30000.0f, -30000.0f}, 1) == doctest::Approx(std::log(2.0)));
  CHECK(cross_entropy(std::array{7.0f}, 0) == 0);
}

TEST_CASE("temperature 0 takes the most likely token, the lowest id where several are") {
  CHECK(choose(std::array{1.0f, 5.0f, 5.0f, 2.0f}, {}, 0) == 1);
  CHECK(choose(std::array{-1.0f}, {}, 7) == 0);
}

TEST_CASE(
    "temperature 1 takes tokens as often as they are predicted, temperature 2 by the root of "
    "that") {
  const std::vector<float> logits{0, three, -100};
  const auto at_1 = shares(logits, {.temperature = 1});
  CHECK(at_1[0] == doctest::Approx(0.25).epsilon(0.04));
  CHECK(at_1[1] == doctest::Approx(0.75).epsilon(0.04));
  CHECK(at_1[2] == 0);
  const auto at_2 = shares(logits, {.temperature = 2});
  CHECK(at_2[1] / at_2[0] == doctest::Approx(std::sqrt(3.0)).epsilon(0.05));
}

TEST_CASE("only the k most likely tokens are chosen, the lowest ids of equals") {
  const auto share = shares({2, 1, 2, 2, 0}, {.temperature = 1, .top_k = 2});
  CHECK(share[0] == doctest::Approx(0.5).epsilon(0.04));
  CHECK(share[2] == doctest::Approx(0.5).epsilon(0.04));
  CHECK(share[1] + share[3] + share[4] == 0);
  CHECK(shares({2, 1, 3}, {.temperature = 9, .top_k = 1})[2] == doctest::Approx(1));
  CHECK(shares({1, 1}, {.temperature = 1, .top_k = 10})[0] == doctest::Approx(0.5).epsilon(0.04));
}

TEST_CASE("of many tokens, most of them without weight, only likely ones are chosen") {
  std::vector<float> logits(1000, -2000.0f);
  logits[70] = logits[700] = 1;
  const auto share = shares(logits, {.temperature = 1});
  CHECK(share[70] == doctest::Approx(0.5).epsilon(0.04));
  CHECK(share[70] + share[700] == doctest::Approx(1));
  CHECK(cross_entropy(logits, 70) == doctest::Approx(std::log(2.0)));
}

TEST_CASE("the exponential of our own") {
  for (double x = 0; x > -690; x = x * 1.01 - 0.00137)
    CHECK(std::abs(bdh::exponential(x) / std::exp(x) - 1) < 5e-16);
  CHECK(bdh::exponential(0) == 1);
  CHECK(bdh::exponential(-701) == 0);
  CHECK(bdh::exponential(-std::numeric_limits<double>::infinity()) == 0);
}

TEST_CASE("where rounding leaves no token, the last that has any weight is drawn") {
  const double weights[] = {0, 0.1, 0.2, 0.3, 0}, sums[] = {1};  // larger than they are
  CHECK(bdh::sampled_token(weights, 5, sums, 0.99) == 3);
  CHECK(bdh::sampled_token(weights, 5, sums, 0) == 1);
  CHECK(bdh::sampled_token(weights, 5, sums, 0.25) == 2);
}

TEST_CASE("a choice depends on seed and position, and on nothing else") {
  const std::vector<float> logits(1000, 0.5f);
  const bdh::sampling how{.temperature = 1, .seed = 4}, other{.temperature = 1, .seed = 5};
  int same_position = 0, same_seed = 0;
  for (std::uint64_t position = 0; position < 100; ++position) {
    CHECK(choose(logits, how, position) == choose(logits, how, position));
    same_position += choose(logits, how, position) == choose(logits, other, position);
    same_seed += choose(logits, how, position) == choose(logits, how, position + 1);
  }
  CHECK(same_position < 5);
  CHECK(same_seed < 5);
}

TEST_CASE("nothing is chosen from logits that overflowed") {
  CHECK_THROWS_AS(choose(std::array{0.0f, std::numeric_limits<float>::infinity()}, {}, 3),
                  bdh::input_error);
}
