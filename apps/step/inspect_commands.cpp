// Commands of bdh step that look. None changes a bit of what comes later.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/common/token_source.hpp"
#include "apps/models/describe_model.hpp"
#include "apps/plot/plot.hpp"
#include "apps/step/commands.hpp"
#include "core/analysis/drive.hpp"
#include "core/base/error.hpp"
#include "core/selection/quoting.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t rows = 10;       // that are shown where the user says nothing
constexpr std::uint64_t columns = 64;  // of a plot: tokens
constexpr std::uint64_t most_rows = 10000;

// The K entries of the largest size among all that are offered; of equal ones, the first.
template <class T>
class largest {
 public:
  explicit largest(std::uint64_t most) : most_(static_cast<std::size_t>(most)) {
    if (most > most_rows)
      throw input_error("lines", std::to_string(most), "1 to " + std::to_string(most_rows));
  }
  void offer(double size, const T& entry) {
    if (size == 0) return;
    ++offered_;
    if (all_.size() == most_ && size <= all_.back().first) return;
    const auto at = std::upper_bound(all_.begin(), all_.end(), size,
                                     [](double s, const auto& e) { return s > e.first; });
    all_.emplace(at, size, entry);
    if (all_.size() > most_) all_.pop_back();
  }
  const std::vector<std::pair<double, T>>& all() const { return all_; }
  std::uint64_t offered() const { return offered_; }

 private:
  std::size_t most_;
  std::uint64_t offered_ = 0;
  std::vector<std::pair<double, T>> all_;
};

// ---- moments

std::string shown_position(const experiment& e) {
  const std::uint64_t tokens = e.lab.brain().tokens();
  return e.lab.round() ? fmt::format("token {}", tokens) : fmt::format("token {}", tokens - 1);
}

// The last layer that has reached this moment, in the token that was read last.
layer_id latest(const experiment& e, moment at, const std::string& what) {
  if (e.lab.tokens_read() == 0)
    throw input_error(what, "no token has been read here", "a token or a text before it");
  const auto last = e.lab.round();
  if (!last) return e.subject().layers();
  const layer_id done = last->layer == 0 || last->at >= at ? last->layer : last->layer - 1;
  if (done == 0)
    throw input_error(what, "not known yet in this token",
                      fmt::format("round {} of layer 1", round_of(at)), "round");
  return done;
}

layer_id chosen_layer(const experiment& e, std::optional<layer_id> wanted, moment at,
                      const std::string& what) {
  const layer_id last = latest(e, at, what);
  if (wanted && *wanted > last)
    throw input_error(what, fmt::format("layer {}, which this token has not reached", *wanted),
                      fmt::format("1 to {}", last), "layer");
  return wanted.value_or(last);
}

// Calls `see` at this moment of the token that was read last.
template <class See>
void at_moment(const experiment& e, layer_id layer, moment at, See see) {
  e.lab.look_back(1, [&](const simulator& brain, std::optional<round_mark> mark) {
    if (!mark || mark->layer != layer || mark->at != at) return true;
    see(brain);
    return false;
  });
}

// ---- activity

struct shown_variable {
  const char* name;
  variable what;
  moment ready;
};
constexpr shown_variable variables[] = {{"x", variable::x, moment::x_ready},
                                        {"y", variable::y, moment::y_ready},
                                        {"a", variable::a, moment::a_ready},
                                        {"w", variable::w, moment::y_ready}};

const shown_variable* variable_named(std::string_view name) {
  const auto at = std::find_if(std::begin(variables), std::end(variables),
                               [&](const shown_variable& v) { return name == v.name; });
  return at == std::end(variables) ? nullptr : at;
}

std::vector<float> values_of(const simulator& brain, variable v) {
  return v == variable::w ? brain.source_activity() : brain.read(v);
}

std::string name_of(const model& m, variable v, std::size_t at) {
  if (v != variable::a) return shown_source(m, static_cast<neuron_id>(at));
  const std::size_t width = m.is_direct() ? m.sources() : m.hubs();
  const auto id = static_cast<neuron_id>(at % width);
  const std::string name = m.is_direct() ? shown_source(m, id) : fmt::format("hub:{}", id);
  return m.heads() == 1 ? name : fmt::format("{} head {}", name, at / width);
}

