// How fast is each kernel body, by itself? Every body of the CPU engine's table over arrays of 30
// MB and more, too many for most caches (vectors of hubs and neurons fit, as they do in a run), on
// 1 thread and on all; every thread is a site with arrays of its own.
//
// Counters: bytes/s, each array that a body needs counted once (what it writes, too; read and
// written in place, twice); edges/s, an edge being one weight or strength, of bodies for blocks one
// weight or strength for one token; of_bandwidth, of what as many threads read at best, measured
// before the first benchmark.
//
//   kernels_bench --small ...    over small arrays, only to see whether every body runs
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <thread>
#include <type_traits>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/bfloat16.hpp>
#include <bdh/ids.hpp>

#include "apps/machine/machine.hpp"
#include "core/base/random.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace {

using bdh::array;
using bdh::edge_id;
using bdh::kernels::block_tokens;
using bdh::kernels::cpu_kernels;
using bdh::kernels::index;

struct sizes {
  std::size_t measured_bytes = std::size_t{1} << 30;
  index neurons = 32768;  // of models through hubs, as the authors' default
  index graph_edges = 10'000'000;
  index values = 1u << 26;  // of vectors that are read from memory
};
sizes size;
constexpr index hubs = 256, degree = 300;
std::vector<double> read_bandwidth;  // by threads

const cpu_kernels& bodies() { return bdh::kernels::cpu_kernels_for(bdh::instruction_set::best); }

template <class Weight = float>
array<Weight> ones(std::size_t count) {
  array<Weight> all(count);
  if constexpr (std::is_same_v<Weight, float>)
    std::fill(all.begin(), all.end(), 1.0f);
  else
    std::fill(all.begin(), all.end(), bdh::to_bfloat16(1.0f));
  return all;
}

// About a share of 0 .. count - 1, ascending; the same every time.
std::vector<index> chosen(index count, double share) {
  bdh::random_stream random(1, bdh::purpose::selection, count);
  std::vector<index> ids;
  for (index i = 0; i < count; ++i)
    if (random.unit() < share) ids.push_back(i);
  return ids;
}

void set_counters(benchmark::State& state, double bytes, double edges) {
  const double passes = static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["bytes/s"] = Counter(passes * bytes, Counter::kIsRate);
  if (edges != 0) state.counters["edges/s"] = Counter(passes * edges, Counter::kIsRate);
  const double bandwidth = read_bandwidth[static_cast<std::size_t>(state.threads())];
  state.counters["of_bandwidth"] = Counter(passes * bytes / bandwidth, Counter::kIsRate);
}

// A thread's share of a population.
index share(const benchmark::State& state, index of) {
  return of / static_cast<index>(state.threads());
}

// ---- dense rows: circuits and synapses through hubs

// The rows of active neurons (E; synapses) to all hubs, in blocks of 64 neurons as the engine does
// it.
template <class Weight>
void push_dense(benchmark::State& state) {
  const index n = share(state, size.neurons);
  const array<Weight> rows = ones<Weight>(std::size_t{n} * hubs);
  const array<float> activity = ones(n);
  array<float> out(hubs);
  const std::vector<index> active = chosen(n, static_cast<double>(state.range(0)) / 100);
  for (auto _ : state)
    for (std::size_t first = 0; first < active.size();) {
      std::size_t end = first;
      while (end < active.size() && active[end] / 64 == active[first] / 64) ++end;
      bodies().push_dense({rows.data(), hubs, hubs, 0, static_cast<index>(end - first),
                           active.data() + first, activity.data(), out.data(),
                           static_cast<index>(active.size() - first)});
      first = end;
    }
  const double edges = static_cast<double>(active.size()) * hubs;
  set_counters(state, sizeof(Weight) * edges, edges);
}

