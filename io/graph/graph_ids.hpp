// Ids of nodes as files have them, and the nodes of an edge list that they make. Text is text: an
// id is a number only where it is the one way to write that number.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

inline constexpr std::size_t longest_name = 255;  // bytes

// A file may name any node below this, whatever its size.
inline constexpr std::uint64_t always_accepted = 1'000'000;
// The number of nodes that numbers of a file of so many bytes may state.
std::uint64_t most_nodes(std::uint64_t file_bytes) noexcept;

// 1 to 255 bytes of UTF-8 on one line: what a neuron can be called.
bool is_name(std::string_view text) noexcept;
// The number whose canonical decimal digits these are; none for 07, +7, 7.0, and beyond 64 bits.
std::optional<std::uint64_t> canonical_number(std::string_view text) noexcept;

// How a number is written that is no canonical one. rounded: 7.20576E+17, whose last digits are
// lost; whole_with_point: 1.0, 1.000e+00.
enum class number_spelling { other, rounded, whole_with_point };
number_spelling spelling_of(std::string_view text) noexcept;

// Names, numbered in the order in which they come; about 50 bytes for each beside its characters.
class name_table {
 public:
  // Throws input_error for what cannot be a name, with its line of `file`.
  neuron_id number_of(std::string_view name, const edge_list& file, std::uint64_t line);
  std::optional<neuron_id> find(std::string_view name) const noexcept;
  // A name that is known to be sound; the number, and whether it is new.
  std::pair<neuron_id, bool> add(std::string_view name);
  neuron_id size() const noexcept { return static_cast<neuron_id>(ends_.size()); }
  std::string_view name(neuron_id number) const noexcept;
  std::vector<std::string> take();  // all, in order; empties the table

 private:
  // A name of up to 15 bytes as it is, so that most look-ups touch one place; of a longer one its
  // hash.
  struct key {
    std::uint64_t first = 0, second = 0;
    bool operator==(const key&) const = default;
  };
  struct slot {
    key name;
    neuron_id number = ~neuron_id{0};  // free
  };
  static key key_of(std::string_view name, std::uint64_t hash) noexcept;
  bool holds(const slot& s, const key& k, std::string_view text) const noexcept {
    return s.name == k && (text.size() <= 15 || name(s.number) == text);
  }
  std::size_t slot_of(std::string_view name, std::uint64_t hash) const noexcept;
  void grow();

  std::string text_;
  std::vector<std::uint64_t> ends_;         // of the names in text_
  std::vector<slot> slots_;                 // open addressing; a power of 2
  std::array<std::size_t, 2> recent_ = {};  // slots of the two names before
};

// Brings edges whose ends are ids of text into an edge list, line by line, and numbers the nodes
// by the rule of node_ids. Ids of tokens are numbers from 0 in any case.
class edge_collector {
 public:
  // Of a file of so many bytes; `to` outlives it.
  edge_collector(edge_list& to, std::uint64_t file_bytes);

  // Whether both ends have been numbers so far: then add() takes them as such.
  bool numbers() const noexcept { return source_.numbers && target().numbers; }
  // `quoted`: the file has put the id in quotes where it means text.
  struct id {
    std::string_view text;
    bool is_text = false;
  };
  void add(id source, id target, float weight, std::uint64_t line);
  // The same, where numbers(): false, and nothing is added, unless both are below 2^32 - 1.
  bool add_numbers(std::uint64_t source, std::uint64_t target, float weight, std::uint64_t line);
  // Numbers the nodes of the list, and remarks on what was decided.
  void finish();

 private:
  // The nodes at one end of all edges, or at both.
  struct nodes {
    bool numbers = true, tokens = false;
    name_table names = {};
    std::uint64_t largest = 0;
    std::string reason = {};  // why they are names
    bool only_text = false;   // the reason is an id that is no number: it explains itself
  };
  nodes& target() noexcept { return to_.one_population ? source_ : target_; }
  const nodes& target() const noexcept { return to_.one_population ? source_ : target_; }
  neuron_id number_of(nodes& of, id text, std::uint64_t line);
  void make_names(nodes& of);
  bool is_sparse(const nodes& of) const;
  void finish(nodes& of, graph_nodes& to);
  template <class F>
  void for_each_end(const nodes& of, F f);

  edge_list& to_;
  std::uint64_t most_;
  nodes source_, target_;
};

// Where the user states that ids are numbers: names of nodes that a file lists become numbers, or
// are refused. For formats that name their nodes.
void take_numbers(edge_list& list, std::uint64_t file_bytes);

}  // namespace bdh::graph_formats
