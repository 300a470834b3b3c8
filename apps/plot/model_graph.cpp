#include "apps/plot/model_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "core/model/circuit_matrix.hpp"

namespace bdh::app {
namespace {

constexpr double default_share = 0.01;
constexpr double worth_showing = 5;  // s, of a pass

weight_matrix rows_of(const model& m, const std::string& graph) {
  if (graph == "gs") {
    if (!m.is_direct())
      throw input_error("--graph", "gs of a model through hubs", "gx or gy",
                        "its synapses all have the rate 1");
    return weight_matrix::of_edges(m.direct().gs);
  }
  return circuit_matrix(m, graph == "gx" ? circuit::gx : circuit::gy);
}

}  // namespace

// How far the passes are, on standard error.
struct model_graph::waiting {
  using clock = std::chrono::steady_clock;
  std::string name;
  std::uint64_t blocks = 0;  // of a pass
  double pairs = 0;
  int passes = 1;
  std::atomic<std::uint64_t> done{0};
  std::mutex guard;
  clock::time_point begin = clock::now(), last = begin;
  bool estimated = false, shown = false;

  void one_more() {
    stop_if_requested();
    const std::uint64_t blocks_done = ++done;
    const std::unique_lock lock(guard, std::try_to_lock);
    const auto now = clock::now();
    if (!lock || now - last < std::chrono::milliseconds(200)) return;
    last = now;
    const double seconds = std::chrono::duration<double>(now - begin).count(),
                 share = static_cast<double>(blocks_done) / static_cast<double>(blocks),
                 of_a_pass = seconds / share;
    if (errors_are_terminal()) {
      show(fmt::format("{}: pass {} of {} over {:.3g} weights, {} left", name,
                       std::min(static_cast<int>(share) + 1, passes), passes, pairs,
                       shown_seconds(std::ceil(std::max(0.0, of_a_pass * passes - seconds)))));
    } else if (!estimated && share > 0.1 && of_a_pass > worth_showing) {
      const std::string each = shown_seconds(std::ceil(of_a_pass)),
                        what = counted(static_cast<std::uint64_t>(pairs), "weight");
      note(passes == 1 ? fmt::format("bdh: {}: a pass over {}, about {}", name, what, each)
                       : fmt::format("bdh: {}: {} passes over {}, about {} each", name, passes,
                                     what, each));
      estimated = true;
    }
  }

  void show(const std::string& what) {
    if (!errors_are_terminal()) return;
    fmt::print(stderr, "\r\x1b[K{}", what);
    shown = true;
  }