// The rows of chosen targets (all of Dx; those of active X in Dy).
template <class Weight>
void pull_dense(benchmark::State& state) {
  const index n = share(state, size.neurons);
  const array<Weight> rows = ones<Weight>(std::size_t{n} * hubs);
  const array<float> activity = ones(hubs);
  array<float> out(n);
  const std::vector<index> active = chosen(n, static_cast<double>(state.range(0)) / 100);
  const auto count = static_cast<index>(active.size());
  for (auto _ : state)
    bodies().pull_dense({rows.data(), hubs, active.data(), activity.data(), out.data(), count}, 0,
                        count);
  const double edges = static_cast<double>(count) * hubs;
  set_counters(state, sizeof(Weight) * edges, edges);
}

// All rows of Dx for 16 streams.
template <class Weight>
void pull_dense_batch(benchmark::State& state) {
  constexpr index streams = 16;
  const index n = share(state, size.neurons);
  const array<Weight> rows = ones<Weight>(std::size_t{n} * hubs);
  const array<float> activity = ones(hubs);
  std::vector<array<float>> out;
  std::vector<const float*> from(streams, activity.data());
  std::vector<float*> to;
  for (index s = 0; s < streams; ++s) to.push_back(out.emplace_back(n).data());
  for (auto _ : state)
    bodies().pull_dense_batch({rows.data(), hubs, streams, from.data(), to.data()}, 0, n);
  const double edges = static_cast<double>(n) * hubs;
  set_counters(state, sizeof(Weight) * edges, streams * edges);
}

// The synapses of active pairs: read and written.
void reweight(benchmark::State& state) {
  const index n = share(state, size.neurons);
  array<float> rows = ones(std::size_t{n} * hubs);
  const array<float> activity(n), kept = ones(n), w = ones(hubs);
  std::vector<index> active;
  for (index m : chosen(n / 2, static_cast<double>(state.range(0)) / 100))
    active.insert(active.end(), {2 * m, 2 * m + 1});
  const auto count = static_cast<index>(active.size());
  for (auto _ : state)
    bodies().reweight({rows.data(), hubs, 0, active.data(), activity.data(), kept.data(), w.data()},
                      count);
  const double edges = static_cast<double>(count) * hubs;
  set_counters(state, 8 * edges, edges);
}

// The same, and what they bring to the hubs, in blocks of 64 neurons as the engine does it.
template <class Strength>
void push_and_reweight(benchmark::State& state) {
  const index n = share(state, size.neurons);
  array<Strength> rows = ones<Strength>(std::size_t{n} * hubs);
  const array<float> activity(n), kept = ones(n), w = ones(hubs);
  const std::vector<bdh::kernels::random_rounding> rounding(n, {0x9e3779b9u, 0x7f4a7c15u});
  array<float> out(hubs);
  std::vector<index> active;
  for (index m : chosen(n / 2, static_cast<double>(state.range(0)) / 100))
    active.insert(active.end(), {2 * m, 2 * m + 1});
  for (auto _ : state)
    for (std::size_t first = 0; first < active.size();) {
      std::size_t end = first;
      while (end < active.size() && active[end] / 64 == active[first] / 64) ++end;
      const auto count = static_cast<index>(end - first),
                 known = static_cast<index>(active.size() - first);
      bodies().push_and_reweight({{rows.data(), hubs, 0, active.data() + first, activity.data(),
                                   kept.data(), w.data(), rounding.data()},
                                  count,
                                  known,
                                  activity.data(),
                                  out.data()});
      first = end;
    }
  const double edges = static_cast<double>(active.size()) * hubs;
  set_counters(state, 2 * sizeof(Strength) * edges, edges);
}

void add_halves(benchmark::State& state) {
  const index parts = size.neurons / 64;
  const array<float> values = ones(std::size_t{parts} * hubs);
  array<float> out(hubs);
  for (auto _ : state)
    for (index p = 0; p < parts; ++p)
      bodies().add_halves({out.data(), values.data() + std::size_t{p} * hubs, hubs, out.data()});
  set_counters(state, 4.0 * parts * hubs, 0);
}

// ---- explicit edges

// `degree` random targets of every source, ascending; a thread has the edges to its own targets.
struct graph {
  index sources, targets;
  array<edge_id> indptr;
  array<index> target;
  array<float> weight;

