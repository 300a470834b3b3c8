// What a simulator with a history shows of its last token: causes, synapses, neighbours.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <bdh/queries.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/brain.hpp"
#include "apps/python/module.hpp"

namespace bdh::python {
namespace {

nb::dict why(brain& b, const std::string& what, neuron_id neuron, std::optional<layer_id> wanted) {
  explanation e{};
  {
    nb::gil_scoped_release free;
    const std::lock_guard turn(b.mutex());
    const experiment& past = b.with_history("why");
    const variable v = what == "x" ? variable::x : variable::y;
    const layer_id layer = reached_layer(past, wanted, moment_of(v), "why");
    e = v == variable::x ? explain_x(past, neuron, layer) : explain_y(past, neuron, layer);
  }
  std::vector<neuron_id> source;
  std::vector<double> weight, activity, value;
  for (const contribution& c : e.cause.terms) {
    source.push_back(c.source);
    weight.push_back(c.weight);
    activity.push_back(c.activity);
    value.push_back(c.value());
  }
  nb::dict d;
  d["source"] = as_numpy(std::move(source));
  d["weight"] = as_numpy(std::move(weight));
  d["activity"] = as_numpy(std::move(activity));
  d["contribution"] = as_numpy(std::move(value));
  d["value"] = e.value;
  d["other"] = e.other;
  d["excitatory"] = e.cause.excitatory;
  d["inhibitory"] = e.cause.inhibitory;
  d["injected"] = e.cause.injected;
  d["held"] = e.cause.held;
  d["drive"] = e.cause.total();
  d["position"] = e.position;
  d["layer"] = e.layer;
  return d;
}

nb::dict table_of(const ranked_synapses& found) {
  std::vector<layer_id> layer;
  std::vector<neuron_id> neuron, target;
  std::vector<double> before, now;
  for (const synapse_strength& s : found.largest) {
    layer.push_back(s.layer);
    neuron.push_back(s.neuron);
    target.push_back(s.target);
    before.push_back(s.before);
    now.push_back(s.now);
  }
  nb::dict d;
  d["layer"] = as_numpy(std::move(layer));
  d["pre"] = as_numpy(std::move(neuron));
  d["target"] = as_numpy(std::move(target));
  d["before"] = as_numpy(std::move(before));
  d["strength"] = as_numpy(std::move(now));
  d["nonzero"] = found.nonzero;
  return d;
}

nb::dict top_synapses(brain& b, std::optional<layer_id> layer, std::size_t count, bool changes) {
  ranked_synapses found;
  {
    nb::gil_scoped_release free;
    const std::lock_guard turn(b.mutex());
    const experiment& past = b.with_history(changes ? "changed" : "top_synapses");
    found = changes ? changed_synapses(past, *past.before_last_token(), layer, count)
                    : strongest_synapses(past, layer, count);
  }
  return table_of(found);
}

}  // namespace

void add_queries(nb::module_& m) {
  m.def("why", why, nb::arg("brain"), nb::arg("variable"), nb::arg("neuron"),
        nb::arg("layer").none());
  m.def("ranked_synapses", top_synapses, nb::arg("brain"), nb::arg("layer").none(),
        nb::arg("count"), nb::arg("changes"));
}

}  // namespace bdh::python
