// Numbers that the text and the JSON of `bdh stats` both show, derived from its report.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "apps/analysis/structure_summary.hpp"

namespace bdh::app {

double share_of(double edges, const thresholded_graph& g);  // of all pairs

double mean_of(const std::vector<double>& v);
// Of the sample; a single value has none.
std::optional<double> deviation_of(const std::vector<double>& v);
// Between two values on the line from one to the other.
double quantile(const std::vector<double>& sorted, double share);
// The values that there are, ascending.
std::vector<double> present(const std::vector<std::optional<double>>& v);

// A number of a graph against that of graphs drawn by a null model.
struct against_null {
  std::size_t graphs = 0;
  double mean = 0;
  std::optional<double> deviation;  // a single graph has none
  std::optional<double> z;          // (own - mean) / deviation; nothing where there is none, or 0
  // Two-sided: twice the smaller of the shares of graphs, this one among them, with as large a
  // number and with as small a one; at most 1. The least that N graphs allow is 2 / (N + 1).
  double p = 1;
};
against_null compared(double own, const std::vector<double>& drawn);

struct inner_core {
  std::uint32_t k = 0;
  std::size_t nodes = 0;
};
inner_core innermost(const links_report& l);

// A club against those of the rewired graphs.
struct club_against_rewired {
  std::size_t graphs = 0, as_large = 0;  // rewired graphs; those with as large a coefficient
  double mean = 0;                       // of their coefficients
  std::optional<double> deviation;       // of these; a single graph has none
  std::optional<double> z;
  double p = 1;  // of these two see against_null
  std::optional<double> normalised,
      spread;  // coefficient / mean, deviation / mean; nothing where the mean is 0
};

club_against_rewired against_rewired(const links_report& l, std::size_t club);

against_null triangles_against_rewired(const links_report& l, double triangle_counts::*which);

// Of the edges of a block, how many have a reverse edge in the block the other way, and their
// share.
struct reciprocal_count {
  std::uint64_t edges = 0, reciprocal = 0;
  std::optional<double> share() const {
    if (edges == 0) return std::nullopt;
    return static_cast<double>(reciprocal) / static_cast<double>(edges);
  }
};
struct reciprocal_block {
  reciprocal_count excitatory, inhibitory, both;
};

reciprocal_block reciprocal_from_to(const structure_summary& r, head_id heads, head_id from,
                                    head_id to);

}  // namespace bdh::app
