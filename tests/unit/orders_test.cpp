// Items of a body are independent of each other: one after another, in any other order and by
// several threads, every kernel body gives the same bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "../support/arrays.hpp"
#include "core/base/random.hpp"
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/source_update.hpp"
#include "kernels/threshold.hpp"

namespace {

using namespace bdh::kernels;
using position = bdh::kernels::index;

// The verbs over an order of items; Order::visit(n, f) calls f of every i < n once.
template <class Order>
struct ordered_group {
  template <class F>
  void each(position n, F f) const {
    Order::visit(n, f);
  }
  template <class F>
  void row(position n, F f) const {
    Order::visit(n, f);
  }
  template <class F>
  float sum(position n, F f) const {
    return sum_items(n, f);
  }
  template <class F>
  float sum_items(position n, F f) const {
    float lane[lanes] = {};
    Order::visit(lanes, [&](position p) {
      for (position k = p; k < n; k += lanes) lane[p] += f(k);
    });
    for (position half = lanes / 2; half > 0; half /= 2)
      for (position p = 0; p < half; ++p) lane[p] += lane[p + half];
    return lane[0];
  }
  template <class F, class G, class H>
  void sums(position terms, position many, F f, G g, H h) const {
    Order::visit(many, [&](position s) {
      h(s, sum_items(terms, [&](position k) { return f(k) * g(s, k); }));
    });
  }
  template <class F>
  float ordered_sum(position n, F f) const {
    std::vector<float> term(n);
    Order::visit(n, [&](position k) { term[k] = f(k); });
    return std::accumulate(term.begin(), term.end(), 0.0f);
  }
  template <class F>
  void push(position count, position n, float* out, F f) const {
    Order::visit(n, [&](position k) {
      out[k] = 0;
      for (position j = 0; j < count; ++j) out[k] += f(j, k);
    });
  }
  template <class F>
  void once(F f) const {
    f();
  }
};

struct descending {
  template <class F>
  static void visit(position n, F f) {
    for (position i = n; i-- > 0;) f(i);
  }
};
struct scattered {
  template <class F>
  static void visit(position n, F f) {
    position step = n / 3 + 1;
    while (std::gcd(step, n) > 1) ++step;
    for (position i = 0; i < n; ++i) f(static_cast<position>(std::uint64_t{i} * step % n));
  }
};
struct parallel {
  template <class F>
  static void visit(position n, F f) {
    std::vector<std::thread> threads;
    for (position t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (position i = t; i < n; i += 4) f(i);
      });
    for (std::thread& t : threads) t.join();
  }
};

constexpr position n = 70,
                   width = 37;  // sources or neurons, hubs; no multiples of what a group takes

std::vector<float> random(std::size_t size, std::uint64_t stream) {
  std::vector<float> v(size);
  for (std::size_t i = 0; i < size; ++i)
    v[i] = static_cast<float>(bdh::normal(5, bdh::purpose::test_weights, i, stream));
  return v;
}

using results = std::vector<std::pair<const char*, std::vector<float>>>;