  explicit graph(const benchmark::State& state)
      : sources(size.graph_edges / degree), targets(share(state, sources)), indptr(sources + 1) {
    const index each = share(state, degree), step = targets / each;
    for (index i = 0; i <= sources; ++i) indptr[i] = edge_id{i} * each;
    target = array<index>(indptr[sources]);
    weight = ones(indptr[sources]);
    bdh::random_stream random(1, bdh::purpose::graph_edges,
                              static_cast<std::uint64_t>(state.thread_index()));
    for (index i = 0; i < sources; ++i)
      for (index k = 0; k < each; ++k) target[indptr[i] + k] = k * step + random.below(step);
  }
  double edges_of(const std::vector<index>& active) const {
    return static_cast<double>(active.size() * indptr[1]);
  }
};

void push_edges(benchmark::State& state) {
  const graph g(state);
  const std::vector<index> active = chosen(g.sources, static_cast<double>(state.range(0)) / 100);
  const array<float> activity = ones(g.sources);
  array<float> out(g.targets);
  for (auto _ : state)
    bodies().push_edges({g.indptr.data(), g.indptr.data() + 1, g.target.data(), g.weight.data(),
                         static_cast<index>(active.size()), active.data(), activity.data(),
                         out.data()});
  set_counters(state, 8 * g.edges_of(active), g.edges_of(active));
}

void push_aging_edges(benchmark::State& state) {
  const graph g(state);
  const std::vector<index> active = chosen(g.sources, static_cast<double>(state.range(0)) / 100);
  const array<float> activity = ones(g.sources), retention = ones(g.weight.size());
  const std::vector<std::uint64_t> age(g.sources, 5);
  array<float> out(g.targets);
  for (auto _ : state)
    bodies().push_aging_edges(
        {{g.indptr.data(), g.indptr.data() + 1, g.target.data(), g.weight.data(),
          static_cast<index>(active.size()), active.data(), activity.data(), out.data()},
         retention.data(),
         age.data()});
  set_counters(state, 12 * g.edges_of(active), g.edges_of(active));
}

void push_sparse(benchmark::State& state) {
  const graph g(state);
  const std::vector<index> active = chosen(g.sources, static_cast<double>(state.range(0)) / 100);
  const array<float> activity = ones(g.sources);
  array<float> out(g.targets);
  for (auto _ : state)
    bodies().push_sparse({g.indptr.data(), g.target.data(), g.weight.data(), g.targets,
                          static_cast<index>(active.size()), active.data(), activity.data(),
                          out.data()});
  set_counters(state, 8 * g.edges_of(active), g.edges_of(active));
}

// The graph seen from the other side: rows are targets, what they hear are sources.
void pull_sparse(benchmark::State& state) {
  const graph g(state);
  const std::vector<index> active = chosen(g.sources, static_cast<double>(state.range(0)) / 100);
  const array<float> activity = ones(g.targets);
  array<float> out(g.sources);
  for (auto _ : state)
    bodies().pull_sparse({g.indptr.data(), g.target.data(), g.weight.data(), active.data(),
                          activity.data(), out.data()},
                         0, static_cast<index>(active.size()));
  set_counters(state, 8 * g.edges_of(active), g.edges_of(active));
}

// Hebb over explicit synapses, with rotation or without; index and rate are read, strengths read
// and written.
void reweight_graph(benchmark::State& state, bool rotates) {
  const graph g(state);
  const index unit = rotates ? 2 : 1;
  std::vector<index> active = chosen(g.sources / unit, static_cast<double>(state.range(0)) / 100);
  for (index& i : active) i *= unit;
  const auto units = static_cast<index>(active.size());
  // Both neurons of a pair have the same targets.
  array<float> strength = ones(g.weight.size());
  const array<float> w = ones(g.targets), x(std::size_t{2} * units), cosine = ones(units),
                     sine(units), kept = ones(units);
  const std::vector<std::uint64_t> age(units);
  for (auto _ : state)
    bodies().reweight_edges(
        {g.indptr.data(), g.indptr.data() + 1, g.target.data(), g.weight.data(), nullptr,
         strength.data(), w.data(), active.data(), x.data(), rotates ? cosine.data() : nullptr,
         sine.data(), kept.data(), age.data()},
        units);
  const double edges = g.edges_of(active) * unit;
  set_counters(state, (rotates ? 14 : 16) * edges, edges);
}
void reweight_edges(benchmark::State& state) { reweight_graph(state, false); }
void reweight_turning_edges(benchmark::State& state) { reweight_graph(state, true); }

