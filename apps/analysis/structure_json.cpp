#include <nlohmann/json.hpp>

#include "apps/analysis/structure_numbers.hpp"
#include "apps/analysis/structure_summary.hpp"
#include "graph/structure/sign_balance.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

json shares_json(const std::vector<std::optional<double>>& all) {
  const std::vector<double> values = present(all);
  json j = {{"neurons", values.size()}};
  if (values.empty()) return j;
  j["mean"] = mean_of(values);
  for (int tenth = 0; tenth <= 10; ++tenth) j["deciles"].push_back(quantile(values, tenth / 10.0));
  return j;
}

json json_of(const likelihood_ratio& r) { return {{"log_ratio", r.log_ratio}, {"p", r.p}}; }

json json_of(const degree_report& d, std::uint32_t samples) {
  const degree_summary& s = d.summary;
  json j = {{"mean", s.mean},     {"deviation", s.deviation}, {"least", s.least},
            {"median", s.median}, {"largest", s.largest},     {"without", s.without}};
  j["histogram"] = json::array();
  for (const auto& [degree, nodes] : s.histogram) j["histogram"].push_back({degree, nodes});
  j["power_law"] = nullptr;
  if (!d.tail.fit) {
    j["no_power_law"] = d.tail.why_not;
    return j;
  }
  const tail_fit& f = *d.tail.fit;
  j["power_law"] = {
      {"alpha", f.alpha},
      {"xmin", f.xmin},
      {"values", f.values},
      {"tail", f.tail},
      {"ks", f.ks},
      {"log_likelihood", f.log_likelihood},
      {"against", {{"exponential", json_of(f.exponential)}, {"lognormal", json_of(f.lognormal)}}}};
  if (d.tail_p) j["power_law"].update({{"p", *d.tail_p}, {"p_samples", samples}});
  return j;
}

json json_of(const communities& c) {
  return {{"modularity", c.modularity}, {"communities", c.size.size()}, {"sizes", c.size}};
}

json json_of(const std::optional<double>& v) { return v ? json(*v) : json(); }

json nulls_json(double own, const std::vector<double>& q) {
  const against_null a = compared(own, q);
  return {{"graphs", a.graphs},
          {"modularity_mean", a.mean},
          {"modularity_deviation", json_of(a.deviation)},
          {"z", json_of(a.z)},
          {"p", a.p}};
}

json json_of(const against_null& a) {
  return {{"graphs", a.graphs},
          {"mean", a.mean},
          {"deviation", json_of(a.deviation)},
          {"z", json_of(a.z)},
          {"p", a.p}};
}

json json_of(const modularity_report& m) {
  json j = {{"leiden", json_of(m.leiden)}, {"louvain", json_of(m.louvain)}};
  const double own = m.leiden.modularity;
  if (!m.nulls.random.empty()) j["random_graph"] = nulls_json(own, m.nulls.random);
  if (!m.nulls.rewired.empty()) j["rewired"] = nulls_json(own, m.nulls.rewired);
  if (!m.nulls.gaussian.empty()) j["gaussian_product"] = nulls_json(own, m.nulls.gaussian);
  return j;
}

json json_of(const signed_report& r) {
  json j = {{"modularity", r.found.modularity},
            {"by_excitatory", r.found.by_excitatory},
            {"by_inhibitory", r.found.by_inhibitory},
            {"communities", r.found.size.size()},
            {"sizes", r.found.size}};
  if (!r.rewired.empty()) j["rewired"] = nulls_json(r.found.modularity, r.rewired);
  return j;
}

json json_of(const components& c) { return {{"count", c.count}, {"largest", c.largest}}; }

json json_of(const club_against_rewired& a) {
  return {{"graphs", a.graphs},
          {"mean", a.mean},
          {"deviation", json_of(a.deviation)},
          {"z", json_of(a.z)},
          {"p", a.p},
          {"as_large", a.as_large},
          {"normalised", json_of(a.normalised)},
          {"normalised_deviation", json_of(a.spread)}};
}

