#include "io/recording/spike_settings.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "core/simulation/spiking.hpp"
#include "io/recording/spike_scales_file.hpp"

namespace bdh {
namespace {

constexpr double least_dt = 1e-6, most_dt = 1e6;
constexpr std::string_view populations[] = {"x", "y", "w", "a", "hub", "sensory"};
constexpr const char* form = "K, or x=K,y=K,w=K,a=K,hub=K,sensory=K, K from 1 to 1024";

// K by word; of a number alone, for all but the sensory nodes, which are an input.
struct parsed_bins {
  std::optional<std::uint32_t> all;
  std::vector<std::pair<std::string, std::uint32_t>> named;

  std::uint32_t of(std::string_view word) const {
    for (const auto& [name, bins] : named)
      if (name == word) return bins;
    return word == "sensory" ? 0 : all.value_or(0);
  }
  bool names(std::string_view word) const {
    return std::any_of(named.begin(), named.end(), [&](const auto& n) { return n.first == word; });
  }
};

std::optional<std::uint32_t> parse_window(std::string_view text) {
  std::uint32_t bins = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), bins);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (bins < 1 || bins > kernels::most_bins) return std::nullopt;
  return bins;
}

parsed_bins parse_bins(const std::string& text) {
  parsed_bins found;
  const auto refuse = [&](const std::string& what) {
    throw spike_setting_error("spikes", what, form);
  };
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    const std::size_t equals = item.find('=');
    const std::string word = equals == item.npos ? "" : item.substr(0, equals);
    const auto bins =
        parse_window(std::string_view(item).substr(equals == item.npos ? 0 : equals + 1));
    if (!bins) refuse("'" + item + "'");
    if (equals == item.npos) {
      if (at != 0) refuse("'" + text + "'");
      found.all = *bins;
    } else {
      if (std::find(std::begin(populations), std::end(populations), word) ==
              std::end(populations) ||
          found.names(word))
        refuse("'" + item + "'");
      found.named.emplace_back(word, *bins);
    }
    at = end + 1;
  }
  return found;
}

[[noreturn]] void refuse(const std::string& setting, const std::string& found) {
  throw spike_setting_error(setting, found);
}

void expect_circuit(const parsed_bins& bins, bool hubs, const model& m) {
  if (m.is_direct()) {
    if (hubs) refuse("spike-hubs", "is for circuits through hubs, and this has none");
    if (bins.names("hub"))
      refuse("spikes hub=K", "is for circuits through hubs, and this has none");
    if (bins.names("sensory") && !m.sensory_are_sources())
      refuse("spikes sensory=K", "sensory nodes of this model are no sources");
    if (bins.names("y") && m.hubs() == 0)
      refuse("spikes y=K", "Y of this model goes nowhere but to its own W");
    return;
  }
  for (const char* word : {"w", "a", "sensory"})
    if (bins.names(word))
      refuse("spikes " + std::string(word) + "=K",
             "is for explicit edges; through hubs it is hub=K, with --spike-hubs");
  if (bins.names("hub") && !hubs) refuse("spikes hub=K", "needs --spike-hubs");
  if (hubs && bins.of("hub") == 0)
    refuse("spike-hubs", "needs the bins of hubs, --spikes K or hub=K");
}

void expect_pairs(const spike_settings& s, const spiking& how, const model& m) {
  if (s.pair && !(how.emits(spike_source::x) && how.emits(spike_source::w)))
    refuse("spike-pair", m.is_direct() ? "is for spikes of both W and X"
                                       : "is for hubs that spike, --spike-hubs: graded ones write "
                                         "by their value and the spikes of X");
  const auto x = how.of(spike_source::x).bins;
  for (const spike_source of : {spike_source::w, spike_source::w_sensory})
    if (how.gated() && how.emits(of) && how.of(of).bins != x)
      refuse("spike-pair and", "needs windows of one length, " + std::to_string(x) +
                                   " bins of x and " + std::to_string(how.of(of).bins) + " of " +
                                   std::string(m.is_direct() ? name(of) : "hub") +
                                   "; or --spike-pair all");
}

bool is_one_of(const std::optional<std::string>& word, std::initializer_list<const char*> legal) {
  return !word || std::find(legal.begin(), legal.end(), *word) != legal.end();
}

}  // namespace

void check_bins(const std::string& bins) { parse_bins(bins); }

void check(const spike_settings& s) {
  if (!s.given()) {
    for (const auto& [name, there] : {std::pair{"spike-scales", s.scales || s.known},
                                      {"spike-code", s.code.has_value()},
                                      {"spike-phase", s.phase.has_value()},
                                      {"spike-pair", s.pair.has_value()},
                                      {"spike-hubs", s.hubs},
                                      {"spike-dt", s.dt.has_value()}})
      if (there) refuse(name, "needs --spikes K");
    return;
  }
  parse_bins(*s.bins);
  if (!is_one_of(s.code, {"bernoulli", "integrate"}))
    throw spike_setting_error("spike-code", "'" + *s.code + "'", "bernoulli or integrate");
  if (!is_one_of(s.phase, {"random", "half"}))
    throw spike_setting_error("spike-phase", "'" + *s.phase + "'", "random or half");
  if (!is_one_of(s.pair, {"and", "all"}))
    throw spike_setting_error("spike-pair", "'" + *s.pair + "'", "and or all");
  if (s.dt && !(*s.dt >= least_dt && *s.dt <= most_dt))
    throw spike_setting_error("spike-dt", shown(*s.dt), "a number from 1e-6 to 1e6");
  if (!s.scales && !s.known)
    refuse("spikes",
           "needs --spike-scales FILE: bdh spike-scales MODEL --text-file TEXT -o FILE measures "
           "them");
  if (s.phase == "half" && s.code.value_or("bernoulli") != "integrate")
    refuse("spike-phase half", "is for --spike-code integrate");
}

