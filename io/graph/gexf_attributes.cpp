#include "io/graph/gexf_attributes.hpp"

#include <algorithm>
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

std::optional<std::string> gexf_attributes::default_weight() {
  find_roles();
  for (const auto& [id, a] : of_edge_)
    if (a.role == gexf_role::weight && a.otherwise) return a.otherwise;
  return std::nullopt;
}

void gexf_attributes::find_roles() {
  if (roles_known_) return;
  roles_known_ = true;
  std::vector<std::string> titles;
  std::vector<gexf_attribute*> of;
  for (auto& [id, a] : of_edge_) {
    a.role = gexf_role::none;
    titles.push_back(a.title);
    of.push_back(&a);
  }
  const auto give = [&](column_role column, gexf_role role) {
    if (const auto found = find_column(column, list_.how.values, titles, list_.file))
      of[*found]->role = role;
  };
  give(column_role::type, gexf_role::type);
  give(column_role::sign, gexf_role::sign);
  const auto& chosen = list_.how.columns.weight;
  if (!chosen || *chosen == "weight") return give(column_role::value, gexf_role::weight);
  const auto found = std::ranges::find(titles, *chosen);
  if (found == titles.end())
    throw input_error(list_.file, "no attribute " + shown(*chosen) + " of edges",
                      "the one that --columns names");
  of[static_cast<std::size_t>(found - titles.begin())]->role = gexf_role::weight;
}

}  // namespace bdh::graph_formats
