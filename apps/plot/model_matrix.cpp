#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>
#include <numeric>

#include "apps/plot/figure/text.hpp"
#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "graph/structure/network.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

constexpr neuron_id most_cells = 512;    // of a side
constexpr neuron_id most_labelled = 40;  // neurons that get a tick each
constexpr std::size_t blocks_at_once = 16;
constexpr double shown_share = 0.995;  // of the cells, whose colours differ

// Places of neurons in equal pieces, of which some have one more than others.
struct cell_row {
  neuron_id neurons = 0, cells = 0;

  explicit cell_row(neuron_id n) : neurons(n), cells(std::min(n, most_cells)) {}
  neuron_id of(neuron_id place) const {
    return static_cast<neuron_id>(std::uint64_t{place} * cells / neurons);
  }
  neuron_id begin(neuron_id cell) const {
    return static_cast<neuron_id>((std::uint64_t{cell} * neurons + cells - 1) / cells);
  }
  neuron_id size(neuron_id cell) const { return begin(cell + 1) - begin(cell); }
};

// The sum of the weights in each cell of pairs of neurons, or the one of the largest size, in the
// order of their places; the same bits for any number of threads: rows are read in the order of
// their sources, and put together in the order of their targets.
class cell_values {
 public:
  cell_values(const model_graph& g, const std::vector<neuron_id>& place_of, const cell_row& cells,
              figure::joined_as joined)
      : g_(g),
        largest_(joined == figure::joined_as::largest),
        cells_(cells.cells),
        values_(std::size_t{cells_} * cells_) {
    for (neuron_id place : place_of) cell_of_.push_back(cells.of(place));
  }

  std::vector<double> run() {
    const weight_matrix& rows = g_.rows();
    const auto watch = g_.watch();
    std::vector<std::vector<double>> parts(blocks_at_once);
    std::exception_ptr thrown;
    std::mutex guard;
    for (std::size_t first = 0; first < rows.blocks(); first += blocks_at_once) {
      const std::size_t count = std::min(blocks_at_once, rows.blocks() - first);
      g_.work().for_each(count, [&](std::size_t k) {
        try {
          watch();
          parts[k].assign(rows.block_rows() * cells_, 0);
          rows.visit(first + k, [&](const weight_row& row) {
            add(row, parts[k].data() + row.target % rows.block_rows() * cells_);
          });
        } catch (...) {
          const std::lock_guard lock(guard);
          if (!thrown) thrown = std::current_exception();
        }
      });
      if (thrown) std::rethrow_exception(thrown);
      for (std::size_t k = 0; k < count; ++k)
        merge(static_cast<neuron_id>((first + k) * rows.block_rows()), parts[k]);
    }
    return std::move(values_);
  }

 private:
  void join(double& to, double weight) const {
    if (!largest_)
      to += weight;
    else if (std::abs(weight) > std::abs(to))
      to = weight;
  }
  void add(const weight_row& row, double* to) const {
    if (row.target >= g_.window().targets) return;
    for (std::size_t e = 0; e < row.weights.size(); ++e) {
      const std::size_t j = row.sources.empty() ? e : row.sources[e];
      if (j >= g_.window().sources) break;
      join(to[cell_of_[j]], row.weights[e]);
    }
  }

  void merge(neuron_id first_target, const std::vector<double>& part) {
    const neuron_id last = std::min<neuron_id>(
        g_.window().targets, first_target + static_cast<neuron_id>(part.size() / cells_));
    for (neuron_id target = first_target; target < last; ++target)
      for (neuron_id c = 0; c < cells_; ++c)
        join(values_[std::size_t{cell_of_[target]} * cells_ + c],
             part[std::size_t{target - first_target} * cells_ + c]);
  }

  const model_graph& g_;
  bool largest_;
  neuron_id cells_;
  std::vector<neuron_id> cell_of_;
  std::vector<double> values_;
};

struct ordering {
  std::vector<neuron_id> neuron_at, place_of;
  std::vector<neuron_id> boundaries;  // places where a new block begins
};

