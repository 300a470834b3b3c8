// Commands of bdh step that show synapses.
#include <fmt/format.h>

#include <algorithm>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/step/inspect_commands.hpp"
#include "core/analysis/hebbian_trace.hpp"
#include "core/analysis/pair_strengths.hpp"
#include "core/analysis/strongest_pairs.hpp"
#include "core/selection/quoting.hpp"

namespace bdh::app {
namespace {

void expect_edge(const model& m, const neuron_pair& pair) {
  if (m.is_direct() && !m.direct().gs.find(pair.pre, pair.post))
    throw input_error(
        "synapse " + shown_pair(m, pair), "no such edge in gs",
        fmt::format("one of the {} synapses of neuron {}",
                    m.synapses_of(pair.pre).second - m.synapses_of(pair.pre).first,
                    shown_neuron(m, pair.pre)),
        "neighbors " + shown_neuron(m, pair.pre) + ", or probe " + shown_pair(m, pair));
}

void show_hub_synapse(const step_session& session, std::string_view text, std::size_t arrow,
                      std::optional<layer_id> layer, const arguments& a) {
  const model& m = session.model();
  const neuron_id i = select_neuron(m, text.substr(0, arrow));
  const std::uint64_t hub = a.number(text.substr(arrow + 6), 0);
  if (m.is_direct() || hub >= m.hubs())
    throw input_error("hub", std::to_string(hub),
                      m.is_direct() ? "no hub: synapses of this model end at sources"
                                    : fmt::format("0 to {}", m.hubs() - 1));
  say(fmt::format("synapse {}->hub:{}\n", shown_neuron(m, i), hub));
  for (layer_id l = layer.value_or(1); l <= layer.value_or(m.layers()); ++l)
    say(fmt::format("  layer {:<4}{:>14}\n", l,
                    shown_number(session.current().synapse(l, i, static_cast<neuron_id>(hub)))));
}

void list_probes(const step_session& session) {
  for (const probe_spec& p : session.probes)
    say(fmt::format("{:>20} layer {:<4}{:>14}{}\n", shown_pair(session.model(), p.pair), p.layer,
                    shown_number(strength(session.current(), p)),
                    p.factor == probe_factor::y ? "  by Y" : ""));
}

}  // namespace

void ensure_probed(step_session& session, const std::vector<probe_spec>& specs) {
  if (const std::uint64_t tokens = session.experiment.ensure_probed(specs); tokens != 0)
    say(fmt::format(
        "(read the {} tokens so far again, with a probe: nothing else knows this synapse)\n",
        tokens));
}

double strength(const simulator& brain, const probe_spec& p) {
  return brain.probes().strength(p).value();
}

std::vector<probe_spec> specs_of(const step_session& session, const neuron_pair& pair,
                                 std::optional<layer_id> layer, probe_factor factor) {
  std::vector<probe_spec> all;
  for (layer_id l = layer.value_or(1); l <= layer.value_or(session.model().layers()); ++l)
    all.push_back({pair, l, factor});
  return all;
}

neuron_pair next_pair(const step_session& session, arguments& a) {
  const model& m = session.model();
  const std::string first = a.selection(m);
  if (find_unquoted(first, "->") != first.npos) return select_synapse(m, first);
  return {select_neuron(m, first), select_source(m, a.selection(m))};
}

void show_synapse(step_session& session, arguments& a) {
  const auto layer = a.layer(session.model());
  if (const std::size_t arrow = a.text().find("->hub:"); arrow != std::string_view::npos) {
    const std::string word = a.next();
    a.end();
    return show_hub_synapse(session, word, word.find("->hub:"), layer, a);
  }
  const neuron_pair pair = next_pair(session, a);
  a.end();
  expect_edge(session.model(), pair);
  const std::vector<probe_spec> specs = specs_of(session, pair, layer);
  ensure_probed(session, specs);
  say(fmt::format("synapse {}\n", shown_pair(session.model(), pair)));
  for (const probe_spec& p : specs)
    say(fmt::format("  layer {:<4}{:>14}\n", p.layer,
                    shown_number(strength(session.current(), p))));
}

void place_probe(step_session& session, arguments& a) {
  if (a.empty()) return session.probes.empty() ? say("no probes\n") : list_probes(session);
  const auto layer = a.layer(session.model());
  const std::string factor = a.option("factor").value_or("w");
  if (factor != "w" && factor != "y")
    throw input_error("factor", "'" + factor + "'",
                      "w, what acts on the dynamics, or y, the paper's Eq. 16");
  const neuron_pair pair = next_pair(session, a);
  a.end();
  const std::vector<probe_spec> specs =
      specs_of(session, pair, layer, factor == "w" ? probe_factor::w : probe_factor::y);
  ensure_probed(session, specs);
  for (const probe_spec& p : specs)
    if (std::find(session.probes.begin(), session.probes.end(), p) == session.probes.end())
      session.probes.push_back(p);
  list_probes(session);
}

// Through hubs of all pairs, from what wrote their synapses, else of those of gs: another simulator
// reads the same tokens.
std::vector<weighted_pair> strongest_after(const step_session& session, layer_id layer,
                                           probe_factor factor, std::size_t count) {
  const model& m = session.model();
  simulator again = session.engine.make(m);
  const auto workers = default_executor(session.engine.threads);
  const auto read = [&] {
    for (const step_report& r : session.experiment.reports()) {
      stop_if_requested();
      again.step(r.token);
    }
  };
  if (!m.is_direct()) {
    pair_strengths all(m, again.retention(), layer, factor, *workers, kept_pairs::history);
    all.follow(again);
    read();
    return all.strongest(count);
  }
  hebbian_trace kept(again, {layer}, factor);
  read();
  return strongest_pairs(kept.of(layer).strengths(), count, *workers,
                         [](double) { stop_if_requested(); });
}

void show_top_pairs(step_session& session, arguments& a) {
  const model& m = session.model();
  const layer_id layer = a.layer(m).value_or(m.layers());
  const std::string factor = a.option("factor").value_or("w");
  if (factor != "w" && factor != "y")
    throw input_error("factor", "'" + factor + "'", "w, what acts, or y, the paper's Eq. 16");
  const auto word = a.next_if_any();
  a.end();
  const std::size_t count = row_count(word ? a.number(*word, 1) : default_rows);
  const auto& reports = session.experiment.reports();
  if (reports.empty() || reports.front().position != 0)
    throw unavailable_error("pairs", "synapses whose beginning is not known",
                            "a history that begins with strengths of zero, and a token in it");
  if (!session.experiment.interventions().empty())
    throw unavailable_error("pairs", "interventions, which change what is written",
                            "a history without them");
  const auto found =
      strongest_after(session, layer, factor == "y" ? probe_factor::y : probe_factor::w, count);
  const double pairs = m.is_direct() ? static_cast<double>(m.synapses())
                                     : static_cast<double>(m.neurons()) * m.neurons();
  say(fmt::format("the {} strongest of {} pairs of neurons, layer {}, factor {}\n", found.size(),
                  shown_count(pairs), layer, factor));
  for (const weighted_pair& p : found)
    say(fmt::format("{:>20}{:>14}\n", shown_pair(m, p.pair), shown_number(p.weight)));
}

void show_top(step_session& session, arguments& a) {
  const model& m = session.model();
  if (a.take("pairs")) return show_top_pairs(session, a);
  if (!a.take("synapses")) a.refuse(a.empty() ? "nothing more" : "'" + a.next() + "'");
  const auto layer = a.layer(m);
  const auto word = a.next_if_any();
  a.end();
  const std::size_t count = row_count(word ? a.number(*word, 1) : default_rows);
  say(as_text(m, strongest_synapses(session.experiment, layer, count)));
}

void show_changed(step_session& session, arguments& a) {
  const model& m = session.model();
  const auto layer = a.layer(m);
  std::uint64_t most = a.count("top").value_or(default_rows);
  if (const auto word = a.next_if_any()) most = a.number(*word, 1);
  a.end();
  last_layer(session.experiment, moment::x_ready, "changed");  // there is one
  const std::size_t count = row_count(most);
  const auto before = session.experiment.before_last_token();
  const ranked_synapses found = changed_synapses(session.experiment, *before, layer, count);
  say(as_text(m, found));
  if (found.largest.empty()) return;
  for (const probe_spec& p : session.probes) {
    if (layer && p.layer != *layer) continue;
    const double was = strength(*before, p), is = strength(session.current(), p);
    say(fmt::format("{:>20} layer {:<4}{:>14}{:>14}{:>14}\n", shown_pair(m, p.pair), p.layer,
                    shown_number(was), shown_number(is), shown_number(is - was)));
  }
}

}  // namespace bdh::app