void show(experiment& e, arguments& a) {
  const model& m = e.subject();
  const std::string name = a.next();
  const shown_variable* v = variable_named(name);
  if (!v) a.refuse("'" + name + "'");
  const std::uint64_t most = a.count("top").value_or(rows);
  const layer_id layer = chosen_layer(e, a.layer(m), v->ready, "show " + name);
  std::optional<neuron_choice> chosen;
  if (!a.empty()) chosen = select_neurons(m, a.selection(m));
  a.end();
  if (chosen && v->what == variable::a && !m.is_direct())
    throw unavailable_error("show a", "neurons, where A arrives at hubs",
                            "show a, which lists hubs");
  std::vector<float> values;
  if (layer == latest(e, v->ready, "show " + name))
    values = values_of(e.lab.brain(), v->what);
  else
    at_moment(e, layer, v->ready,
              [&](const simulator& brain) { values = values_of(brain, v->what); });
  const auto active = std::count_if(values.begin(), values.end(), [](float f) { return f != 0; });
  say(fmt::format("{} of layer {}, {}: {} of {} active\n", static_cast<char>(std::toupper(name[0])),
                  layer, shown_position(e), active, values.size()));
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
  largest<std::size_t> top(chosen ? chosen->top : most);
  for (std::size_t i = 0; i < values.size(); ++i) top.offer(std::abs(values[i]), i);
  for (const auto& [size, i] : top.all()) row(i);
}

// ---- synapses

// The strengths of these pairs are known afterwards; says so when tokens had to be read again for
// it.
void know(experiment& e, const std::vector<probe_spec>& specs) {
  if (const std::uint64_t tokens = e.lab.know(specs); tokens != 0)
    say(fmt::format(
        "(read the {} tokens so far again, with a probe: nothing else knows this synapse)\n",
        tokens));
}

double strength(const simulator& brain, const probe_spec& p) { return brain.strength(p).value(); }

void expect_edge(const model& m, const neuron_pair& pair) {
  if (m.is_direct() && !m.direct().gs.find(pair.pre, pair.post))
    throw input_error(
        "synapse " + shown_pair(m, pair), "no such edge in gs",
        fmt::format("one of the {} synapses of neuron {}",
                    m.synapses_of(pair.pre).second - m.synapses_of(pair.pre).first,
                    shown_neuron(m, pair.pre)),
        "neighbors " + shown_neuron(m, pair.pre) + ", or probe " + shown_pair(m, pair));
}

std::vector<probe_spec> specs_of(const experiment& e, const neuron_pair& pair,
                                 std::optional<layer_id> layer,
                                 probe_factor factor = probe_factor::w) {
  std::vector<probe_spec> all;
  for (layer_id l = layer.value_or(1); l <= layer.value_or(e.subject().layers()); ++l)
    all.push_back({pair, l, factor});
  return all;
}

// "i->j" or "i j".
neuron_pair next_pair(const experiment& e, arguments& a) {
  const model& m = e.subject();
  const std::string first = a.selection(m);
  if (find_unquoted(first, "->") != first.npos) return select_synapse(m, first);
  return {select_neuron(m, first), select_source(m, a.selection(m))};
}

void show_hub_synapse(const experiment& e, std::string_view text, std::size_t arrow,
                      std::optional<layer_id> layer, const arguments& a) {
  const model& m = e.subject();
  const neuron_id i = select_neuron(m, text.substr(0, arrow));
  const std::uint64_t hub = a.number(text.substr(arrow + 6), 0);
  if (m.is_direct() || hub >= m.hubs())
    throw input_error("hub", std::to_string(hub),
                      m.is_direct() ? "no hub: synapses of this model end at sources"
                                    : fmt::format("0 to {}", m.hubs() - 1));
  say(fmt::format("synapse {}->hub:{}\n", shown_neuron(m, i), hub));
  for (layer_id l = layer.value_or(1); l <= layer.value_or(m.layers()); ++l)
    say(fmt::format("  layer {:<4}{:>14}\n", l,
                    shown_number(e.lab.brain().synapse(l, i, static_cast<neuron_id>(hub)))));
}

