// The tables of types that stand beside the nodes and edges of a SONATA circuit: text, with a
// header, fields separated by blanks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bdh::graph_formats {

class type_table {
 public:
  type_table() = default;  // none
  // `id`: the column of the types' numbers, "edge_type_id". Throws input_error.
  type_table(std::string_view text, const std::string& file, std::string_view id);

  const std::string& file() const noexcept { return file_; }
  // Of all columns, "edge_type_id" included.
  const std::vector<std::string>& columns() const noexcept { return columns_; }
  std::optional<std::size_t> column(std::string_view name) const;
  bool has(std::int64_t type) const { return rows_.contains(type); }
  // Nothing where the table has no such type, or NULL there.
  std::optional<std::string_view> value(std::int64_t type, std::size_t column) const;
  // For a type that the table has: its line, and "edge_types.csv:3".
  std::uint64_t line_of(std::int64_t type) const { return rows_.at(type).line; }
  std::string place_of(std::int64_t type) const;

 private:
  struct row {
    std::vector<std::string> fields;
    std::uint64_t line;
  };

  std::string file_;
  std::vector<std::string> columns_;
  std::unordered_map<std::int64_t, row> rows_;
};

}  // namespace bdh::graph_formats
