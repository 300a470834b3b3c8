#include "apps/analysis/structure_numbers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bdh::app {

double share_of(double edges, const thresholded_graph& g) {
  return g.where.pairs() > 0 ? edges / g.where.pairs() : 0;
}

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

std::optional<double> deviation_of(const std::vector<double>& v) {
  if (v.size() < 2) return std::nullopt;
  const double mean = mean_of(v);
  double squares = 0;
  for (const double x : v) squares += (x - mean) * (x - mean);
  return std::sqrt(squares / static_cast<double>(v.size() - 1));
}

std::vector<double> present(const std::vector<std::optional<double>>& v) {
  std::vector<double> values;
  for (const auto& x : v)
    if (x) values.push_back(*x);
  std::sort(values.begin(), values.end());
  return values;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto k = static_cast<std::size_t>(at);
  return k + 1 == sorted.size() ? sorted[k]
                                : std::lerp(sorted[k], sorted[k + 1], at - static_cast<double>(k));
}

against_null compared(double own, const std::vector<double>& drawn) {
  against_null a;
  a.graphs = drawn.size();
  a.mean = mean_of(drawn);
  a.deviation = deviation_of(drawn);
  // What differs by rounding alone is the same.
  const auto [least, most] = std::ranges::minmax(drawn);
  const double same = 1e-12 * std::max({std::abs(own), std::abs(least), std::abs(most)});
  if (most - least <= same) {
    a.mean = least;
    if (a.deviation) a.deviation = 0;
  }
  if (a.deviation && *a.deviation > 0) a.z = (own - a.mean) / *a.deviation;
  std::size_t as_large = 1, as_small = 1;
  for (const double d : drawn) {
    as_large += d >= own - same;
    as_small += d <= own + same;
  }
  a.p = std::min(1.0, 2 * static_cast<double>(std::min(as_large, as_small)) /
                          static_cast<double>(drawn.size() + 1));
  return a;
}

inner_core innermost(const links_report& l) {
  inner_core c;
  c.k = *std::max_element(l.coreness.begin(), l.coreness.end());
  c.nodes = static_cast<std::size_t>(std::count(l.coreness.begin(), l.coreness.end(), c.k));
  return c;
}

club_against_rewired against_rewired(const links_report& l, std::size_t club) {
  std::vector<double> all;
  for (const auto& coefficients : l.rewired) all.push_back(coefficients.at(club));
  club_against_rewired a;
  const double own = l.clubs[club].coefficient;
  a.graphs = all.size();
  a.as_large = static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [own](double c) { return c >= own; }));
  const against_null null = compared(own, all);
  a.mean = null.mean;
  a.deviation = null.deviation;
  a.z = null.z;
  a.p = null.p;
  if (a.mean > 0) a.normalised = own / a.mean;
  if (a.mean > 0 && a.deviation) a.spread = *a.deviation / a.mean;
  return a;
}

against_null triangles_against_rewired(const links_report& l, double triangle_counts::*which) {
  std::vector<double> all;
  for (const triangle_counts& t : l.rewired_triangles) all.push_back(t.*which);
  return compared((*l.triangles).*which, all);
}

reciprocal_block reciprocal_from_to(const structure_summary& r, head_id heads, head_id from,
                                    head_id to) {
  const head_block& b = r.graph.blocks[std::size_t{from} * heads + to];
  const reciprocal_edges &there = r.reciprocal[std::size_t{from} * heads + to],
                         &back = r.reciprocal[std::size_t{to} * heads + from];
  return {{b.excitatory, there.excitatory},
          {b.inhibitory, there.inhibitory},
          {b.excitatory + b.inhibitory,
           there.excitatory + there.inhibitory + there.mixed + back.mixed}};
}

}  // namespace bdh::app
