// Models that are drawn at random, and gains of models that exist.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <bdh/cpu_engine.hpp>

#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"
#include "core/analysis/model_tuning.hpp"
#include "core/analysis/random_tuning.hpp"

namespace bdh::python {
namespace {

namespace nb = nanobind;

engine_factory cpu() {
  return [](const model& m) { return cpu_engine(m); };
}

template <class T>
T value(const nb::dict& d, const char* name) {
  return nb::cast<T>(d[name]);
}

random_model_recipe recipe_of(const nb::dict& d) {
  random_model_recipe r;
  r.graph.family = graph_family_named(value<std::string>(d, "family"));
  r.graph.neurons = value<neuron_id>(d, "neurons");
  r.graph.degree = value<neuron_id>(d, "degree");
  r.graph.rewired = value<double>(d, "rewired");
  r.graph.communities = value<neuron_id>(d, "communities");
  r.inhibitory = value<double>(d, "inhibitory");
  r.inhibitory_degree = value<neuron_id>(d, "inhibitory_degree");
  r.vocabulary = value<neuron_id>(d, "vocabulary");
  r.seed = value<std::uint64_t>(d, "seed");
  r.layers = value<layer_id>(d, "layers");
  r.heads = value<head_id>(d, "heads");
  r.dynamics = value<std::string>(d, "dynamics");
  r.retention = value<double>(d, "retention");
  if (!d["theta"].is_none()) r.theta = value<double>(d, "theta");
  r.readout = value<bool>(d, "readout");
  return r;
}

model_handle drawn(const nb::dict& d, double g, double activity) {
  const random_model_recipe recipe = recipe_of(d);
  nb::gil_scoped_release free;
  return model_handle(tune_random(recipe, g, cpu(), {.active_share = activity}).tuned.result);
}

model_handle tuned(const model_handle& m, double activity, std::optional<double> g,
                   std::optional<std::uint64_t> sensory_seed) {
  nb::gil_scoped_release free;
  return model_handle(tune_model(*m.is, {.place = "tune", .g = g, .new_sensory = sensory_seed},
                                 cpu(), {.active_share = activity})
                          .result);
}

}  // namespace

void add_generators(nb::module_& m) {
  m.def("new_model", drawn);
  m.def("tune", tuned);
}

}  // namespace bdh::python
