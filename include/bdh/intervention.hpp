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
//     noise x:5 gaussian 0 0.1     added there: a random current, of this mean and standard
//                                  deviation, drawn anew for each neuron, layer and token
//     noise x:5 poisson 0.2 0.5    0.5 for each of the spikes that come at a rate of 0.2
//     freeze                       no Hebbian writing; decay goes on
//     inhibition 0.5               what comes over inhibitory edges, times 0.5
//     reset   reset synapses:3->7  strengths to 0, once, before the first token of the range
//     set synapses:3->7 0.2        a strength, once, before the first token of the range
//
// each followed, if wished, by "layers 1-2,4" and by positions of tokens, as in tokens.csv:
//
//     tokens 10-20, from 10        all of these
//     at 10, at 0,50,100           these
//     every 50                     pulses: each 50 tokens, from the first of the range on
//     for 3                        how many tokens a pulse of `at` or `every` lasts
//
// VALUE of clamp and stimulate may be a course, 0.1,0.2,0.3: a value for each token of a pulse.
// Noise depends on its seed (that of the run, or "seed 7"), on its number ("stream 2"; by default
// 1, 2, ... in the order in which they are given), on neuron, layer and position alone.
// In C++, the functions below make the same values:
//
//     brain.interventions().add(bdh::silence(bdh::variable::x, {5, 9}).layers({2}).tokens(10, 20));
//     brain.interventions().add(bdh::stimulate(bdh::variable::x, {5}, 0.1).every(50).lasting(3));
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bdh/selection.hpp>

namespace bdh {

enum class intervention_kind {
  lesion,
  silence,
  clamp,
  stimulate,
  noise,
  freeze,
  inhibition,
  reset,
  set
};
enum class target { everything, neurons, x, y, gx, gy, synapses };

// A random current. Gaussian: of this mean and deviation. Poisson: `size` for each spike, of which
// there are `rate` a token and layer in the mean.
struct noise_current {
  enum class law { gaussian, poisson } by = law::gaussian;
  double mean = 0, deviation = 0, rate = 0, size = 0;
  std::optional<std::uint64_t> seed = std::nullopt;  // none: the caller's, or 0
  // Noises of one seed and different streams are independent; 0: its number among the noises.
  std::uint32_t stream = 0;

  friend bool operator==(const noise_current&, const noise_current&) = default;
};

struct intervention {
  intervention_kind what = intervention_kind::freeze;
  target on = target::everything;
  std::vector<neuron_id> neurons;  // of neurons, x, y
  std::vector<neuron_pair> pairs;  // of gx, gy: source -> neuron; of synapses: neuron -> source
  double value = 0;                // of clamp, stimulate, inhibition, set
  std::vector<double> course;    // of clamp, stimulate: a value for each token of a pulse, instead
  noise_current noise;           // of noise
  std::vector<layer_id> layers;  // ascending; empty: all
  std::uint64_t first = 0;       // positions of tokens: [first, last]
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  // Pulses in this range: at these positions, ascending, or every so many tokens; each of `length`
  // tokens. Neither: all of the range.
  std::vector<std::uint64_t> onsets;
  std::uint64_t every = 0, length = 1;

  // It has held for every token since the synapses were zero: nothing was ever written to neurons
  // that it removes. intervention_set::add() finds this out by itself, but where a simulator was
  // restored to the middle of such a history.
  bool always = false;

  bool acts_once() const noexcept {
    return what == intervention_kind::reset || what == intervention_kind::set;
  }
  bool pulses() const noexcept { return every != 0 || !onsets.empty(); }
  // Where the pulse began, or the range, that holds at a position; none: nothing does.
  std::optional<std::uint64_t> onset_at(std::uint64_t position) const noexcept;
  bool during(std::uint64_t position) const noexcept { return onset_at(position).has_value(); }
  bool begins_at(std::uint64_t position) const noexcept { return onset_at(position) == position; }
  // The first and the last position at which it holds; max(): without end.
  std::uint64_t first_position() const noexcept;
  std::uint64_t last_position() const noexcept;
  // Value at a position at which it holds; of noise: of this neuron in this layer.
  double value_at(std::uint64_t position) const noexcept;
  double noise_at(std::uint64_t position, layer_id layer, neuron_id neuron) const noexcept;
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
  // Pulses: at these positions, or every so many tokens of the range (1 or more).
  intervention_builder& at(std::vector<std::uint64_t> positions);
  intervention_builder& every(std::uint64_t tokens);
  intervention_builder& lasting(std::uint64_t tokens);  // each pulse: 1 or more
  // Of clamp and stimulate: a value for each token of a pulse, which lasts as many.
  intervention_builder& course(std::vector<double> values);
  intervention_builder& seed(std::uint64_t seed);      // of noise
  intervention_builder& stream(std::uint32_t number);  // of noise, from 1 on
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
intervention_builder gaussian_noise(variable v, std::vector<neuron_id> neurons, double mean,
                                    double deviation);
// rate: spikes a token and layer, 0 to 500.
intervention_builder poisson_noise(variable v, std::vector<neuron_id> neurons, double rate,
                                   double size);
intervention_builder freeze();
intervention_builder inhibition(double factor);
intervention_builder reset();  // all synapses
intervention_builder reset(std::vector<neuron_pair> synapses);
intervention_builder set(std::vector<neuron_pair> synapses, double value);

}  // namespace bdh
