#include "apps/analysis/run_activity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"

namespace bdh::app {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr neuron_id most_neurons = neuron_id{1} << 26;  // counted one by one
constexpr double most_nats = 1e6;

std::optional<recorded_activity> known_by(const run_reader& run, const listed_recording& listed,
                                          quantity what) {
  const recording_reader reader = run.open(listed);
  const recording_description& d = reader.what();
  if (d.what != what) return std::nullopt;
  recorded_activity a{what, listed.layer, listed.request, d.top, d.node_ids, {}};
  for (std::uint64_t row = 0; row < reader.rows(); ++row)
    a.positions.push_back(reader.position(row));
  return a;
}

// All neurons at every token is more than all neurons now and then, and that is more than some.
double coverage(const recorded_activity& a, neuron_id neurons) {
  double share = 1;
  if (a.top != 0)
    share = 1e-9;
  else if (!a.neurons.empty())
    share = static_cast<double>(a.neurons.size()) / neurons;
  return share * static_cast<double>(a.positions.size() + 1);
}

// Ranges of numbers; nothing where there is anything else.
std::optional<std::vector<std::uint64_t>> numbers(std::string_view text, neuron_id neurons) {
  constexpr range<std::uint64_t> any{0, std::numeric_limits<neuron_id>::max(), ""};
  std::set<std::uint64_t> all;
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t dash = part.find('-');
    const auto first = parse_number<std::uint64_t>(part.substr(0, dash), any);
    const auto last =
        dash == part.npos ? first : parse_number<std::uint64_t>(part.substr(dash + 1), any);
    if (!first || !last) return std::nullopt;
    if (*last >= neurons || *first > *last)
      throw input_error("--neurons", "'" + std::string(part) + "'",
                        "within 0 to " + std::to_string(neurons - 1) + ", ascending");
    for (std::uint64_t k = *first; k <= *last; ++k) all.insert(k);
    if (part.size() == text.size()) return std::vector<std::uint64_t>(all.begin(), all.end());
    text.remove_prefix(part.size() + 1);
  }
}

}  // namespace

token_table read_token_table(const run_reader& run) {
  const summary_table summary = run.summary();
  const auto column = [&](const std::string& name, double most) {
    std::vector<double> values = summary.column(name);
    for (double& value : values)
      if (!(value >= 0 && value <= most)) value = unknown;
    return values;
  };
  token_table t;
  for (std::uint64_t row = 0; row < summary.rows; ++row) t.positions.push_back(run.first + row);
  for (layer_id l = 1; l <= run.layers; ++l) {
    t.active_x.push_back(column("active_x_" + std::to_string(l), 1));
    t.active_y.push_back(column("active_y_" + std::to_string(l), 1));
  }
  t.surprisal = column("surprisal_nats", most_nats);
  return t;
}

std::optional<recorded_activity> find_activity(const run_reader& run, quantity what,
                                               layer_id layer) {
  if (run.neurons > most_neurons)
    throw input_error((run.folder / "run.json").string(), std::to_string(run.neurons) + " neurons",
                      "at most " + std::to_string(most_neurons) + " to be counted one by one");
  std::optional<recorded_activity> best;
  for (const listed_recording& r : run.recordings) {
    if (r.layer != layer || !(r.request.starts_with("events") || r.request.starts_with("x:") ||
                              r.request.starts_with("y:")))
      continue;
    auto found = known_by(run, r, what);
    if (found && (!best || coverage(*found, run.neurons) > coverage(*best, run.neurons)))
      best = std::move(found);
  }
  return best;
}

void for_each_active(const run_reader& run, const recorded_activity& activity,
                     const use_active& use) {
  for (const listed_recording& r : run.recordings) {
    if (r.layer != activity.layer || r.request != activity.request) continue;
    recording_reader reader = run.open(r);
    if (reader.what().what != activity.what) continue;
    const bool frames = reader.what().layout == recording_layout::frames;
    recording_row row;
    for (std::size_t at = 0; at < activity.positions.size() && reader.next(row); ++at) {
      stop_if_requested();
      for (std::size_t k = 0; k < row.values.size(); ++k)
        if (row.values[k] != 0) use(at, frames ? activity.neurons[k] : row.nodes[k], row.values[k]);
    }
    return;
  }
}

std::vector<std::uint64_t> chosen_neurons(const run_reader& run, const std::string& text) {
  if (auto all = numbers(text, run.neurons)) return *all;
  const found_model found = find_model(run);
  if (!found.subject)
    throw input_error("--neurons", "'" + text + "'", "numbers, as 5,7-9",
                      "names need the model: " + found.missing);
  const neuron_choice choice = select_neurons(*found.subject, text);
  if (choice.top != 0)
    throw input_error("--neurons", "'" + text + "'", "neurons that stay the same");
  return {choice.neurons.begin(), choice.neurons.end()};
}

std::string axis_label(const run_reader& run, std::uint64_t position) {
  const std::string& text = run.texts[position - run.first];
  if (text.empty()) return std::to_string(run.tokens[position - run.first]);
  if (text == "\\n") return "↵";
  if (text == "\\t") return "⇥";
  if (text == "\\\\") return "\\";
  std::string label;
  for (char c : text) label += c == ' ' ? "␣" : std::string(1, c);
  return label;
}

}  // namespace bdh::app
