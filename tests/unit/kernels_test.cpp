// The kernel bodies on cases small enough to add up by hand, and the law of summation on cases
// larger than a group.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/random.hpp"
#include "kernels/cpu/cpu_kernels.hpp"
#include "kernels/cpu/prefill_bodies.hpp"
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/threshold.hpp"
#include "support/instruction_sets.hpp"

namespace {

using namespace bdh::kernels;
constexpr host_group<4> group;

std::vector<float> random(std::size_t n, std::uint64_t stream) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i)
    v[i] = static_cast<float>(bdh::normal(3, bdh::purpose::test_weights, i, stream));
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
  const float rows[] = {1, 2, 3, 4, 5,
                        6, 7, 8, 9};  // 3 sources x 3 targets, first source is number 10
  const index source[] = {10, 12};
  const float activity[] = {2, 10};
  float out[3] = {-1, -1, -1};
  push_dense{.rows = rows,
             .stride = 3,
             .width = 3,
             .first_source = 10,
             .count = 2,
             .source = source,
             .activity = activity,
             .out = out}(group);
  CHECK(std::vector<float>(out, out + 3) == std::vector<float>{72, 84, 96});
  push_dense{.rows = rows,
             .stride = 3,
             .width = 3,
             .first_source = 10,
             .count = 0,
             .source = source,
             .activity = activity,
             .out = out}(group);
  CHECK(out[0] == 0);

  const std::uint64_t indptr[] = {0, 1, 1, 3};
  const index target[] = {2, 0, 1};
  const float weights[] = {5, 7, 9};
  const index active[] = {0, 2};
  push_sparse{.indptr = indptr,
              .target = target,
              .weights = weights,
              .width = 3,
              .count = 2,
              .source = active,
              .activity = activity,
              .out = out}(group);
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
    pull_dense{.rows = row.data(),
               .width = width,
               .target = nullptr,
               .activity = activity.data(),
               .out = out}(group, 1);
    CHECK(out[1] == lawful_sum(terms));
    pull_dense{.rows = row.data(),
               .width = width,
               .target = target,
               .activity = activity.data(),
               .out = out}(group, 0);
    CHECK(out[0] == out[1]);

    std::vector<index> all(width);
    for (index m = 0; m < width; ++m) all[m] = m;
    const std::uint64_t indptr[] = {0, width};
    float sparse = 0;
    pull_sparse{.indptr = indptr,
                .source = all.data(),
                .weights = row.data() + width,
                .target = nullptr,
                .activity = activity.data(),
                .out = &sparse}(group, 0);
    CHECK(sparse == out[1]);
    // Gathered: the same edges from sources in another place.
    std::vector<float> spread(2 * width + 1, 99.0f);
    for (index m = 0; m < width; ++m) spread[2 * m + 1] = activity[m];
    for (index m = 0; m < width; ++m) all[m] = 2 * m + 1;
    pull_sparse{.indptr = indptr,
                .source = all.data(),
                .weights = row.data() + width,
                .target = nullptr,
                .activity = spread.data(),
                .out = &sparse}(group, 0);
    CHECK(sparse == out[1]);
  }
}

TEST_CASE("propagate: a hub adds blocks as a binary tree over their numbers") {
  // (1 + 1e8) + (-1e8 + 3), where 1 and 3 are lost; ascending, only 1 would be.
  float parts[] = {1, 1, 1e8f, 2, -1e8f, 3, 3, 4};
  float out[2] = {9, 9};
  reduce_blocks{.parts = parts, .stride = 2, .width = 2, .count = 4, .out = out}(group);
  CHECK(out[0] == 0);
  CHECK(out[1] == 10);
  // Three blocks: (1 + 1e8) + -1e8.
  float three[] = {1, 1, 1e8f, 2, -1e8f, 3};
  reduce_blocks{.parts = three, .stride = 2, .width = 2, .count = 3, .out = out}(group);
  CHECK(out[0] == 0);
  const float left[] = {1e8f, 1}, right[] = {-1e8f, 2};
  add_halves{.left = left, .right = right, .width = 2, .out = out}(group);
  CHECK(out[0] == 0);
  CHECK(out[1] == 3);
}

