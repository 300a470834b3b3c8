// The kernel bodies on cases small enough to add up by hand, and the law of summation on cases larger than a group.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/random.hpp"
#include "kernels/block.hpp"
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/threshold.hpp"

namespace {

using namespace bdh::kernels;
constexpr host_group<4> group;

std::vector<float> random(std::size_t n, std::uint64_t stream) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(bdh::normal(3, bdh::purpose::test_weights, i, stream));
  return v;
}

// The law once more, lane by lane: lane = position mod 32, then lane p takes lane p + half.
float lawful_sum(const std::vector<float>& terms) {
  float lane[32] = {};
  for (std::size_t i = 0; i < terms.size(); ++i) lane[i % 32] += terms[i];
  for (int half = 16; half > 0; half /= 2)
    for (int p = 0; p < half; ++p) lane[p] += lane[p + half];
  return lane[0];
}

}  // namespace

TEST_CASE("propagate, pushed: only active sources, ascending") {
  const float rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};  // 3 sources x 3 targets, first source is number 10
  const index source[] = {10, 12};
  const float activity[] = {2, 10};
  float out[3] = {-1, -1, -1};
  push_dense{rows, 3, 3, 10, 2, source, activity, out}(group);
  CHECK(std::vector<float>(out, out + 3) == std::vector<float>{72, 84, 96});
  push_dense{rows, 3, 3, 10, 0, source, activity, out}(group);
  CHECK(out[0] == 0);

  const std::uint64_t indptr[] = {0, 1, 1, 3};
  const index target[] = {2, 0, 1};
  const float weights[] = {5, 7, 9};
  const index who[] = {0, 2};
  push_sparse{indptr, target, weights, 3, 2, who, activity, out}(group);
  CHECK(std::vector<float>(out, out + 3) == std::vector<float>{70, 90, 10});
}

TEST_CASE("propagate, pulled: rows by the law of summation, whatever their length") {
  for (index width : {1u, 3u, 31u, 32u, 33u, 64u, 100u, 257u}) {
    CAPTURE(width);
    const auto row = random(width * 2, 1), activity = random(width, 2);
    std::vector<float> terms(width);
    for (index m = 0; m < width; ++m) terms[m] = row[width + m] * activity[m];
    const index target[] = {1};
    float out[2] = {};
    pull_dense{row.data(), width, nullptr, activity.data(), out}(group, 1);
    CHECK(out[1] == lawful_sum(terms));
    pull_dense{row.data(), width, target, activity.data(), out}(group, 0);
    CHECK(out[0] == out[1]);

    std::vector<index> all(width);
    for (index m = 0; m < width; ++m) all[m] = m;
    const std::uint64_t indptr[] = {0, width};
    float sparse = 0;
    pull_sparse{indptr, all.data(), row.data() + width, nullptr, activity.data(), &sparse}(group, 0);
    CHECK(sparse == out[1]);
    // Gathered: the same edges from sources in another place.
    std::vector<float> spread(2 * width + 1, 99.0f);
    for (index m = 0; m < width; ++m) spread[2 * m + 1] = activity[m];
    for (index m = 0; m < width; ++m) all[m] = 2 * m + 1;
    pull_sparse{indptr, all.data(), row.data() + width, nullptr, spread.data(), &sparse}(group, 0);
    CHECK(sparse == out[1]);
  }
}

TEST_CASE("propagate: a hub adds the blocks that reach it in their order") {
  const float a[] = {1e8f, 1}, b[] = {-1e8f, 2}, c[] = {1, 3};
  const float* parts[] = {a, b, c};
  float out[2] = {9, 9};
  collect{parts, 2, 3, out}(group);
  CHECK(out[0] == 1);  // (1e8 - 1e8) + 1; another order would lose the 1
  CHECK(out[1] == 6);
}

TEST_CASE("reweight: strength of an active neuron's row, aged, plus W times X") {
  float rows[] = {1, 2, 3, 4, 5, 6};  // neurons 4 and 5, 3 targets
  const index source[] = {5};
  const float activity[] = {10}, kept[] = {0.5f}, w[] = {1, 0, -1};
  reweight{rows, 3, 4, source, activity, kept, w}(group, 0);
  CHECK(std::vector<float>(rows, rows + 6) == std::vector<float>{1, 2, 3, 12, 2.5f, -7});
}

TEST_CASE("threshold: excitation minus inhibition, cut at zero; a NaN is not silenced") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float drive[] = {1, -1, 0, -0.0f, nan, 2};
  float x[] = {1, 1, 1, 1, 1, 1};
  threshold_x{drive, x, 6, false}(group);
  CHECK(x[0] == 1);
  CHECK(x[1] == 0);
  CHECK_FALSE(std::signbit(x[3]));
  CHECK(std::isnan(x[4]));
  x[0] = 3;
  x[1] = 4;
  threshold_x{drive, x, 2, true}(group);
  CHECK(x[0] == 4);
  CHECK(x[1] == 4);
  const float gate[] = {2, 2, 2, 2, 0, 3};
  float y[6] = {};
  threshold_y{drive, gate, y, 6}(group);
  CHECK(y[0] == 2);
  CHECK(y[1] == 0);
  CHECK(y[5] == 6);
}

TEST_CASE("threshold: the pool of hubs is LayerNorm") {
  float z[] = {1, 2, 3, 6};  // mean 3, biased variance 3.5
  pool{z, 4, 0.5f, true, true, nullptr}(group);
  CHECK(z[0] == doctest::Approx(-1.0));
  CHECK(z[3] == doctest::Approx(1.5));
  float raw[] = {1, 2, 3, 6};
  pool{raw, 4, 0.5f, false, true, nullptr}(group);
  CHECK(raw[3] == doctest::Approx(3.0));
  pool{raw, 4, 0.5f, true, false, nullptr}(group);
  CHECK(raw[0] + raw[1] + raw[2] + raw[3] == doctest::Approx(0.0));
}