json json_of(const links_report& l) {
  const inner_core core = innermost(l);
  const degree_summary spread = bdh::summary_of(l.coreness);
  json j = {{"links", l.links},
            {"components", {{"weak", json_of(l.weak)}, {"strong", json_of(l.strong)}}}};
  j["core"] = {{"k", core.k}, {"nodes", core.nodes}, {"histogram", json::array()}};
  for (const auto& [k, nodes] : spread.histogram) j["core"]["histogram"].push_back({k, nodes});
  j["rich_club"] = json::array();
  for (std::size_t k = 0; k < l.clubs.size(); ++k) {
    const rich_club& c = l.clubs[k];
    j["rich_club"].push_back({{"degree", c.degree},
                              {"nodes", c.nodes},
                              {"links", c.links},
                              {"coefficient", c.coefficient}});
    if (!l.rewired.empty()) j["rich_club"].back()["rewired"] = json_of(against_rewired(l, k));
  }
  if (l.triangles)
    j["clustering"] = {{"triangles", l.triangles->triangles},
                       {"transitivity", l.triangles->transitivity},
                       {"mean", l.triangles->clustering}};
  if (!l.rewired_triangles.empty())
    j["clustering"]["rewired"] = {
        {"transitivity", json_of(triangles_against_rewired(l, &triangle_counts::transitivity))},
        {"mean", json_of(triangles_against_rewired(l, &triangle_counts::clustering))}};
  if (l.modularity) j["modularity"] = json_of(*l.modularity);
  return j;
}

json json_of(const part_report& p, const structure_summary& r) {
  json j = {{"edges", p.edges},
            {"share", share_of(static_cast<double>(p.edges), r.graph)},
            {"self_loops", p.self_loops}};
  j["in_degree"] = json_of(p.in, r.tail_samples);
  j["out_degree"] = json_of(p.out, r.tail_samples);
  j["reciprocity"] = nullptr;
  if (p.mutual) j["reciprocity"] = {{"share", p.mutual->share}, {"rho", json_of(p.mutual->rho)}};
  if (!p.rewired_mutual.empty())
    j["reciprocity"]["rewired"] = json_of(compared(p.mutual->share, p.rewired_mutual));
  if (p.links)
    j.update(json_of(*p.links));
  else
    j["links"] = nullptr;
  return j;
}

json json_of(const reciprocal_count& c) {
  return {{"answered", c.reciprocal}, {"share", json_of(c.share())}};
}

json blocks_json(const structure_summary& r, head_id heads) {
  json all = json::array();
  for (head_id from = 0; from < heads; ++from)
    for (head_id to = 0; to < heads; ++to) {
      const head_block& b = r.graph.blocks[std::size_t{from} * heads + to];
      all.push_back({{"from", from},
                     {"to", to},
                     {"excitatory", b.excitatory},
                     {"inhibitory", b.inhibitory},
                     {"excitatory_weight", b.excitatory_weight},
                     {"inhibitory_weight", b.inhibitory_weight}});
      if (r.reciprocal.empty()) continue;
      const reciprocal_block a = reciprocal_from_to(r, heads, from, to);
      all.back()["reciprocity"] = {{"excitatory", json_of(a.excitatory)},
                                   {"inhibitory", json_of(a.inhibitory)},
                                   {"both", json_of(a.both)}};
    }
  return all;
}

}  // namespace

nlohmann::ordered_json json_of(const structure_summary& r, head_id heads) {
  const thresholded_graph& g = r.graph;
  json j = {{"head", r.head},
            {"beta", g.at.excitatory},
            {"nodes", g.where.nodes()},
            {"pairs", g.where.pairs()}};
  for (const part_report& p : r.parts) j[p.name] = json_of(p, r);
  if (r.signs) j["signed_modularity"] = json_of(*r.signs);
  j["dale"] = {{"by_edges", shares_json(dale_by_edges(g))},
               {"by_weight", shares_json(dale_by_weight(g))}};
  const auto chance = expected_dale_index(g);
  j["dale"]["by_edges"]["chance"] = chance ? json(*chance) : json();
  j["balance"] = shares_json(ei_balance(g));
  j["excitatory"]["weight"] = g.excitatory.weight;
  j["inhibitory"]["weight"] = g.inhibitory.weight;
  if (!g.blocks.empty()) j["blocks"] = blocks_json(r, heads);
  return j;
}

}  // namespace bdh::app
