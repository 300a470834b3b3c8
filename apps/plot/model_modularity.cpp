#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "core/base/random.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/null_models.hpp"
#include "graph/structure/random_edges.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

// So many edges, and how many there are of this sign in all.
struct counts {
  std::vector<std::uint64_t> kept;  // ascending
  std::uint64_t all = 0;
};

// 1, 2, 5, 10, ... % and parts of them, from about one edge a neuron up to what is allowed for.
counts levels(const weight_histogram& sizes, sign which, neuron_id neurons, std::uint64_t most) {
  counts c;
  sizes.each_size(which, [&](float size, std::uint64_t count) { c.all += size != 0 ? count : 0; });
  std::set<std::uint64_t> chosen;
  for (const double part : {1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4,
                            1e-4, 5e-5, 2e-5, 1e-5}) {
    const auto edges = static_cast<std::uint64_t>(std::llround(part * static_cast<double>(c.all)));
    if (edges <= most && edges != 0 && (edges >= neurons / 2 || chosen.empty()))
      chosen.insert(edges);
  }
  if (c.all != 0 && chosen.empty()) chosen.insert(most);
  c.kept.assign(chosen.begin(), chosen.end());
  return c;
}

class modularity_curve {
 public:
  modularity_curve(const char* name, figure::mark line, std::string& csv)
      : name_(name), line_(std::move(line)), csv_(csv) {
    line_.name = name;
  }

  void add(const network& graph, std::uint64_t all, std::uint64_t seed, float beta) {
    const auto found = graph.leiden(seed);
    if (!found) return;
    const double share = static_cast<double>(graph.edges()) / static_cast<double>(all);
    line_.x.push_back(100 * share);
    line_.y.push_back(found->modularity);
    csv_ += fmt::format("{},{},{:.7g},{},{:.6f},{}\n", csv_quoted_if_needed(name_), graph.edges(),
                        share, beta > 0 ? fmt::format("{:.6g}", beta) : "", found->modularity,
                        found->size.size());
  }
  double largest_share() const { return line_.x.empty() ? 0 : line_.x.back(); }  // %
  void into(figure::panel& p) {
    if (line_.x.empty()) return;
    line_.marked = true;
    p.marks.push_back(std::move(line_));
  }

 private:
  const char* name_;
  figure::mark line_;
  std::string& csv_;
};

// One sign of a graph of weights.
void follow(modularity_curve& c, const model_graph& g, const weight_matrix& rows,
            const weight_histogram& sizes, sign which, const community_choice& choice) {
  const counts at = levels(sizes, which, g.window().targets, choice.most_edges);
  if (at.kept.empty()) return;
  constexpr float none = std::numeric_limits<float>::infinity();
  const float least = sizes.threshold(at.kept.back(), which);
  const auto edges = g.edges_above(
      rows, which == sign::excitatory ? thresholds{least, none} : thresholds{none, least},
      choice.most_edges);
  for (std::uint64_t kept : at.kept) {
    const float beta = sizes.threshold(kept, which);
    std::vector<weighted_edge> strong;
    std::copy_if(edges.begin(), edges.end(), std::back_inserter(strong),
                 [&](const weighted_edge& e) { return std::abs(e.weight) > beta; });
    if (strong.empty()) continue;
    c.add(g.communities_in(edge_set_of(strong, g.window().targets, sign::both)), at.all,
          choice.seed, beta);
  }
}

}  // namespace

figure::picture modularity_of(const model& m, const std::string& name, const graph_choice& choice,
                              const community_choice& communities) {
  const model_graph g(m, choice, m.is_direct() ? 3 : 5);
  const neuron_id n = m.neurons();
  figure::picture p{
      {.title = fmt::format("Modularity of {} of {}", g.name(), name), .panel_height = 330},
      "graph,edges,share_of_edges,beta,modularity,communities\n"};
  const weight_histogram sizes = g.histogram();
  modularity_curve excitatory(
      "excitatory", {.of = figure::excitatory, .size = 2, .with = figure::shape::disc}, p.csv),
      inhibitory("inhibitory", {.of = figure::inhibitory, .size = 2, .with = figure::shape::square},
                 p.csv),
      random_e("random graph, m as excitatory",
               {.of = figure::grey, .size = 1.5, .with = figure::shape::disc, .dashed = true},
               p.csv),
      random_i(
          "random graph, m as inhibitory",
          {.of = {0xb5, 0xb5, 0xb5}, .size = 1.5, .with = figure::shape::square, .dashed = true},
          p.csv),
      product("product of Gaussian factors",
              {.of = figure::series_colour(2, 7),
               .size = 1.5,
               .with = figure::shape::diamond,
               .dashed = true},
              p.csv);
  follow(excitatory, g, g.rows(), sizes, sign::excitatory, communities);
  follow(inhibitory, g, g.rows(), sizes, sign::inhibitory, communities);
  for (const auto& [which, random] :
       {std::pair{sign::excitatory, &random_e}, std::pair{sign::inhibitory, &random_i}}) {
    const counts at = levels(sizes, which, n, communities.most_edges);
    for (std::uint64_t kept : at.kept)
      random->add(g.communities_in(random_edges(
                      n, 0, kept, random_stream(communities.seed, purpose::graph_edges, kept))),
                  at.all, communities.seed, 0);
  }
  if (g.depth() != 0) {
    const random_product null = gaussian_product(g.window(), g.depth(), communities.seed);
    follow(product, g, null.rows, weight_histogram(null.rows, null.window, g.work(), g.watch()),
           sign::excitatory, communities);
  }
  figure::panel panel{
      .x = {.label = "share of the edges of this sign that are kept, the strongest (%)",
            .kind = figure::spacing::logarithmic},
      .y = {.label = "modularity Q (Leiden)", .least = 0},
      .nothing = "no edges"};
  if (std::max(excitatory.largest_share(), inhibitory.largest_share()) >= 20) panel.x.most = 100;
  for (modularity_curve* c : {&excitatory, &inhibitory, &random_e, &random_i, &product})
    c->into(panel);
  p.what.panels.push_back(std::move(panel));
  p.what.notes.push_back(fmt::format(
      "{}; at most {} edges; Newman's modularity of A + A^T, every edge 1. Random graphs: G(n, m).",
      counted(n, "neuron"), with_separators(communities.most_edges)));
  if (g.depth() != 0)
    p.what.notes.push_back(
        fmt::format("Gaussian factors: W = A B of the same depth, {}, with independent normal "
                    "entries, cut in the same way; both signs alike.",
                    g.depth()));
  return p;
}

}  // namespace bdh::app
