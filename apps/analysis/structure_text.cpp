#include <fmt/format.h>

#include <algorithm>

#include <bdh/error.hpp>

#include "apps/analysis/structure_numbers.hpp"
#include "apps/analysis/structure_summary.hpp"
#include "graph/structure/sign_balance.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

// Text: one line a statistic, one column a part.
class table {
 public:
  explicit table(const std::vector<part_report>& parts) : parts_(parts) {
    text_ = fmt::format("{:34}", "");
    for (const part_report& p : parts) text_ += fmt::format("{:>20}", p.name);
    text_ += "\n";
  }
  template <class Cell>
  void line(const std::string& name, Cell cell) {
    text_ += fmt::format("{:34}", name);
    for (const part_report& p : parts_) text_ += fmt::format("{:>20}", std::string(cell(p)));
    text_ += "\n";
  }
  // Of the parts that have it; no line where none has.
  template <class Find, class Cell>
  void line_if(const std::string& name, Find find, Cell cell) {
    if (std::none_of(parts_.begin(), parts_.end(),
                     [&](const part_report& p) { return static_cast<bool>(find(p)); }))
      return;
    line(name, [&](const part_report& p) { return find(p) ? cell(*find(p)) : std::string("-"); });
  }
  // A line for each part with a remark.
  template <class Text>
  void remark_each(const std::string& name, Text text_of) {
    for (const part_report& p : parts_)
      if (const std::string text = text_of(p); !text.empty())
        text_ += fmt::format("{}{}: {}\n", name, p.name, text);
  }
  const std::string& text() const { return text_; }

 private:
  const std::vector<part_report>& parts_;
  std::string text_;
};

std::string number(double v) { return fmt::format("{:.4g}", v); }
// A mean of several values; a single one has no deviation.
std::string with_spread(const std::string& mean, const char* format,
                        const std::optional<double>& deviation) {
  return deviation ? mean + " ± " + fmt::format(fmt::runtime(format), *deviation) : mean;
}
std::string z_and_p(const std::optional<double>& z, double p) {
  return fmt::format("{}, {:.3g}", z ? fmt::format("{:.2f}", *z) : "-", p);
}
// The mean of graphs drawn by a null model, and where the graph's own number lies among them.
template <class Find>
void null_lines(auto& t, const std::string& name, Find find) {
  t.line_if(name, find, [](const against_null& a) {
    return with_spread(number(a.mean), "{:.2g}", a.deviation);
  });
  t.line_if("    z, p", find, [](const against_null& a) { return z_and_p(a.z, a.p); });
}
std::string count(double v) { return v < 1e12 ? fmt::format("{:.0f}", v) : number(v); }

void degrees(table& t, const std::string& name, degree_report part_report::*which) {
  t.line(name + ", mean", [&](const part_report& p) { return number((p.*which).summary.mean); });
  t.line("  standard deviation",
         [&](const part_report& p) { return number((p.*which).summary.deviation); });
  t.line("  median, largest", [&](const part_report& p) {
    return fmt::format("{}, {}", (p.*which).summary.median, (p.*which).summary.largest);
  });
  t.line("  nodes without", [&](const part_report& p) {
    return count(static_cast<double>((p.*which).summary.without));
  });
  const auto tail = [&](const part_report& p) -> const std::optional<tail_fit>& {
    return (p.*which).tail.fit;
  };
  t.line_if("  power law: exponent", tail, [](const tail_fit& f) { return number(f.alpha); });
  t.line_if("    from degree, nodes", tail,
            [](const tail_fit& f) { return fmt::format("{}, {}", f.xmin, f.tail); });
  t.line_if("    distance (KS)", tail, [](const tail_fit& f) { return number(f.ks); });
  t.line_if(
      "    p",
      [&](const part_report& p) -> const std::optional<double>& { return (p.*which).tail_p; },
      [](double p) { return number(p); });
  const auto ratio = [](const likelihood_ratio& l) {
    return fmt::format("{:+.3g} (p {:.2g})", l.log_ratio, l.p);
  };
  t.line_if("    against exponential", tail,
            [&](const tail_fit& f) { return ratio(f.exponential); });
  t.line_if("    against lognormal", tail, [&](const tail_fit& f) { return ratio(f.lognormal); });
  t.remark_each("  no power law, ", [&](const part_report& p) { return (p.*which).tail.why_not; });
}

