#include "core/analysis/spike_queries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/error.hpp>
#include <bdh/queries.hpp>
#include <bdh/selection.hpp>

#include "core/analysis/query_names.hpp"

namespace bdh {
namespace {

using json = nlohmann::ordered_json;

constexpr std::uint32_t most_drawn_bins = 64;  // of a line

void expect_spikes(const experiment& e) {
  if (!e.current().spikes())
    throw unavailable_error("show spikes", "activity that travels as it is", "--spikes K");
  if (e.tokens_read() == 0)
    throw input_error("show spikes", "no token has been read here", "a token or a text before it");
}

// Calls see(simulator, window) for every window that the last token has reached, when it is sent.
template <class See>
void for_windows(const experiment& e, See see) {
  const std::vector<spike_time> all = windows_of(*e.current().spikes(), e.model());
  e.replay(1, [&](const simulator& brain, std::optional<round_mark> mark) {
    for (const spike_time& w : all)
      if (mark && w.layer == mark->layer && moment_of(w) == mark->at) see(brain, w);
    return true;
  });
}

std::vector<std::uint32_t> bins_in(const std::vector<std::uint64_t>& mask) {
  std::vector<std::uint32_t> bins;
  for (std::uint32_t b = 0; b < 64 * mask.size(); ++b)
    if (mask[b / 64] >> (b % 64) & 1) bins.push_back(b);
  return bins;
}

// Bins of the window with a spike, by emitter; what is left out has none.
std::vector<shown_train> trains_in(const simulator& brain, const spike_time& w, float scale) {
  std::vector<shown_train> all;
  for (const emitter& who : emitters_of(brain, w)) {
    shown_train t{who, 0, bins_in(train_of(brain, w, who))};
    t.amount = kernels::spike_amount(scale, w.bins, static_cast<kernels::index>(t.bins.size()));
    if (who.value < 0) t.amount = -t.amount;
    all.push_back(std::move(t));
  }
  return all;
}

std::uint64_t spikes_in(const std::vector<shown_train>& trains) {
  return std::accumulate(
      trains.begin(), trains.end(), std::uint64_t{0},
      [](std::uint64_t sum, const shown_train& t) { return sum + t.bins.size(); });
}

shown_window counted(const spike_time& w, const std::vector<shown_train>& trains) {
  const auto emitting =
      std::count_if(trains.begin(), trains.end(), [](const auto& t) { return !t.bins.empty(); });
  return {w, spikes_in(trains), static_cast<std::size_t>(emitting)};
}

std::vector<shown_train> chosen(const std::vector<shown_train>& all,
                                const std::optional<std::vector<neuron_id>>& neurons,
                                std::size_t count) {
  std::vector<shown_train> some;
  if (!neurons) {
    some = all;
    std::stable_sort(some.begin(), some.end(),
                     [](const auto& a, const auto& b) { return a.bins.size() > b.bins.size(); });
    some.resize(std::min(some.size(), count));
    return some;
  }
  for (const neuron_id i : *neurons) {
    const std::size_t before = some.size();
    for (const shown_train& t : all)
      if (t.who.id == i) some.push_back(t);
    if (some.size() == before) some.push_back({{i, 0, 0}, 0, {}});
  }
  return some;
}

std::string letter_of(const spike_time& w) {
  std::string text(1, static_cast<char>(std::toupper(name(w.source)[0])));
  if (w.of == emission::w_drive) text += " to X";
  if (w.of == emission::w_write) text += " to synapses";
  if (w.source == spike_source::w_sensory || w.source == spike_source::a_sensory)
    text += " of sensory nodes";
  return text;
}

std::string name_of(const model& m, const shown_bins& of, const emitter& who) {
  const std::string node = of.of_hubs ? shown_hub(who.id) : shown_source(m, who.id);
  const spike_source s = of.window.when.source;
  const bool a = s == spike_source::a || s == spike_source::a_sensory;
  return a && m.heads() > 1 ? fmt::format("{} head {}", node, who.head) : node;
}

std::string drawn(const shown_train& t, std::uint32_t bins) {
  std::string line(std::min(bins, most_drawn_bins), '.');
  for (const std::uint32_t b : t.bins)
    if (b < line.size()) line[b] = '|';
  return bins > most_drawn_bins ? line + "..." : line;
}

json as_object(const spike_time& w) {
  return {{"variable", name(w.source)},
          {"round", round_of(w.of)},
          {"layer", w.layer},
          {"first_bin", w.first_bin},
          {"bins", w.bins}};
}

std::string lines_of(const json& all) {
  return all.dump(1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

shown_windows show_spikes(const experiment& e) {
  expect_spikes(e);
  const spiking& how = *e.current().spikes();
  shown_windows shown{last_position(e), bins_of_token(windows_of(how, e.model())), {}};
  for_windows(e, [&](const simulator& brain, const spike_time& w) {
    shown.windows.push_back(counted(w, trains_in(brain, w, how.of(w.source).scales[w.layer - 1])));
  });
  std::stable_sort(shown.windows.begin(), shown.windows.end(), [](const auto& a, const auto& b) {
    return a.when.first_bin < b.when.first_bin;
  });
  return shown;
}

std::vector<shown_bins> show_spikes(const experiment& e, spike_source s, layer_id layer,
                                    const std::optional<std::vector<neuron_id>>& neurons,
                                    std::size_t count) {
  expect_spikes(e);
  const spiking& how = *e.current().spikes();
  std::vector<shown_bins> all;
  for_windows(e, [&](const simulator& brain, const spike_time& w) {
    if (w.source != s || w.layer != layer) return;
    const float scale = how.of(s).scales[layer - 1];
    const std::vector<shown_train> trains = trains_in(brain, w, scale);
    all.push_back({last_position(e), counted(w, trains), is_of_hubs(e.model(), w), scale,
                   chosen(trains, neurons, count)});
  });
  return all;
}

std::string as_text(const model&, const shown_windows& shown) {
  std::string text =
      fmt::format("spikes of token {}, {} bins\n{:>8}{:>8}{:>16}{:>12}{:>12}  {}\n", shown.position,
                  shown.token_bins, "layer", "round", "bins", "spikes", "senders", "of");
  for (const shown_window& w : shown.windows)
    text += fmt::format("{:>8}{:>8}{:>16}{:>12}{:>12}  {}\n", w.when.layer, round_of(w.when.of),
                        fmt::format("{}-{}", w.when.first_bin, w.when.first_bin + w.when.bins - 1),
                        w.spikes, w.emitting, letter_of(w.when));
  return text;
}

std::string as_text(const model& m, const shown_bins& shown) {
  const spike_time& w = shown.window.when;
  std::string text = fmt::format(
      "{} of layer {}, token {}, round {}, bins {}-{}: {} spikes of {}, each worth {:.6g}\n",
      letter_of(w), w.layer, shown.position, round_of(w.of), w.first_bin, w.first_bin + w.bins - 1,
      shown.window.spikes, shown.window.emitting, shown.scale / static_cast<float>(w.bins));
  for (const shown_train& t : shown.trains)
    text += fmt::format("{:>16}{:>14.6g} -> {:<12.6g}{:>5}  {}\n", name_of(m, shown, t.who),
                        t.who.value, t.amount, t.bins.size(), drawn(t, w.bins));
  return text;
}

std::string as_json(const model&, const shown_windows& shown) {
  json list = json::array();
  for (const shown_window& w : shown.windows) {
    json row = as_object(w.when);
    row["spikes"] = w.spikes;
    row["senders"] = w.emitting;
    list.push_back(std::move(row));
  }
  return lines_of({{"token", shown.position}, {"token_bins", shown.token_bins}, {"windows", list}});
}

std::string as_json(const model& m, const shown_bins& shown) {
  json list = json::array();
  for (const shown_train& t : shown.trains)
    list.push_back({{"node", t.who.id},
                    {"name", name_of(m, shown, t.who)},
                    {"head", t.who.head},
                    {"value", t.who.value},
                    {"sent", t.amount},
                    {"bins", t.bins}});
  json all = as_object(shown.window.when);
  all["token"] = shown.position;
  all["scale"] = shown.scale;
  all["spikes"] = shown.window.spikes;
  all["senders"] = shown.window.emitting;
  all["trains"] = list;
  return lines_of(all);
}

}  // namespace bdh