// Everything that the bodies write, body by body.
template <class Group>
results written(const Group& group) {
  const auto rows = random(n * width, 1), w = random(width, 2), weights = random(n * width, 3),
             rates = random(n * width, 4);
  auto x = random(n, 5);
  for (position i = 0; i < n; i += 3) x[i] = 0;
  std::vector<position> active, units, ends;  // of an ascending list; pairs; edge targets of each
                                              // row: every hub that i + k does not divide
  std::vector<float> values, u;
  std::vector<std::uint64_t> indptr{0}, last, age;
  for (position i = 0; i < n; ++i) {
    if (x[i] != 0) active.push_back(i), values.push_back(x[i]);
    if (i % 2 == 0) units.push_back(i), last.push_back(i % 5), age.push_back(i % 4);
    for (position k = 0; k < width; ++k)
      if ((i / 2 + k) % 3 != 0) ends.push_back(k);
    indptr.push_back(ends.size());
  }
  for (std::size_t e = 0; e < ends.size(); ++e)
    u.push_back(0.5f + 0.001f * static_cast<float>(e % 400));
  std::vector<std::uint64_t> ages(n, 2);
  const auto count = static_cast<position>(active.size()),
             pairs = static_cast<position>(units.size());
  results all;
  const auto keep = [&](const char* name, const std::vector<float>& v) {
    all.push_back({name, v});
  };
  std::vector<float> out(n), hubs(width);

  push_dense{.rows = rows.data(),
             .stride = width,
             .width = width,
             .first_source = 0,
             .count = count,
             .source = active.data(),
             .activity = values.data(),
             .out = hubs.data()}(group);
  keep("push_dense", hubs);
  push_sparse{.indptr = indptr.data(),
              .target = ends.data(),
              .weights = weights.data(),
              .width = width,
              .count = count,
              .source = active.data(),
              .activity = values.data(),
              .out = hubs.data()}(group);
  keep("push_sparse", hubs);
  const push_edges push{indptr.data(), indptr.data() + 1, ends.data(),   weights.data(),
                        count,         active.data(),     values.data(), hubs.data()};
  push(group);
  push_aging_edges{push, u.data(), ages.data()}(group);
  keep("push_aging_edges", hubs);
  const float* parts[] = {rows.data(), weights.data(), rates.data()};
  reduce_sections{.parts = parts, .width = width, .count = 3, .out = hubs.data()}(group);
  keep("reduce_sections", hubs);
  std::vector<float> sums = rows;
  reduce_blocks{
      .parts = sums.data(), .stride = width, .width = width, .count = n, .out = hubs.data()}(group);
  keep("reduce_blocks", hubs);
  add_halves{
      .left = rows.data(), .right = weights.data(), .width = width, .out = hubs.data()}(group);
  keep("add_halves", hubs);
  const pull_edges pull{indptr.data(), ends.data(), nullptr,     weights.data(), nullptr,
                        x.data(),      u.data(),    ages.data(), nullptr,        out.data()};
  pull(group, 0, n);
  keep("pull_edges", out);
  for (position r = 0; r < n; ++r) pull_many_edges{pull}(group, r);
  keep("pull_many_edges", out);
  for (position r = 0; r < n; ++r)
    pull_dense{.rows = rows.data(),
               .width = width,
               .target = nullptr,
               .activity = w.data(),
               .out = out.data()}(group, r);
  keep("pull_dense", out);
  const float* several[] = {w.data(), x.data()};
  std::vector<float> second(n);
  float* each[] = {out.data(), second.data()};
  for (position r = 0; r < n; ++r)
    pull_dense_batch_of<float>{
        .rows = rows.data(), .width = width, .streams = 2, .activity = several, .out = each}(group,
                                                                                             r);
  keep("pull_dense_batch", out);
  keep("pull_dense_batch", second);
  for (position r = 0; r < n; ++r)
    pull_sparse{.indptr = indptr.data(),
                .source = ends.data(),
                .weights = weights.data(),
                .target = nullptr,
                .activity = w.data(),
                .out = out.data()}(group, r);
  keep("pull_sparse", out);

  auto sigma = rows;
  for (position j = 0; j < count; ++j)
    reweight{.rows = sigma.data(),
             .width = width,
             .first_source = 0,
             .source = active.data(),
             .activity = values.data(),
             .decay = x.data(),
             .w = w.data()}(group, j);
  keep("reweight", sigma);
  const bool finite = push_and_reweight_of<float>{
      .write = {sigma.data(), width, 0, active.data(), values.data(), x.data(), w.data()},
      .count = count,
      .prefetch_end = count,
      .activity = values.data(),
      .out = hubs.data()}(group);
  keep("push_and_reweight", {static_cast<float>(finite)});
  keep("push_and_reweight", sigma);
  keep("push_and_reweight", hubs);
  for (position p = 0; p < pairs; ++p)
    reweight_edges{.begin = indptr.data(),
                   .end = indptr.data() + 1,
                   .target = ends.data(),
                   .rate = rates.data(),
                   .retention = u.data(),
                   .strength = sigma.data(),
                   .w = w.data(),
                   .unit = units.data(),
                   .x = x.data(),
                   .cosine = rates.data(),
                   .sine = rates.data() + n,
                   .decay = x.data(),
                   .age = age.data()}(group, p);
  keep("reweight_edges", sigma);
  std::vector<float> turned(n), aged(n), kept(n);
  turn_pairs{.pair = units.data(),
             .x = x.data(),
             .first_neuron = 0,
             .per_head = n,
             .cosine = rates.data(),
             .sine = weights.data(),
             .last = last.data(),
             .clock = 9,
             .retention = 0.7,
             .turned = turned.data(),
             .aged = aged.data(),
             .decay = kept.data()}(group, pairs);
  for (const auto* v : {&turned, &aged, &kept}) keep("turn_pairs", *v);
  age_neurons{.neuron = active.data(),
              .x = x.data(),
              .first_neuron = 0,
              .last = ages.data(),
              .clock = 9,
              .retention = 0.7,
              .turned = turned.data(),
              .aged = aged.data(),
              .decay = kept.data()}(group, count);
  for (const auto* v : {&turned, &aged, &kept}) keep("age_neurons", *v);

  threshold_x{.drive = rows.data(), .x = x.data(), .n = n, .accumulate = true}(group);
  keep("threshold_x", x);
  threshold_y{.drive = rows.data() + n, .x = x.data(), .y = out.data(), .n = n}(group);
  keep("threshold_y", out);
  float gain = 0;
  normalise{
      .z = hubs.data(), .n = width, .epsilon = 1e-5f, .centre = true, .scale = true, .gain = &gain}(
      group);
  hubs.push_back(gain);
  keep("normalise", hubs);
  net_drive{.excitatory = x.data(),
            .inhibitory = rates.data(),
            .drive = out.data(),
            .n = n,
            .gain = 0.3f}(group);
  leak{out.data(), n, 0.9f}(group);
  integrate{rates.data(), out.data(), n}(group);
  keep("integrate", out);
  auto hub_w = random(width, 6), received = random(width, 7), source_w = random(n, 8);
  set_hub_w{.z = received.data(),
            .w = hub_w.data(),
            .n = width,
            .epsilon = 1e-5f,
            .centre = true,
            .scale = true,
            .accumulate = true,
            .gain_y = &gain,
            .gain_w = &gain}(group);
  keep("set_hub_w", hub_w);
  set_source_w{.w = source_w.data(),
               .first = 0,
               .sources = n,
               .neuron = active.data(),
               .y = values.data(),
               .active = count,
               .accumulate = true,
               .gain_y = gain}(group);
  keep("set_source_w", source_w);
  keep("all_finite", {static_cast<float>(all_finite{out.data(), n}(group))});
  return all;
}

template <class Group>
void check_same(const results& expected) {
  const results found = written(Group{});
  REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) {
    CAPTURE(found[k].first);
    CHECK(tests::same_bits(found[k].second, expected[k].second));
  }
}

}  // namespace

TEST_CASE("serial, permuted and parallel: the same bits") {
  const results expected = written(host_group<4>{});
  for (const auto& one : expected) {
    CAPTURE(one.first);
    CHECK(std::ranges::count(one.second, 0.0f) < std::ssize(one.second));
  }
  SUBCASE("descending") { check_same<ordered_group<descending>>(expected); }
  SUBCASE("scattered") { check_same<ordered_group<scattered>>(expected); }
  SUBCASE("parallel") { check_same<ordered_group<parallel>>(expected); }
}
