// Every kernel body evaluated by the compiler, on cases computed by hand. nvcc takes a constexpr
// body for the device without a CUDA macro, but when such a body reaches a function that is not
// constexpr it says nothing and emits an empty kernel. Constant evaluation refuses that, and reads
// out of bounds and other undefined behaviour with it. This file only has to compile.
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/source_update.hpp"
#include "kernels/spikes.hpp"
#include "kernels/threshold.hpp"

namespace bdh::kernels::constant {

struct group {  // one lane at a time; the order of a sum does not matter to the small whole numbers
                // below
  template <class F>
  constexpr void each(index n, F f) const {
    for (index i = 0; i < n; ++i) f(i);
  }
  template <class F>
  constexpr void row(index n, F f) const {
    each(n, f);
  }
  template <class F>
  constexpr float sum(index n, F f) const {
    float z = 0;
    for (index k = 0; k < n; ++k) z += f(k);
    return z;
  }
  template <class F>
  constexpr float sum_items(index n, F f) const {
    return sum(n, f);
  }
  template <class F, class G, class H>
  constexpr void sums(index n, index many, F f, G g, H h) const {
    for (index s = 0; s < many; ++s) h(s, sum(n, [&](index k) { return f(k) * g(s, k); }));
  }
  template <class F>
  constexpr float ordered_sum(index n, F f) const {
    return sum(n, f);
  }
  template <class F>
  constexpr void push(index count, index n, float* out, F f) const {
    for (index k = 0; k < n; ++k) {
      out[k] = 0;
      for (index j = 0; j < count; ++j) out[k] += f(j, k);
    }
  }
  template <class F>
  constexpr void once(F f) const {
    f();
  }
};

// Graph of the propagate cases: source 0 -> (1, 2), source 1 -> (3, 4); X = (10, 100).
inline constexpr float edges[] = {1, 2, 3, 4};
inline constexpr index both[] = {0, 1};
inline constexpr index crossed[] = {1, 0};
inline constexpr std::uint64_t starts[] = {0, 2, 4};
inline constexpr index ends[] = {0, 1, 0, 1};
inline constexpr float x[] = {10, 100};

constexpr bool propagates() {
  float pushed[2] = {}, scattered[2] = {}, collected[2] = {}, pulled[2] = {}, gathered[2] = {},
        chosen[2] = {}, picked[2] = {};
  push_dense{.rows = edges,
             .stride = 2,
             .width = 2,
             .first_source = 0,
             .count = 2,
             .source = both,
             .activity = x,
             .out = pushed}(group{});
  push_sparse{.indptr = starts,
              .target = ends,
              .weights = edges,
              .width = 2,
              .count = 2,
              .source = both,
              .activity = x,
              .out = scattered}(group{});
  const float* const parts[] = {edges, edges + 2};
  reduce_sections{.parts = parts, .width = 2, .count = 2, .out = collected}(group{});
  float last[1] = {}, first[1] = {};  // of two columns the first
  push_dense{.rows = edges,
             .stride = 2,
             .width = 1,
             .first_source = 0,
             .count = 2,
             .source = both,
             .activity = x,
             .out = last}(group{});
  float sums[] = {edges[0], edges[1], edges[2], edges[3]};
  reduce_blocks{.parts = sums, .stride = 2, .width = 1, .count = 2, .out = first}(group{});
  if (last[0] != 310 || first[0] != 4) return false;
  for (index r = 0; r < 2; ++r) {
    pull_dense{.rows = edges, .width = 2, .target = nullptr, .activity = x, .out = pulled}(group{},
                                                                                           r);
    pull_dense{.rows = edges, .width = 2, .target = crossed, .activity = x, .out = chosen}(group{},
                                                                                           r);
    pull_sparse{.indptr = starts,
                .source = ends,
                .weights = edges,
                .target = nullptr,
                .activity = x,
                .out = gathered}(group{}, r);
    pull_sparse{.indptr = starts,
                .source = ends,
                .weights = edges,
                .target = crossed,
                .activity = x,
                .out = picked}(group{}, r);
  }
  const float* const streams[] = {x, edges};
  float of_x[2] = {}, of_edges[2] = {};
  float* const each[] = {of_x, of_edges};
  for (index r = 0; r < 2; ++r)
    pull_dense_batch_of<float>{
        .rows = edges, .width = 2, .streams = 2, .activity = streams, .out = each}(group{}, r);
  if (of_x[0] != 210 || of_x[1] != 430 || of_edges[0] != 5 || of_edges[1] != 11) return false;
  return pushed[0] == 310 && pushed[1] == 420 && scattered[0] == 310 && scattered[1] == 420 &&
         collected[0] == 4 && collected[1] == 6 && pulled[0] == 210 && pulled[1] == 430 &&
         gathered[0] == 210 && gathered[1] == 430 && chosen[0] == 430 && chosen[1] == 210 &&
         picked[0] == 430 && picked[1] == 210;
}
static_assert(propagates());

constexpr bool propagates_over_explicit_edges() {  // both sources reach targets 0 and 1; then with
                                                   // u = 1/2, aged by 1 and 2 tokens
  float out[2] = {}, aged[2] = {};
  const push_edges push{starts, starts + 1, ends, edges, 2, both, x, out};
  push(group{});
  const float u[] = {0.5f, 0.5f, 0.5f, 0.5f};
  const std::uint64_t age[] = {1, 2};
  push_edges into_aged = push;
  into_aged.out = aged;
  push_aging_edges{into_aged, u, age}(group{});
  // By target: target 0 hears source 0 by edge 0 and source 1 by edge 2, target 1 by edges 1 and 3.
  const std::uint64_t edge_of[] = {0, 2, 1, 3};
  float pulled[2] = {}, pulled_aged[2] = {}, one[2] = {};
  pull_edges{.indptr = starts,
             .source = ends,
             .edge = edge_of,
             .weights = edges,
             .narrow = nullptr,
             .activity = x,
             .retention = nullptr,
             .age = nullptr,
             .row = nullptr,
             .out = pulled}(group{}, 0, 2);
  for (index r = 0; r < 2; ++r)
    pull_many_edges{{starts, ends, edge_of, edges, nullptr, x, u, age, crossed, pulled_aged}}(
        group{}, r);
  const float silent[] = {10, 0};
  pull_edges{.indptr = starts,
             .source = ends,
             .edge = nullptr,
             .weights = edges,
             .narrow = nullptr,
             .activity = silent,
             .retention = nullptr,
             .age = nullptr,
             .row = crossed,
             .out = one}(group{}, 0, 1);
  if (pulled[0] != 310 || pulled[1] != 420 || pulled_aged[0] != 80 || pulled_aged[1] != 110 ||
      one[0] != 0 || one[1] != 30)
    return false;
  return out[0] == 310 && out[1] == 420 && aged[0] == 5 + 75 && aged[1] == 10 + 100;
}
static_assert(propagates_over_explicit_edges());

constexpr bool reweights() {  // sigma = (1, 2), kept by half, then + W X with W = (10, 100), X = 3
  float sigma[] = {1, 2};
  const float activity[] = {3}, kept[] = {0.5f};
  reweight{.rows = sigma,
           .width = 2,
           .first_source = 0,
           .source = both,
           .activity = activity,
           .decay = kept,
           .w = x}(group{}, 0);
  if (sigma[0] != 30.5f || sigma[1] != 301) return false;
  float again[] = {1, 2}, pushed[2] = {};
  if (!push_and_reweight_of<float>{.write = {again, 2, 0, both, activity, kept, x},
                                   .count = 1,
                                   .prefetch_end = 1,
                                   .activity = x,
                                   .out = pushed}(group{}))
    return false;
  bfloat16 rounded[] = {{0x3f80}, {0x4000}};  // (1, 2)
  const random_rounding up[] = {{0, 0xffff0000}};
  reweight_of<bfloat16>{.rows = rounded,
                        .width = 2,
                        .first_source = 0,
                        .source = both,
                        .activity = activity,
                        .decay = kept,
                        .w = x,
                        .rounding = up}(group{}, 0);
  return again[0] == 30.5f && again[1] == 301 && pushed[0] == 10 && pushed[1] == 20 &&
         to_float(rounded[0]) == 30.5f && to_float(rounded[1]) == 302;
}
static_assert(reweights());

constexpr bool reweights_explicit_edges() {  // rates (1, 2, 3, 4), W = (10, 100); a quarter turn
                                             // mixes neurons 0 and 1
  const index units[] = {0, 1}, pair[] = {0};
  const float rates[] = {1, 2, 3, 4}, kept[] = {0.5f, 1}, cosine[] = {0}, sine[] = {1},
              u[] = {0.5f, 1, 0.5f, 1};
  const std::uint64_t age[] = {1, 1};
  float plain[] = {2, 2, 2, 2}, turned[] = {2, 2, 2, 2}, aged[] = {2, 2, 2, 2};
  for (index p = 0; p < 2; ++p) {
    reweight_edges{.begin = starts,
                   .end = starts + 1,
                   .target = ends,
                   .rate = rates,
                   .retention = nullptr,
                   .strength = plain,
                   .w = x,
                   .unit = units,
                   .x = x,
                   .cosine = nullptr,
                   .sine = nullptr,
                   .decay = kept,
                   .age = age}(group{}, p);
    reweight_edges{.begin = starts,
                   .end = starts + 1,
                   .target = ends,
                   .rate = rates,
                   .retention = u,
                   .strength = aged,
                   .w = x,
                   .unit = units,
                   .x = x,
                   .cosine = nullptr,
                   .sine = nullptr,
                   .decay = kept,
                   .age = age}(group{}, p);
  }
  reweight_edges{.begin = starts,
                 .end = starts + 1,
                 .target = ends,
                 .rate = rates,
                 .retention = nullptr,
                 .strength = turned,
                 .w = x,
                 .unit = pair,
                 .x = x,
                 .cosine = cosine,
                 .sine = sine,
                 .decay = kept,
                 .age = age}(group{}, 0);
  // turned: even' = -odd, odd' = even, of the rates times X: (10, 20) and (300, 400)
  return plain[0] == 1 + 10 * 10 && plain[1] == 1 + 100 * 20 && plain[2] == 2 + 10 * 300 &&
         plain[3] == 2 + 100 * 400 && turned[0] == 1 - 10 * 300 && turned[1] == 1 - 100 * 400 &&
         turned[2] == 1 + 10 * 10 && turned[3] == 1 + 100 * 20 && aged[0] == 1 + 10 * 10 &&
         aged[1] == 2 + 100 * 20;
}
static_assert(reweights_explicit_edges());

constexpr bool thresholds() {
  const float drive[] = {-1, 2};
  float replaced[] = {5, 5}, accumulated[] = {5, 5}, y[] = {9, 9}, w[] = {1, 1};
  threshold_x{.drive = drive, .x = replaced, .n = 2, .accumulate = false}(group{});
  threshold_x{.drive = drive, .x = accumulated, .n = 2, .accumulate = true}(group{});
  threshold_y{.drive = drive, .x = x, .y = y, .n = 2}(group{});
  integrate{drive, w, 2}(group{});
  float plain[] = {2, 6}, normal[] = {2, 6};  // mean 4, variance 4
  normalise{
      .z = plain, .n = 2, .epsilon = 0, .centre = true, .scale = false, .gain = nullptr}(group{});
  normalise{
      .z = normal, .n = 2, .epsilon = 0, .centre = false, .scale = true, .gain = nullptr}(group{});
  float driven[2] = {}, leaked[] = {2, 4};
  net_drive{.excitatory = x, .inhibitory = w, .drive = driven, .n = 2, .gain = 0.5f}(
      group{});  // ((10, 100) - (0, 3)) / 2
  leak{leaked, 2, 0.5f}(group{});
  if (driven[0] != 5 || driven[1] != 48.5f || leaked[0] != 1 || leaked[1] != 2) return false;
  return replaced[0] == 0 && replaced[1] == 2 && accumulated[0] == 5 && accumulated[1] == 7 &&
         y[0] == 0 && y[1] == 200 && w[0] == 0 && w[1] == 3 && plain[0] == -2 && plain[1] == 2 &&
         normal[0] == 1 && normal[1] == 3;
}
static_assert(thresholds());

constexpr bool sets_w() {  // y = (10, 100), g(y) = 1/2, g(W) = 2
  float leaky[] = {1, 1, 4}, fresh[] = {1, 1, 4}, listed[] = {1, 1, 4};
  set_source_w_of<float> rule{.w = leaky,
                              .first = 0,
                              .sources = 3,
                              .neuron = nullptr,
                              .y = x,
                              .active = 2,
                              .accumulate = true,
                              .gain_y = 0.5f};
  rule(group{});
  leak{.w = leaky, .n = 3, .gain = 2}(group{});
  rule.w = fresh;
  rule.accumulate = false;
  rule(one_lane{});
  rule.w = listed;
  rule.neuron = crossed;
  rule(one_lane{});
  float z[] = {2, 6}, w[] = {1, 1}, gain_y = 0, gain_w = 0;  // mean 4, variance 4; then (0, 2)
  set_hub_w{.z = z,
            .w = w,
            .n = 2,
            .epsilon = 0,
            .centre = true,
            .scale = true,
            .accumulate = true,
            .gain_y = &gain_y,
            .gain_w = &gain_w}(group{});
  return leaky[0] == 12 && leaky[1] == 102 && leaky[2] == 8 && fresh[0] == 5 && fresh[1] == 50 &&
         fresh[2] == 0 && listed[0] == 50 && listed[1] == 5 && gain_y == 0.5f && gain_w == 1 &&
         w[0] == -1 && w[1] == 1 && w_of_token(true, 3.0f) == 3 && w_of_token(false, 3.0f) == 1;
}
static_assert(sets_w());

constexpr bool decays() {  // a quarter turn of (10, 100), last used two tokens ago at retention 1/2
  const index pair[] = {0};
  const float cosine[] = {0}, sine[] = {1};
  const std::uint64_t last[] = {1};
  float turned[2] = {}, aged[2] = {}, kept[2] = {};
  turn_pairs{.pair = pair,
             .x = x,
             .first_neuron = 0,
             .per_head = 2,
             .cosine = cosine,
             .sine = sine,
             .last = last,
             .clock = 3,
             .retention = 0.5,
             .turned = turned,
             .aged = aged,
             .decay = kept}(group{}, 1);
  const bool pairs = turned[0] == -100 && turned[1] == 10 && aged[0] == -25 && aged[1] == 2.5f &&
                     kept[0] == 0.25f && kept[1] == 0.25f;
  age_neurons{.neuron = pair,
              .x = x,
              .first_neuron = 0,
              .last = last,
              .clock = 3,
              .retention = 0.5,
              .turned = turned,
              .aged = aged,
              .decay = kept}(group{}, 1);
  return pairs && turned[0] == 10 && aged[0] == 2.5f && kept[0] == 0.25f;
}
static_assert(decays());

// Membranes that start half-way, 4 bins: of 2 of 2 a spike in each; of 0.5 one, when the second bin
// has brought it to the threshold; of -1, by the other particle, one in every second.
constexpr bool spikes() {
  const float value[] = {2, 0.5f, -1};
  float estimate[3] = {};
  index sent[3] = {};
  std::uint64_t mask[3] = {};
  emit_spikes{.window = {.key = {},
                         .token = 0,
                         .place = 0,
                         .scale = 2,
                         .bins = 4,
                         .integrates = true,
                         .half_phase = true},
              .value = value,
              .id = nullptr,
              .number = nullptr,
              .first = 0,
              .paired = true,
              .estimate = estimate,
              .spikes = sent,
              .mask = mask}(group{}, 3);
  if (sent[0] != 4 || sent[1] != 1 || sent[2] != 2 || estimate[1] != 0.5f || estimate[2] != -1 ||
      mask[0] != 0b1111 || mask[1] != 0b0010 || mask[2] != 0b0101)
    return false;
  float strength[] = {10}, found[1] = {};
  const index neuron[] = {0};
  const float amount[] = {0, 1, 2, 3, 4}, post[] = {2}, decay[] = {0.5f};
  reweight_coincident{.rows = strength,
                      .width = 1,
                      .first_source = 0,
                      .words = 1,
                      .unit = neuron,
                      .mask = mask,
                      .amount = amount,
                      .post = post,
                      .post_mask = mask + 2,
                      .cosine = nullptr,
                      .sine = nullptr,
                      .per_head = 2,
                      .decay = decay,
                      .rounding = nullptr,
                      .found = found}(group{}, 0);
  return strength[0] == 9 && found[0] == 2;
}
static_assert(spikes());

}  // namespace bdh::kernels::constant