// ---- vectors over the neurons

void turn_pairs(benchmark::State& state) {
  const index n = share(state, size.neurons), per_head = size.neurons;
  std::vector<index> pair = chosen(n / 2, 0.3);
  for (index& p : pair) p *= 2;
  const auto count = static_cast<index>(pair.size());
  const array<float> x = ones(n), cosine = ones(per_head / 2), sine(per_head / 2);
  const std::vector<std::uint64_t> last(n / 2);
  array<float> turned(n), aged(n), kept(n);
  for (auto _ : state)
    bodies().turn_pairs({pair.data(), x.data(), 0, per_head, cosine.data(), sine.data(),
                         last.data(), 7, 0.99, turned.data(), aged.data(), kept.data()},
                        count);
  set_counters(state, 52.0 * count,
               0);  // id, X, cosine, sine, clock; three results of both members
}

void age_neurons(benchmark::State& state) {
  const index n = share(state, size.neurons);
  const std::vector<index> active = chosen(n, 0.2);
  const array<float> x = ones(n);
  const std::vector<std::uint64_t> last(n);
  array<float> turned(n), aged(n), kept(n);
  const auto count = static_cast<index>(active.size());
  for (auto _ : state)
    bodies().age_neurons(
        {active.data(), x.data(), 0, last.data(), 7, 0.99, turned.data(), aged.data(), kept.data()},
        count);
  set_counters(state, 28.0 * count, 0);
}

// One vector of so many values that it is read from memory.
struct vectors {
  index n;
  array<float> a, b, c;
  explicit vectors(const benchmark::State& state)
      : n(share(state, size.values)), a(ones(n)), b(ones(n)), c(ones(n)) {}
};

void threshold_x(benchmark::State& state) {
  vectors v(state);
  for (auto _ : state) bodies().threshold_x({v.a.data(), v.b.data(), v.n, false});
  set_counters(state, 8.0 * v.n, 0);
}
void threshold_x_accumulating(benchmark::State& state) {
  vectors v(state);
  for (auto _ : state) bodies().threshold_x({v.a.data(), v.b.data(), v.n, true});
  set_counters(state, 12.0 * v.n, 0);
}
void threshold_y(benchmark::State& state) {
  vectors v(state);
  for (auto _ : state) bodies().threshold_y({v.a.data(), v.b.data(), v.c.data(), v.n});
  set_counters(state, 12.0 * v.n, 0);
}
void balance(benchmark::State& state) {
  vectors v(state);
  for (auto _ : state) bodies().net_drive({v.a.data(), v.b.data(), v.c.data(), v.n, 0.5f});
  set_counters(state, 12.0 * v.n, 0);
}
void leak(benchmark::State& state) {
  vectors v(state);
  for (auto _ : state) bodies().leak({v.a.data(), v.n, 1.0f});
  set_counters(state, 8.0 * v.n, 0);
}
void integrate(benchmark::State& state) {
  vectors v(state);
  std::fill(v.a.begin(), v.a.end(), 0.0f);
  for (auto _ : state) bodies().integrate({v.a.data(), v.b.data(), v.n});
  set_counters(state, 12.0 * v.n, 0);
}
void all_finite(benchmark::State& state) {
  const vectors v(state);
  for (auto _ : state) benchmark::DoNotOptimize(bodies().all_finite({v.a.data(), v.n}));
  set_counters(state, 4.0 * v.n, 0);
}
void pool(benchmark::State& state) {
  array<float> z = ones(hubs);
  float gain = 0;
  for (auto _ : state) {
    z[0] = 2.0f;
    bodies().normalise({z.data(), hubs, 1e-5f, true, true, &gain});
  }
  set_counters(state, 4.0 * 4 * hubs, 0);  // read for the mean, for the variance, and to be scaled
}

