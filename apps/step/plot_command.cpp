// bdh step's command plot: the last tokens, one column each.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/token_text.hpp"
#include "apps/plot/plot.hpp"
#include "apps/step/inspect_commands.hpp"
#include "core/base/top_k.hpp"
#include "core/base/utf8.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t columns = 64;  // of a plot: tokens

// ---- plots

// Of a token's text, what fits a column: the first character that is no space, or the space.
std::string first_character(std::string_view text) {
  const std::size_t at = std::min(text.find_first_not_of(' '), text.size());
  const std::string_view rest = text.substr(at == text.size() && at > 0 ? 0 : at);
  const std::string character(rest.substr(0, decode_utf8(rest).length));
  return character.empty() || one_line(character) != character ? "·" : character;
}

// Which tokens the columns are.
void print_columns(const step_session& session, std::uint64_t tokens, const std::string& indent) {
  const auto& reports = session.experiment.reports();
  std::string text;
  for (std::size_t r = reports.size() - tokens; r < reports.size(); ++r) {
    text += first_character(token_text(session.model(), reports[r].token));
  }
  if (session.model().tokens() != tokenizer::ids) say(indent + text + "\n");
  say(fmt::format("{}tokens {} to {}\n", indent, reports[reports.size() - tokens].position,
                  reports.back().position));
}

void plot_activity(const step_session& session, std::uint64_t tokens) {
  const auto& reports = session.experiment.reports();
  for (const bool x : {true, false})
    for (layer_id l = 1; l <= session.model().layers(); ++l) {
      std::vector<double> counts;
      for (std::size_t r = reports.size() - tokens; r < reports.size(); ++r)
        counts.push_back((x ? reports[r].active_x : reports[r].active_y)[l - 1]);
      const double most = *std::max_element(counts.begin(), counts.end());
      say(fmt::format("{} layer {:<4} {}  0 to {} neurons\n", x ? 'X' : 'Y', l,
                      bars(counts, 0, most), most));
    }
  print_columns(session, tokens, std::string(13, ' '));
}

void plot_synapse(step_session& session, arguments& a, std::optional<layer_id> layer,
                  std::uint64_t tokens) {
  const neuron_pair pair = next_pair(session, a);
  a.end();
  const std::vector<probe_spec> specs = specs_of(session, pair, layer);
  ensure_probed(session, specs);
  const auto history = strength_history(session.experiment, specs, tokens);
  say(fmt::format("synapse {}\n", shown_pair(session.model(), pair)));
  for (std::size_t p = 0; p < specs.size(); ++p) {
    const auto [least, most] = std::minmax_element(history[p].begin(), history[p].end());
    say(fmt::format("  layer {:<4} {}  {} to {}, now {}\n", specs[p].layer,
                    bars(history[p], *least, *most), shown_number(*least), shown_number(*most),
                    shown_number(history[p].back())));
  }
  print_columns(session, tokens, std::string(13, ' '));
}

void plot_neurons(const step_session& session, const shown_variable& v,
                  const std::string& selection, layer_id layer, std::uint64_t tokens) {
  const model& m = session.model();
  neuron_choice chosen = select_neurons(m, selection);
  const auto all = activity_history(session.experiment, v.what, layer, tokens);
  if (chosen.top != 0) {
    top_k<neuron_id> strongest(row_count(chosen.top));
    for (neuron_id i = 0; i < m.neurons(); ++i) strongest.offer(all.back()[i], i);
    chosen.neurons = strongest.entries();
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
  print_columns(session, tokens, std::string(17, ' '));
}

}  // namespace

void show_plot(step_session& session, arguments& a) {
  const auto layer = a.layer(session.model());
  const std::uint64_t last = a.count("last").value_or(columns);
  const std::string what = a.next();
  const shown_variable* v = what == "x" || what == "y" ? variable_named(what) : nullptr;
  if (!v && what != "activity" && what != "synapse") a.refuse("'" + what + "'");
  if (session.experiment.round())
    throw input_error("plot", "a token that is still being read", "a token read to its end",
                      "finish");
  last_layer(session.experiment, moment::x_ready, "plot");  // there is one
  const std::uint64_t tokens = std::min<std::uint64_t>(last, session.experiment.reports().size());
  if (what == "synapse") return plot_synapse(session, a, layer, tokens);
  std::string selection;
  if (v && a.empty())
    selection =
        fmt::format("top:{}", std::min<std::uint64_t>(default_rows, session.model().neurons()));
  else if (v)
    selection = a.selection(session.model());
  a.end();
  if (v)
    return plot_neurons(session, *v, selection, layer.value_or(session.model().layers()), tokens);
  plot_activity(session, tokens);
}

}  // namespace bdh::app