TEST_CASE("propagate: sections of neurons are added in their order") {
  const float a[] = {1e8f, 1}, b[] = {-1e8f, 2}, c[] = {1, 3};
  const float* parts[] = {a, b, c};
  float out[2] = {9, 9};
  reduce_sections{.parts = parts, .width = 2, .count = 3, .out = out}(group);
  CHECK(out[0] == 1);  // (1e8 - 1e8) + 1; another order would lose the 1
  CHECK(out[1] == 6);
}

TEST_CASE("reweight: strength of an active neuron's row, aged, plus W times X") {
  float rows[] = {1, 2, 3, 4, 5, 6};  // neurons 4 and 5, 3 targets
  const index source[] = {5};
  const float activity[] = {10}, kept[] = {0.5f}, w[] = {1, 0, -1};
  reweight{.rows = rows,
           .width = 3,
           .first_source = 4,
           .source = source,
           .activity = activity,
           .decay = kept,
           .w = w}(group, 0);
  CHECK(std::vector<float>(rows, rows + 6) == std::vector<float>{1, 2, 3, 12, 2.5f, -7});
}

namespace {

// f(kernels) for every instruction set that can be used here.
template <class F>
void for_each_set(F f) {
  for (auto set : tests::instruction_sets()) {
    CAPTURE(bdh::name(set));
    f(cpu_kernels_for(set));
  }
}

std::vector<bdh::bfloat16> narrow(const std::vector<float>& wide) {
  std::vector<bdh::bfloat16> all;
  for (float v : wide) all.push_back(bdh::to_bfloat16(v));
  return all;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) { return a == b; }
bool same(const std::vector<bdh::bfloat16>& a, const std::vector<bdh::bfloat16>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](auto x, auto y) { return x.bits == y.bits; });
}

