// Queries as the lines of `bdh step`.
#include <fmt/format.h>

#include <algorithm>

#include <bdh/queries.hpp>
#include <bdh/selection.hpp>

#include "core/analysis/query_names.hpp"

namespace bdh {
namespace {

std::string number(double value) { return fmt::format("{:.6g}", value); }

const char* kind_of_synapses(const model& m) {
  return m.is_direct() ? "synapses" : "synapses neuron->hub";
}

std::string rows(const model& m, const std::vector<synapse_strength>& all) {
  std::string text;
  for (const synapse_strength& s : all)
    text += fmt::format("{:>20} layer {:<4}{:>14}\n", name_of(m, s), s.layer, number(s.now));
  return text;
}

std::string changes(const model& m, const ranked_synapses& found) {
  std::string text = fmt::format("{} {} changed in token {}\n", found.nonzero, kind_of_synapses(m),
                                 *found.changed_by);
  if (found.largest.empty()) return text;
  text += fmt::format("{:>20} {:10}{:>14}{:>14}{:>14}\n", "", "", "before", "now", "change");
  for (const synapse_strength& s : found.largest)
    text += fmt::format("{:>20} layer {:<4}{:>14}{:>14}{:>14}\n", name_of(m, s), s.layer,
                        number(s.before), number(s.now), number(s.now - s.before));
  return text;
}

std::string edges(const model& m, const char* title, const ranked_edges& found) {
  std::string text = fmt::format("{}: {} edges{}\n", title, found.nonzero,
                                 m.is_direct() ? "" : ", computed from the factors");
  for (const weighted_edge& w : found.largest)
    text += fmt::format("{:>16}{:>14}  {}\n", shown_source(m, w.end), number(w.weight),
                        w.weight > 0 ? "excitatory" : "inhibitory");
  return text;
}

// "X^e 1.5 - X^i 0.25 = 1.25", and the largest terms.
std::string drive_text(const model& m, const explanation& why, std::size_t most) {
  const drive& d = why.cause;
  const bool of_x = why.what == variable::x, from_hubs = !of_x && !m.is_direct();
  std::string text = fmt::format("  {0}^e {1} - {0}^i {2}", of_x ? 'X' : 'Y', number(d.excitatory),
                                 number(d.inhibitory));
  if (d.injected != 0) text += fmt::format(" + stimulus {}", number(d.injected));
  text += fmt::format(" = {}", number(d.total()));
  if (d.held) text += fmt::format("; held at {}", number(*d.held));
  text += "\n";
  if (d.terms.empty()) return text;
  text +=
      fmt::format("{:>16}{:>14}{:>14}{:>14}\n", "from", "weight", of_x ? "W" : "A", "contribution");
  for (std::size_t t = 0; t < std::min(most, d.terms.size()); ++t) {
    const contribution& c = d.terms[t];
    text += fmt::format("{:>16}{:>14}{:>14}{:>14}\n",
                        from_hubs ? shown_hub(c.source) : shown_source(m, c.source),
                        number(c.weight), number(c.activity), number(c.value()));
  }
  if (most < d.terms.size()) text += fmt::format("{:>16} more\n", d.terms.size() - most);
  return text;
}

}  // namespace

std::string as_text(const model& m, const shown_values& shown) {
  std::string text =
      fmt::format("{} of layer {}, token {}: {} of {} active\n", letter_of(shown.what), shown.layer,
                  shown.position, shown.active, shown.size);
  for (const auto& [at, value] : shown.entries)
    text += fmt::format("{:>16}{:>14}\n", name_of(m, shown.what, at), number(value));
  return text;
}

std::string as_text(const model& m, const explanation& why, std::size_t terms) {
  std::string text =
      fmt::format("{} of {} in layer {}, token {}: {}\n", letter_of(why.what),
                  shown_neuron(m, why.neuron), why.layer, why.position, number(why.value));
  if (why.what == variable::y)
    text += fmt::format("  the drive above 0, times X {}\n", number(why.other));
  else if (m.rules().x() == x_rule::accumulate)
    text +=
        fmt::format("  X of the layer before {}, and to it the drive above 0\n", number(why.other));
  return text + drive_text(m, why, terms);
}

std::string as_text(const model& m, const ranked_synapses& found) {
  if (found.changed_by) return changes(m, found);
  return fmt::format("{} {} are not 0\n", found.nonzero, kind_of_synapses(m)) +
         rows(m, found.largest);
}

std::string as_text(const model& m, const neighborhood& found) {
  std::string text =
      edges(m, "Gx in", found.gx_in) + edges(m, "Gx out", found.gx_out) +
      edges(m, "Gy in", found.gy_in) + edges(m, "Gy out", found.gy_out) +
      fmt::format("{} out: {} a layer, {} of all layers are not 0\n", kind_of_synapses(m),
                  found.synapses_per_layer, found.synapses_out.nonzero) +
      rows(m, found.synapses_out.largest);
  if (!found.synapses_in) return text;
  return text +
         fmt::format("synapses in: {} of all layers are not 0\n", found.synapses_in->nonzero) +
         rows(m, found.synapses_in->largest);
}

}  // namespace bdh
