#include "graph/structure/thresholded_graph.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "graph/structure/degrees.hpp"
#include "graph/structure/window_rows.hpp"

namespace bdh {
namespace {

using detail::block_groups;
using detail::for_each_or_throw;
using detail::part_of;
using detail::row_part;
using detail::visit_block;

struct sign_tally {
  std::uint64_t self_loops = 0;
  std::vector<std::uint32_t> out_edges;
  std::vector<double> out_weight;
  std::vector<neuron_id> sources;  // of the edges, target by target
};

// What one group of blocks adds up.
struct group_tally {
  sign_tally excitatory, inhibitory;
  std::vector<head_block> blocks;
};

class cutter {
 public:
  cutter(const weight_matrix& rows, const neuron_window& w, thresholds at,
         const threshold_options& options)
      : rows_(rows),
        w_(w),
        at_(at),
        options_(options),
        groups_(rows, w),
        tallies_(groups_.count()) {
    g_.where = w;
    g_.at = at;
    g_.neurons_per_head = options.neurons_per_head;
    for (sign_sums* s : {&g_.excitatory, &g_.inhibitory}) {
      s->in_edges.assign(w.nodes(), 0);
      s->in_weight.assign(w.nodes(), 0);
    }
    per_head_ = options.neurons_per_head != 0 ? options.neurons_per_head : rows.sources();
    heads_ = options.neurons_per_head != 0 ? rows.sources() / per_head_ : 1;
  }

  thresholded_graph run(executor& work, const std::function<void()>& interrupt) {
    for_each_or_throw(work, groups_.count(), [&](std::size_t group) {
      group_tally& t = tallies_[group];
      for (sign_tally* s : {&t.excitatory, &t.inhibitory}) {
        s->out_edges.assign(w_.sources, 0);
        s->out_weight.assign(w_.sources, 0);
      }
      t.blocks.resize(std::size_t{heads_} * heads_);
      for (std::size_t b = groups_.begin(group); b < groups_.end(group); ++b)
        visit_block(rows_, w_, b, interrupt, [&](const weight_row& row) { add(row, t); });
    });
    finish(g_.excitatory, &group_tally::excitatory);
    finish(g_.inhibitory, &group_tally::inhibitory);
    if (options_.neurons_per_head != 0) add_blocks();
    if (kept_ <= options_.most_edges) {
      g_.excitatory_edges = edges_of(g_.excitatory, &group_tally::excitatory);
      g_.inhibitory_edges = edges_of(g_.inhibitory, &group_tally::inhibitory);
    }
    return std::move(g_);
  }

 private:
  void add(const weight_row& row, group_tally& t) {
    const neuron_id node = w_.node_of_target(row.target), last = w_.first_source + w_.sources;
    std::uint32_t found[2] = {};
    double sums[2] = {};
    for (neuron_id head = w_.first_source / per_head_, first = w_.first_source; first < last;
         ++head) {
      const neuron_id end = std::min(last, (head + 1) * per_head_);
      std::uint32_t edges[2] = {};
      double weight[2] = {};
      add(part_of(row, rows_.is_complete(), first, end - first), row.target, t, edges, weight);
      head_block& block =
          t.blocks[heads_ == 1 ? 0 : std::size_t{head} * heads_ + row.target / per_head_];
      block.excitatory += edges[0], block.inhibitory += edges[1];
      block.excitatory_weight += weight[0], block.inhibitory_weight += weight[1];
      for (int s = 0; s < 2; ++s) found[s] += edges[s], sums[s] += weight[s];
      first = end;
    }
    g_.excitatory.in_edges[node] = found[0], g_.inhibitory.in_edges[node] = found[1];
    g_.excitatory.in_weight[node] = sums[0], g_.inhibitory.in_weight[node] = sums[1];
    if (kept_ += found[0] + found[1]; kept_ > options_.most_edges)
      t.excitatory.sources = {}, t.inhibitory.sources = {};
  }