// One value, rounded `times` times: r = 1 where it went up, 0 where it went down. k: its place in a
// row.
std::vector<double> roundings(float value, index k, int times, std::uint64_t item,
                              std::uint64_t first_token) {
  std::vector<double> up;
  for (int t = 0; t < times; ++t) {
    const auto bits = bdh::random_bits(7, bdh::purpose::synapse_rounding, item,
                                       first_token + static_cast<std::uint64_t>(t));
    bdh::bfloat16 row[300] = {};
    store(row, k, value, {bits[0], bits[1]});
    up.push_back(bdh::to_float(row[k]) > value);
  }
  return up;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = static_cast<double>(a.size()),
               mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE(
    "propagate, pulled: rows that are summed at once have the bits of each by the law of "
    "summation") {
  for_each_set([](const cpu_kernels& bodies) {
    for (index width : {1u, 31u, 32u, 45u, 64u, 100u})
      for (index count : {1u, 3u, 4u, 15u, 16u, 17u, 37u}) {
        CAPTURE(width);
        CAPTURE(count);
        const index first = 2, stored = 3 * count + 10;
        const auto rows = random(stored * width, 1), activity = random(width, 2);
        const auto narrow_rows = narrow(rows);
        std::vector<index> gathered;
        for (index r = 0; r < first + count; ++r) gathered.push_back(3 * r + 1);
        const auto check = [&](const auto* weights, const index* target, index known) {
          std::vector<float> out(first + count, 7.0f);
          bodies.pull_dense({weights, width, target, activity.data(), out.data(), known}, first,
                            first + count);
          CHECK(out[0] == 7.0f);
          for (index r = first; r < first + count; ++r) {
            std::vector<float> terms(width);
            for (index m = 0; m < width; ++m)
              terms[m] = load(weights, (target ? target[r] : r) * width + m) * activity[m];
            CHECK(out[r] == lawful_sum(terms));
          }
        };
        check(rows.data(), nullptr, 0);
        check(rows.data(), gathered.data(), first + count);
        check(narrow_rows.data(), nullptr, 0);
        check(narrow_rows.data(), gathered.data(), first + count);
      }
  });
}

TEST_CASE("propagate, pulled for several streams: each has the bits that it would have alone") {
  for_each_set([](const cpu_kernels& bodies) {
    for (index width : {1u, 31u, 45u, 64u, 100u})
      for (index streams : {1u, 3u, 4u, 9u}) {
        CAPTURE(width);
        CAPTURE(streams);
        const index count = 5;
        const auto rows = random(count * width, 1);
        const auto narrow_rows = narrow(rows);
        std::vector<std::vector<float>> w, out(streams, std::vector<float>(count));
        for (index s = 0; s < streams; ++s) w.push_back(random(width, 10 + s));
        std::vector<const float*> from;
        std::vector<float*> to;
        for (index s = 0; s < streams; ++s)
          from.push_back(w[s].data()), to.push_back(out[s].data());
        const auto check = [&](const auto* weights) {
          bodies.pull_dense_batch({weights, width, streams, from.data(), to.data()}, 0, count);
          std::vector<float> alone(count);
          for (index s = 0; s < streams; ++s) {
            bodies.pull_dense({weights, width, nullptr, w[s].data(), alone.data()}, 0, count);
            CHECK(out[s] == alone);
          }
        };
        check(rows.data());
        check(narrow_rows.data());
      }
  });
}

TEST_CASE(
    "synapses read and written at once: the bits of reading, then writing; what is not finite is "
    "seen") {
  for_each_set([](const cpu_kernels& bodies) {
    const index width = 45, count = 11, known = 14;
    const auto start = random(20 * width, 1), aged = random(known, 2), x = random(known, 3),
               kept = random(known, 4), w = random(width, 5);
    std::vector<index> source;
    for (index j = 0; j < known; ++j) source.push_back(100 + j + j / 2);
    std::vector<random_rounding> how;
    for (index j = 0; j < known; ++j) how.push_back({0x9e3779b9u * (j + 1), 0x85ebca6bu * (j + 3)});
    const auto check = [&](auto apart, const random_rounding* rounding) {
      auto at_once = apart;
      std::vector<float> expected(width), found(width, 9.0f);
      bodies.push_dense(
          {apart.data(), width, width, 100, count, source.data(), aged.data(), expected.data()});
      bodies.reweight(
          {apart.data(), width, 100, source.data(), x.data(), kept.data(), w.data(), rounding},
          count);
      const auto pass = [&](const std::vector<float>& values) {
        return bodies.push_and_reweight({{at_once.data(), width, 100, source.data(), values.data(),
                                          kept.data(), w.data(), rounding},
                                         count,
                                         known,
                                         aged.data(),
                                         found.data()});
      };
      CHECK(pass(x));
      CHECK(found == expected);
      CHECK(same(at_once, apart));
      auto broken = x;
      broken[count - 1] = std::numeric_limits<float>::infinity();
      CHECK_FALSE(pass(broken));
      CHECK_FALSE(bodies.all_finite({at_once.data() + (source[count - 1] - 100) * width, width}));
    };
    check(start, nullptr);
    check(narrow(start), how.data());
  });
}

TEST_CASE(
    "rounding at random: every bfloat16 stays, and the mean of what is stored is the value, "
    "exactly") {
  for (const float value :
       {1.0f + 0x1p-8f, -3.14159265f, 0.1f, 1e-30f, -0x1.fffffep-3f, 0x1.3p-140f}) {
    CAPTURE(value);
    for (const index k : {0u, 1u, 299u}) {
      const auto below = std::bit_cast<std::uint32_t>(value) >> 16,
                 last = std::bit_cast<std::uint32_t>(value) & 0xffff;
      std::uint32_t up = 0;
      bdh::bfloat16 row[300] = {};
      for (std::uint32_t addend = 0; addend < 0x10000; ++addend) {  // all 2^16 that differ in r(k)
        store(row, k, value, {0x2545f491u, addend << 16});
        REQUIRE((row[k].bits == below || row[k].bits == below + 1));
        up += row[k].bits - below;
      }
      CHECK(up ==
            last);  // of 2^16: the distance from the value below, in units of that to the next one
    }
  }
  bdh::bfloat16 row[1] = {};
  for (std::uint32_t addend : {0u, 0x12345678u, 0xffffffffu})
    for (const float exact : {0.0f, -0.0f, 1.0f, -0x1.8p77f, 0x1p-133f}) {
      store(row, 0, exact, {1, addend});
      CHECK(std::bit_cast<std::uint32_t>(bdh::to_float(row[0])) ==
            std::bit_cast<std::uint32_t>(exact));
    }
}

TEST_CASE("rounding at random: no correlation between hubs, rows, layers and tokens") {
  const int times = 20000;
  const double most = 4.5 / std::sqrt(times);
  const float value = 1.0f + 0x1p-8f + 0x1p-10f;  // up with probability 5/8
  const auto one = roundings(value, 17, times, 5, 0);
  CHECK(std::abs(std::accumulate(one.begin(), one.end(), 0.0) / times - 0.625) <
        4.5 * std::sqrt(0.625 * 0.375 / times));
  for (const index k : {0u, 16u, 18u, 49u, 299u})
    CHECK(std::abs(correlation(one, roundings(value, k, times, 5, 0))) < most);
  CHECK(std::abs(correlation(one, roundings(value, 17, times, 6, 0))) < most);  // the next pair
  CHECK(std::abs(correlation(one, roundings(value, 17, times, std::uint64_t{1} << 32 | 5, 0))) <
        most);  // the next layer
  for (const std::uint64_t later : {1u, 2u, 64u})
    CHECK(std::abs(correlation(one, roundings(value, 17, times, 5, later))) < most);
  CHECK(one == roundings(value, 17, times, 5, 0));
}

TEST_CASE("threshold: excitation minus inhibition, cut at zero; a NaN is not silenced") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float drive[] = {1, -1, 0, -0.0f, nan, 2};
  float x[] = {1, 1, 1, 1, 1, 1};
  threshold_x{.drive = drive, .x = x, .n = 6, .accumulate = false}(group);
  CHECK(x[0] == 1);
  CHECK(x[1] == 0);
  CHECK_FALSE(std::signbit(x[3]));
  CHECK(std::isnan(x[4]));
  x[0] = 3;
  x[1] = 4;
  threshold_x{.drive = drive, .x = x, .n = 2, .accumulate = true}(group);
  CHECK(x[0] == 4);
  CHECK(x[1] == 4);
  const float gate[] = {2, 2, 2, 2, 0, 3};
  float y[6] = {};
  threshold_y{.drive = drive, .x = gate, .y = y, .n = 6}(group);
  CHECK(y[0] == 2);
  CHECK(y[1] == 0);
  CHECK(y[5] == 6);
}