ordering by_number(const model& m) {
  ordering o;
  o.neuron_at.resize(m.neurons());
  std::iota(o.neuron_at.begin(), o.neuron_at.end(), 0);
  o.place_of = o.neuron_at;
  for (head_id h = 1; h < m.heads(); ++h) o.boundaries.push_back(h * m.neurons_per_head());
  return o;
}

// The largest community first; within one by number.
ordering by_communities(const model_graph& g, const community_choice& choice,
                        std::vector<std::string>& notes) {
  const neuron_id neurons = g.window().targets;
  const float beta = g.threshold(choice.most_edges);
  const auto edges = g.edges_above({beta, beta}, choice.most_edges);
  const network graph = g.communities_in(edge_set_of(edges, neurons, sign::both));
  ordering o;
  o.neuron_at.resize(neurons);
  o.place_of.resize(neurons);
  std::iota(o.neuron_at.begin(), o.neuron_at.end(), 0);
  if (const auto found = graph.leiden(choice.seed)) {
    std::stable_sort(o.neuron_at.begin(), o.neuron_at.end(),
                     [&](neuron_id a, neuron_id b) { return found->member[a] < found->member[b]; });
    neuron_id place = 0;
    for (neuron_id size : found->size) {
      if (place != 0 && size > neurons / 100) o.boundaries.push_back(place);
      place += size;
    }
    notes.push_back(
        fmt::format("Neurons by community (Leiden; {} communities, modularity {:.3f}) of the graph "
                    "of {} edges with |W| > {:.4g}.",
                    with_separators(found->size.size()), found->modularity,
                    with_separators(edges.size()), beta));
  }
  for (neuron_id place = 0; place < neurons; ++place) o.place_of[o.neuron_at[place]] = place;
  return o;
}

// The largest value whose colour differs from that of larger ones.
double colour_limit(const std::vector<double>& values, std::vector<std::string>& notes) {
  std::vector<double> sizes;
  for (double v : values)
    if (v != 0 && std::isfinite(v)) sizes.push_back(std::abs(v));
  if (sizes.empty()) return 1;
  std::sort(sizes.begin(), sizes.end());
  const double limit =
      sizes[static_cast<std::size_t>(std::ceil(shown_share * static_cast<double>(sizes.size()))) -
            1];
  if (limit >= 0.5 * sizes.back()) return sizes.back();
  notes.push_back(
      fmt::format("Colours end at ±{:.4g}, which {} of the cells that are not 0 keep to; the "
                  "largest is {:.4g}.",
                  limit, percent(shown_share), sizes.back()));
  return limit;
}

std::vector<figure::tick> ticks_of(const model& m, const ordering& o, bool downwards) {
  const neuron_id n = m.neurons();
  std::vector<figure::tick> all;
  const auto at = [&](double place) { return downwards ? n - place : place; };
  if (n <= most_labelled) {
    for (neuron_id place = 0; place < n; ++place)
      all.push_back(
          {at(place + 0.5), figure::cut_inside(neuron_label(m, o.neuron_at[place]), 60, 10)});
  } else {
    for (const figure::tick& t : figure::scale(figure::spacing::linear, 0, n).ticks(6, true).ticks)
      all.push_back({at(t.value), t.label});
  }
  std::sort(all.begin(), all.end(),
            [](const figure::tick& a, const figure::tick& b) { return a.value < b.value; });
  return all;
}

// Between heads or communities.
figure::mark boundary_lines(const ordering& o, double n) {
  figure::mark lines{.how = figure::form::segments, .of = figure::ink, .size = 0.8};
  for (neuron_id place : o.boundaries) {
    const double across = place, down = n - static_cast<double>(place);
    lines.x.insert(lines.x.end(), {across, across, 0, n});
    lines.y.insert(lines.y.end(), {0, n, down, down});
  }
  return lines;
}

// What rows and columns are called; the first row of the picture is its lowest one.
void name_cells(figure::heat_map& h, const model& m, const ordering& o, const cell_row& row,
                bool by_community) {
  const auto name = [&](neuron_id place) {
    const std::string label = neuron_label(m, o.neuron_at[place]);
    return by_community ? fmt::format("{} at place {}", label, place) : label;
  };
  const auto add = [&](figure::cell_names& to, neuron_id cell) {
    to.first.push_back(name(row.begin(cell)));
    to.last.push_back(name(row.begin(cell + 1) - 1));
    to.sizes.push_back(row.size(cell));
  };
  h.row_names.what = "postsynaptic";
  h.column_names.what = "presynaptic";
  for (neuron_id c = 0; c < row.cells; ++c) {
    add(h.row_names, row.cells - 1 - c);
    add(h.column_names, c);
  }
}

