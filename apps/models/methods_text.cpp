#include "apps/models/methods_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>
#include <vector>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "core/base/version.hpp"

namespace bdh::app {
namespace {

std::string grouped(edge_id n) { return shown_count(static_cast<double>(n)); }

std::string plural(edge_id n, const std::string& what) {
  return grouped(n) + " " + what + (n == 1 ? "" : "s");
}

// Mean, standard deviation and largest value of some numbers.
struct spread {
  double mean = 0, deviation = 0, largest = 0;
};

template <class F>
spread spread_of(std::size_t count, F value) {
  spread s;
  if (count == 0) return s;
  const double n = static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    s.mean += value(i);
    s.largest = std::max(s.largest, value(i));
  }
  s.mean /= n;
  for (std::size_t i = 0; i < count; ++i) s.deviation += (value(i) - s.mean) * (value(i) - s.mean);
  s.deviation = std::sqrt(s.deviation / n);
  return s;
}

std::string shown_spread(const spread& s) {
  return s.deviation == 0 ? fmt::format("{:.4g}", s.mean)
                          : fmt::format("{:.4g} (SD {:.3g})", s.mean, s.deviation);
}

spread weights_of(const projection& p) {
  return spread_of(p.edges(), [&](std::size_t e) { return static_cast<double>(p.weight(e)); });
}

// How many edges leave each source.
std::vector<edge_id> out_degrees(const projection& p) {
  std::vector<edge_id> degree(p.source().size);
  if (p.is_dense()) {
    std::fill(degree.begin(), degree.end(), p.target().size);
    return degree;
  }
  for (neuron_id row = 0; row < p.rows(); ++row)
    for (edge_id e = p.indptr()[row]; e < p.indptr()[row + 1]; ++e)
      ++degree[p.rows_are() == major::source ? row : p.indices()[e]];
  return degree;
}

std::string degrees_text(const std::vector<edge_id>& degree) {
  const spread s =
      spread_of(degree.size(), [&](std::size_t i) { return static_cast<double>(degree[i]); });
  return fmt::format("mean out-degree {}, at most {}", shown_spread(s),
                     grouped(static_cast<edge_id>(s.largest)));
}

std::string circuit_text(const char* name, const projection& excitatory,
                         const projection& inhibitory) {
  std::vector<edge_id> degree = out_degrees(excitatory);
  const std::vector<edge_id> other = out_degrees(inhibitory);
  for (std::size_t i = 0; i < degree.size() && i < other.size(); ++i) degree[i] += other[i];
  std::string text =
      fmt::format("{} has {} and {} ({}); ", name, plural(excitatory.edges(), "excitatory edge"),
                  plural(inhibitory.edges(), "inhibitory edge"), degrees_text(degree));
  text += "mean weight " + shown_spread(weights_of(excitatory));
  if (inhibitory.edges() != 0) text += " and, subtracted, " + shown_spread(weights_of(inhibitory));
  return text + ". ";
}

// By the edges that leave them in both circuits.
std::string signs_text(const direct_circuits& c, neuron_id neurons) {
  neuron_id inhibits = 0, both = 0;
  std::vector<std::vector<edge_id>> degree;
  for (const projection* p :
       {&c.gx_excitatory, &c.gy_excitatory, &c.gx_inhibitory, &c.gy_inhibitory})
    degree.push_back(out_degrees(*p));
  for (neuron_id i = 0; i < neurons; ++i) {
    const bool excites = degree[0][i] + degree[1][i] != 0, other = degree[2][i] + degree[3][i] != 0;
    inhibits += other && !excites;
    both += other && excites;
  }
  std::string text = ", " + grouped(inhibits) + " of them inhibitory";
  if (both != 0) text += " and " + grouped(both) + " with edges of both signs";
  return text;
}

std::string direct_text(const model& m) {
  const direct_circuits& c = m.direct();
  std::string text =
      circuit_text("The circuit Gx, which drives X,", c.gx_excitatory, c.gx_inhibitory) +
      circuit_text("Gy, which drives Y,", c.gy_excitatory, c.gy_inhibitory);
  text += fmt::format("Each layer has {} of its own ({}; plasticity rate {}). ",
                      plural(m.synapses(), "plastic synapse"), degrees_text(out_degrees(c.gs)),
                      shown_spread(weights_of(c.gs)));
  if (c.sensory.edges() != 0) {
    const auto driven = out_degrees(c.sensory);
    const spread s =
        spread_of(driven.size(), [&](std::size_t t) { return static_cast<double>(driven[t]); });
    text += fmt::format("Number of neurons that each of {} drives: {}, with a weight of {}. ",
                        plural(m.sensory_nodes(), "token"), shown_spread(s),
                        shown_spread(weights_of(c.sensory)));
  }
  return text;
}

std::string hub_text(const model& m) {
  return fmt::format(
      "Neurons are connected through {} (E: neurons to hubs, {}; Dx and Dy: hubs to neurons, {} "
      "each), and each layer has {} of its own from neurons to hubs. The vocabulary has {}. ",
      plural(m.hubs(), "hub"), plural(m.circuits().e.edges(), "edge"),
      plural(m.circuits().dx.edges(), "edge"), plural(m.synapses(), "plastic synapse"),
      plural(m.sensory_nodes(), "token"));
}

std::string forgetting_text(const model& m) {
  const bool own = m.is_direct() && !m.direct().retention.empty();
  std::string text;
  if (m.retention() < 1)
    text = fmt::format(
        "Synapses keep a factor u = {} of their strength per token (time constant {:.4g} tokens)",
        shown(m.retention()), -1 / std::log(m.retention()));
  else
    text = "Synapses do not decay";
  if (own) text += ", beside a factor that each synapse has of its own";
  if (m.rotation().present())
    text += fmt::format(" and rotate in pairs of neurons ({} frequencies a head)",
                        m.rotation().frequency().size());
  return text + ". ";
}

const std::string* entry_of(const std::vector<provenance::entry>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const provenance::entry& e) { return e.name == name; });
  return found == all.end() ? nullptr : &found->value;
}