std::shared_ptr<const spiking> spiking_of(const spike_settings& s, const model& m) {
  if (!s.given()) return nullptr;
  check(s);
  const parsed_bins bins = parse_bins(*s.bins);
  expect_circuit(bins, s.hubs, m);
  const spike_scales measured = s.known ? *s.known : read_spike_scales(*s.scales, m).scales;
  auto how = std::make_shared<spiking>();
  how->code = s.code == "integrate" ? spike_code::integrate : spike_code::bernoulli;
  how->half_phase = s.phase == "half";
  how->pairing = s.pair == "all" ? spike_pairing::all : spike_pairing::coincident;
  const auto set = [&](spike_source of, std::uint32_t k) {
    if (k == 0 || !can_emit(m, of)) return;
    const auto at = measured.find(of);
    if (at == measured.end())
      throw input_error(s.scales.value_or("scales"), "no scale of " + std::string(name(of)),
                        "one: " + std::string(name(of)) + " emits spikes");
    how->of(of) = {k, at->second};
  };
  set(spike_source::x, bins.of("x"));
  set(spike_source::y, bins.of("y"));
  if (!m.is_direct() && s.hubs) {
    set(spike_source::w, bins.of("hub"));
    set(spike_source::a, bins.of("hub"));
  }
  if (m.is_direct()) {
    set(spike_source::w, bins.of("w"));
    set(spike_source::a, bins.of("a"));
    set(spike_source::a_sensory, bins.of("a"));
    set(spike_source::w_sensory, bins.of("sensory"));
  }
  expect_pairs(s, *how, m);
  check(*how, m);
  return how;
}

std::string spike_note(const spiking& how, const model& m) {
  if (how.gated() && how.code == spike_code::integrate)
    return "note: regular trains of equal rate lock: all of their spikes meet, or none; single "
           "synapses do not get exact with more bins. --spike-pair all does";
  if (how.emits(spike_source::x) && !how.emits(spike_source::w))
    return std::string("note: synapses are written by spikes of X and the graded ") +
           (m.is_direct() ? "W of their targets" : "value of hubs") +
           ": a spike paired with a potential, no AND gate";
  return {};
}

void prepare_recordings(const simulator& brain, double bin_ms,
                        std::vector<recording_description>& planned) {
  int trains = 0;
  for (recording_description& d : planned) {
    const std::string place = "--record '" + d.request + "'";
    if (brain.learns_by() && d.what == quantity::pairs)
      throw unavailable_error(place, "weights that learn", "weights that stay as they are");
    if (brain.spikes() && d.what == quantity::pairs)
      throw unavailable_error(place, "a network of spikes", "activity that travels as it is");
    if (d.what != quantity::spikes) continue;
    if (!brain.spikes())
      throw input_error(place, "activity that travels as it is", "a run with --spikes");
    if (++trains > 1) throw input_error(place, "a second list", "one list of neurons");
    d.bin_ms = bin_ms;
    d.of_hubs = brain.spikes()->emits(spike_source::w) && !brain.model().is_direct();
    d.of_a = brain.spikes()->emits(spike_source::a) && brain.model().is_direct();
  }
}

nlohmann::json spike_description(const spike_settings& s, const spiking& how, const model& m,
                                 std::uint64_t seed) {
  spike_scales scales;
  for (std::size_t k = 0; k < spike_sources; ++k)
    if (const auto of = static_cast<spike_source>(k); how.emits(of)) scales[of] = how.of(of).scales;
  const std::vector<spike_time> windows = windows_of(how, m);
  nlohmann::json all{{"bins", *s.bins},
                     {"code", name(how.code)},
                     {"phase", how.half_phase ? "half" : "random"},
                     {"hubs", s.hubs},
                     {"dt_ms", s.bin_ms()},
                     {"token_ms", static_cast<double>(bins_of_token(windows)) * s.bin_ms()},
                     {"seed", seed},
                     {"scales", nlohmann::json(as_json(scales))},
                     {"windows", nlohmann::json::array()}};
  if (s.pair) all["pair"] = *s.pair;
  for (const spike_time& w : windows)
    all["windows"].push_back({{"variable", name(w.source)},
                              {"round", round_of(w.of)},
                              {"layer", w.layer},
                              {"first_bin", w.first_bin},
                              {"bins", w.bins}});
  return all;
}

spike_settings described_spikes(const nlohmann::json& all, const model& m,
                                const std::string& place) {
  spike_settings s;
  s.bins = all.at("bins").get<std::string>();
  s.code = all.at("code").get<std::string>();
  s.phase = all.at("phase").get<std::string>();
  s.hubs = all.at("hubs").get<bool>();
  s.dt = all.at("dt_ms").get<double>();
  if (all.contains("pair")) s.pair = all.at("pair").get<std::string>();
  s.known = spike_scales_of(all.at("scales"), m, place + ", scales of spikes");
  try {
    check(s);
  } catch (const spike_setting_error& wrong) {
    throw input_error(place, std::string("spikes of another kind: ") + wrong.found(),
                      "those that bdh run wrote");
  }
  return s;
}

}  // namespace bdh
