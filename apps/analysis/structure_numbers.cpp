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
  a.mean = mean_of(all);
  a.deviation = deviation_of(all);
  if (a.mean > 0) a.normalised = own / a.mean;
  if (a.mean > 0 && a.deviation) a.spread = *a.deviation / a.mean;
  return a;
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