const char* weight_label(const graph_choice& choice) {
  return choice.graph == "gs" ? "plasticity rate" : "weight (excitatory > 0)";
}

figure::panel matrix_panel(const model& m, const ordering& o, bool by_community) {
  const neuron_id n = m.neurons();
  return {.x = {.label = by_community ? "presynaptic neuron, by community" : "presynaptic neuron",
                .least = 0,
                .most = static_cast<double>(n),
                .tight = true,
                .ticks = ticks_of(m, o, false),
                .upwards = n <= most_labelled && n > 12},
          .y = {.label = by_community ? "postsynaptic neuron, by community" : "postsynaptic neuron",
                .least = 0,
                .most = static_cast<double>(n),
                .tight = true,
                .ticks = ticks_of(m, o, true)}};
}

}  // namespace

figure::picture matrix_of(const model& m, const std::string& name, const graph_choice& choice,
                          bool by_community, const community_choice& communities) {
  const neuron_id n = m.neurons();
  const model_graph g(m, choice, by_community ? 3 : 1);
  figure::picture p{
      {.title = fmt::format("{} of {}", g.name(), name), .width = 660, .panel_height = 540}, {}};
  const ordering o = by_community ? by_communities(g, communities, p.what.notes) : by_number(m);
  const cell_row row(n);
  const neuron_id cells = row.cells;
  const bool plain = cells == n, mean = choice.joined == figure::joined_as::mean;
  const std::vector<double> by_cell = cell_values(g, o.place_of, row, choice.joined).run();
  figure::heat_map h{.rows = cells,
                     .columns = cells,
                     .left = 0,
                     .right = static_cast<double>(n),
                     .bottom = 0,
                     .top = static_cast<double>(n),
                     .is_signed = choice.graph != "gs",
                     .joined = choice.joined};
  h.values.resize(by_cell.size());
  p.csv = plain ? "post/pre" : "first_post/first_pre";
  const auto heading = [&](neuron_id cell) {
    return plain ? csv_quoted_if_needed(neuron_label(m, o.neuron_at[cell]))
                 : std::to_string(row.begin(cell));
  };
  for (neuron_id c = 0; c < cells; ++c) p.csv += "," + heading(c);
  p.csv += "\n";
  for (neuron_id r = 0; r < cells; ++r) {
    p.csv += heading(r);
    for (neuron_id c = 0; c < cells; ++c) {
      double value = by_cell[std::size_t{r} * cells + c];
      if (mean) value /= static_cast<double>(row.size(r)) * row.size(c);
      h.values[std::size_t{cells - 1 - r} * cells + c] = value;  // the first row on top
      p.csv += fmt::format(",{:.7g}", value);
    }
    p.csv += "\n";
  }
  name_cells(h, m, o, row, by_community);
  const double limit = colour_limit(h.values, p.what.notes);
  h.least = h.is_signed ? -limit : 0;
  h.most = limit;
  const char* const kind = mean ? "mean" : "largest";
  h.label = plain ? weight_label(choice) : fmt::format("{} {}", kind, weight_label(choice));
  if (!plain) {
    const neuron_id side = (n + cells - 1) / cells;
    p.what.notes.push_back(
        fmt::format("Each cell is the {} over {}{} × {} pairs of neurons{}.", kind,
                    n % cells != 0 ? "up to " : "", side, side,
                    mean ? "; pairs without an edge count as 0" : ", by its size"));
  }
  figure::panel panel = matrix_panel(m, o, by_community);
  panel.heat = std::move(h);
  if (!by_community && m.heads() > 1)
    p.what.notes.push_back(fmt::format("Lines divide the {} heads.", m.heads()));
  panel.marks.push_back(boundary_lines(o, n));
  p.what.panels.push_back(std::move(panel));
  return p;
}

}  // namespace bdh::app