TEST_CASE("decay: an active pair is turned to the clock and aged since its last use") {
  const index pair[] = {2};
  const float x[] = {9, 9, 3, 4};
  const float cosine[] = {0, 0.6f}, sine[] = {0, 0.8f};
  const std::uint64_t last[] = {0, 5};
  float turned[2], aged[2], kept[2];
  turn_pairs{pair, x, 0, 4, cosine, sine, last, 7, 0.5, turned, aged, kept}(group, 1);
  CHECK(turned[0] == doctest::Approx(3 * 0.6 - 4 * 0.8));
  CHECK(turned[1] == doctest::Approx(4 * 0.6 + 3 * 0.8));
  CHECK(kept[0] == 0.25f);
  CHECK(aged[1] == turned[1] * 0.25f);
  const index neuron[] = {1};
  const std::uint64_t used[] = {0, 6};
  age_neurons{neuron, x, 0, used, 7, 0.5, turned, aged, kept}(group, 1);
  CHECK(turned[0] == 9);
  CHECK(aged[0] == 4.5f);
}

TEST_CASE("blocks: a multiply-add is rounded once, also without an instruction for it") {
  const float tiny = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  std::vector<float> values = random(40, 5);
  for (float v : {0.0f, -0.0f, 1.0f, 1.0f + 0x1p-23f, -1.0f, 0x1p-24f, 0x1p-60f, 0x1p60f, tiny, 3 * tiny, 0x1p-100f, most,
                  std::numeric_limits<float>::infinity(), 0x1.fffffep-1f, 0x1.000002p-74f})
    values.push_back(v);
  int compared = 0;
  for (float a : values)
    for (float b : values)
      for (float z : values) {
        const float expected = std::fma(a, b, z), found = fused(a, b, z);
        compared += std::isnan(expected) ? std::isnan(found) : expected == found && std::signbit(expected) == std::signbit(found);
      }
  CHECK(compared == static_cast<int>(values.size() * values.size() * values.size()));
  // Half way between two floats but for a bit that only the exact sum has.
  CHECK(fused(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, 0x1p-60f) == std::fma(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, 0x1p-60f));
}

TEST_CASE("blocks: rows of bits become columns") {
  std::uint64_t rows[64], columns[64], again[64];
  for (std::uint64_t r = 0; r < 64; ++r) rows[r] = (r + 1) * 0x9e3779b97f4a7c15;
  transpose_bits(rows, columns);
  bool right = true;
  for (int r = 0; r < 64; ++r)
    for (int t = 0; t < 64; ++t) right = right && (rows[r] >> t & 1) == (columns[t] >> r & 1);
  CHECK(right);
  transpose_bits(columns, again);
  CHECK(std::equal(rows, rows + 64, again));
}

TEST_CASE("blocks: products and pushed sums are ascending, fused, with one accumulator") {
  for (const index count : {1u, 5u, 13u, 64u})
    for (const index width : {1u, 7u, 48u, 300u}) {
      CAPTURE(count);
      CAPTURE(width);
      const auto rows = random(count * width, 1), by_hub = random(width * block_tokens, 2);
      std::vector<float> out(count * block_tokens, -1);
      block_product{rows.data(), by_hub.data(), count, width, block_tokens, out.data()}(group);
      bool right = true;
      for (index r = 0; r < count; ++r)
        for (index t = 0; t < block_tokens; ++t) {
          float z = 0;
          for (index m = 0; m < width; ++m) z = std::fma(rows[r * width + m], by_hub[m * block_tokens + t], z);
          right = right && z == out[r * block_tokens + t];
        }
      CHECK(right);
    }
  // Two targets of sources {0, 2} and none, 3 columns; the second stays as it is.
  const float rows[] = {1, 2, 3, 99, 99, 99, 4, 5, 6}, coefficient[] = {2, 99, 10, 99, 99, 99}, kept[] = {0.5f, 0.5f};
  const std::uint64_t active[] = {0b101, 0};
  float out[] = {10, 20, 30, 7, 8, 9};
  block_push{rows, 3, 3, coefficient, 3, 1, active, 2, kept, out, 3}(group);
  CHECK(std::vector<float>(out, out + 6) == std::vector<float>{5 + 2 + 40, 10 + 4 + 50, 15 + 6 + 60, 7, 8, 9});
}

TEST_CASE("blocks: Y where X is active, rows by 32 lanes") {
  const index width = 45;
  const auto row = random(width, 1), a = random(block_tokens * width, 2), x = random(block_tokens, 3);
  std::uint64_t active[block_tokens] = {0x8000000000000015}, active_y[block_tokens];
  std::vector<float> y(block_tokens * block_tokens, -1);
  index nth = 0;  // X of the tokens that are active, one behind the other
  block_fire{row.data(), width, 1, a.data(), x.data(), block_tokens, active, y.data(), active_y}(group);
  for (index t = 0; t < block_tokens; ++t) {
    float lane[32] = {};
    for (index m = 0; m < width; ++m) lane[m % 32] = std::fma(row[m], a[t * width + m], lane[m % 32]);
    for (int half = 16; half > 0; half /= 2)
      for (int p = 0; p < half; ++p) lane[p] += lane[p + half];
    const bool is_active = active[0] >> t & 1;
    const float expected = is_active ? (lane[0] > 0 ? lane[0] : 0.0f) * x[nth++] : 0;
    CAPTURE(t);
    if (is_active)
      CHECK(y[t] == expected);
    else
      CHECK(y[t] == -1);
    CHECK((active_y[0] >> t & 1) == (expected != 0));
  }
  CHECK(active_y[1] == 0);
}
