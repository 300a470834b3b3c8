// The attributes of the nodes or edges of a SONATA population: datasets in its numbered groups.
// Each row, a node or an edge, belongs to one group and has a place there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/array.hpp>

#include "io/graph/edge_numbers.hpp"
#include "io/hdf5/file.hpp"

namespace bdh::graph_formats {

// Numbers of types, of any integer type; below 0 where there is none.
array<std::int64_t> read_type_ids(const hdf5::dataset& from);

class attribute_groups {
 public:
  // `kind`: "edge" or "node", of a population with so many rows. Throws input_error.
  attribute_groups(const hdf5::group& population, const std::string& kind, std::uint64_t rows);

  std::vector<std::string> names() const;  // of attributes that any group has, ascending
  bool has(std::string_view name) const;
  // All of these call use(row, value) for the rows whose group has the attribute, group by group.
  // Throw input_error where it is of another type, or shorter than the group.
  void each_number(const std::string& name,
                   const std::function<void(std::uint64_t, double)>& use) const;
  // As the weights of `list`, whose place of values they set.
  void each_weight(const std::string& name, edge_numbers& numbers, edge_list& list,
                   const std::function<void(std::uint64_t, float)>& use) const;
  // Strings; or numbers of strings in @library. With `numbers_too` other numbers as text, too.
  void each_text(const std::string& name,
                 const std::function<void(std::uint64_t, const std::string&)>& use,
                 bool numbers_too = false) const;
  // "attribute 'delay' (edges.h5:/edges/NAME/0)" of each that is none of `used`.
  std::vector<std::string> others(const std::vector<std::string>& used) const;

 private:
  struct numbered {
    std::uint64_t number;
    hdf5::group in;
    std::vector<std::string> members;
    bool has(std::string_view name) const;
  };
  template <class Values, class Use>
  void each_row(const numbered& group, const hdf5::dataset& from, const Values& values,
                Use use) const;

  std::uint64_t rows_;
  std::vector<numbered> groups_;
  // Of each row; both empty where there is one group, in the order of the rows.
  array<std::uint64_t> group_, place_;
};

}  // namespace bdh::graph_formats