TEST_CASE("threshold: the pool of hubs is LayerNorm") {
  float z[] = {1, 2, 3, 6};  // mean 3, biased variance 3.5
  normalise{.z = z, .n = 4, .epsilon = 0.5f, .centre = true, .scale = true, .gain = nullptr}(group);
  CHECK(z[0] == doctest::Approx(-1.0));
  CHECK(z[3] == doctest::Approx(1.5));
  float raw[] = {1, 2, 3, 6};
  normalise{
      .z = raw, .n = 4, .epsilon = 0.5f, .centre = false, .scale = true, .gain = nullptr}(group);
  CHECK(raw[3] == doctest::Approx(3.0));
  normalise{
      .z = raw, .n = 4, .epsilon = 0.5f, .centre = true, .scale = false, .gain = nullptr}(group);
  CHECK(raw[0] + raw[1] + raw[2] + raw[3] == doctest::Approx(0.0));
}

TEST_CASE("decay: an active pair is turned to the clock and aged since its last use") {
  const index pair[] = {2};
  const float x[] = {9, 9, 3, 4};
  const float cosine[] = {0, 0.6f}, sine[] = {0, 0.8f};
  const std::uint64_t last[] = {0, 5};
  float turned[2], aged[2], kept[2];
  turn_pairs{.pair = pair,
             .x = x,
             .first_neuron = 0,
             .per_head = 4,
             .cosine = cosine,
             .sine = sine,
             .last = last,
             .clock = 7,
             .retention = 0.5,
             .turned = turned,
             .aged = aged,
             .decay = kept}(group, 1);
  CHECK(turned[0] == doctest::Approx(3 * 0.6 - 4 * 0.8));
  CHECK(turned[1] == doctest::Approx(4 * 0.6 + 3 * 0.8));
  CHECK(kept[0] == 0.25f);
  CHECK(aged[1] == turned[1] * 0.25f);
  const index neuron[] = {1};
  const std::uint64_t used[] = {0, 6};
  age_neurons{.neuron = neuron,
              .x = x,
              .first_neuron = 0,
              .last = used,
              .clock = 7,
              .retention = 0.5,
              .turned = turned,
              .aged = aged,
              .decay = kept}(group, 1);
  CHECK(turned[0] == 9);
  CHECK(aged[0] == 4.5f);
}