void links(table& t) {
  const auto whole = [](const part_report& p) -> const std::optional<links_report>& {
    return p.links;
  };
  const auto triangles = [](const part_report& p) {
    return p.links ? p.links->triangles : std::nullopt;
  };
  t.line_if("links, either way", whole,
            [](const links_report& l) { return count(static_cast<double>(l.links)); });
  t.line_if("components", whole, [](const links_report& l) { return count(l.weak.count); });
  t.line_if("  nodes in the largest", whole,
            [](const links_report& l) { return count(l.weak.largest); });
  t.line_if("strong components", whole,
            [](const links_report& l) { return count(l.strong.count); });
  t.line_if("  nodes in the largest", whole,
            [](const links_report& l) { return count(l.strong.largest); });
  t.line_if("innermost core: k, nodes", whole, [](const links_report& l) {
    const inner_core c = innermost(l);
    return fmt::format("{}, {}", c.k, c.nodes);
  });
  // The largest club of at most 1 % of the nodes; where there is none, the smallest.
  const auto top = [](const links_report& l) -> std::optional<std::size_t> {
    if (l.clubs.empty()) return std::nullopt;
    const auto few = std::find_if(l.clubs.begin(), l.clubs.end(), [&](const rich_club& c) {
      return c.nodes * 100 <= l.coreness.size();
    });
    return static_cast<std::size_t>(few - l.clubs.begin()) - (few == l.clubs.end() ? 1 : 0);
  };
  t.line_if("rich club (nodes)", whole, [&](const links_report& l) {
    const auto club = top(l);
    return club ? fmt::format("{} ({})", number(l.clubs[*club].coefficient), l.clubs[*club].nodes)
                : "-";
  });
  const auto rewired = [&](const part_report& p) -> std::optional<club_against_rewired> {
    const auto club = p.links && !p.links->rewired.empty() ? top(*p.links) : std::nullopt;
    return club ? std::optional(against_rewired(*p.links, *club)) : std::nullopt;
  };
  t.line_if("  of rewired graphs", rewired, [](const club_against_rewired& a) {
    return with_spread(number(a.mean), "{:.2g}", a.deviation);
  });
  t.line_if("  normalised by theirs", rewired, [](const club_against_rewired& a) {
    return a.normalised ? with_spread(number(*a.normalised), "{:.2g}", a.spread) : "-";
  });
  t.line_if("  z, p", rewired, [](const club_against_rewired& a) { return z_and_p(a.z, a.p); });
  t.line_if("triangles", triangles, [](const triangle_counts& c) { return count(c.triangles); });
  t.line_if("  transitivity", triangles,
            [](const triangle_counts& c) { return number(c.transitivity); });
  const auto against = [](double triangle_counts::*which) {
    return [which](const part_report& p) -> std::optional<against_null> {
      if (!p.links || p.links->rewired_triangles.empty()) return std::nullopt;
      return triangles_against_rewired(*p.links, which);
    };
  };
  null_lines(t, "    of rewired graphs", against(&triangle_counts::transitivity));
  t.line_if("  clustering, mean over nodes", triangles,
            [](const triangle_counts& c) { return number(c.clustering); });
  null_lines(t, "    of rewired graphs", against(&triangle_counts::clustering));
}