  ~waiting() {
    if (shown) fmt::print(stderr, "\r\x1b[K");
  }
};

model_graph::model_graph(const model& m, const graph_choice& choice, int passes)
    : choice_(choice),
      name_("G" + choice.graph.substr(1)),
      rows_(rows_of(m, choice.graph)),
      window_{0, m.neurons(), 0, m.neurons()},
      depth_(rows_.is_complete() ? m.hubs() : 0),
      work_(default_executor(choice.threads)),
      waiting_(std::make_shared<waiting>()) {
  waiting_->name = name_;
  waiting_->blocks = std::max<std::uint64_t>(1, rows_.blocks());
  waiting_->pairs = window_.pairs();
  waiting_->passes = passes;
}

std::function<void()> model_graph::watch() const {
  return [w = waiting_] { w->one_more(); };
}

void model_graph::show(const std::string& what) const { waiting_->show(what); }

network model_graph::communities_in(const edge_set& edges) const {
  show(fmt::format("communities of {}", counted(edges.edges(), "edge")));
  return network(edges, stop_if_requested);
}

float model_graph::threshold(std::uint64_t most) const {
  if (choice_.beta) return static_cast<float>(*choice_.beta);
  const bool all = !choice_.keep && !rows_.is_complete();
  if (all && most == ~std::uint64_t{0}) return 0;
  const weight_histogram sizes = histogram();
  std::uint64_t edges = 0;
  if (all)
    for (const sign which : {sign::excitatory, sign::inhibitory})
      sizes.each_size(which,
                      [&](float size, std::uint64_t count) { edges += size != 0 ? count : 0; });
  else
    edges = static_cast<std::uint64_t>(
        std::floor(choice_.keep.value_or(default_share) * window_.pairs()));
  if (all && edges <= most) return 0;
  if (!choice_.keep) edges = std::min(most, edges);
  return sizes.threshold(std::max<std::uint64_t>(1, edges), sign::both);
}

std::vector<weighted_edge> model_graph::edges_above(thresholds beta, std::uint64_t most,
                                                    std::optional<neuron_id> always) const {
  return edges_above(rows_, beta, most, always);
}

std::vector<weighted_edge> model_graph::edges_above(const weight_matrix& rows, thresholds beta,
                                                    std::uint64_t most,
                                                    std::optional<neuron_id> always) const {
  constexpr std::size_t most_pieces = 64;
  const std::size_t pieces = std::min(most_pieces, rows.blocks());
  std::vector<std::vector<weighted_edge>> found(pieces);
  std::atomic<std::uint64_t> count{0};
  std::atomic<bool> stop{false};
  std::exception_ptr thrown;
  std::mutex guard;
  const auto take = [&](std::size_t piece, const weight_row& row) {
    if (row.target >= window_.targets) return;
    std::vector<weighted_edge>& mine = found[piece];
    const std::size_t before = mine.size();
    for (std::size_t e = 0; e < row.weights.size(); ++e) {
      const float w = row.weights[e];
      const neuron_id j = row.sources.empty() ? static_cast<neuron_id>(e) : row.sources[e];
      if (j >= window_.sources) break;
      const bool kept = w > beta.excitatory || w < -beta.inhibitory ||
                        (always && w != 0 && (j == *always || row.target == *always));
      if (kept && j != row.target) mine.push_back({j, row.target, w});
    }
    if ((count += mine.size() - before) > most)
      throw input_error(choice_.beta ? "--beta" : "--keep",
                        fmt::format("more than {} edges", with_separators(most)), "fewer",
                        choice_.beta ? "a larger threshold, or a larger --most-edges"
                                     : "a smaller share, or a larger --most-edges");
  };
  const auto watched = watch();
  work_->for_each(pieces, [&](std::size_t piece) {
    try {
      for (std::size_t b = piece * rows.blocks() / pieces;
           b < (piece + 1) * rows.blocks() / pieces && !stop; ++b) {
        watched();
        rows.visit(b, [&](const weight_row& row) { take(piece, row); });
      }
    } catch (...) {
      stop = true;
      const std::lock_guard lock(guard);
      if (!thrown) thrown = std::current_exception();
    }
  });
  if (thrown) std::rethrow_exception(thrown);
  std::vector<weighted_edge> all;
  all.reserve(count);
  for (auto& part : found) {
    all.insert(all.end(), part.begin(), part.end());
    part = {};
  }
  return all;
}

edge_set edge_set_of(const std::vector<weighted_edge>& edges, neuron_id neurons, sign which) {
  const auto wanted = [&](const weighted_edge& e) {
    return which == sign::both || (e.weight < 0) == (which == sign::inhibitory);
  };
  edge_set g;
  g.indptr.assign(std::size_t{neurons} + 1, 0);
  for (const weighted_edge& e : edges) g.indptr[e.source + 1] += wanted(e);
  for (std::size_t i = 0; i < neurons; ++i) g.indptr[i + 1] += g.indptr[i];
  g.targets.resize(g.indptr.back());
  std::vector<edge_id> next(g.indptr.begin(), g.indptr.end() - 1);
  for (const weighted_edge& e : edges)  // by ascending target
    if (wanted(e)) g.targets[next[e.source]++] = e.target;
  return g;
}

std::string neuron_label(const model& m, neuron_id i) {
  return m.neuron_names().empty() ? std::to_string(i) : m.neuron_names()[i];
}

std::string with_separators(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string counted(std::uint64_t count, const std::string& what) {
  return with_separators(count) + " " + what + (count == 1 ? "" : "s");
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

}  // namespace bdh::app
