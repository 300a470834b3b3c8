#include "apps/structure/structure_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/console.hpp"
#include "core/base/error.hpp"
#include "io/csv.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;
using maybe_shares = std::vector<std::optional<double>>;

double share_of(double edges, const cut_graph& g) { return g.where.pairs() > 0 ? edges / g.where.pairs() : 0; }

template <class T>
double mean_of(const std::vector<T>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

double deviation_of(const std::vector<double>& v) {
  const double mean = mean_of(v);
  double squares = 0;
  for (const double x : v) squares += (x - mean) * (x - mean);
  return v.size() > 1 ? std::sqrt(squares / static_cast<double>(v.size() - 1)) : 0;
}

// The values that there are, ascending.
std::vector<double> present(const maybe_shares& v) {
  std::vector<double> values;
  for (const auto& x : v)
    if (x) values.push_back(*x);
  std::sort(values.begin(), values.end());
  return values;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto k = static_cast<std::size_t>(at);
  return k + 1 == sorted.size() ? sorted[k] : std::lerp(sorted[k], sorted[k + 1], at - static_cast<double>(k));
}

json shares_json(const maybe_shares& all) {
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
  if (!d.tail) return j;
  const tail_fit& f = *d.tail;
  j["power_law"] = {{"alpha", f.alpha},
                    {"xmin", f.xmin},
                    {"values", f.values},
                    {"tail", f.tail},
                    {"ks", f.ks},
                    {"log_likelihood", f.log_likelihood},
                    {"against", {{"exponential", json_of(f.exponential)}, {"lognormal", json_of(f.lognormal)}}}};
  if (d.tail_p) j["power_law"].update({{"p", *d.tail_p}, {"p_samples", samples}});
  return j;
}

json json_of(const communities& c) { return {{"modularity", c.modularity}, {"communities", c.size.size()}, {"sizes", c.size}}; }

json nulls_json(const std::vector<double>& q) {
  return {{"graphs", q.size()}, {"modularity_mean", mean_of(q)}, {"modularity_deviation", deviation_of(q)}};
}

json json_of(const modularity_report& m) {
  json j = {{"leiden", json_of(m.leiden)}, {"louvain", json_of(m.louvain)}};
  if (!m.nulls.random.empty()) j["random_graph"] = nulls_json(m.nulls.random);
  if (!m.nulls.gaussian.empty()) j["gaussian_product"] = nulls_json(m.nulls.gaussian);
  return j;
}

json json_of(const components& c) { return {{"count", c.count}, {"largest", c.largest}}; }

struct inner_core {
  std::uint32_t k = 0;
  std::size_t nodes = 0;
};

inner_core innermost(const links_report& l) {
  inner_core c;
  c.k = *std::max_element(l.coreness.begin(), l.coreness.end());
  c.nodes = static_cast<std::size_t>(std::count(l.coreness.begin(), l.coreness.end(), c.k));
  return c;
}

json json_of(const links_report& l) {
  const inner_core core = innermost(l);
  const degree_summary spread = bdh::summary_of(l.coreness);
  json j = {{"links", l.links}, {"components", {{"weak", json_of(l.weak)}, {"strong", json_of(l.strong)}}}};
  j["core"] = {{"k", core.k}, {"nodes", core.nodes}, {"histogram", json::array()}};
  for (const auto& [k, nodes] : spread.histogram) j["core"]["histogram"].push_back({k, nodes});
  j["rich_club"] = json::array();
  for (const rich_club& c : l.clubs)
    j["rich_club"].push_back({{"degree", c.degree}, {"nodes", c.nodes}, {"links", c.links}, {"coefficient", c.coefficient}});
  if (l.triangles)
    j["clustering"] = {
        {"triangles", l.triangles->triangles}, {"transitivity", l.triangles->transitivity}, {"mean", l.triangles->clustering}};
  if (l.modularity) j["modularity"] = json_of(*l.modularity);
  return j;
}

json json_of(const part_report& p, const structure_report& r) {
  json j = {{"edges", p.edges}, {"share", share_of(static_cast<double>(p.edges), r.graph)}, {"self_loops", p.self_loops}};
  j["in_degree"] = json_of(p.in, r.tail_samples);
  j["out_degree"] = json_of(p.out, r.tail_samples);
  j["reciprocity"] = nullptr;
  if (p.mutual) j["reciprocity"] = {{"share", p.mutual->share}, {"rho", p.mutual->rho}};
  if (p.links)
    j.update(json_of(*p.links));
  else
    j["links"] = nullptr;
  return j;
}

json blocks_json(const cut_graph& g, head_id heads) {
  json all = json::array();
  for (head_id from = 0; from < heads; ++from)
    for (head_id to = 0; to < heads; ++to) {
      const head_block& b = g.blocks[std::size_t{from} * heads + to];
      all.push_back({{"from", from},
                     {"to", to},
                     {"excitatory", b.excitatory},
                     {"inhibitory", b.inhibitory},
                     {"excitatory_weight", b.excitatory_weight},
                     {"inhibitory_weight", b.inhibitory_weight}});
    }
  return all;
}

// Text: one line a statistic, one column a part.
class table {
 public:
  explicit table(const std::vector<part_report>& parts) : parts_(parts) {
    text_ = fmt::format("{:34}", "");
    for (const part_report& p : parts) text_ += fmt::format("{:>18}", p.name);
    text_ += "\n";
  }
  template <class Cell>
  void line(const std::string& name, Cell cell) {
    text_ += fmt::format("{:34}", name);
    for (const part_report& p : parts_) text_ += fmt::format("{:>18}", std::string(cell(p)));
    text_ += "\n";
  }
  // Of the parts that have it; no line where none has.
  template <class Find, class Cell>
  void line_if(const std::string& name, Find find, Cell cell) {
    if (std::none_of(parts_.begin(), parts_.end(), [&](const part_report& p) { return static_cast<bool>(find(p)); })) return;
    line(name, [&](const part_report& p) { return find(p) ? cell(*find(p)) : std::string("-"); });
  }
  const std::string& text() const { return text_; }

 private:
  const std::vector<part_report>& parts_;
  std::string text_;
};

std::string number(double v) { return fmt::format("{:.4g}", v); }
std::string count(double v) { return v < 1e12 ? fmt::format("{:.0f}", v) : number(v); }

void degrees(table& t, const std::string& name, degree_report part_report::*which) {
  t.line(name + ", mean", [&](const part_report& p) { return number((p.*which).summary.mean); });
  t.line("  standard deviation", [&](const part_report& p) { return number((p.*which).summary.deviation); });
  t.line("  median, largest",
         [&](const part_report& p) { return fmt::format("{}, {}", (p.*which).summary.median, (p.*which).summary.largest); });
  t.line("  nodes without", [&](const part_report& p) { return count(static_cast<double>((p.*which).summary.without)); });
  const auto tail = [&](const part_report& p) -> const std::optional<tail_fit>& { return (p.*which).tail; };
  t.line_if("  power law: exponent", tail, [](const tail_fit& f) { return number(f.alpha); });
  t.line_if("    from degree, nodes", tail, [](const tail_fit& f) { return fmt::format("{}, {}", f.xmin, f.tail); });
  t.line_if("    distance (KS)", tail, [](const tail_fit& f) { return number(f.ks); });
  t.line_if(
      "    p", [&](const part_report& p) -> const std::optional<double>& { return (p.*which).tail_p; }, [](double p) { return number(p); });
  const auto ratio = [](const likelihood_ratio& l) { return fmt::format("{:+.3g} (p {:.2g})", l.log_ratio, l.p); };
  t.line_if("    against exponential", tail, [&](const tail_fit& f) { return ratio(f.exponential); });
  t.line_if("    against lognormal", tail, [&](const tail_fit& f) { return ratio(f.lognormal); });
}

void links(table& t) {
  const auto whole = [](const part_report& p) -> const std::optional<links_report>& { return p.links; };
  const auto triangles = [](const part_report& p) { return p.links ? p.links->triangles : std::nullopt; };
  const auto modularity = [](const part_report& p) -> const modularity_report* {
    return p.links && p.links->modularity ? &*p.links->modularity : nullptr;
  };
  t.line_if("links, either way", whole, [](const links_report& l) { return count(static_cast<double>(l.links)); });
  t.line_if("components", whole, [](const links_report& l) { return count(l.weak.count); });
  t.line_if("  nodes in the largest", whole, [](const links_report& l) { return count(l.weak.largest); });
  t.line_if("strong components", whole, [](const links_report& l) { return count(l.strong.count); });
  t.line_if("  nodes in the largest", whole, [](const links_report& l) { return count(l.strong.largest); });
  t.line_if("innermost core: k, nodes", whole, [](const links_report& l) {
    const inner_core c = innermost(l);
    return fmt::format("{}, {}", c.k, c.nodes);
  });
  t.line_if("rich club, top 1 % of the nodes", whole, [](const links_report& l) {
    const auto few = std::find_if(l.clubs.begin(), l.clubs.end(), [&](const rich_club& c) { return c.nodes * 100 <= l.coreness.size(); });
    return few == l.clubs.end() ? std::string("-") : number(few->coefficient);
  });
  t.line_if("triangles", triangles, [](const triangle_counts& c) { return count(c.triangles); });
  t.line_if("  transitivity", triangles, [](const triangle_counts& c) { return number(c.transitivity); });
  t.line_if("  clustering, mean over nodes", triangles, [](const triangle_counts& c) { return number(c.clustering); });
  const auto found = [](const communities& c) { return fmt::format("{:.4f} ({})", c.modularity, c.size.size()); };
  t.line_if("modularity, Leiden (communities)", modularity, [&](const modularity_report& m) { return found(m.leiden); });
  t.line_if("modularity, Louvain", modularity, [&](const modularity_report& m) { return found(m.louvain); });
  const auto nulls = [](const std::vector<double>& q) {
    return q.empty() ? std::string("-") : fmt::format("{:.4f} ± {:.4f}", mean_of(q), deviation_of(q));
  };
  const auto with = [&](auto which) {
    return [&modularity, which](const part_report& p) -> const modularity_report* {
      const modularity_report* m = modularity(p);
      return m && !(m->nulls.*which).empty() ? m : nullptr;
    };
  };
  t.line_if("  of random graphs", with(&null_report::random), [&](const modularity_report& m) { return nulls(m.nulls.random); });
  t.line_if("  of Gaussian products", with(&null_report::gaussian), [&](const modularity_report& m) { return nulls(m.nulls.gaussian); });
}

std::string spread(const std::string& name, const maybe_shares& all) {
  const std::vector<double> v = present(all);
  if (v.empty()) return fmt::format("{:34} no neuron has edges\n", name);
  return fmt::format("{:34} mean {:.4f}, a tenth below {:.4f}, half below {:.4f}, a tenth above {:.4f}\n", name, mean_of(v),
                     quantile(v, 0.1), quantile(v, 0.5), quantile(v, 0.9));
}

std::string blocks_text(const cut_graph& g, head_id heads) {
  std::string text = "edges from head (row) to head (column), excitatory/inhibitory\n      ";
  for (head_id to = 0; to < heads; ++to) text += fmt::format("{:>22}", to);
  for (head_id from = 0; from < heads; ++from) {
    text += fmt::format("\n{:6}", from);
    for (head_id to = 0; to < heads; ++to) {
      const head_block& b = g.blocks[std::size_t{from} * heads + to];
      text += fmt::format("{:>22}", fmt::format("{}/{}", b.excitatory, b.inhibitory));
    }
  }
  return text + "\n";
}

std::string cell(const std::optional<double>& v) { return v ? shown(*v) : ""; }

}  // namespace