// ---- blocks of 64 tokens, tile by tile of 64 neurons

constexpr index tile_values = block_tokens * block_tokens;  // neurons x tokens

index whole_tiles(const benchmark::State& state) {
  return share(state, size.neurons) / block_tokens * block_tokens;
}

// X of neurons in the tokens of a block: a share is active, and keeps its value in all passes.
struct block_activity {
  index neurons;
  array<std::uint64_t> by_neuron,
      by_token;                 // masks: tokens of each neuron; neurons of each token, tile by tile
  array<float> x;               // (neurons x 64)
  double active = 0, used = 0;  // neuron and token; neurons active in any token

  explicit block_activity(const benchmark::State& state)
      : neurons(whole_tiles(state)),
        by_neuron(neurons),
        by_token(neurons),
        x(std::size_t{neurons} * block_tokens) {
    bdh::random_stream random(2, bdh::purpose::selection, neurons);
    for (index i = 0; i < neurons; ++i) {
      for (index t = 0; t < block_tokens; ++t) {
        if (random.unit() >= static_cast<double>(state.range(0)) / 100) continue;
        by_neuron[i] |= std::uint64_t{1} << t;
        x[std::size_t{i} * block_tokens + t] = 1.0f;
        ++active;
      }
      used += by_neuron[i] != 0;
    }
    for (index i = 0; i < neurons; i += block_tokens)
      bdh::kernels::transpose_bits(by_neuron.data() + i, by_token.data() + i);
  }
  template <class Work>
  void for_tiles(Work work) const {
    for (index first = 0; first < neurons; first += block_tokens)
      work(first, std::size_t{first} * block_tokens);
  }
};

// 64 of the hubs in every row.
struct sparse_rows {
  static constexpr index of_row = 64;
  array<edge_id> indptr;
  array<index> column;
  array<float> weight;

  explicit sparse_rows(index rows)
      : indptr(rows + std::size_t{1}),
        column(std::size_t{rows} * of_row),
        weight(ones(std::size_t{rows} * of_row)) {
    bdh::random_stream random(3, bdh::purpose::graph_edges, rows);
    for (index r = 0; r < rows; ++r) {
      indptr[r + 1] = indptr[r] + of_row;
      for (index k = 0; k < of_row; ++k)
        column[indptr[r] + k] = k * (hubs / of_row) + random.below(hubs / of_row);
    }
  }
};

// Dx over W of all tokens.
void block_product(benchmark::State& state) {
  const index n = whole_tiles(state);
  const array<float> rows = ones(std::size_t{n} * hubs),
                     by_hub = ones(std::size_t{hubs} * block_tokens);
  array<float> out(tile_values);
  for (auto _ : state)
    for (index r = 0; r < n; r += block_tokens)
      bodies().block_product({rows.data() + std::size_t{r} * hubs, by_hub.data(), block_tokens,
                              hubs, block_tokens, out.data()});
  const double weights = static_cast<double>(n) * hubs;
  set_counters(state, 4 * weights, block_tokens * weights);
}

void block_product_sparse(benchmark::State& state) {
  const index n = whole_tiles(state);
  const sparse_rows rows(n);
  const array<float> by_hub = ones(std::size_t{hubs} * block_tokens);
  array<float> out(tile_values);
  for (auto _ : state)
    for (index r = 0; r < n; r += block_tokens)
      bodies().block_product_sparse({rows.indptr.data(), rows.column.data(), rows.weight.data(),
                                     by_hub.data(), r, block_tokens, block_tokens, out.data()});
  const double weights = static_cast<double>(n) * sparse_rows::of_row;
  set_counters(state, 8 * weights, block_tokens * weights);
}

void block_threshold(benchmark::State& state, bool accumulate) {
  const block_activity x(state);
  array<float> drive(x.x.size()), kept(x.x.size());
  array<std::uint64_t> active(x.neurons);
  for (auto _ : state) {
    x.for_tiles([&](index first, std::size_t at) {
      std::memcpy(drive.data() + at, x.x.data() + at, tile_values * sizeof(float));
      benchmark::DoNotOptimize(
          bodies().block_threshold({drive.data() + at, block_tokens, block_tokens, accumulate,
                                    kept.data() + at, block_tokens, active.data() + first}));
    });
  }
  set_counters(state, 16.0 * static_cast<double>(x.x.size()) + 4 * x.active,
               0);  // the drive is copied before
}
void block_threshold_replacing(benchmark::State& state) { block_threshold(state, false); }
void block_threshold_accumulating(benchmark::State& state) { block_threshold(state, true); }

