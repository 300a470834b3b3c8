// What queries call variables, synapses and values. Internal to core/analysis.
#pragma once

#include <cstddef>
#include <string>

#include <bdh/queries.hpp>
#include <bdh/selection.hpp>

namespace bdh {

inline char letter_of(variable v) {
  switch (v) {
    case variable::x:
      return 'X';
    case variable::y:
      return 'Y';
    case variable::a:
      return 'A';
    default:
      return 'W';
  }
}

inline std::string shown_hub(neuron_id hub) { return "hub:" + std::to_string(hub); }

// Of A there is a value for each head and source, or head and hub.
struct place_of_a {
  std::size_t head;
  neuron_id id;
};
inline place_of_a place_in_a(const model& m, std::size_t at) {
  const std::size_t width = m.is_direct() ? m.sources() : m.hubs();
  return {at / width, static_cast<neuron_id>(at % width)};
}

// Of the entry `at` of activity().
inline std::string name_of(const model& m, variable v, std::size_t at) {
  if (v != variable::a) return shown_source(m, static_cast<neuron_id>(at));
  const place_of_a place = place_in_a(m, at);
  const std::string name = m.is_direct() ? shown_source(m, place.id) : shown_hub(place.id);
  return m.heads() == 1 ? name : name + " head " + std::to_string(place.head);
}

inline std::string name_of(const model& m, const synapse_strength& s) {
  if (m.is_direct()) return shown_pair(m, {s.neuron, s.target});
  return shown_neuron(m, s.neuron) + "->" + shown_hub(s.target);
}

}  // namespace bdh
