// Interventions: what an experimenter does to a running model. Written as text, the same in
// `bdh run --do`, in a file and in `bdh step`:
//
//     lesion 5,7-9                 neurons are removed: X, Y and W are 0, nothing arrives at them
//     lesion gx:3->7,4->9          edges of a circuit (gx, gy) are cut
//     lesion synapses:3->7         synapses are cut: they no longer transmit
//     silence x:5-9   silence y:2  X or Y held at 0
//     clamp x:5 0.3                held at a value >= 0
//     stimulate x:5 0.1            added to what drives X or Y, before its threshold: an injected
//                                  current
//     freeze                       no Hebbian writing; decay goes on
//     inhibition 0.5               what comes over inhibitory edges, times 0.5
//     reset   reset synapses:3->7  strengths to 0, once, before the first token of the range
//     set synapses:3->7 0.2        a strength, once, before the first token of the range
//
// each followed, if wished, by "layers 1-2,4" and by "tokens 10-20", "from 10" or "at 10":
// positions as in tokens.csv. In C++, the functions below make the same values:
//
//     brain.interventions().add(bdh::silence(bdh::variable::x, {5, 9}).layers({2}).tokens(10, 20));
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bdh/selection.hpp>

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
  // that it removes. intervention_set::add() finds this out by itself, but where a simulator was
  // restored to the middle of such a history.
  bool always = false;

  bool acts_once() const noexcept {
    return what == intervention_kind::reset || what == intervention_kind::set;
  }
  bool during(std::uint64_t position) const noexcept {
    return first <= position && position <= last;
  }
  friend bool operator==(const intervention&, const intervention&) = default;
};

// `now`: the position from which it holds where the text says nothing. Throws input_error with what
// is valid.
intervention parse_intervention(const model& m, std::string_view text, std::uint64_t now = 0);

std::string describe(const model& m, const intervention& p);  // text that parses as p

// Throws input_error where neurons, pairs or layers are out of range for the model, or the value is
// not finite in float32. What parse_intervention() gives is in range.
void expect_in_range(const model& m, const intervention& p);

// ---- Interventions without text, for all layers and all tokens unless limited. Neurons, pairs and
// layers may come in any order. They throw input_error for an empty list, and for what the text
// form refuses, too: a variable other than X and Y, a value that is negative or not finite. Ranges
// are checked when a simulator gets the intervention.

class intervention_builder {
 public:
  explicit intervention_builder(intervention what) : made_(std::move(what)) {}
  intervention_builder& layers(std::vector<layer_id> which);
  // Positions [first, last]; throws input_error unless first <= last.
  intervention_builder& tokens(std::uint64_t first, std::uint64_t last);
  intervention_builder& from(std::uint64_t first);
  intervention_builder& at(std::uint64_t position) { return tokens(position, position); }
  operator const intervention&() const noexcept { return made_; }

 private:
  intervention made_;
};

intervention_builder lesion(std::vector<neuron_id> neurons);
intervention_builder lesion(circuit c, std::vector<neuron_pair> edges);  // source -> neuron
intervention_builder lesion_synapses(std::vector<neuron_pair> pairs);    // neuron -> source
intervention_builder silence(variable v, std::vector<neuron_id> neurons);
intervention_builder clamp(variable v, std::vector<neuron_id> neurons, double value);
intervention_builder stimulate(variable v, std::vector<neuron_id> neurons, double value);
intervention_builder freeze();
intervention_builder inhibition(double factor);
intervention_builder reset();  // all synapses
intervention_builder reset(std::vector<neuron_pair> synapses);
intervention_builder set(std::vector<neuron_pair> synapses, double value);

}  // namespace bdh