TEST_CASE("blocks: a multiply-add is rounded once, also without an instruction for it") {
  const float tiny = std::numeric_limits<float>::denorm_min(),
              most = std::numeric_limits<float>::max();
  std::vector<float> values = random(40, 5);
  for (float v :
       {0.0f, -0.0f, 1.0f, 1.0f + 0x1p-23f, -1.0f, 0x1p-24f, 0x1p-60f, 0x1p60f, tiny, 3 * tiny,
        0x1p-100f, most, std::numeric_limits<float>::infinity(), 0x1.fffffep-1f, 0x1.000002p-74f})
    values.push_back(v);
  int compared = 0;
  for (float a : values)
    for (float b : values)
      for (float z : values) {
        const float expected = std::fma(a, b, z), found = fused(a, b, z);
        compared += std::isnan(expected)
                        ? std::isnan(found)
                        : expected == found && std::signbit(expected) == std::signbit(found);
      }
  CHECK(compared == static_cast<int>(values.size() * values.size() * values.size()));
  // Half way between two floats but for a bit that only the exact sum has.
  CHECK(fused(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, 0x1p-60f) ==
        std::fma(1.0f + 0x1p-12f, 1.0f + 0x1p-12f, 0x1p-60f));
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
      block_product{.rows = rows.data(),
                    .by_hub = by_hub.data(),
                    .count = count,
                    .width = width,
                    .tokens = block_tokens,
                    .out = out.data()}(group);
      bool right = true;
      for (index r = 0; r < count; ++r)
        for (index t = 0; t < block_tokens; ++t) {
          float z = 0;
          for (index m = 0; m < width; ++m)
            z = std::fma(rows[r * width + m], by_hub[m * block_tokens + t], z);
          right = right && z == out[r * block_tokens + t];
        }
      CHECK(right);
    }
  // Two targets of sources {0, 2} and none, 3 columns; the second stays as it is.
  const float rows[] = {1, 2, 3, 99, 99, 99, 4, 5, 6}, coefficient[] = {2, 99, 10, 99, 99, 99},
              kept[] = {0.5f, 0.5f};
  const std::uint64_t active[] = {0b101, 0};
  float out[] = {10, 20, 30, 7, 8, 9};
  block_push{.rows = rows,
             .stride = 3,
             .width = 3,
             .coefficient = coefficient,
             .by_target = 3,
             .by_source = 1,
             .active = active,
             .targets = 2,
             .decay = kept,
             .out = out,
             .out_stride = 3}(group);
  CHECK(std::vector<float>(out, out + 6) ==
        std::vector<float>{5 + 2 + 40, 10 + 4 + 50, 15 + 6 + 60, 7, 8, 9});
}

TEST_CASE("blocks: Y where X is active, rows by 32 lanes") {
  const index width = 45;
  const auto row = random(width, 1), a = random(block_tokens * width, 2),
             x = random(block_tokens, 3);
  std::uint64_t active[block_tokens] = {0x8000000000000015}, active_y[block_tokens];
  std::vector<float> y(block_tokens * block_tokens, -1);
  index nth = 0;  // X of the tokens that are active, one behind the other
  block_fire{.rows = row.data(),
             .width = width,
             .count = 1,
             .a = a.data(),
             .x = x.data(),
             .stride = block_tokens,
             .active_x = active,
             .y = y.data(),
             .active_y = active_y}(group);
  for (index t = 0; t < block_tokens; ++t) {
    float lane[32] = {};
    for (index m = 0; m < width; ++m)
      lane[m % 32] = std::fma(row[m], a[t * width + m], lane[m % 32]);
    for (int half = 16; half > 0; half /= 2)
      for (int p = 0; p < half; ++p) lane[p] += lane[p + half];
    const bool is_active = active[0] >> t & 1;
    const float drive = lane[0] > 0 ? lane[0] : 0.0f;
    const float expected = is_active ? drive * x[nth++] : 0;
    CAPTURE(t);
    if (is_active)
      CHECK(y[t] == expected);
    else
      CHECK(y[t] == -1);
    CHECK((active_y[0] >> t & 1) == (expected != 0));
  }
  CHECK(active_y[1] == 0);
}
