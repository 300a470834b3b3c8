// Models from parts of models: two joined along their neurons, and some neurons of one alone.
// Neither adds nor trains a weight.
//
// Through hubs, joining concatenates E, Dx and Dy head by head, and averages embeddings and readout
// (the paper's section 7.1). The neurons of both then drive each other through the hubs. With
// explicit edges the two graphs lie side by side, driven by the same tokens, and the logits are the
// mean of both; no edge leads from one to the other.
//
//     bdh::model both = bdh::merge(a, b).result;
//     // The weights of a, but for the averages.
//     bdh::model first_again = bdh::slice(both, neurons_of_a).result;
//
// A model joined with itself: every sum over neurons doubles. Of E y, gains undo that, up to the
// constant under their root; halving E (scale_e) undoes it exactly. Sums over synapses, A, stay
// doubled, which gains undo likewise. Without gains (normfree) y is doubled with A, and it takes a
// quarter of E.
#pragma once

#include <span>
#include <vector>

#include <bdh/model.hpp>

namespace bdh {

struct merged {
  model result;
  // Neurons are called 1/NAME and 2/NAME: both models have one of some name, or only one has names.
  bool prefixed_names = false;
};

// Neuron k of head h of `a` becomes neuron k of that head, neuron k of `b` comes after the N_a of
// `a`: h (N_a + N_b) + N_a + k. original_id numbers those of `a` as `a` does, those of `b` after
// them. `scale_e`: factor of E, of both. Throws shape_error, input_error or unavailable_error
// naming what does not fit.
merged merge(const model& a, const model& b, float scale_e = 1);

struct sliced {
  model result;
  std::vector<neuron_id> partners;  // kept only because they turn together with one that was chosen
};

// The model without all but these neurons (ascending, each once), as if the others were silent.
// Names and original ids stay. Neurons that turn together stay together; heads without neurons go,
// the others must keep as many each, at the same frequencies. Throws input_error.
sliced slice(const model& m, std::span<const neuron_id> keep, float scale_e = 1);

}  // namespace bdh
