// What the sources of io/graph/graph_file.hpp share. Internal to them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/graph/edge_numbers.hpp"
#include "io/graph/graph_file.hpp"
#include "io/graph/graph_ids.hpp"

namespace bdh::graph_formats {

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
// Room for about so many edges, in large pages: less is used where there are fewer.
void reserve_edges(edge_list& list, double expected);

// Each fills in edges and nodes of `to`, whose file and populations are known.
void read_matrix_market(std::string_view text, edge_list& to);
// `bytes`: the size of the file.
void read_csv(const std::filesystem::path& file, edge_list& to);
void read_graphml(const std::filesystem::path& file, std::uint64_t bytes, edge_list& to);
void read_gexf(const std::filesystem::path& file, std::uint64_t bytes, edge_list& to);
void read_node_link(std::string_view text, edge_list& to);
void read_npz(std::span<const std::byte> file, edge_list& to);
// `group`: "/a/b"; "/": the only population of a SONATA circuit.
void read_hdf5(const std::string& path, const std::string& group, edge_list& to);

}  // namespace bdh::graph_formats
