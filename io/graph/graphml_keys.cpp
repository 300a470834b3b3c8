#include "io/graph/graphml_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "io/graph/column_names.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::array<std::string_view, 7> elements{"all",  "graphml", "graph",    "node",
                                                   "edge", "port",    "hyperedge"};
constexpr std::array<std::string_view, 4> number_types{"int", "long", "float", "double"};

bool is_of(const graphml_key& key, std::string_view element) {
  return key.of == "all" || key.of == element;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

key_role graphml_keys::role_of(const graphml_key& key) const {
  if (is_of(key, "node") && lower(key.name) == "name") return key_role::name;
  if (key.of == "node" && key.name == "number") return key_role::number;
  if (key.of == "graph" && key.name == "bdh.ids") return key_role::ids;
  if (key.of == "graph" && key.name == "bdh.neurons") return key_role::neurons;
  return key_role::none;  // what those of edges are is known when all have been read
}

void graphml_keys::begin(graphml_key key) {
  const std::string place = to_.place(key.line);
  if (key.id.empty()) throw input_error(place, "a key without id", "id=\"...\"");
  if (key.of.empty()) key.of = "all";
  if (std::ranges::find(elements, key.of) == elements.end() && key.of != "endpoint")
    throw input_error(place, "a key for " + shown(key.of), "node, edge, graph or all");
  if (key.name.empty()) key.name = key.id;
  if (keys_.contains(key.id)) throw input_error(place, "key " + shown(key.id) + " again", "once");
  key.role = role_of(key);
  open_ = std::move(key);
}

void graphml_keys::take_default(const std::string& text) {
  if (open_) open_->otherwise = text;
}

void graphml_keys::finish() {
  if (!open_) return;
  graphml_key key = std::move(*open_);
  open_.reset();
  if (key.role == key_role::name) {
    has_names_ = true;
    default_name_ = key.otherwise.value_or("");
  }
  const std::string id = key.id;
  keys_.emplace(id, std::move(key));
}

// The keys of edges by their names: NetworkX writes one key for each type of numbers of an
// attribute.
void graphml_keys::find_roles() {
  roles_are_known_ = true;
  std::map<std::string, std::vector<graphml_key*>> of_name;
  std::vector<std::string> names;
  for (auto& [id, key] : keys_) {
    if (!is_of(key, "edge") || key.role != key_role::none) continue;
    std::vector<graphml_key*>& same = of_name[key.name];
    if (same.empty()) names.push_back(key.name);
    same.push_back(&key);
  }
  const auto give = [&](const std::optional<std::size_t>& found, key_role role) {
    if (!found) return;
    for (graphml_key* key : of_name[names[*found]]) {
      key->role = role;
      take_role(*key);
    }
  };
  const sign_columns signs =
      find_sign_columns(to_.how, names, to_.file, to_.choices_not_found.sign);
  give(signs.type, key_role::type);
  give(signs.sign, key_role::sign);
  std::optional<std::size_t> weight;
  if (const auto& chosen = to_.how.columns.weight) {
    const auto at = std::ranges::find(names, *chosen);
    if (at != names.end()) {
      weight = static_cast<std::size_t>(at - names.begin());
      to_.choices_not_found.weight.reset();
    }
  }
  if (!weight) weight = find_column(column_role::value, to_.how.values, names, to_.file);
  give(weight, key_role::weight);
}

// The type and the default of a key of edges.
void graphml_keys::take_role(const graphml_key& key) {
  const std::string type = lower(key.type);
  if (key.role == key_role::weight && !type.empty() &&
      std::ranges::find(number_types, type) == number_types.end())
    throw input_error(to_.place(key.line),
                      "the key of the " + shown(key.name) + " of edges is " + type,
                      "a number: int, long, float or double");
  if (!key.otherwise) return;
  const auto [at, is_new] = defaults_.try_emplace(key.role, *key.otherwise, key.line);
  if (!is_new && at->second.first != *key.otherwise)
    throw input_error(to_.place(key.line), "another default of " + shown(key.name),
                      shown(at->second.first) + ", as the key before has");
}

const graphml_key& graphml_keys::use(std::string_view id, const char* of, std::uint64_t line) {
  if (!roles_are_known_) find_roles();
  const auto found = keys_.find(id);
  if (found == keys_.end())
    throw input_error(
        to_.place(line), "data of key " + shown(id) + ", which is not declared",
        "<key id=" + std::string("\"") + std::string(id) + "\" .../> before the graph");
  graphml_key& key = found->second;
  if (!is_of(key, of) && !(key.of == "graphml" && of == std::string_view("graph")))
    throw input_error(to_.place(line),
                      "data of " + std::string(of == std::string_view("edge") ? "an " : "a ") + of +
                          " with key " + shown(id),
                      "a key of " + std::string(of) + "s: this one is for " + key.of);
  key.used += of == std::string_view("edge");
  if (key.role == key_role::none) not_used(std::string(of) + " attribute " + shown(key.name));
  return key;
}

float graphml_keys::default_weight(edge_numbers& numbers) {
  if (!roles_are_known_) find_roles();
  const auto otherwise = defaults_.find(key_role::weight);
  if (otherwise == defaults_.end()) {
    ++without_weight_;
    return 1.0f;
  }
  const auto& [text, line] = otherwise->second;
  if (!default_weight_) default_weight_ = numbers.read(trimmed(text), line);
  return *default_weight_;
}

std::string_view graphml_keys::default_text(key_role role) {
  if (!roles_are_known_) find_roles();
  const auto otherwise = defaults_.find(role);
  return otherwise == defaults_.end() ? std::string_view() : trimmed(otherwise->second.first);
}

void graphml_keys::not_used(const std::string& what) {
  if (noted_.insert(what).second) to_.not_used.push_back(what + " (" + to_.file + ")");
}

void graphml_keys::finish_edges(std::uint64_t edges) {
  to_.has_values = without_weight_ < edges || edges == 0;
  if (without_weight_ == 0) return;
  std::string others;
  for (const auto& [id, key] : keys_)
    if (key.role == key_role::none && key.used != 0)
      others += (others.empty() ? "" : ", ") + shown(key.name);
  const std::string found =
      fmt::format("no {} on {} of {} edges", name(to_.how.values), without_weight_, edges);
  if (to_.how.values != edge_values::weights)
    throw input_error(to_.file, found, "one for each edge, " + expected_names(to_.how.values),
                      others.empty() ? "" : "edges have " + others);
  to_.remarks.push_back(fmt::format("{}: {}{}; taken as 1", to_.file, found,
                                    others.empty() ? "" : ", which have " + others));
}

}  // namespace bdh::graph_formats
