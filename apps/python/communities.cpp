// Communities of neurons, of a graph of a model.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <bdh/error.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"
#include "core/analysis/subgraph.hpp"
#include "core/base/executor.hpp"

namespace bdh::python {
namespace {

graph_kind circuit_named(const std::string& wanted) {
  for (const graph_kind g : {graph_kind::gx, graph_kind::gy, graph_kind::gs})
    if (wanted == name(g)) return g;
  throw input_error("circuit", "'" + wanted + "'", "gx, gy or gs");
}

void stop_if_interrupted() {
  nb::gil_scoped_acquire held;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// Community of each neuron, and the modularity of the division.
nb::tuple communities(const model_handle& h, const std::string& circuit, std::optional<edge_id> top,
                      std::uint64_t seed) {
  std::vector<neuron_id> member;
  double modularity = 0;
  {
    nb::gil_scoped_release free;
    const std::unique_ptr<executor> work = serial_executor();
    subgraph graph(
        *h.is, {.graph = circuit_named(circuit), .top = top, .after_block = stop_if_interrupted},
        *work);
    graph.find_communities(seed);
    member.assign(graph.community().begin(), graph.community().begin() + h.is->neurons());
    modularity = graph.modularity();
  }
  return nb::make_tuple(as_numpy(std::move(member)), modularity);
}

}  // namespace

void add_communities(nb::module_& m) {
  m.def("communities", communities, nb::arg("model"), nb::arg("circuit"), nb::arg("top").none(),
        nb::arg("seed"));
}

}  // namespace bdh::python
