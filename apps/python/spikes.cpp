#include "apps/python/spikes.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include <bdh/cpu_engine.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/module.hpp"
#include "core/simulation/spiking.hpp"
#include "io/files/json.hpp"
#include "io/recording/spike_scales_file.hpp"
#include "io/recording/spike_settings.hpp"
#include "io/recording/spike_trains.hpp"

namespace bdh::python {
namespace {

// "--spike-pair and" is spike_pair='and' here: options of the command line, in the text of an
// error, are arguments.
std::string as_argument(std::string text, bool all) {
  bool in_option = all;
  std::string made;
  for (std::size_t k = 0; k < text.size(); ++k) {
    if (text.compare(k, 8, "--spike-") == 0 || text.compare(k, 8, "--spikes") == 0) {
      in_option = true;
      ++k;
      continue;
    }
    if (text[k] == ' ') in_option = false;
    made += in_option && text[k] == '-' ? '_' : text[k];
  }
  return made;
}

spike_settings settings_of(const nb::dict& given, const model& m) {
  spike_settings s;
  const auto text = [&](const char* key, std::optional<std::string>& to) {
    if (given.contains(key)) to = nb::cast<std::string>(given[key]);
  };
  text("bins", s.bins);
  text("code", s.code);
  text("phase", s.phase);
  text("pair", s.pair);
  text("scales", s.scales);
  if (given.contains("dt")) s.dt = nb::cast<double>(given["dt"]);
  if (given.contains("hubs")) s.hubs = nb::cast<bool>(given["hubs"]);
  if (given.contains("known"))
    s.known = spike_scales_of(nlohmann::json::parse(nb::cast<std::string>(given["known"])), m,
                              "spike_scales");
  return s;
}

}  // namespace

void set_spikes(const nb::dict& given, const model& m, brain_options& to) {
  try {
    const spike_settings s = settings_of(given, m);
    check(s);
    to.spikes = spiking_of(s, m);
    to.bin_ms = s.bin_ms();
    if (to.spikes) to.described_spikes = json_text(spike_description(s, *to.spikes, m, to.seed));
  } catch (const spike_setting_error& e) {
    throw input_error(as_argument(e.place(), true), as_argument(e.found(), false),
                      as_argument(e.expected(), false), e.hint());
  }
}

nb::object spike_counts_of(const step_report& report) {
  if (!report.spikes) return nb::none();
  const spike_counts& c = *report.spikes;
  nb::dict d;
  for (std::size_t k = 0; k < spike_sources; ++k)
    d[nb::str(std::string(name(static_cast<spike_source>(k))).c_str())] = c.spikes[k];
  d["coincidences"] = c.coincidences;
  d["clipped"] = c.clipped;
  d["spiking_x"] = as_numpy(std::vector<neuron_id>(c.spiking_x));
  d["spiking_y"] = as_numpy(std::vector<neuron_id>(c.spiking_y));
  return d;
}

nb::object spike_table_of(const std::vector<step_report>& reports, std::size_t layers) {
  if (reports.empty() || !reports.front().spikes) return nb::none();
  nb::dict d;
  const auto column = [&](const char* called, auto of) {
    std::vector<std::uint64_t> values;
    for (const step_report& r : reports) values.push_back(of(*r.spikes));
    d[called] = as_numpy(std::move(values));
  };
  for (std::size_t k = 0; k < spike_sources; ++k)
    column(std::string(name(static_cast<spike_source>(k))).c_str(),
           [k](const spike_counts& c) { return c.spikes[k]; });
  column("coincidences", [](const spike_counts& c) { return c.coincidences; });
  column("clipped", [](const spike_counts& c) { return c.clipped; });
  const auto by_layer = [&](const char* called, std::vector<neuron_id> spike_counts::*which) {
    std::vector<neuron_id> values;
    for (const step_report& r : reports)
      values.insert(values.end(), ((*r.spikes).*which).begin(), ((*r.spikes).*which).end());
    d[called] = as_numpy(std::move(values), std::array{reports.size(), layers});
  };
  by_layer("spiking_x", &spike_counts::spiking_x);
  by_layer("spiking_y", &spike_counts::spiking_y);
  return d;
}

nb::dict as_dict(kept_trains trains) {
  nb::dict d;
  d["neurons"] = as_numpy(std::move(trains.neurons));
  d["bins"] = as_numpy(std::move(trains.bins));
  d["nodes"] = as_numpy(std::move(trains.nodes));
  d["variables"] = as_numpy(std::move(trains.variables));
  return d;
}

namespace {

// Those of a run, with hubs behind neurons, as live ones have them.
nb::dict trains_of(const run_reader& run) {
  spike_trains all;
  {
    nb::gil_scoped_release free;
    all = read_spike_trains(run);
  }
  kept_trains kept{.neurons = all.neurons};
  const auto add = [&](const std::vector<recorded_spike>& spikes, std::uint32_t more) {
    for (const recorded_spike& s : spikes) {
      kept.bins.push_back(s.bin);
      kept.nodes.push_back(s.node);
      kept.variables.push_back(static_cast<std::uint8_t>(s.variable + more));
    }
  };
  add(all.spikes, 0);
  add(all.hubs, static_cast<std::uint32_t>(spike_of_hub));
  nb::dict d = as_dict(std::move(kept));
  d["first_token"] = all.first_token;
  d["tokens"] = all.tokens;
  return d;
}

// JSON: scales by population and layer.
std::string measured_scales(const model_handle& m, given_array<token_id> tokens,
                            std::uint64_t window, double percentile) {
  const auto all = span_of(tokens);
  nb::gil_scoped_release free;
  simulator brain(*m.is, cpu_engine(*m.is));
  const spike_scale_meter meter(brain);
  for (std::size_t t = 0; t < all.size(); ++t) {
    if (t != 0 && t % window == 0) brain.clear_synapses();
    brain.step(all[t]);
  }
  return json_text(as_json(meter.scales({.common = percentile})));
}

}  // namespace

void add_spikes(nb::module_& m) {
  m.def("trains", trains_of);
  m.def("measure_spike_scales", measured_scales);
}

}  // namespace bdh::python
