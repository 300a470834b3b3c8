// How programs call the columns of edge lists, and the attributes of edges.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

enum class column_role { source, target, value, type, sign };

// The words of a column's name, for comparison: "Weight (nS)" and "weight" are the same, "preId",
// "pre.id" and "pre_id" are not all, but the last two.
std::string column_key(std::string_view name);

// Whether a column of this name has that role: `exact` where it has the name that this program
// writes itself (source, target, weight, type), which wins over others.
enum class name_match { none, known, exact };
name_match match(column_role role, edge_values values, std::string_view name);

// Whether a column of this name can be the source or the target of edges.
bool is_end(column_role role, edge_ends ends, std::string_view name);

// The columns of sources and targets: `chosen` by the user, called source and target, or called
// otherwise. Throws input_error at `place` where several can be one of them.
struct end_columns {
  std::optional<std::size_t> source, target;
};
end_columns find_ends(edge_ends ends, std::span<const std::string> names, end_columns chosen,
                      const std::string& place);

// The one of `names` with that role; none, where none has it. Throws input_error at `place` where
// two have it equally.
std::optional<std::size_t> find_column(column_role role, edge_values values,
                                       std::span<const std::string> names,
                                       const std::string& place);

// Which of `names`, of columns or attributes, say whether an edge excites or inhibits: those called
// so, or the one that how.columns chooses, which leaves `chosen` then.
struct sign_columns {
  std::optional<std::size_t> type, sign;
};
sign_columns find_sign_columns(const graph_reading& how, std::span<const std::string> names,
                               const std::string& place, std::optional<std::string>& chosen);

// "'weight'", "'retention' or 'u'": for messages.
std::string expected_names(edge_values values);

// `edges` have no attribute for their number: of weights a remark that all are 1. Throws
// input_error for rates and retentions.
void take_ones(edge_list& to, std::uint64_t edges);

}  // namespace bdh::graph_formats