void synapse(experiment& e, arguments& a) {
  const auto layer = a.layer(e.subject());
  if (const std::size_t arrow = a.text().find("->hub:"); arrow != std::string_view::npos) {
    const std::string word = a.next();
    a.end();
    return show_hub_synapse(e, word, word.find("->hub:"), layer, a);
  }
  const neuron_pair pair = next_pair(e, a);
  a.end();
  expect_edge(e.subject(), pair);
  const std::vector<probe_spec> specs = specs_of(e, pair, layer);
  know(e, specs);
  say(fmt::format("synapse {}\n", shown_pair(e.subject(), pair)));
  for (const probe_spec& p : specs)
    say(fmt::format("  layer {:<4}{:>14}\n", p.layer, shown_number(strength(e.lab.brain(), p))));
}

void list_probes(const experiment& e) {
  for (const probe_spec& p : e.probes)
    say(fmt::format("{:>20} layer {:<4}{:>14}{}\n", shown_pair(e.subject(), p.pair), p.layer,
                    shown_number(strength(e.lab.brain(), p)),
                    p.factor == probe_factor::y ? "  by Y" : ""));
}

void probe(experiment& e, arguments& a) {
  if (a.empty()) return e.probes.empty() ? say("no probes\n") : list_probes(e);
  const auto layer = a.layer(e.subject());
  const std::string factor = a.option("factor").value_or("w");
  if (factor != "w" && factor != "y")
    throw input_error("factor", "'" + factor + "'",
                      "w, what acts on the dynamics, or y, the paper's Eq. 16");
  const neuron_pair pair = next_pair(e, a);
  a.end();
  const std::vector<probe_spec> specs =
      specs_of(e, pair, layer, factor == "w" ? probe_factor::w : probe_factor::y);
  know(e, specs);
  for (const probe_spec& p : specs)
    if (std::find(e.probes.begin(), e.probes.end(), p) == e.probes.end()) e.probes.push_back(p);
  list_probes(e);
}

struct found_synapse {
  layer_id layer;
  neuron_id pre, post;  // post: a hub, through hubs
  double before, now;
};

std::string name_of(const model& m, const found_synapse& s) {
  if (m.is_direct()) return shown_pair(m, {s.pre, s.post});
  return fmt::format("{}->hub:{}", shown_neuron(m, s.pre), s.post);
}

// Offers every synapse of the layers; `before` may be null.
void offer_synapses(const model& m, const simulator& now, const simulator* before,
                    std::optional<layer_id> layer, largest<found_synapse>& to) {
  for (layer_id l = layer.value_or(1); l <= layer.value_or(m.layers()); ++l)
    for (neuron_id i = 0; i < m.neurons(); ++i) {
      const std::vector<float> strengths = now.synapses(l, i),
                               old = before ? before->synapses(l, i)
                                            : std::vector<float>(strengths.size());
      const edge_id first = m.synapses_of(i).first;
      for (std::size_t k = 0; k < strengths.size(); ++k) {
        const neuron_id post =
            m.is_direct() ? m.direct().gs.indices()[first + k] : static_cast<neuron_id>(k);
        to.offer(std::abs(static_cast<double>(strengths[k]) - old[k]),
                 {l, i, post, old[k], strengths[k]});
      }
    }
}

const char* kind_of_synapses(const model& m) {
  return m.is_direct() ? "synapses" : "synapses neuron->hub";
}

void top(experiment& e, arguments& a) {
  if (!a.take("synapses")) a.refuse(a.empty() ? "nothing more" : "'" + a.next() + "'");
  const auto layer = a.layer(e.subject());
  const auto word = a.next_if_any();
  a.end();
  largest<found_synapse> strongest(word ? a.number(*word, 1) : rows);
  offer_synapses(e.subject(), e.lab.brain(), nullptr, layer, strongest);
  say(fmt::format("{} {} are not 0\n", strongest.offered(), kind_of_synapses(e.subject())));
  for (const auto& [size, s] : strongest.all())
    say(fmt::format("{:>20} layer {:<4}{:>14}\n", name_of(e.subject(), s), s.layer,
                    shown_number(s.now)));
}

