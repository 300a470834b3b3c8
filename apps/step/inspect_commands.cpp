// Commands of bdh step that show something. None changes a bit of what comes later.
#include "apps/step/inspect_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include <bdh/error.hpp>

#include "apps/models/describe_model.hpp"
#include "core/analysis/spike_queries.hpp"
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

const shown_variable* variable_named(std::string_view name) {
  const auto at = std::find_if(std::begin(variables), std::end(variables),
                               [&](const shown_variable& v) { return name == v.name; });
  return at == std::end(variables) ? nullptr : at;
}

namespace {

std::vector<spike_source> sources_named(arguments& a) {
  for (const auto& [word, sources] :
       std::initializer_list<std::pair<const char*, std::vector<spike_source>>>{
           {"x", {spike_source::x}},
           {"y", {spike_source::y}},
           {"w", {spike_source::w, spike_source::w_sensory}},
           {"a", {spike_source::a, spike_source::a_sensory}}})
    if (a.take(word)) return sources;
  return {};
}

void show_spike_trains(step_session& session, arguments& a) {
  const model& m = session.model();
  const bool as_object = a.take("json");
  const std::size_t count = row_count(a.count("top").value_or(default_rows));
  const auto wanted = a.layer(m);
  const std::vector<spike_source> sources = sources_named(a);
  if (sources.empty()) {
    a.end();
    const shown_windows all = show_spikes(session.experiment);
    return say(as_object ? as_json(m, all) + "\n" : as_text(m, all));
  }
  std::optional<std::vector<neuron_id>> neurons;
  if (!a.empty()) {
    const neuron_choice some = select_neurons(m, a.selection(m));
    if (some.top != 0) a.refuse("the most active neurons, expected `top K`");
    neurons.emplace(some.neurons.begin(), some.neurons.end());
    row_count(neurons->size());
  }
  a.end();
  const layer_id layer = wanted.value_or(last_layer(
      session.experiment,
      moment_of({.source = sources[0], .of = emission::x, .layer = 1, .first_bin = 0, .bins = 1}),
      "show spikes"));
  bool shown = false;
  for (const spike_source s : sources)
    for (const shown_bins& of : show_spikes(session.experiment, s, layer, neurons, count)) {
      if (neurons && of.of_hubs) a.refuse("neurons, of spikes that hubs send");
      say(as_object ? as_json(m, of) + "\n" : as_text(m, of));
      shown = true;
    }
  if (!shown)
    throw input_error("show spikes",
                      fmt::format("no window of {} in layer {} that this token has reached",
                                  name(sources[0]), layer),
                      "one that `show spikes` lists");
}

void show(step_session& session, arguments& a) {
  if (a.take("spikes")) return show_spike_trains(session, a);
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
  if (chosen && chosen->top == 0)
    return say(as_text(m, bdh::show(session.experiment, v->what, layer, chosen->neurons)));
  const std::size_t count = row_count(chosen ? chosen->top : most);
  say(as_text(m, bdh::show(session.experiment, v->what, layer, count)));
}

void neighbors(step_session& session, arguments& a) {
  const model& m = session.model();
  const std::uint64_t most = a.count("top").value_or(5);
  const neuron_id i = select_neuron(m, a.selection(m));
  a.end();
  say(as_text(m, bdh::neighbors(session.experiment, i, row_count(most))));
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
  const experiment& e = session.experiment;
  if (only_y) {
    const layer_id l = reached_layer(e, layer, moment::y_ready, "why y");
    return say(as_text(m, explain_y(e, k, l), most));
  }
  const layer_id l = reached_layer(e, layer, moment::x_ready, "why x");
  say(as_text(m, explain_x(e, k, l), most));
  if (only_x) return;
  const auto last = e.round();
  if (last && last->layer == l && last->at < moment::y_ready)
    return say(fmt::format("Y of layer {} is not known yet in this token\n", l));
  say(as_text(m, explain_y(e, k, l), most));
}

void print_model(step_session& session, arguments& a) {
  a.end();
  say(model_text(session.model()));
}

constexpr step_command inspect_command_table[] = {
    {"show",
     "show x|y|a|w [NEURONS] [layer l] [top K] | show spikes [json] [x|y|w|a [NEURONS] [layer l] "
     "[top K]]",
     "X, Y, A or W of the token read last: of the neurons named, or the largest. Without a layer, "
     "of the last one reached. `show spikes`, of a model with --spikes: the windows that the token "
     "has reached, round by round; of one population, the bins of its window, a bar each spike: of "
     "the neurons named, or those with most. `json`: as one JSON object each.",
     "x y a w spikes json layer top", show},
    {"synapse", "synapse i->j [layer l]",
     "The strength of a synapse, as the next token will read it; also `synapse i j`, and i->hub:k "
     "through hubs.",
     "layer", show_synapse},
    {"neighbors", "neighbors i [top K]",
     "The strongest edges of a neuron in Gx and Gy, and its strongest synapses.", "top", neighbors},
    {"top", "top synapses [K] [layer l] | top pairs [K] [layer l] [factor w|y]",
     "The strongest synapses; through hubs, those from neurons to hubs. `top pairs`: among all "
     "pairs "
     "of neurons, of the last layer unless another is given; the tokens are read again.",
     "synapses pairs layer factor", show_top},
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
