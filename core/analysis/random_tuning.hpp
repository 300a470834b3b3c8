// Gains of random graphs. They leave open how many neurons a token drives
// (core/analysis/tuning.hpp), and, unless the recipe says it, how dense inhibition is: inhibitory
// neurons of cortex reach most of their neighbours, excitatory ones a tenth of them (Fino and Yuste
// 2011; Packer and Yuste 2011). Where inhibition as sparse as excitation cannot hold back what a
// few layers recruit, inhibitory neurons get 2, 4, 8 or 16 times as many edges of the same weight,
// and where that does not do, a token drives more inhibitory neurons than in proportion, up to so
// many that hardly a neuron is without inhibition.
#pragma once

#include <optional>

#include "core/analysis/tuning.hpp"

namespace bdh {

struct tuned_random_model {
  random_model_recipe recipe;  // its inhibitory_degree is what was chosen
  tuned_model tuned;
  neuron_id inhibitory_neurons = 0;
};

// Large graphs start from what a small one of their family needed. Throws the tuning_error of what
// came nearest, and what random_circuits throws.
tuned_random_model tune_random(const random_model_recipe& recipe, double g,
                               const engine_factory& make_engine, const tuning_goal& goal = {},
                               const tuning_work& work = {});

}  // namespace bdh