  void add(const row_part& part, neuron_id target, group_tally& t, std::uint32_t* edges,
           double* weight) {
    const bool keep = kept_ <= options_.most_edges;
    for (std::size_t e = 0; e < part.weights.size(); ++e) {
      const float v = part.weights[e];
      const bool inhibits = v < 0;
      const float size = inhibits ? -v : v;
      if (!(size > (inhibits ? at_.inhibitory : at_.excitatory))) continue;
      const neuron_id j = part.source(e);
      sign_tally& s = inhibits ? t.inhibitory : t.excitatory;
      if (j == target) {
        ++s.self_loops;
        continue;
      }
      const neuron_id node = j - w_.first_source;
      ++edges[inhibits];
      weight[inhibits] += size;
      ++s.out_edges[node];
      s.out_weight[node] += size;
      if (keep) s.sources.push_back(node);
    }
  }

  void finish(sign_sums& s, sign_tally group_tally::*which) {
    s.out_edges.assign(w_.nodes(), 0);
    s.out_weight.assign(w_.nodes(), 0);
    for (group_tally& t : tallies_) {
      sign_tally& from = t.*which;
      s.self_loops += from.self_loops;
      for (neuron_id j = 0; j < w_.sources; ++j) {
        s.out_edges[j] += from.out_edges[j];
        s.out_weight[j] += from.out_weight[j];
      }
      from.out_edges = {}, from.out_weight = {};
    }
    for (const std::uint32_t d : s.in_edges) s.edges += d;
    for (const double v : s.in_weight) s.weight += v;
  }

  void add_blocks() {
    g_.blocks.resize(std::size_t{heads_} * heads_);
    for (const group_tally& t : tallies_)
      for (std::size_t b = 0; b < g_.blocks.size(); ++b) {
        g_.blocks[b].excitatory += t.blocks[b].excitatory;
        g_.blocks[b].inhibitory += t.blocks[b].inhibitory;
        g_.blocks[b].excitatory_weight += t.blocks[b].excitatory_weight;
        g_.blocks[b].inhibitory_weight += t.blocks[b].inhibitory_weight;
      }
  }

  // Groups are in ascending order of targets, and so are the edges in each.
  edge_set edges_of(const sign_sums& s, sign_tally group_tally::*which) {
    edge_set by_target;
    by_target.indptr.resize(std::size_t{w_.nodes()} + 1);
    std::partial_sum(s.in_edges.begin(), s.in_edges.end(), by_target.indptr.begin() + 1,
                     [](edge_id a, edge_id b) { return a + b; });
    by_target.targets.reserve(s.edges);
    for (group_tally& t : tallies_) {
      auto& sources = (t.*which).sources;
      by_target.targets.insert(by_target.targets.end(), sources.begin(), sources.end());
      sources = {};
    }
    return reversed(by_target);
  }

  const weight_matrix& rows_;
  const neuron_window w_;
  const thresholds at_;
  const threshold_options options_;
  const block_groups groups_;
  std::vector<group_tally> tallies_;
  thresholded_graph g_;
  std::atomic<std::uint64_t> kept_{0};
  neuron_id per_head_ = 0, heads_ = 1;
};

}  // namespace

neuron_window neuron_window::all_of(const weight_matrix& rows) {
  return {0, rows.sources(), 0, rows.targets()};
}

neuron_window neuron_window::of_heads(neuron_id neurons_per_head, head_id from, head_id to) {
  return {from * neurons_per_head, neurons_per_head, to * neurons_per_head, neurons_per_head};
}

thresholded_graph apply_thresholds(const weight_matrix& rows, const neuron_window& w, thresholds at,
                                   executor& work, const threshold_options& options,
                                   const std::function<void()>& interrupt) {
  return cutter(rows, w, at, options).run(work, interrupt);
}

}  // namespace bdh