void changed(experiment& e, arguments& a) {
  const auto layer = a.layer(e.subject());
  std::uint64_t most = a.count("top").value_or(rows);
  if (const auto word = a.next_if_any()) most = a.number(*word, 1);
  a.end();
  latest(e, 3, "changed");
  largest<found_synapse> most_changed(most);
  const auto before = e.lab.before_last_token();
  offer_synapses(e.subject(), e.lab.brain(), before.get(), layer, most_changed);
  say(fmt::format("{} {} changed in {}\n", most_changed.offered(), kind_of_synapses(e.subject()),
                  shown_position(e)));
  if (most_changed.all().empty()) return;
  say(fmt::format("{:>20} {:10}{:>14}{:>14}{:>14}\n", "", "", "before", "now", "change"));
  const auto row = [&](const std::string& name, layer_id l, double was, double is) {
    say(fmt::format("{:>20} layer {:<4}{:>14}{:>14}{:>14}\n", name, l, shown_number(was),
                    shown_number(is), shown_number(is - was)));
  };
  for (const auto& [size, s] : most_changed.all())
    row(name_of(e.subject(), s), s.layer, s.before, s.now);
  for (const probe_spec& p : e.probes)
    if (!layer || p.layer == *layer)
      row(shown_pair(e.subject(), p.pair), p.layer, strength(*before, p),
          strength(e.lab.brain(), p));
}

// ---- circuits

void list_edges(const model& m, const char* title, const std::vector<weighted_edge>& edges,
                std::uint64_t most) {
  largest<weighted_edge> strongest(most);
  for (const weighted_edge& w : edges) strongest.offer(std::abs(w.weight), w);
  say(fmt::format("{}: {} edges{}\n", title, strongest.offered(),
                  m.is_direct() ? "" : ", computed from the factors"));
  for (const auto& [size, w] : strongest.all())
    say(fmt::format("{:>16}{:>14}  {}\n", shown_source(m, w.end), shown_number(w.weight),
                    w.weight > 0 ? "excitatory" : "inhibitory"));
}

void neighbors(experiment& e, arguments& a) {
  const model& m = e.subject();
  const std::uint64_t most = a.count("top").value_or(5);
  const neuron_id i = select_neuron(m, a.selection(m));
  a.end();
  list_edges(m, "Gx in", edges_into(m, circuit::gx, i), most);
  list_edges(m, "Gx out", edges_from(m, circuit::gx, i), most);
  list_edges(m, "Gy in", edges_into(m, circuit::gy, i), most);
  list_edges(m, "Gy out", edges_from(m, circuit::gy, i), most);
  largest<found_synapse> out(most);
  for (layer_id l = 1; l <= m.layers(); ++l) {
    const std::vector<float> strengths = e.lab.brain().synapses(l, i);
    const edge_id first = m.synapses_of(i).first;
    for (std::size_t k = 0; k < strengths.size(); ++k)
      out.offer(
          std::abs(strengths[k]),
          {l, i, m.is_direct() ? m.direct().gs.indices()[first + k] : static_cast<neuron_id>(k), 0,
           strengths[k]});
  }
  const auto [first, last] = m.synapses_of(i);
  say(fmt::format("{} out: {} a layer, {} of all layers are not 0\n", kind_of_synapses(m),
                  last - first, out.offered()));
  for (const auto& [size, s] : out.all())
    say(fmt::format("{:>20} layer {:<4}{:>14}\n", name_of(m, s), s.layer, shown_number(s.now)));
  if (!m.is_direct()) return;
  largest<found_synapse> in(most);
  for (neuron_id j = 0; j < m.neurons(); ++j)
    if (m.direct().gs.find(j, i))
      for (layer_id l = 1; l <= m.layers(); ++l) {
        const double now = e.lab.brain().synapse(l, j, i);
        in.offer(std::abs(now), {l, j, i, 0, now});
      }
  say(fmt::format("synapses in: {} of all layers are not 0\n", in.offered()));
  for (const auto& [size, s] : in.all())
    say(fmt::format("{:>20} layer {:<4}{:>14}\n", name_of(m, s), s.layer, shown_number(s.now)));
}

