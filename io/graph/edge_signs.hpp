// What columns and attributes called `type` or `sign` say of edges: one table of words for all
// formats.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/graph/column_names.hpp"
#include "io/graph/graph_file.hpp"

namespace bdh::graph_formats {

// neutral: an edge of which nothing is said (chemical, directed, none, no text); unknown: a word
// that is not in the table.
enum class sign_word { excitatory, inhibitory, neutral, undirected, unknown };

// Words in any case: E, exc, AMPA, positive ..., I, inh, GABA, negative ... With role `sign` the
// numbers 1 and -1 as well.
sign_word meaning_of(column_role role, std::string_view word);

// Compares what a file says of the signs of its edges with their weights.
class edge_signs {
 public:
  explicit edge_signs(const edge_list& of) : of_(of) {}

  // `role`: type or sign. Throws input_error at `line` where it contradicts the weight, for an
  // undirected edge, and for a word that is not known.
  void check(column_role role, std::string_view word, float weight, std::uint64_t line);
  // Words that say nothing of signs, to what is not used.
  void finish(edge_list& to) const;

 private:
  struct seen {
    std::string word = {};
    sign_word means = sign_word::neutral;
  };
  static std::size_t index(column_role role) { return role == column_role::sign ? 1 : 0; }

  const edge_list& of_;
  std::array<seen, 2> last_;  // of each role
  std::array<std::set<std::string>, 2> neutral_;
};

// The signs that one attribute states, row by row: +1 excitatory, -1 inhibitory, 0 not stated.
class stated_signs {
 public:
  // `chosen`: by the user. Where the attribute is that, or is called sign, ei or synapse_class,
  // each of its words has to be known.
  stated_signs(const std::string& attribute, bool chosen, std::uint64_t rows);

  void take(std::uint64_t row, std::string_view word);
  bool any() const noexcept { return any_; }
  // Of numbers, 1 and -1 are words.
  bool takes_numbers() const noexcept { return each_; }
  // The signs. Throws input_error at `place` where a word is not known although another one is, or
  // each has to be.
  std::vector<std::int8_t> finish(const std::string& place);

 private:
  std::string attribute_, unknown_, last_;
  std::vector<std::int8_t> signs_;
  std::uint64_t unknown_row_ = 0;
  sign_word last_means_ = sign_word::neutral;
  bool each_, any_ = false, has_unknown_ = false;
};

}  // namespace bdh::graph_formats
