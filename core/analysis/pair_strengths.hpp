// The strengths of the synapses between all pairs of neurons of a layer through hubs, kept while a
// simulator reads: n^2 of them, written by the Hebb rule as probes are (bdh/probe.hpp), so that the
// strongest are known after any token.
//
//     sigma(i->j) <- (sigma(i->j) + f(j) X(i)) U,    f = W, or Y of the layer before (Eq. 16)
//
// Kept in the rotating frame, as engines keep synapses: only rows of rotation pairs with an active
// X are written. Interventions act as they do on probes: nothing is written while a layer is
// frozen, `reset` and `set` change strengths.
//
// What is kept: the strengths, in n^2 float32, so that a look takes one pass over them however many
// tokens came before; or the history, what each token wrote, from which a look computes all
// strengths anew, block by block. Both give the same bits.
//
//     bdh::pair_strengths all(model, brain.retention(), 2, bdh::probe_factor::w, *work);
//     all.follow(brain);
//     for (bdh::token_id t : text) brain.step(t), all.settle();
//     for (const bdh::weighted_pair& p : all.strongest(100)) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/ids.hpp>
#include <bdh/probe.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/strongest_pairs.hpp"
#include "core/base/executor.hpp"
#include "core/base/sincos.hpp"

namespace bdh {

enum class kept_pairs { strengths, history };

class pair_strengths {
 public:
  // All zero. Model and executor must outlive it. Throws unavailable_error where synapses are
  // explicit edges, input_error for a layer out of range.
  pair_strengths(const model& m, double retention, layer_id layer, probe_factor factor,
                 executor& work, kept_pairs what = kept_pairs::strengths);
  pair_strengths(const pair_strengths&) = delete;
  pair_strengths& operator=(const pair_strengths&) = delete;
  ~pair_strengths();

  // Of the strengths of a layer; taken when the first is not 0, which none of layer 1 ever is: only
  // sensory nodes have a W before it, and no neuron a Y.
  static double bytes(const model& m) noexcept;

  // What `brain`, which must outlive that, reads from its next token on is written, until stop().
  void follow(simulator& brain);
  void stop() noexcept;
  // After a token, on the thread that drives the simulator: writes what has gathered, once that is
  // worth a pass.
  void settle();

  // After the last token: what the next one will read. Not 0; the largest |strength| first, of
  // equal ones the lower target, then the lower source first. No bit depends on threads, nor on how
  // often this was called before.
  std::vector<weighted_pair> strongest(std::size_t count);
  float strength(const neuron_pair& pair);

 private:
  struct unit_activity {  // of a rotation pair, or of a neuron where nothing rotates
    neuron_id unit;
    float even, odd;  // X, turned
  };
  // What changes strengths: a token's Hebbian writes, a reset, a set. In the order of time.
  struct change {
    enum class kind { write, clear, set } what = kind::write;
    std::uint64_t clock = 0;  // decays before it
    std::vector<neuron_id> targets = {};
    std::vector<float> factors = {};  // f of them
    std::vector<unit_activity> sources = {};
    neuron_pair pair = {};  // set
    float strength = 0;
  };
  struct rows;

  void after_round(layer_id layer, moment at);
  void take_interventions();
  void take_token();
  void write_pending();
  template <class RowsOf>
  void write_units(neuron_id first, neuron_id last, RowsOf rows_of) const;
  void apply(const change& c, const unit_activity* source, rows& to) const;
  void set(const change& c, rows& to) const;
  void age(rows& of, std::uint64_t clock) const;
  bool frozen() const;
  rows rows_of(float* first, std::uint64_t& last, neuron_id unit) const;
  rows kept_rows(neuron_id unit);
  template <class Use>
  void with_rows(neuron_id first, neuron_id last, Use use);
  cos_sin turned(neuron_id unit, std::uint64_t clock) const;
  void rank_unit(const rows& of, strongest_of_blocks::block& to, std::span<float> values) const;

  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  const model& model_;
  const double retention_;
  const layer_id layer_;
  const probe_factor factor_;
  executor& work_;
  const kept_pairs kept_;
  const neuron_id unit_size_, units_;  // 2 neurons where pairs rotate, or 1
  std::uint64_t clock_ = 0;            // decays so far
  array<float> strengths_;             // (n x n) row = source; empty: all zero
  std::vector<std::uint64_t> last_;    // of each unit: the clock of its rows; never: they are zero
  std::vector<change> pending_;        // not in strengths_ yet; the history is all of them
  std::vector<float> x_, y_;
  simulator* brain_ = nullptr;
  int observer_ = 0;
};

}  // namespace bdh
