// Commands of bdh step that show something. None changes a bit of what comes later.
#include "apps/step/inspect_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include <bdh/error.hpp>

#include "apps/models/describe_model.hpp"
#include "core/base/top_k.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t max_rows = 10000;

constexpr shown_variable variables[] = {
    {"x", variable::x}, {"y", variable::y}, {"a", variable::a}, {"w", variable::w}};

}  // namespace

std::size_t row_count(std::uint64_t count) {
  if (count > max_rows)
    throw input_error("lines", std::to_string(count), "1 to " + std::to_string(max_rows));
  return static_cast<std::size_t>(count);
}

std::string shown_position(const step_session& session) {
  return fmt::format("token {}", last_position(session.experiment));
}

const shown_variable* variable_named(std::string_view name) {
  const auto at = std::find_if(std::begin(variables), std::end(variables),
                               [&](const shown_variable& v) { return name == v.name; });
  return at == std::end(variables) ? nullptr : at;
}

namespace {

// ---- activity

std::string name_of(const model& m, variable v, std::size_t at) {
  if (v != variable::a) return shown_source(m, static_cast<neuron_id>(at));
  const std::size_t width = m.is_direct() ? m.sources() : m.hubs();
  const auto id = static_cast<neuron_id>(at % width);
  const std::string name = m.is_direct() ? shown_source(m, id) : fmt::format("hub:{}", id);
  return m.heads() == 1 ? name : fmt::format("{} head {}", name, at / width);
}

void show(step_session& session, arguments& a) {
  const model& m = session.model();
  const std::string name = a.next();
  const shown_variable* v = variable_named(name);
  if (!v) a.refuse("'" + name + "'");
  const std::uint64_t most = a.count("top").value_or(default_rows);
  const layer_id layer =
      reached_layer(session.experiment, a.layer(m), moment_of(v->what), "show " + name);
  std::optional<neuron_choice> chosen;
  if (!a.empty()) chosen = select_neurons(m, a.selection(m));
  a.end();
  if (chosen && v->what == variable::a && !m.is_direct())
    throw unavailable_error("show a", "neurons, where A arrives at hubs",
                            "show a, which lists hubs");
  const std::vector<float> values = activity(session.experiment, v->what, layer);
  const auto active = std::count_if(values.begin(), values.end(), [](float f) { return f != 0; });
  say(fmt::format("{} of layer {}, {}: {} of {} active\n", static_cast<char>(std::toupper(name[0])),
                  layer, shown_position(session), active, values.size()));
  const auto row = [&](std::size_t i) {
    say(fmt::format("{:>16}{:>14}\n", name_of(m, v->what, i), shown_number(values[i])));
  };
  if (chosen && chosen->top == 0) {
    for (const neuron_id i : chosen->neurons)
      for (std::size_t at = i; at < values.size();
           at += m.is_direct() ? m.sources() : values.size())
        row(at);
    return;
  }
  top_k<std::size_t> top(row_count(chosen ? chosen->top : most));
  for (std::size_t i = 0; i < values.size(); ++i) top.offer(std::abs(values[i]), i);
  for (const std::size_t i : top.entries()) row(i);
}

// ---- circuits

void print_edges(const model& m, const char* title, const ranked_edges& edges) {
  say(fmt::format("{}: {} edges{}\n", title, edges.nonzero,
                  m.is_direct() ? "" : ", computed from the factors"));
  for (const weighted_edge& w : edges.largest)
    say(fmt::format("{:>16}{:>14}  {}\n", shown_source(m, w.end), shown_number(w.weight),
                    w.weight > 0 ? "excitatory" : "inhibitory"));
}

void neighbors(step_session& session, arguments& a) {
  const model& m = session.model();
  const std::uint64_t most = a.count("top").value_or(5);
  const neuron_id i = select_neuron(m, a.selection(m));
  a.end();
  const neighborhood found = bdh::neighbors(session.experiment, i, row_count(most));
  print_edges(m, "Gx in", found.gx_in);
  print_edges(m, "Gx out", found.gx_out);
  print_edges(m, "Gy in", found.gy_in);
  print_edges(m, "Gy out", found.gy_out);
  say(fmt::format("{} out: {} a layer, {} of all layers are not 0\n", kind_of_synapses(m),
                  found.synapses_per_layer, found.synapses_out.nonzero));
  print_synapses(m, found.synapses_out.largest);
  if (!found.synapses_in) return;
  say(fmt::format("synapses in: {} of all layers are not 0\n", found.synapses_in->nonzero));
  print_synapses(m, found.synapses_in->largest);
}

// "X^e 1.5 - X^i 0.25 = 1.25", and the largest terms.
void print_drive(const model& m, const drive& d, char variable, bool from_hubs,
                 std::uint64_t most) {
  std::string line = fmt::format("  {0}^e {1} - {0}^i {2}", variable, shown_number(d.excitatory),
                                 shown_number(d.inhibitory));
  if (d.injected != 0) line += fmt::format(" + stimulus {}", shown_number(d.injected));
  line += fmt::format(" = {}", shown_number(d.total()));
  if (d.held) line += fmt::format("; held at {}", shown_number(*d.held));
  say(line + "\n");
  if (d.terms.empty()) return;
  say(fmt::format("{:>16}{:>14}{:>14}{:>14}\n", "from", "weight", variable == 'X' ? "W" : "A",
                  "contribution"));
  for (std::size_t t = 0; t < std::min<std::uint64_t>(most, d.terms.size()); ++t) {
    const contribution& c = d.terms[t];
    say(fmt::format("{:>16}{:>14}{:>14}{:>14}\n",
                    from_hubs ? fmt::format("hub:{}", c.source) : shown_source(m, c.source),
                    shown_number(c.weight), shown_number(c.activity), shown_number(c.value())));
  }
  if (most < d.terms.size()) say(fmt::format("{:>16} more\n", d.terms.size() - most));
}

void why_x(const step_session& session, neuron_id k, layer_id layer, std::uint64_t most) {
  const model& m = session.model();
  const explanation x = explain_x(session.experiment, k, layer);
  say(fmt::format("X of {} in layer {}, {}: {}\n", shown_neuron(m, k), layer,
                  shown_position(session), shown_number(x.value)));
  if (m.rules().x() == x_rule::accumulate)
    say(fmt::format("  X of the layer before {}, and to it the drive above 0\n",
                    shown_number(x.other)));
  print_drive(m, x.cause, 'X', false, most);
}

void why_y(const step_session& session, neuron_id k, layer_id layer, std::uint64_t most) {
  const model& m = session.model();
  const explanation y = explain_y(session.experiment, k, layer);
  say(fmt::format("Y of {} in layer {}, {}: {}\n", shown_neuron(m, k), layer,
                  shown_position(session), shown_number(y.value)));
  say(fmt::format("  the drive above 0, times X {}\n", shown_number(y.other)));
  print_drive(m, y.cause, 'Y', !m.is_direct(), most);
}

void why(step_session& session, arguments& a) {
  const model& m = session.model();
  const auto layer = a.layer(m);
  const std::uint64_t most = a.count("top").value_or(default_rows);
  std::string word = a.selection(m);
  const bool prefixed = (word.starts_with("x:") || word.starts_with("y:")) && !m.neuron_named(word);
  const bool only_x = prefixed ? word[0] == 'x' : a.take("x"),
             only_y = prefixed ? word[0] == 'y' : a.take("y");
  const neuron_id k = select_neuron(m, prefixed ? word.substr(2) : word);
  a.end();
  if (only_y)
    return why_y(session, k, reached_layer(session.experiment, layer, moment::y_ready, "why y"),
                 most);
  const layer_id l = reached_layer(session.experiment, layer, moment::x_ready, "why x");
  why_x(session, k, l, most);
  if (only_x) return;
  const auto last = session.experiment.round();
  if (last && last->layer == l && last->at < moment::y_ready)
    return say(fmt::format("Y of layer {} is not known yet in this token\n", l));
  why_y(session, k, l, most);
}

void print_model(step_session& session, arguments& a) {
  a.end();
  say(model_text(session.model()));
}

constexpr step_command inspect_command_table[] = {
    {"show", "show x|y|a|w [NEURONS] [layer l] [top K]",
     "X, Y, A or W of the token read last: of the neurons named, or the largest. Without a layer, "
     "of the last one reached.",
     "x y a w layer top", show},
    {"synapse", "synapse i->j [layer l]",
     "The strength of a synapse, as the next token will read it; also `synapse i j`, and i->hub:k "
     "through hubs.",
     "layer", show_synapse},
    {"neighbors", "neighbors i [top K]",
     "The strongest edges of a neuron in Gx and Gy, and its strongest synapses.", "top", neighbors},
    {"top", "top synapses [K] [layer l]",
     "The strongest synapses; through hubs, those from neurons to hubs.", "synapses layer",
     show_top},
    {"changed", "changed [K] [layer l]",
     "The synapses that the last token changed most; through hubs, those to hubs, and the probes.",
     "layer", show_changed},
    {"why", "why k [x|y] [layer l] [top K]",
     "Which edges made a neuron fire: the contributions to X^e, X^i, Y^e and Y^i, the largest "
     "first.",
     "x y layer top", why},
    {"probe", "probe [i->j [layer l] [factor y]]",
     "Keeps a synapse in view, of any pair of neurons: in `changed`, in recordings, and listed by "
     "`probe` alone. Its Hebbian factor is W, "
     "what acts, or "
     "with `factor y` Y of the layer before, the paper's Eq. 16. The course so far: plot synapse.",
     "layer factor", place_probe},
    {"plot",
     "plot activity | plot x|y [NEURONS] [layer l] | plot synapse i->j [layer l], each with [last "
     "K]",
     "The last tokens, one column each.", "activity x y synapse layer last", show_plot},
    {"model", "model", "Everything about the model.", "", print_model},
};

}  // namespace

std::span<const step_command> inspect_commands() { return inspect_command_table; }

}  // namespace bdh::app
