#include "io/graph/gexf_attributes.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <bdh/error.hpp>

#include "io/graph/column_names.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr std::size_t most_attributes = 10'000;

}  // namespace

void gexf_attributes::declare(std::string_view id, std::string_view title, std::uint64_t line) {
  declared& all = of_edges_ ? of_edge_ : of_node_;
  if (id.empty()) throw input_error(list_.place(line), "an attribute without id", "id=\"...\"");
  if (all.size() == most_attributes)
    throw input_error(list_.place(line),
                      "more than " + std::to_string(most_attributes) + " attributes", "fewer");
  const auto [at, is_new] =
      all.try_emplace(std::string(id), gexf_attribute{.title = std::string(title)});
  if (!is_new)
    throw input_error(list_.place(line), "attribute " + shown(id) + " again", "each once");
  open_ = &at->second;
  roles_known_ = false;
}

const gexf_attribute& gexf_attributes::use(bool of_edge, std::string_view id, std::uint64_t line) {
  if (of_edge) find_roles();
  const declared& all = of_edge ? of_edge_ : of_node_;
  const auto found = all.find(id);
  if (found == all.end())
    throw input_error(list_.place(line), "a value of the attribute " + shown(id),
                      "an attribute that the file declares");
  return found->second;
}

void gexf_attributes::expect_only_weight() {
  find_roles();
  if (list_.how.values == edge_values::weights || list_.how.columns.weight) return;
  if (weight_title_.empty() || lower(weight_title_) == "weight") return;
  find_column(column_role::value, list_.how.values,
              std::vector<std::string>{weight_title_, "weight"}, list_.file);
}

const std::optional<std::string>& gexf_attributes::default_of(gexf_role role) {
  find_roles();
  return defaults_[static_cast<std::size_t>(role)];
}

// Attributes of edges by their titles: NetworkX declares one for each type of numbers that an
// attribute has.
void gexf_attributes::find_roles() {
  if (roles_known_) return;
  roles_known_ = true;
  std::set<std::string> different;
  for (auto& [id, a] : of_edge_) {
    a.role = gexf_role::none;
    different.insert(a.title);
  }
  const std::vector<std::string> titles(different.begin(), different.end());
  defaults_ = {};
  weight_title_.clear();
  const auto give = [&](const std::optional<std::size_t>& found, gexf_role role) {
    if (!found) return;
    if (role == gexf_role::weight) weight_title_ = titles[*found];
    for (auto& [id, a] : of_edge_)
      if (a.title == titles[*found]) {
        a.role = role;
        if (a.otherwise) defaults_[static_cast<std::size_t>(role)] = a.otherwise;
      }
  };
  const sign_columns signs =
      find_sign_columns(list_.how, titles, list_.file, list_.choices_not_found.sign);
  give(signs.type, gexf_role::type);
  give(signs.sign, gexf_role::sign);
  const auto& chosen = list_.how.columns.weight;
  if (!chosen || *chosen == "weight")
    return give(find_column(column_role::value, list_.how.values, titles, list_.file),
                gexf_role::weight);
  const auto found = std::ranges::find(titles, *chosen);
  if (found == titles.end())
    throw input_error(list_.file, "no attribute " + shown(*chosen) + " of edges",
                      "the one that --columns names");
  give(static_cast<std::size_t>(found - titles.begin()), gexf_role::weight);
}

}  // namespace bdh::graph_formats