// "X^e 1.5 - X^i 0.25 = 1.25", and the largest terms.
void tell_drive(const model& m, const drive& d, char variable, bool from_hubs, std::uint64_t most) {
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

void why_x(const experiment& e, neuron_id k, layer_id layer, std::uint64_t most) {
  const model& m = e.subject();
  float before = 0;
  if (layer > 1)
    at_moment(e, layer - 1, moment::x_ready,
              [&](const simulator& brain) { before = brain.read(variable::x)[k]; });
  at_moment(e, layer, moment::x_ready, [&](const simulator& brain) {
    say(fmt::format("X of {} in layer {}, {}: {}\n", shown_neuron(m, k), layer, shown_position(e),
                    shown_number(brain.read(variable::x)[k])));
    if (m.rules().x() == x_rule::accumulate)
      say(fmt::format("  X of the layer before {}, and to it the drive above 0\n",
                      shown_number(before)));
    tell_drive(m, drive_of_x(brain, layer, k), 'X', false, most);
  });
}

void why_y(const experiment& e, neuron_id k, layer_id layer, std::uint64_t most) {
  const model& m = e.subject();
  at_moment(e, layer, moment::y_ready, [&](const simulator& brain) {
    say(fmt::format("Y of {} in layer {}, {}: {}\n", shown_neuron(m, k), layer, shown_position(e),
                    shown_number(brain.read(variable::y)[k])));
    say(fmt::format("  the drive above 0, times X {}\n", shown_number(brain.read(variable::x)[k])));
    tell_drive(m, drive_of_y(brain, layer, k), 'Y', !m.is_direct(), most);
  });
}

void why(experiment& e, arguments& a) {
  const model& m = e.subject();
  const auto layer = a.layer(m);
  const std::uint64_t most = a.count("top").value_or(rows);
  std::string word = a.selection(m);
  const bool prefixed = (word.starts_with("x:") || word.starts_with("y:")) && !m.neuron_named(word);
  const bool only_x = prefixed ? word[0] == 'x' : a.take("x"),
             only_y = prefixed ? word[0] == 'y' : a.take("y");
  const neuron_id k = select_neuron(m, prefixed ? word.substr(2) : word);
  a.end();
  if (only_y) return why_y(e, k, chosen_layer(e, layer, moment::y_ready, "why y"), most);
  const layer_id l = chosen_layer(e, layer, moment::x_ready, "why x");
  why_x(e, k, l, most);
  if (only_x) return;
  const auto last = e.lab.round();
  if (last && last->layer == l && last->at < moment::y_ready)
    return say(fmt::format("Y of layer {} is not known yet in this token\n", l));
  why_y(e, k, l, most);
}

// ---- plots

// Which tokens the columns are.
void tell_columns(const experiment& e, std::uint64_t tokens, const std::string& indent) {
  const auto& reports = e.lab.reports();
  std::string text;
  for (std::size_t r = reports.size() - tokens; r < reports.size(); ++r) {
    const auto byte = byte_of(e.subject(), reports[r].token);
    text += byte && *byte >= 0x20 && *byte < 0x7f ? std::string(1, *byte) : "·";
  }
  if (e.subject().tokens() != tokenizer::ids) say(indent + text + "\n");
  say(fmt::format("{}tokens {} to {}\n", indent, reports[reports.size() - tokens].position,
                  reports.back().position));
}

void plot_activity(const experiment& e, std::uint64_t tokens) {
  const auto& reports = e.lab.reports();
  for (const bool x : {true, false})
    for (layer_id l = 1; l <= e.subject().layers(); ++l) {
      std::vector<double> counts;
      for (std::size_t r = reports.size() - tokens; r < reports.size(); ++r)
        counts.push_back((x ? reports[r].active_x : reports[r].active_y)[l - 1]);
      const double most = *std::max_element(counts.begin(), counts.end());
      say(fmt::format("{} layer {:<4} {}  0 to {} neurons\n", x ? 'X' : 'Y', l,
                      bars(counts, 0, most), most));
    }
  tell_columns(e, tokens, std::string(13, ' '));
}

void plot_synapse(experiment& e, arguments& a, std::optional<layer_id> layer,
                  std::uint64_t tokens) {
  const neuron_pair pair = next_pair(e, a);
  a.end();
  const std::vector<probe_spec> specs = specs_of(e, pair, layer);
  know(e, specs);
  std::vector<std::vector<double>> course(specs.size());
  e.lab.look_back(tokens, [&](const simulator& brain, std::optional<round_mark> mark) {
    for (std::size_t p = 0; !mark && p < specs.size(); ++p)
      course[p].push_back(strength(brain, specs[p]));
    return true;
  });
  say(fmt::format("synapse {}\n", shown_pair(e.subject(), pair)));
  for (std::size_t p = 0; p < specs.size(); ++p) {
    const auto [least, most] = std::minmax_element(course[p].begin(), course[p].end());
    say(fmt::format("  layer {:<4} {}  {} to {}, now {}\n", specs[p].layer,
                    bars(course[p], *least, *most), shown_number(*least), shown_number(*most),
                    shown_number(course[p].back())));
  }
  tell_columns(e, tokens, std::string(13, ' '));
}

void plot_neurons(const experiment& e, const shown_variable& v, const std::string& selection,
                  layer_id layer, std::uint64_t tokens) {
  const model& m = e.subject();
  neuron_choice chosen = select_neurons(m, selection);
  std::vector<std::vector<float>> all;
  e.lab.look_back(tokens, [&](const simulator& brain, std::optional<round_mark> mark) {
    if (mark && mark->layer == layer && mark->at == v.ready) all.push_back(brain.read(v.what));
    return true;
  });
  if (chosen.top != 0) {
    largest<neuron_id> strongest(chosen.top);
    for (neuron_id i = 0; i < m.neurons(); ++i) strongest.offer(all.back()[i], i);
    for (const auto& [size, i] : strongest.all()) chosen.neurons.push_back(i);
  }
  double most = 0;
  for (const neuron_id i : chosen.neurons)
    for (const auto& values : all) most = std::max(most, static_cast<double>(values[i]));
  say(fmt::format("{} of layer {}, up to {}\n", static_cast<char>(std::toupper(v.name[0])), layer,
                  shown_number(most)));
  for (const neuron_id i : chosen.neurons) {
    std::vector<double> values;
    for (const auto& at : all) values.push_back(at[i]);
    say(fmt::format("{:>16} {}\n", shown_neuron(m, i), shades(values, most)));
  }
  tell_columns(e, tokens, std::string(17, ' '));
}

void plot(experiment& e, arguments& a) {
  const auto layer = a.layer(e.subject());
  const std::uint64_t last = a.count("last").value_or(columns);
  const std::string what = a.next();
  const shown_variable* v = what == "x" || what == "y" ? variable_named(what) : nullptr;
  if (!v && what != "activity" && what != "synapse") a.refuse("'" + what + "'");
  if (e.lab.round())
    throw input_error("plot", "a token that is still being read", "a token read to its end",
                      "finish");
  latest(e, moment::x_ready, "plot");
  const std::uint64_t tokens = std::min<std::uint64_t>(last, e.lab.reports().size());
  if (what == "synapse") return plot_synapse(e, a, layer, tokens);
  const std::string selection =
      !v          ? ""
      : a.empty() ? fmt::format("top:{}", std::min<std::uint64_t>(rows, e.subject().neurons()))
                  : a.selection(e.subject());
  a.end();
  if (v) return plot_neurons(e, *v, selection, layer.value_or(e.subject().layers()), tokens);
  plot_activity(e, tokens);
}

void tell_model(experiment& e, arguments& a) {
  a.end();
  say(model_text(e.subject()));
}

constexpr step_command looking[] = {
    {"show", "show x|y|a|w [NEURONS] [layer l] [top K]",
     "X, Y, A or W of the token read last: of the neurons named, or the largest. Without a layer, "
     "of the last one reached.",
     "x y a w layer top", show},
    {"synapse", "synapse i->j [layer l]",
     "The strength of a synapse, as the next token will read it; also `synapse i j`, and i->hub:k "
     "through hubs.",
     "layer", synapse},
    {"neighbors", "neighbors i [top K]",
     "The strongest edges of a neuron in Gx and Gy, and its strongest synapses.", "top", neighbors},
    {"top", "top synapses [K] [layer l]",
     "The strongest synapses; through hubs, those from neurons to hubs.", "synapses layer", top},
    {"changed", "changed [K] [layer l]",
     "The synapses that the last token changed most; through hubs, those to hubs, and the probes.",
     "layer", changed},
    {"why", "why k [x|y] [layer l] [top K]",
     "Which edges made a neuron fire: the contributions to X^e, X^i, Y^e and Y^i, the largest "
     "first.",
     "x y layer top", why},
    {"probe", "probe [i->j [layer l] [factor y]]",
     "Keeps a synapse in view, of any pair of neurons: in `changed`, in recordings, and listed by "
     "`probe` alone. Its Hebbian factor is W, "
     "what acts, or "
     "with `factor y` Y of the layer before, the paper's Eq. 16. The course so far: plot synapse.",
     "layer factor", probe},
    {"plot",
     "plot activity | plot x|y [NEURONS] [layer l] | plot synapse i->j [layer l], each with [last "
     "K]",
     "The last tokens, one column each.", "activity x y synapse layer last", plot},
    {"model", "model", "Everything about the model.", "", tell_model},
};

}  // namespace

std::span<const step_command> looking_commands() { return looking; }

}  // namespace bdh::app