void modularity_lines(table& t) {
  const auto modularity = [](const part_report& p) -> const modularity_report* {
    return p.links && p.links->modularity ? &*p.links->modularity : nullptr;
  };
  const auto found = [](const communities& c) {
    return fmt::format("{:.4f} ({})", c.modularity, c.size.size());
  };
  t.line_if("modularity, Leiden (communities)", modularity,
            [&](const modularity_report& m) { return found(m.leiden); });
  t.line_if("modularity, Louvain", modularity,
            [&](const modularity_report& m) { return found(m.louvain); });
  const auto against = [&](std::vector<double> null_report::*which) {
    return [&modularity, which](const part_report& p) -> std::optional<against_null> {
      const modularity_report* m = modularity(p);
      if (m == nullptr || (m->nulls.*which).empty()) return std::nullopt;
      return compared(m->leiden.modularity, m->nulls.*which);
    };
  };
  null_lines(t, "  of random graphs", against(&null_report::random));
  null_lines(t, "  of rewired graphs", against(&null_report::rewired));
  null_lines(t, "  of Gaussian products", against(&null_report::gaussian));
}

std::string signs_text(const signed_report& r) {
  std::string text = fmt::format(
      "{:34} {:.4f}, excitatory edges {:+.4f}, inhibitory edges {:+.4f} ({} communities)\n",
      "modularity of both signs", r.found.modularity, r.found.by_excitatory, r.found.by_inhibitory,
      r.found.size.size());
  if (r.rewired.empty()) return text;
  const against_null a = compared(r.found.modularity, r.rewired);
  return text + fmt::format("{:34} {}, z, p: {}\n", "  of rewired graphs",
                            with_spread(number(a.mean), "{:.2g}", a.deviation), z_and_p(a.z, a.p));
}

std::string spread(const std::string& name, const std::vector<std::optional<double>>& all) {
  const std::vector<double> v = present(all);
  if (v.empty()) return fmt::format("{:34} no neuron has edges\n", name);
  return fmt::format(
      "{:34} mean {:.4f}, a tenth below {:.4f}, half below {:.4f}, a tenth above {:.4f}\n", name,
      mean_of(v), quantile(v, 0.1), quantile(v, 0.5), quantile(v, 0.9));
}

// A table with a row for each head that edges leave and a column for each at which they arrive.
template <class Cell>
std::string blocks_table(const std::string& title, head_id heads, Cell cell) {
  std::string text = title + "\n      ";
  for (head_id to = 0; to < heads; ++to) text += fmt::format("{:>26}", to);
  for (head_id from = 0; from < heads; ++from) {
    text += fmt::format("\n{:6}", from);
    for (head_id to = 0; to < heads; ++to)
      text += fmt::format("{:>26}", std::string(cell(from, to)));
  }
  return text + "\n";
}

std::string blocks_text(const structure_summary& r, head_id heads) {
  std::string text = blocks_table("edges from head (row) to head (column), excitatory/inhibitory",
                                  heads, [&](head_id from, head_id to) {
                                    const head_block& b =
                                        r.graph.blocks[std::size_t{from} * heads + to];
                                    return fmt::format("{}/{}", b.excitatory, b.inhibitory);
                                  });
  if (r.reciprocal.empty()) return text;
  const auto shown_share = [](const reciprocal_count& c) {
    return c.share() ? fmt::format("{:.2g}", *c.share()) : "-";
  };
  return text +
         blocks_table("reciprocity from head (row) to head (column), excitatory/inhibitory/both",
                      heads, [&](head_id from, head_id to) {
                        const reciprocal_block a = reciprocal_from_to(r, heads, from, to);
                        return fmt::format("{}/{}/{}", shown_share(a.excitatory),
                                           shown_share(a.inhibitory), shown_share(a.both));
                      });
}

std::string cell(const std::optional<double>& v) { return v ? shown(*v) : ""; }

}  // namespace