void block_turn(benchmark::State& state) {
  const block_activity x(state);
  const array<float> base = ones(x.neurons), table = ones(x.x.size());
  array<float> turned(x.x.size());
  std::uint64_t used[block_tokens];
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_turn({x.x.data() + at, block_tokens, x.by_neuron.data() + first,
                           base.data() + first, table.data() + at, turned.data() + at, used});
    });
  set_counters(state, 12.0 * static_cast<double>(x.x.size()), 0);
}

void block_age(benchmark::State& state) {
  const block_activity x(state);
  const array<float> kept = ones(block_tokens), falling = ones(block_tokens),
                     rising = ones(2 * block_tokens);
  array<float> aged(x.x.size()), written(x.x.size());
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_age({x.x.data() + at, x.by_neuron.data() + first, kept.data(), falling.data(),
                          rising.data(), block_tokens, aged.data() + at, written.data() + at});
    });
  set_counters(state, 12 * block_tokens * x.used, 0);
}

// What the tokens of a block find in the synapses; E from Y is the same.
void block_push(benchmark::State& state) {
  const block_activity x(state);
  const array<float> rows = ones(std::size_t{x.neurons} * hubs);
  array<float> out(std::size_t{block_tokens} * hubs);
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_push({rows.data() + std::size_t{first} * hubs, hubs, hubs, x.x.data() + at, 1,
                           block_tokens, x.by_token.data() + first, block_tokens, nullptr,
                           out.data(), hubs});
    });
  set_counters(state, 4 * hubs * x.used, hubs * x.active);
}

// What they write there.
void block_push_written(benchmark::State& state) {
  const block_activity x(state);
  const array<float> w = ones(std::size_t{block_tokens} * hubs), kept = ones(block_tokens);
  array<float> rows = ones(std::size_t{x.neurons} * hubs);
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_push({w.data(), hubs, hubs, x.x.data() + at, block_tokens, 1,
                           x.by_neuron.data() + first, block_tokens, kept.data(),
                           rows.data() + std::size_t{first} * hubs, hubs});
    });
  set_counters(state, 8 * hubs * x.used, hubs * x.active);
}

void block_push_sparse(benchmark::State& state) {
  const block_activity x(state);
  const sparse_rows rows(x.neurons);
  array<float> out(std::size_t{block_tokens} * hubs);
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_push_sparse({rows.indptr.data(), rows.column.data(), rows.weight.data(), first,
                                  x.x.data() + at, x.by_token.data() + first, block_tokens,
                                  out.data(), hubs});
    });
  set_counters(state, 8 * sparse_rows::of_row * x.used, sparse_rows::of_row * x.active);
}

// Dy at the active X.
void block_fire(benchmark::State& state) {
  const block_activity x(state);
  const array<float> rows = ones(std::size_t{x.neurons} * hubs),
                     a = ones(std::size_t{block_tokens} * hubs), gate = ones(x.x.size());
  array<float> y(tile_values);
  std::uint64_t active_y[block_tokens];
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_fire({rows.data() + std::size_t{first} * hubs, hubs, block_tokens, a.data(),
                           gate.data() + at, block_tokens, x.by_neuron.data() + first, y.data(),
                           active_y});
    });
  set_counters(state, 4 * hubs * x.used, hubs * x.active);
}

