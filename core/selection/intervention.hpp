// Interventions: what an experimenter does to a running model. Written as text, the same in `bdh
// run --do`, in a file and in `bdh step`:
//
//     lesion 5,7-9                  neurons are removed: X, Y and W are 0, nothing arrives at them
//     lesion gx:3->7,4->9           edges of a circuit (gx, gy) are cut
//     lesion synapses:3->7          synapses are cut: they no longer transmit
//     silence x:5-9   silence y:2   X or Y held at 0
//     clamp x:5 0.3                 held at a value >= 0
//     stimulate x:5 0.1             added to what drives X or Y, before its threshold: an injected
//     current freeze                        no Hebbian writing; decay goes on inhibition 0.5 what
//     comes over inhibitory edges, times 0.5 reset   reset synapses:3->7   strengths to 0, once,
//     before the first token of the range set synapses:3->7 0.2         a strength, once, before
//     the first token of the range
//
// each followed, if wished, by "layers 1-2,4" and by "tokens 10-20", "from 10" or "at 10":
// positions as in tokens.csv.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/selection/select.hpp"

namespace bdh {

enum class intervention_kind { lesion, silence, clamp, stimulate, freeze, inhibition, reset, set };
enum class target { everything, neurons, x, y, gx, gy, synapses };

struct intervention {
  intervention_kind what = intervention_kind::freeze;
  target on = target::everything;
  std::vector<neuron_id> neurons;  // of neurons, x, y
  std::vector<neuron_pair> pairs;  // of gx, gy: source -> neuron; of synapses: neuron -> source
  double value = 0;                // of clamp, stimulate, inhibition, set
  std::vector<layer_id> layers;    // ascending; empty: all
  std::uint64_t first = 0;         // positions of tokens: [first, last]
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();

  // It has held for every token since the synapses were zero: nothing was ever written to neurons
  // that it removes. perturb() finds this out by itself, but where a simulator was restored to the
  // middle of such a history.
  bool always = false;

  bool acts_once() const noexcept {
    return what == intervention_kind::reset || what == intervention_kind::set;
  }
  bool during(std::uint64_t position) const noexcept {
    return first <= position && position <= last;
  }
};

// `now`: the position from which it holds where the text says nothing. Throws input_error with what
// is valid.
intervention parse_intervention(const model& m, std::string_view text, std::uint64_t now = 0);

std::string describe(const model& m, const intervention& p);  // text that parses as p

}  // namespace bdh