std::string text_of(const structure_summary& r, head_id heads) {
  const thresholded_graph& g = r.graph;
  const auto edges = static_cast<double>(g.excitatory.edges + g.inhibitory.edges);
  std::string text = r.head == "all" ? "" : fmt::format("head {}: ", r.head);
  text += fmt::format(
      "{} nodes; |weight| > {} in {} of {} pairs ({:.3g} %), and in {} from a neuron to itself, "
      "left out\n",
      g.where.nodes(), number(g.at.excitatory), count(edges), count(g.where.pairs()),
      100 * share_of(edges, g), g.excitatory.self_loops + g.inhibitory.self_loops);
  table t(r.parts);
  t.line("edges", [](const part_report& p) { return count(static_cast<double>(p.edges)); });
  degrees(t, "in-degree", &part_report::in);
  degrees(t, "out-degree", &part_report::out);
  const auto mutual = [](const part_report& p) -> const std::optional<reciprocity>& {
    return p.mutual;
  };
  t.line_if("reciprocity", mutual, [](const reciprocity& m) { return number(m.share); });
  t.line_if("  against chance, rho", mutual,
            [](const reciprocity& m) { return m.rho ? number(*m.rho) : "-"; });
  null_lines(t, "  of rewired graphs", [](const part_report& p) -> std::optional<against_null> {
    if (p.rewired_mutual.empty()) return std::nullopt;
    return compared(p.mutual->share, p.rewired_mutual);
  });
  links(t);
  modularity_lines(t);
  text += t.text();
  if (r.signs) text += signs_text(*r.signs);
  text += spread("Dale index, by edges", dale_by_edges(g));
  if (const auto chance = expected_dale_index(g))
    text += fmt::format("{:34} mean {:.4f}\n", "  were signs by chance", *chance);
  text += spread("Dale index, by weight", dale_by_weight(g));
  text += spread("balance of what arrives", ei_balance(g));
  if (!g.blocks.empty()) text += blocks_text(r, heads);
  return text;
}

std::string summary_of(const std::vector<structure_summary>& all) {
  std::string text = fmt::format("{:>8}{:>14}{:>12}{:>14}{:>14}{:>14}{:>14}\n", "head", "beta",
                                 "share", "edges", "Q excitatory", "Q inhibitory", "Q both");
  for (const structure_summary& r : all) {
    const part_report& both = r.parts.back();
    text += fmt::format("{:>8}{:>14}{:>12.4g}{:>14}", r.head, number(r.graph.at.excitatory),
                        share_of(static_cast<double>(both.edges), r.graph), both.edges);
    for (const part_report& p : r.parts)
      text +=
          fmt::format("{:>14}", p.links && p.links->modularity
                                    ? fmt::format("{:.4f}", p.links->modularity->leiden.modularity)
                                    : "-");
    text += "\n";
  }
  return text;
}

std::string csv_of(const structure_summary& r, const model& m) {
  const thresholded_graph& g = r.graph;
  std::string text = "neuron,name";
  for (const char* name : {"excitatory", "inhibitory"})
    text += fmt::format(",{0}_in,{0}_out,{0}_in_weight,{0}_out_weight", name);
  text += ",dale_by_edges,dale_by_weight,balance";
  for (const part_report& p : r.parts) {
    if (p.links) text += ",core_" + p.name;
    if (p.links && p.links->modularity) text += ",community_" + p.name;
  }
  if (r.signs) text += ",community_signed";
  text += "\n";
  const auto by_edges = dale_by_edges(g), by_weight = dale_by_weight(g), balances = ei_balance(g);
  for (neuron_id i = 0; i < g.where.nodes(); ++i) {
    const neuron_id neuron = g.where.neuron_of(i);
    text += fmt::format("{},{}", neuron,
                        m.neuron_names().empty() ? "" : csv_field(m.neuron_names()[neuron]));
    for (const sign_sums* s : {&g.excitatory, &g.inhibitory})
      text += fmt::format(",{},{},{},{}", s->in_edges[i], s->out_edges[i], shown(s->in_weight[i]),
                          shown(s->out_weight[i]));
    text += fmt::format(",{},{},{}", cell(by_edges[i]), cell(by_weight[i]), cell(balances[i]));
    for (const part_report& p : r.parts) {
      if (p.links) text += fmt::format(",{}", p.links->coreness[i]);
      if (p.links && p.links->modularity)
        text += fmt::format(",{}", p.links->modularity->leiden.member[i]);
    }
    if (r.signs) text += fmt::format(",{}", r.signs->found.member[i]);
    text += "\n";
  }
  return text;
}

}  // namespace bdh::app
