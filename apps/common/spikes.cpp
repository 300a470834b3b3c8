#include "apps/common/spikes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "core/simulation/spiking.hpp"
#include "io/recording/spike_scales_file.hpp"

namespace bdh::app {
namespace {

constexpr range<std::uint32_t> bin_range{1, kernels::most_bins, "1 to 1024"};
constexpr range<double> dt_range{1e-6, 1e6, "a number from 1e-6 to 1e6"};
constexpr std::string_view words[] = {"x", "y", "w", "a", "hub", "sensory"};
constexpr const char* form = "K, or x=K,y=K,w=K,a=K,hub=K,sensory=K, K from 1 to 1024";

// K by word; of a number alone, for all but the sensory nodes, which are an input.
using bins_by_word = std::vector<std::pair<std::string, std::uint32_t>>;

struct parsed_bins {
  std::optional<std::uint32_t> all;
  bins_by_word named;

  std::uint32_t of(std::string_view word) const {
    for (const auto& [name, bins] : named)
      if (name == word) return bins;
    return word == "sensory" ? 0 : all.value_or(0);
  }
  bool names(std::string_view word) const {
    return std::any_of(named.begin(), named.end(), [&](const auto& n) { return n.first == word; });
  }
};

parsed_bins parse_bins(const std::string& text) {
  parsed_bins found;
  const auto refuse = [&](const std::string& what) {
    throw usage_error("--spikes", what + ", expected " + form);
  };
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    const std::size_t equals = item.find('=');
    const std::string word = equals == item.npos ? "" : item.substr(0, equals);
    const auto bins = parse_number(
        std::string_view(item).substr(equals == item.npos ? 0 : equals + 1), bin_range);
    if (!bins) refuse("'" + item + "'");
    if (equals == item.npos) {
      if (at != 0) refuse("'" + text + "'");
      found.all = *bins;
    } else {
      if (std::find(std::begin(words), std::end(words), word) == std::end(words) ||
          found.names(word))
        refuse("'" + item + "'");
      found.named.emplace_back(word, *bins);
    }
    at = end + 1;
  }
  return found;
}

void expect_circuit(const parsed_bins& bins, bool hubs, const model& m) {
  const auto refuse_circuit = [](const std::string& option, const std::string& found) {
    throw usage_error(option, found);
  };
  if (m.is_direct()) {
    if (hubs) refuse_circuit("--spike-hubs", "is for circuits through hubs, and this has none");
    if (bins.names("hub"))
      refuse_circuit("--spikes hub=K", "is for circuits through hubs, and this has none");
    if (bins.names("sensory") && !m.sensory_are_sources())
      refuse_circuit("--spikes sensory=K", "sensory nodes of this model are no sources");
    if (bins.names("y") && m.hubs() == 0)
      refuse_circuit("--spikes y=K", "Y of this model goes nowhere but to its own W");
    return;
  }
  for (const char* word : {"w", "a", "sensory"})
    if (bins.names(word))
      refuse_circuit(fmt::format("--spikes {}=K", word),
                     "is for explicit edges; through hubs it is hub=K, with --spike-hubs");
  if (bins.names("hub") && !hubs) refuse_circuit("--spikes hub=K", "needs --spike-hubs");
  if (hubs && bins.of("hub") == 0)
    refuse_circuit("--spike-hubs", "needs the bins of hubs, --spikes K or hub=K");
}

}  // namespace

void spike_choice::add_to(command_line& c) {
  c.add("--spikes", bins,
        "activity travels as spikes, in windows of K bins, 1 to 1024; or K by population: "
        "x=8,y=32[,w=K][,a=K][,hub=K][,sensory=K] [as it is]")
      .type_name("K")
      .check([](const std::string& text) {
        parse_bins(text);
        return std::string();
      });
  c.add("--spike-scales", scales, "what a spike in every bin stands for: of bdh spike-scales")
      .type_name("FILE");
  c.add("--spike-code", code,
        "bernoulli: a bin has a spike by chance; integrate: spikes as far apart as they can be "
        "[bernoulli]")
      .type_name("CODE")
      .one_of({"bernoulli", "integrate"});
  c.add("--spike-phase", phase,
        "where membranes of integrate begin: random, or half of their threshold [random]")
      .type_name("PHASE")
      .one_of({"random", "half"});
  c.add("--spike-pair", pair,
        "which pairs of spikes write a synapse: those of the same bin (and), or all of a window "
        "[and]")
      .type_name("PAIRS")
      .one_of({"and", "all"});
  c.add_flag("--spike-hubs", hubs, "hubs spike, too");
  add_number<double>(c, "--spike-dt", dt, dt_range, "length of a bin in ms: a label of times [1]")
      .type_name("MS");
}

void spike_choice::check() const {
  if (!given()) {
    for (const auto& [name, there] : {std::pair{"--spike-scales", scales.has_value()},
                                      {"--spike-code", code.has_value()},
                                      {"--spike-phase", phase.has_value()},
                                      {"--spike-pair", pair.has_value()},
                                      {"--spike-hubs", hubs},
                                      {"--spike-dt", dt.has_value()}})
      if (there) throw usage_error(name, "needs --spikes K");
    return;
  }
  if (!scales && !known)
    throw usage_error("--spikes",
                      "needs --spike-scales FILE: bdh spike-scales MODEL --text-file TEXT -o FILE "
                      "measures them");
  if (phase == "half" && code.value_or("bernoulli") != "integrate")
    throw usage_error("--spike-phase half", "is for --spike-code integrate");
}

