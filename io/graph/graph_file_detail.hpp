// What the sources of io/graph/graph_file.hpp share. Internal to them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

inline constexpr std::size_t longest_name = 255;  // bytes

// A file may name any node below this, whatever its size.
inline constexpr std::uint64_t always_accepted = 1'000'000;
inline std::uint64_t most_nodes(std::uint64_t file_bytes) {
  return std::clamp<std::uint64_t>(file_bytes, always_accepted, 0xfffffffeu);
}

// Lines of a text, without their ends.
class line_reader {
 public:
  explicit line_reader(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next();
  // Gives what is left to take(text), which returns how many bytes of it are a line that it has
  // taken, its end included; 0: none, all stays.
  template <class Take>
  bool next_by(Take take) {
    const std::size_t taken = take(rest_);
    rest_.remove_prefix(taken);
    number_ += taken != 0;
    return taken != 0;
  }
  std::uint64_t number() const noexcept { return number_; }  // of the line last read, from 1

 private:
  std::string_view rest_;
  std::uint64_t number_ = 0;
};

std::string shown(std::string_view text);  // in quotes, cut short
std::string lower(std::string_view text);
std::optional<std::uint64_t> whole_number(std::string_view text);
// Throws input_error for what is no finite number of float32.
float weight_of(std::string_view text, const std::string& place);
// `type` of an edge against its sign; other words mean nothing, but for undirected edges.
void check_type(std::string_view type, float weight, const std::string& place);

// 1 to 255 bytes of UTF-8 on one line: what a neuron can be called.
bool is_name(std::string_view text) noexcept;

// Names in the order in which they come.
class name_table {
 public:
  // Throws input_error for what cannot be a name.
  neuron_id number_of(std::string_view name, const std::string& place);
  std::vector<std::string>& names() noexcept { return names_; }

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>()(s);
    }
  };
  std::unordered_map<std::string, neuron_id, hash, std::equal_to<>> numbers_;
  std::vector<std::string> names_;
};

// Each fills in edges and nodes of `to`, whose file and populations are known.
void read_matrix_market(std::string_view text, edge_list& to);
void read_csv(std::string_view text, edge_list& to);
void read_graphml(std::string_view text, edge_list& to);
void read_hdf5(const std::string& path, const std::string& group, edge_list& to);

}  // namespace bdh::graph_formats
