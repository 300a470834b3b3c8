#include "apps/python/reports.hpp"

#include <nanobind/stl/optional.h>

#include <limits>

#include "apps/python/arrays.hpp"
#include "apps/python/spikes.hpp"

namespace bdh::python {
namespace {

template <class T, class F>
nb::object column(const std::vector<step_report>& reports, F of) {
  std::vector<T> values;
  values.reserve(reports.size());
  for (const step_report& r : reports) values.push_back(of(r));
  return nb::cast(as_numpy(std::move(values)));
}

nb::object active_table(const std::vector<step_report>& reports, std::size_t layers,
                        std::vector<neuron_id> step_report::*which) {
  std::vector<neuron_id> values;
  for (const step_report& r : reports)
    values.insert(values.end(), (r.*which).begin(), (r.*which).end());
  const std::array<std::size_t, 2> shape{reports.size(), layers};
  return nb::cast(as_numpy(std::move(values), shape));
}

template <class T>
nb::object copied(const std::vector<T>& values) {
  return nb::cast(as_numpy(std::vector<T>(values)));
}

}  // namespace

nb::dict columns_of(const std::vector<step_report>& reports, std::size_t layers) {
  nb::dict d;
  d["position"] = column<std::uint64_t>(reports, [](auto& r) { return r.position; });
  d["token"] = column<token_id>(reports, [](auto& r) { return r.token; });
  d["surprisal"] = column<double>(reports, [](auto& r) {
    return r.surprisal.value_or(std::numeric_limits<double>::quiet_NaN());
  });
  d["synaptic_events"] = column<std::uint64_t>(reports, [](auto& r) { return r.synaptic_events; });
  d["hebbian_writes"] = column<std::uint64_t>(reports, [](auto& r) { return r.hebbian_writes; });
  d["bytes_exchanged"] = column<std::uint64_t>(reports, [](auto& r) { return r.bytes_exchanged; });
  d["seconds"] = column<double>(reports, [](auto& r) { return r.seconds; });
  d["active_x"] = active_table(reports, layers, &step_report::active_x);
  d["active_y"] = active_table(reports, layers, &step_report::active_y);
  d["spikes"] = spike_table_of(reports, layers);
  return d;
}

void add_learned(nb::dict& to, const std::vector<step_report>& reports) {
  to["error"] = column<double>(reports, [](auto& r) { return r.learned ? r.learned->error : 0; });
  to["rows_changed"] = column<std::uint64_t>(
      reports, [](auto& r) { return r.learned ? r.learned->rows_changed : 0; });
  to["weight_change"] =
      column<double>(reports, [](auto& r) { return r.learned ? r.learned->weight_change : 0; });
}

void add_report(nb::module_& m) {
  nb::class_<step_report>(m, "StepReport",
                          "What one token did, of `Simulator.step`.\n\n"
                          ">>> report = brain.step('T')\n"
                          ">>> report.token, report.surprisal, report.active_x.shape\n"
                          "(84, None, (4,))")
      .def_ro("position", &step_report::position, "Tokens read before it.")
      .def_ro("token", &step_report::token, "Its id.")
      .def_ro("synaptic_events", &step_report::synaptic_events, "Values that crossed an edge.")
      .def_ro("hebbian_writes", &step_report::hebbian_writes, "Synapses that were written.")
      .def_ro("bytes_exchanged", &step_report::bytes_exchanged, "Between sites.")
      .def_ro("surprisal", &step_report::surprisal,
              "-ln p of the token in nats; None for the first, and where there are no logits.")
      .def_ro("seconds", &step_report::seconds, "That it took.")
      .def_prop_ro("spikes", spike_counts_of,
                   nb::for_getter(nb::sig("def spikes(self) -> dict[str, typing.Any] | None")),
                   "Spikes by population, pairs of one bin that wrote a synapse (`coincidences`), "
                   "and neurons with a spike by layer; None where activity travels as it is.")
      .def_prop_ro(
          "active_x", [](const step_report& r) { return copied(r.active_x); },
          nb::for_getter(nb::sig("def active_x(self) -> numpy.typing.NDArray[numpy.uint32]")),
          "Neurons with X > 0: uint32 (layers).")
      .def_prop_ro(
          "active_y", [](const step_report& r) { return copied(r.active_y); },
          nb::for_getter(nb::sig("def active_y(self) -> numpy.typing.NDArray[numpy.uint32]")),
          "Neurons with Y > 0: uint32 (layers).");
}

}  // namespace bdh::python
