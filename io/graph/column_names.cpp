#include "io/graph/column_names.hpp"

#include <algorithm>
#include <array>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

using words = std::span<const std::string_view>;

// The first of each is the name that this program writes. Who writes the others: NEST, PyNN,
// Brian, SONATA and BMTK, igraph, NetworkX, Cytoscape, Gephi, SNAP, neuPrint, FlyWire's Codex,
// CAVE, MATLAB.
constexpr std::array<std::string_view, 37> sources{"source",         "src",
                                                   "from",           "pre",
                                                   "presynaptic",    "presyn",
                                                   "pre_id",         "preid",
                                                   "source_id",      "sourceid",
                                                   "from_id",        "fromid",
                                                   "source_node",    "source_node_id",
                                                   "from_node",      "fromnode",
                                                   "from_node_id",   "fromnodeid",
                                                   "pre_root_id",    "pre_pt_root_id",
                                                   "presynaptic_id", "presynaptic_root_id",
                                                   "pre_neuron",     "pre_cell",
                                                   "pre_gid",        "pregid",
                                                   "bodyid_pre",     "body_pre",
                                                   "pre_bodyid",     "source_gid",
                                                   "sender",         "i",
                                                   "source_name",    "pre_name",
                                                   "source_neuron",  "presynaptic_neuron",
                                                   "endnodes_1"};
constexpr std::array<std::string_view, 40> targets{"target",
                                                   "tgt",
                                                   "dst",
                                                   "dest",
                                                   "destination",
                                                   "to",
                                                   "post",
                                                   "postsynaptic",
                                                   "postsyn",
                                                   "post_id",
                                                   "postid",
                                                   "target_id",
                                                   "targetid",
                                                   "to_id",
                                                   "toid",
                                                   "target_node",
                                                   "target_node_id",
                                                   "to_node",
                                                   "tonode",
                                                   "to_node_id",
                                                   "tonodeid",
                                                   "post_root_id",
                                                   "post_pt_root_id",
                                                   "postsynaptic_id",
                                                   "postsynaptic_root_id",
                                                   "post_neuron",
                                                   "post_cell",
                                                   "post_gid",
                                                   "postgid",
                                                   "bodyid_post",
                                                   "body_post",
                                                   "post_bodyid",
                                                   "target_gid",
                                                   "receiver",
                                                   "j",
                                                   "target_name",
                                                   "post_name",
                                                   "target_neuron",
                                                   "postsynaptic_neuron",
                                                   "endnodes_2"};
constexpr std::array<std::string_view, 14> weights{
    "weight",       "weights",   "w",          "syn_weight",    "synweight", "synaptic_weight",
    "edge_weight",  "syn_count", "syn_counts", "synapse_count", "n_syn",     "nsyn",
    "num_synapses", "synapses"};
constexpr std::array<std::string_view, 9> rates{"rate",          "rates",      "weight",
                                                "weights",       "plasticity", "plasticity_rate",
                                                "learning_rate", "gs",         "w"};
constexpr std::array<std::string_view, 5> retentions{"retention", "retentions", "u", "weight",
                                                     "weights"};
constexpr std::array<std::string_view, 1> types{"type"}, signs{"sign"};
// The ends of edges between tokens and neurons, besides.
constexpr std::array<std::string_view, 3> token_words{"token", "token_id", "tokenid"};
constexpr std::array<std::string_view, 3> neuron_words{"neuron", "neuron_id", "neuronid"};

words words_of(column_role role, edge_values values) {
  switch (role) {
    case column_role::source:
      return sources;
    case column_role::target:
      return targets;
    case column_role::type:
      return types;
    case column_role::sign:
      return signs;
    default:
      break;
  }
  switch (values) {
    case edge_values::rates:
      return rates;
    case edge_values::retentions:
      return retentions;
    default:
      return weights;
  }
}

// Of `candidates` among the names, the first two.
[[noreturn]] void fail_two(std::string_view role, std::span<const std::string> names,
                           const std::vector<std::size_t>& candidates, const std::string& place) {
  const std::string &a = names[candidates[0]], &b = names[candidates[1]];
  const std::string word(role), option(word == "rate" || word == "retention" ? "weight" : word);
  if (lower(a) == lower(b))
    throw input_error(place, "two columns called " + lower(a), "one",
                      a == b ? "" : "--columns " + option + "=" + a + " decides");
  throw input_error(place, shown(a) + " and " + shown(b) + ", each of which can be the " + word,
                    "one column for it", "--columns " + option + "=" + a + " decides");
}

}  // namespace