nlohmann::ordered_json json_of(const structure_report& r, head_id heads) {
  const cut_graph& g = r.graph;
  json j = {{"head", r.head}, {"beta", g.at.excitatory}, {"nodes", g.where.nodes()}, {"pairs", g.where.pairs()}};
  for (const part_report& p : r.parts) j[p.name] = json_of(p, r);
  j["dale"] = {{"by_edges", shares_json(dale_by_edges(g))}, {"by_weight", shares_json(dale_by_weight(g))}};
  const auto chance = dale_by_chance(g);
  j["dale"]["by_edges"]["chance"] = chance ? json(*chance) : json();
  j["balance"] = shares_json(balance(g));
  j["excitatory"]["weight"] = g.excitatory.weight;
  j["inhibitory"]["weight"] = g.inhibitory.weight;
  if (!g.blocks.empty()) j["blocks"] = blocks_json(g, heads);
  return j;
}

std::string text_of(const structure_report& r, head_id heads) {
  const cut_graph& g = r.graph;
  const auto edges = static_cast<double>(g.excitatory.edges + g.inhibitory.edges);
  std::string text = r.head == "all" ? "" : fmt::format("head {}: ", r.head);
  text += fmt::format("{} nodes; |weight| > {} in {} of {} pairs ({:.3g} %), and in {} from a neuron to itself, left out\n",
                      g.where.nodes(), shown(g.at.excitatory), count(edges), count(g.where.pairs()), 100 * share_of(edges, g),
                      g.excitatory.self_loops + g.inhibitory.self_loops);
  table t(r.parts);
  t.line("edges", [](const part_report& p) { return count(static_cast<double>(p.edges)); });
  degrees(t, "in-degree", &part_report::in);
  degrees(t, "out-degree", &part_report::out);
  const auto mutual = [](const part_report& p) -> const std::optional<reciprocity>& { return p.mutual; };
  t.line_if("reciprocity", mutual, [](const reciprocity& m) { return number(m.share); });
  t.line_if("  against chance, rho", mutual, [](const reciprocity& m) { return number(m.rho); });
  links(t);
  text += t.text();
  text += spread("Dale index, by edges", dale_by_edges(g));
  if (const auto chance = dale_by_chance(g)) text += fmt::format("{:34} mean {:.4f}\n", "  were signs by chance", *chance);
  text += spread("Dale index, by weight", dale_by_weight(g));
  text += spread("balance of what arrives", balance(g));
  if (!g.blocks.empty()) text += blocks_text(g, heads);
  return text;
}

