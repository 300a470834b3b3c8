// Queries as JSON.
#include <nlohmann/json.hpp>
#include <string>

#include <bdh/queries.hpp>
#include <bdh/selection.hpp>

#include "core/analysis/query_names.hpp"

namespace bdh {
namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& all) {
  return all.dump(1, ' ', false, json::error_handler_t::replace);
}

// {"id": 3}, and its name where it has one.
json node(const model& m, neuron_id source) {
  json all{{"id", source}};
  if (const std::string name = shown_source(m, source); name != std::to_string(source))
    all["name"] = name;
  return all;
}
json hub(neuron_id id) { return {{"id", id}, {"name", shown_hub(id)}}; }
json other_end(const model& m, neuron_id id) { return m.is_direct() ? node(m, id) : hub(id); }

json edges(const model& m, const ranked_edges& found) {
  json list = json::array();
  for (const weighted_edge& w : found.largest)
    list.push_back({{"node", node(m, w.end)}, {"weight", w.weight}});
  return {{"nonzero", found.nonzero}, {"largest", list}};
}

json synapses(const model& m, const ranked_synapses& found) {
  json list = json::array();
  for (const synapse_strength& s : found.largest) {
    json row{{"layer", s.layer},
             {"neuron", node(m, s.neuron)},
             {"target", other_end(m, s.target)},
             {"strength", s.now}};
    if (found.changed_by) row["before"] = s.before;
    list.push_back(std::move(row));
  }
  json all{{"nonzero", found.nonzero}, {"largest", list}};
  if (found.changed_by) all["changed_by_token"] = *found.changed_by;
  return all;
}

}  // namespace

std::string as_json(const model& m, const shown_values& shown) {
  json list = json::array();
  for (const auto& [at, value] : shown.entries) {
    json row;
    if (shown.what != variable::a) {
      row = node(m, static_cast<neuron_id>(at));
    } else {
      const place_of_a place = place_in_a(m, at);
      row = other_end(m, place.id);
      row["head"] = place.head;
    }
    row["value"] = value;
    list.push_back(std::move(row));
  }
  return dumped({{"variable", std::string(1, letter_of(shown.what))},
                 {"layer", shown.layer},
                 {"token", shown.position},
                 {"active", shown.active},
                 {"size", shown.size},
                 {"values", list}});
}

std::string as_json(const model& m, const explanation& why) {
  const drive& d = why.cause;
  const bool from_hubs = why.what == variable::y && !m.is_direct();
  json terms = json::array();
  for (const contribution& c : d.terms)
    terms.push_back({{"from", from_hubs ? hub(c.source) : node(m, c.source)},
                     {"weight", c.weight},
                     {"activity", c.activity},
                     {"contribution", c.value()}});
  json all{{"variable", std::string(1, letter_of(why.what))},
           {"neuron", node(m, why.neuron)},
           {"layer", why.layer},
           {"token", why.position},
           {"value", why.value},
           {why.what == variable::y ? "x" : "x_of_layer_before", why.other},
           {"excitatory", d.excitatory},
           {"inhibitory", d.inhibitory},
           {"injected", d.injected},
           {"drive", d.total()},
           {"held", nullptr},
           {"terms", terms}};
  if (d.held) all["held"] = *d.held;
  return dumped(all);
}

std::string as_json(const model& m, const ranked_synapses& found) {
  return dumped(synapses(m, found));
}

std::string as_json(const model& m, const neighborhood& found) {
  json all{{"neuron", node(m, found.neuron)},
           {"gx_in", edges(m, found.gx_in)},
           {"gx_out", edges(m, found.gx_out)},
           {"gy_in", edges(m, found.gy_in)},
           {"gy_out", edges(m, found.gy_out)},
           {"synapses_per_layer", found.synapses_per_layer},
           {"synapses_out", synapses(m, found.synapses_out)},
           {"synapses_in", nullptr}};
  if (found.synapses_in) all["synapses_in"] = synapses(m, *found.synapses_in);
  return dumped(all);
}

}  // namespace bdh