std::shared_ptr<const spiking> spike_choice::of(const model& m) const {
  if (!given()) return nullptr;
  check();
  const parsed_bins by_word = parse_bins(*bins);
  expect_circuit(by_word, hubs, m);
  const spike_scales measured = known ? *known : read_spike_scales(*scales, m).scales;
  auto how = std::make_shared<spiking>();
  how->code = code == "integrate" ? spike_code::integrate : spike_code::bernoulli;
  how->half_phase = phase == "half";
  how->pairing = pair == "all" ? spike_pairing::all : spike_pairing::coincident;
  const auto set = [&](spike_source s, std::uint32_t k) {
    if (k == 0 || !can_emit(m, s)) return;
    const auto at = measured.find(s);
    if (at == measured.end())
      throw input_error(scales.value_or("scales"), "no scale of " + std::string(name(s)),
                        "one: " + std::string(name(s)) + " emits spikes");
    how->of(s) = {k, at->second};
  };
  set(spike_source::x, by_word.of("x"));
  set(spike_source::y, by_word.of("y"));
  const bool through_hubs = !m.is_direct();
  if (through_hubs && hubs) {
    set(spike_source::w, by_word.of("hub"));
    set(spike_source::a, by_word.of("hub"));
  }
  if (!through_hubs) {
    set(spike_source::w, by_word.of("w"));
    set(spike_source::a, by_word.of("a"));
    set(spike_source::a_sensory, by_word.of("a"));
    set(spike_source::w_sensory, by_word.of("sensory"));
  }
  if (pair && !(how->emits(spike_source::x) && how->emits(spike_source::w)))
    throw usage_error("--spike-pair", through_hubs
                                          ? "is for hubs that spike, --spike-hubs: graded ones "
                                            "write by their value and the spikes of X"
                                          : "is for spikes of both W and X");
  for (const spike_source s : {spike_source::w, spike_source::w_sensory})
    if (how->gated() && how->emits(s) && how->of(s).bins != how->of(spike_source::x).bins)
      throw usage_error("--spike-pair and",
                        fmt::format("needs windows of one length, {} bins of x and {} of {}; or "
                                    "--spike-pair all",
                                    how->of(spike_source::x).bins, how->of(s).bins,
                                    through_hubs ? "hub" : name(s)));
  bdh::check(*how, m);
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

nlohmann::json spike_description(const spike_choice& choice, const spiking& how, const model& m,
                                 std::uint64_t seed) {
  spike_scales scales;
  for (std::size_t k = 0; k < spike_sources; ++k)
    if (const auto s = static_cast<spike_source>(k); how.emits(s)) scales[s] = how.of(s).scales;
  const std::vector<spike_time> windows = windows_of(how, m);
  nlohmann::json all{{"bins", *choice.bins},
                     {"code", name(how.code)},
                     {"phase", how.half_phase ? "half" : "random"},
                     {"hubs", choice.hubs},
                     {"dt_ms", choice.bin_ms()},
                     {"token_ms", static_cast<double>(bins_of_token(windows)) * choice.bin_ms()},
                     {"seed", seed},
                     {"scales", nlohmann::json(as_json(scales))},
                     {"windows", nlohmann::json::array()}};
  if (choice.pair) all["pair"] = *choice.pair;
  static constexpr int rounds[] = {0, 2, 1, 3, 2};  // by emission: in which it is received first
  for (const spike_time& w : windows)
    all["windows"].push_back({{"variable", name(w.source)},
                              {"round", rounds[static_cast<int>(w.of)]},
                              {"layer", w.layer},
                              {"first_bin", w.first_bin},
                              {"bins", w.bins}});
  return all;
}

spike_choice described_spikes(const nlohmann::json& all, const model& m, const std::string& place) {
  spike_choice c;
  c.bins = all.at("bins").get<std::string>();
  c.code = all.at("code").get<std::string>();
  c.phase = all.at("phase").get<std::string>();
  c.hubs = all.at("hubs").get<bool>();
  c.dt = all.at("dt_ms").get<double>();
  if (all.contains("pair")) c.pair = all.at("pair").get<std::string>();
  c.known = spike_scales_of(all.at("scales"), m, place + ", scales of spikes");
  const auto one_of = [&](const std::optional<std::string>& word,
                          std::initializer_list<const char*> legal) {
    return !word || std::find(legal.begin(), legal.end(), *word) != legal.end();
  };
  if (!one_of(c.code, {"bernoulli", "integrate"}) || !one_of(c.phase, {"random", "half"}) ||
      !one_of(c.pair, {"and", "all"}) || !(*c.dt >= dt_range.least && *c.dt <= dt_range.most))
    throw input_error(place, "spikes of another kind", "those that bdh run wrote");
  try {
    parse_bins(*c.bins);
  } catch (const usage_error&) {
    throw input_error(place, "spikes '" + *c.bins + "'", form);
  }
  return c;
}

}  // namespace bdh::app