void block_fire_sparse(benchmark::State& state) {
  const block_activity x(state);
  const sparse_rows rows(x.neurons);
  const array<float> a = ones(std::size_t{block_tokens} * hubs), gate = ones(x.x.size());
  array<float> y(tile_values);
  std::uint64_t active_y[block_tokens];
  for (auto _ : state)
    x.for_tiles([&](index first, std::size_t at) {
      bodies().block_fire_sparse({rows.indptr.data(), rows.column.data(), rows.weight.data(), first,
                                  hubs, block_tokens, a.data(), gate.data() + at, block_tokens,
                                  x.by_neuron.data() + first, y.data(), active_y});
    });
  set_counters(state, 8 * sparse_rows::of_row * x.used, sparse_rows::of_row * x.active);
}

void register_all(int most_threads) {
  using function = void (*)(benchmark::State&);
  const auto add = [&](const char* name, function f, std::vector<std::int64_t> percents) {
    for (const int threads : {1, most_threads}) {
      auto* b = benchmark::RegisterBenchmark(name, f)->Threads(threads)->UseRealTime()->Unit(
          benchmark::kMillisecond);
      for (const std::int64_t percent : percents) b->ArgName("active")->Arg(percent);
      if (most_threads == 1) break;
    }
  };
  add("propagate/push_dense", push_dense<float>, {5, 20, 100});
  add("propagate/push_dense_bfloat16", push_dense<bdh::bfloat16>, {20, 100});
  add("propagate/pull_dense", pull_dense<float>, {5, 20, 100});
  add("propagate/pull_dense_bfloat16", pull_dense<bdh::bfloat16>, {20, 100});
  add("propagate/pull_dense_batch", pull_dense_batch<float>, {});
  add("propagate/pull_dense_batch_bfloat16", pull_dense_batch<bdh::bfloat16>, {});
  add("propagate/collect", add_halves, {});
  add("propagate/push_edges", push_edges, {5, 100});  // 100: the propagate sweep
  add("propagate/push_aging_edges", push_aging_edges, {100});
  add("propagate/push_sparse", push_sparse, {100});
  add("propagate/pull_sparse", pull_sparse, {20, 100});
  add("reweight/reweight", reweight, {10, 36, 100});
  add("reweight/push_and_reweight", push_and_reweight<float>, {10, 36});
  add("reweight/push_and_reweight_bfloat16", push_and_reweight<bdh::bfloat16>, {10, 36});
  add("reweight/reweight_edges", reweight_edges, {5, 100});  // 100: the Hebb sweep
  add("reweight/reweight_turning_edges", reweight_turning_edges, {100});
  add("decay/turn_pairs", turn_pairs, {});
  add("decay/age_neurons", age_neurons, {});
  add("threshold/threshold_x", threshold_x, {});
  add("threshold/threshold_x_accumulating", threshold_x_accumulating, {});
  add("threshold/threshold_y", threshold_y, {});
  add("threshold/balance", balance, {});
  add("threshold/leak", leak, {});
  add("threshold/integrate", integrate, {});
  add("threshold/all_finite", all_finite, {});
  add("threshold/pool", pool, {});
  add("block/product", block_product, {});
  add("block/product_sparse", block_product_sparse, {});
  add("block/threshold", block_threshold_replacing, {20});
  add("block/threshold_accumulating", block_threshold_accumulating, {20});
  add("block/turn", block_turn, {20});
  add("block/age", block_age, {20});
  add("block/push", block_push, {1, 5, 20});  // 1: E, from Y
  add("block/push_written", block_push_written, {5, 20});
  add("block/push_sparse", block_push_sparse, {20});
  add("block/fire", block_fire, {5, 20});
  add("block/fire_sparse", block_fire_sparse, {20});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--small") == 0) {
    size = {std::size_t{1} << 22, 2048, 100'000, 1u << 14};
    std::rotate(argv + 1, argv + 2, argv + argc--);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto most = std::max(1u, std::thread::hardware_concurrency());
  read_bandwidth.assign(most + 1, 0);
  for (const std::size_t threads : {std::size_t{1}, std::size_t{most}}) {
    read_bandwidth[threads] = bdh::app::measure_speed(threads, size.measured_bytes).read;
    benchmark::AddCustomContext("read_bandwidth_" + std::to_string(threads),
                                std::to_string(read_bandwidth[threads]));
  }
  benchmark::AddCustomContext("instructions", bdh::name(bodies().set));
  register_all(static_cast<int>(most));
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