// What the values of a recipe mean to a reader; others are listed as they are called.
std::string recipe_text(const provenance& origin) {
  static const std::map<std::string, std::string> families = {
      {"erdos-renyi", "Erdos-Renyi graphs"},
      {"small-world", "small-world graphs (Watts and Strogatz 1998)"},
      {"scale-free", "graphs whose out-degrees follow a power law of exponent 3"},
      {"blocks", "stochastic block models"},
      {"ring", "ring lattices"},
      {"complete", "complete graphs"},
      {"degrees", "configuration models with the in- and out-degrees of every neuron as measured"},
      {"distance", "graphs with probabilities that fall with distance"},
      {"populations", "graphs with given probabilities between populations"}};
  const std::string* family = entry_of(origin.recipe, "family");
  const auto known = families.find(family ? *family : "");
  std::string text = "Gx, Gy and the synapses were drawn independently of each other as " +
                     (known == families.end() ? "graphs" : known->second);
  std::string list;
  for (const auto& [name, value] : origin.recipe)
    if (name != "family" && name != "neurons" && !name.ends_with("_sha256"))
      list += (list.empty() ? " (" : ", ") + name + " " + value;
  std::replace(list.begin(), list.end(), '_', ' ');
  return text + list + (list.empty() ? "" : ")") +
         ", with log-normal weights (SD 1 of the logarithm). ";
}

std::string number_text(const std::string* text, double factor, const char* unit, int digits) {
  const auto value =
      text ? parse_number<double>(*text, {-1e300, 1e300, ""}) : std::optional<double>();
  return value ? fmt::format("{:.{}g}{}", factor * *value, digits, unit) : "?";
}

std::string percent(const std::string* share) { return number_text(share, 100, " %", 3); }

std::string tuning_sentences(const model& m) {
  const auto& all = m.origin().tuning;
  const auto value = [&](const char* name) { return number_text(entry_of(all, name), 1, "", 4); };
  std::string text = fmt::format(
      "Gains were searched for an active share of X of {} (mean over layers) on random tokens: the "
      "expected weight of an excitatory edge is {} in Gx and {} in Gy, that of an inhibitory edge "
      "g "
      "= {} times as large (Brunel 2000). Over the last 200 of 1,000 random tokens that the search "
      "had not used, ",
      percent(entry_of(all, "target_activity")), value("gain_gx"), value("gain_gy"), value("g"));
  for (layer_id l = 1; l <= m.layers(); ++l) {
    const std::string layer = "layer_" + std::to_string(l);
    text += fmt::format("{}{} of X and {} of Y were active in layer {}", l == 1 ? "" : ", ",
                        percent(entry_of(all, layer + "_active_x")),
                        percent(entry_of(all, layer + "_active_y")), l);
  }
  return text + ". ";
}

std::string source_text(const model& m) {
  const provenance& o = m.origin();
  if (!o.recipe.empty()) return recipe_text(o);
  if (o.source.empty()) return "";
  return fmt::format("The model was imported from {} ({}; SHA-256 {:.12}). ", o.source, o.layout,
                     o.source_sha256);
}

}  // namespace

std::string methods_text(const model& m, const std::string& file) {
  std::string text = fmt::format(
      "The network was simulated with bdh {} (The bdh authors: bdh, the Dragon Hatchling as a "
      "graph of neurons), which runs the model of Kosowski et al. (2025, arXiv:2509.26507) as a "
      "graph in rounds. It has {}{}, in {}, and {}, which share the circuits. The state follows {} "
      "(variant {}): X and Y are activities of neurons, sigma the strengths of "
      "synapses. ",
      version(), plural(m.neurons(), "neuron"),
      m.is_direct() ? signs_text(m.direct(), m.neurons()) : "", plural(m.heads(), "head"),
      plural(m.layers(), "layer"), m.rules().equation(), m.rules().name());
  text += m.is_direct() ? direct_text(m) : hub_text(m);
  text += forgetting_text(m) + source_text(m);
  if (!m.origin().tuning.empty()) text += tuning_sentences(m);
  if (m.training_window() != 0)
    text += fmt::format("It was trained on windows of {} tokens. ", grouped(m.training_window()));
  text += fmt::format("The model was made by {}; its file {} has the content hash {}.",
                      m.origin().creator, std::filesystem::path(file).filename().string(),
                      m.content_sha256());
  return one_line(text) + "\n";
}

}  // namespace bdh::app
