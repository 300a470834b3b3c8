// bdhsim._core.State: a saved state, its arrays as read-only views that keep it alive.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <variant>

#include <bdh/error.hpp>
#include <bdh/state.hpp>
#include <bdh/state_file.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"
#include "apps/python/state_handle.hpp"

namespace bdh::python {
namespace {

nb::dict arrays_of(const state_arrays& from, const state_handle& owner) {
  nb::dict d;
  for (const state_arrays::entry& e : from.all()) {
    const nb::object values = std::visit(
        [&](const auto& v) {
          return nb::cast(view_of(v.data(), std::array<std::size_t, 1>{v.size()}, owner.is));
        },
        e.values);
    const std::string_view called = name(e.what);
    d[nb::str(called.data(), called.size())] = values;
  }
  return d;
}

nb::list layers_of(const state_handle& h) {
  nb::list layers;
  for (const state_arrays& layer : h.is->layers) layers.append(arrays_of(layer, h));
  return layers;
}

nb::list probes_of(const state_handle& h) {
  nb::list all;
  for (const probe_record& p : h.is->probes)
    all.append(nb::make_tuple(p.what.pair.pre, p.what.pair.post, p.what.layer,
                              p.what.factor == probe_factor::y, p.since, p.strength, p.partner));
  return all;
}

void fill(std::span<state_arrays::entry> entries, const nb::dict& from, const std::string& place) {
  for (state_arrays::entry& e : entries) {
    const std::string called(name(e.what));
    if (!from.contains(called.c_str()))
      throw input_error(place, "no " + called, "every variable of a state");
    std::visit(
        [&]<class T>(array<T>& values) {
          const auto given = nb::cast<given_array<T>>(from[called.c_str()]);
          if (given.shape(0) != values.size())
            throw shape_error(place + ", " + called, std::to_string(given.shape(0)) + " values",
                              std::to_string(values.size()));
          std::copy_n(given.data(), values.size(), values.data());
        },
        e.values);
  }
}

// From what __getstate__ gave, for a model of the same content.
state_handle state_of(const model_handle& m, const nb::dict& d) {
  run_state s;
  s.model_sha256 = nb::cast<std::string>(d["model_sha256"]);
  s.tokens = nb::cast<std::uint64_t>(d["tokens"]);
  s.retention = nb::cast<double>(d["retention"]);
  s.rounded = nb::cast<bool>(d["rounded"]);
  s.logits = nb::cast<std::vector<float>>(d["logits"]);
  const std::vector<variable_info> variables = variables_of(*m.is);
  s.network = state_arrays(variables, false);
  fill(s.network.all(), nb::cast<nb::dict>(d["network"]), "state");
  for (const nb::handle layer : nb::cast<nb::list>(d["layers"])) {
    s.layers.emplace_back(variables, true);
    fill(s.layers.back().all(), nb::cast<nb::dict>(layer), "state");
  }
  for (const nb::handle p : nb::cast<nb::list>(d["probes"]))
    s.probes.push_back({{{nb::cast<neuron_id>(p[0]), nb::cast<neuron_id>(p[1])},
                         nb::cast<layer_id>(p[2]),
                         nb::cast<bool>(p[3]) ? probe_factor::y : probe_factor::w},
                        nb::cast<std::uint64_t>(p[4]),
                        nb::cast<double>(p[5]),
                        nb::cast<double>(p[6])});
  check_arrays(s, *m.is);
  return state_handle{std::make_shared<const run_state>(std::move(s))};
}

void save(const state_handle& h, const model_handle& m, const std::string& file) {
  nb::gil_scoped_release free;
  check_state_target(file);
  save_state(*h.is, *m.is, file);
}

state_handle load(const std::string& file, const model_handle& m) {
  nb::gil_scoped_release free;
  return state_handle{std::make_shared<const run_state>(load_state(file, *m.is))};
}

}  // namespace

void add_state(nb::module_& m) {
  nb::class_<state_handle>(m, "State", nb::is_weak_referenceable())
      .def_prop_ro("model_sha256", [](const state_handle& h) { return h.is->model_sha256; })
      .def_prop_ro("tokens", [](const state_handle& h) { return h.is->tokens; })
      .def_prop_ro("retention", [](const state_handle& h) { return h.is->retention; })
      .def_prop_ro("rounded", [](const state_handle& h) { return h.is->rounded; })
      .def_prop_ro(
          "logits",
          [](const state_handle& h) {
            return nb::cast(view_of(h.is->logits.data(),
                                    std::array<std::size_t, 1>{h.is->logits.size()}, h.is));
          },
          nb::for_getter(nb::sig("def logits(self) -> numpy.typing.NDArray[numpy.float32]")))
      .def_prop_ro("network", [](const state_handle& h) { return arrays_of(h.is->network, h); })
      .def_prop_ro("layers", layers_of)
      .def_prop_ro("probes", probes_of)
      .def("save", save);
  m.def("state_of", state_of);
  m.def("load_state", load);
}

}  // namespace bdh::python