std::string column_key(std::string_view name) {
  // A unit, in parentheses or brackets at the end.
  if (name.ends_with(')') || name.ends_with(']')) {
    const std::size_t open = name.rfind(name.back() == ')' ? '(' : '[');
    if (open != name.npos && open > 0) name = name.substr(0, open);
  }
  const std::size_t first = std::min(name.find_first_not_of(" \t"), name.size());
  name.remove_prefix(first);
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  std::string key = lower(name);
  std::ranges::replace_if(
      key, [](char c) { return c == ' ' || c == '-' || c == '.'; }, '_');
  return key;
}

name_match match(column_role role, edge_values values, std::string_view name) {
  const words known = words_of(role, values);
  // Rates and retentions have two such names: the circuits' own, too.
  const bool own = role != column_role::value || values == edge_values::weights;
  if (own && lower(name) == known.front()) return name_match::exact;
  return std::ranges::find(known, column_key(name)) != known.end() ? name_match::known
                                                                   : name_match::none;
}

bool is_end(column_role role, edge_ends ends, std::string_view name) {
  if (match(role, edge_values::weights, name) != name_match::none) return true;
  if (ends == edge_ends::neurons) return false;
  const bool token = (role == column_role::source) == (ends == edge_ends::tokens_to_neurons);
  const words more = token ? words(token_words) : words(neuron_words);
  return std::ranges::find(more, column_key(name)) != more.end();
}

end_columns find_ends(edge_ends ends, std::span<const std::string> names, end_columns chosen,
                      const std::string& place) {
  const auto columns = [&](column_role role, bool exact_only) {
    const auto& choice = role == column_role::source ? chosen.source : chosen.target;
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (choice && *choice != i) continue;
      const bool exact = match(role, edge_values::weights, names[i]) == name_match::exact;
      if (exact_only ? exact : exact || choice || is_end(role, ends, names[i])) all.push_back(i);
    }
    return all;
  };
  const auto one = [&](column_role role) -> std::optional<std::size_t> {
    const std::vector<std::size_t> all = columns(role, false);
    if (all.empty()) return std::nullopt;
    if (all.size() > 1) fail_two(words_of(role, edge_values::weights).front(), names, all, place);
    return all.front();
  };
  // A whole pair of columns called source and target goes before others; but these two are never
  // taken from two pairs.
  const std::vector<std::size_t> source = columns(column_role::source, true),
                                 target = columns(column_role::target, true);
  if (source.size() == 1 && target.size() == 1) return {source.front(), target.front()};
  return {one(column_role::source), one(column_role::target)};
}

std::optional<std::size_t> find_column(column_role role, edge_values values,
                                       std::span<const std::string> names,
                                       const std::string& place) {
  std::vector<std::size_t> exact, known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const name_match m = match(role, values, names[i]);
    if (m == name_match::exact) exact.push_back(i);
    if (m == name_match::known) known.push_back(i);
  }
  const std::vector<std::size_t>& candidates = exact.empty() ? known : exact;
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return candidates.front();
  fail_two(words_of(role, values).front(), names, candidates, place);
}

sign_columns find_sign_columns(const graph_reading& how, std::span<const std::string> names,
                               const std::string& place, std::optional<std::string>& chosen) {
  if (how.columns.no_signs()) return {};
  if (how.columns.sign) {
    const auto at = std::ranges::find(names, *how.columns.sign);
    if (at != names.end()) {
      chosen.reset();
      return {.type = {}, .sign = static_cast<std::size_t>(at - names.begin())};
    }
  }
  return {.type = find_column(column_role::type, how.values, names, place),
          .sign = find_column(column_role::sign, how.values, names, place)};
}

std::string expected_names(edge_values values) {
  switch (values) {
    case edge_values::rates:
      return "'rate' or 'weight'";
    case edge_values::retentions:
      return "'retention', 'u' or 'weight'";
    default:
      return "'weight'";
  }
}

void take_ones(edge_list& to, std::uint64_t edges) {
  to.has_values = false;
  const std::string found = "no attribute " + expected_names(to.how.values) + " of edges";
  if (to.how.values != edge_values::weights)
    throw input_error(to.file, found,
                      "one with the " + std::string(name(to.how.values)) + " of each edge",
                      "--columns weight=NAME names it");
  to.remarks.push_back(to.file + ": " + found + ": all " + std::to_string(edges) +
                       " edges have weight 1");
}

}  // namespace bdh::graph_formats