std::string summary_of(const std::vector<structure_report>& all) {
  std::string text = fmt::format("{:>8}{:>14}{:>12}{:>14}{:>14}{:>14}{:>14}\n", "head", "beta", "share", "edges", "Q excitatory",
                                 "Q inhibitory", "Q both");
  for (const structure_report& r : all) {
    const part_report& both = r.parts.back();
    text += fmt::format("{:>8}{:>14}{:>12.4g}{:>14}", r.head, shown(r.graph.at.excitatory),
                        share_of(static_cast<double>(both.edges), r.graph), both.edges);
    for (const part_report& p : r.parts)
      text += fmt::format("{:>14}", p.links && p.links->modularity ? fmt::format("{:.4f}", p.links->modularity->leiden.modularity) : "-");
    text += "\n";
  }
  return text;
}

std::string csv_of(const structure_report& r, const model& m) {
  const cut_graph& g = r.graph;
  std::string text = "neuron,name";
  for (const char* name : {"excitatory", "inhibitory"}) text += fmt::format(",{0}_in,{0}_out,{0}_in_weight,{0}_out_weight", name);
  text += ",dale_by_edges,dale_by_weight,balance";
  for (const part_report& p : r.parts) {
    if (p.links) text += ",core_" + p.name;
    if (p.links && p.links->modularity) text += ",community_" + p.name;
  }
  text += "\n";
  const auto by_edges = dale_by_edges(g), by_weight = dale_by_weight(g), balances = balance(g);
  for (neuron_id i = 0; i < g.where.nodes(); ++i) {
    const neuron_id neuron = g.where.neuron_of(i);
    text += fmt::format("{},{}", neuron, m.neuron_names().empty() ? "" : csv_field(m.neuron_names()[neuron]));
    for (const sign_sums* s : {&g.excitatory, &g.inhibitory})
      text += fmt::format(",{},{},{},{}", s->in_edges[i], s->out_edges[i], shown(s->in_weight[i]), shown(s->out_weight[i]));
    text += fmt::format(",{},{},{}", cell(by_edges[i]), cell(by_weight[i]), cell(balances[i]));
    for (const part_report& p : r.parts) {
      if (p.links) text += fmt::format(",{}", p.links->coreness[i]);
      if (p.links && p.links->modularity) text += fmt::format(",{}", p.links->modularity->leiden.member[i]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace bdh::app
