#include "apps/machine/plan_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <bdh/bfloat16.hpp>
#include <bdh/cpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "core/simulation/partition.hpp"
#include "core/simulation/plan.hpp"

namespace bdh::app {
namespace {

constexpr double row_start = sizeof(edge_id), label = sizeof(std::uint32_t), value = sizeof(float);
constexpr double block = block_grid::block_size;

double weight_of(const planned_model& p) { return p.bfloat16 ? sizeof(bfloat16) : sizeof(float); }

std::uint64_t rounded(double bytes) { return static_cast<std::uint64_t>(std::llround(bytes)); }

// ---- a small model of the same kind

projection dense(const char* name, neuron_id sources, neuron_id targets, major rows) {
  return projection::dense(name, {"", sources}, {"", targets}, rows,
                           array<float>(std::size_t{sources} * targets));
}

// One edge to a row, to column 0.
projection sparse(const char* name, neuron_id sources, neuron_id targets, major rows) {
  const neuron_id count = rows == major::source ? sources : targets;
  array<edge_id> indptr(count + 1);
  for (neuron_id r = 0; r <= count; ++r) indptr[r] = r;
  return projection::sparse(name, {"", sources}, {"", targets}, rows, std::move(indptr),
                            array<neuron_id>(count), array<float>(count));
}

model small_model(const planned_model& p, neuron_id per_head) {
  const auto n = per_head * p.heads, d = static_cast<neuron_id>(p.hubs),
             v = static_cast<neuron_id>(p.vocabulary);
  model_spec parts;
  parts.rules = dynamics::named(d != 0 ? "gpu-release" : "bdh");
  parts.layers = p.layers;
  parts.heads = p.heads;
  if (p.rotates) parts.rotation = rotation::geometric(65536, per_head);
  if (d != 0) {
    parts.circuits.e = dense("e", n, d, major::source);
    parts.circuits.sensory = dense("sensory", v, d, major::source);
    parts.circuits.readout = dense("readout", d, v, major::target);
  }
  if (!p.direct) {
    parts.circuits.dx = dense("dx", d, n, major::target);
    parts.circuits.dy = dense("dy", d, n, major::target);
    return model(std::move(parts));
  }
  const neuron_id sources = n + (d != 0 ? v : 0);
  direct_circuits c;
  c.gx_excitatory = sparse("gx_excitatory", sources, n, major::source);
  c.gx_inhibitory = sparse("gx_inhibitory", sources, n, major::source);
  c.gy_excitatory = sparse("gy_excitatory", sources, n, major::target);
  c.gy_inhibitory = sparse("gy_inhibitory", sources, n, major::target);
  c.gs = sparse("gs", n, sources, major::source);
  if (d == 0) c.sensory = sparse("sensory", v, n, major::source);
  if (p.readout_edges != 0) c.readout = sparse("readout", sources, v, major::target);
  parts.direct = std::move(c);
  return model(std::move(parts));
}

double working_of_small(const planned_model& p, neuron_id per_head, site_id sites) {
  const model m = small_model(p, per_head);
  const simulator brain(m, cpu_engine(m, {sites, instruction_set::plain, std::nullopt}));
  return static_cast<double>(brain.state_bytes()) - static_cast<double>(m.synapse_bytes());
}

// Phases of a token that send (core/simulation/plan.hpp).
double sending_phases(const planned_model& p) {
  const model m = small_model(p, 2 * block_grid::block_size);
  const auto work = cpu_engine(m, {.instructions = instruction_set::plain});
  const auto plan = make_plan(
      round_table::published(), [&](action a) { return work->stages(a); }, p.layers,
      observation::none);
  return static_cast<double>(
      std::count_if(plan.begin(), plan.end(), [](const phase& f) { return f.sends; }));
}

double rows_with_edges(const projection& p) {
  double rows = 0;
  for (neuron_id r = 0; r < p.rows(); ++r) rows += p.indptr()[r + 1] != p.indptr()[r];
  return rows;
}

double blocks_of(double per_head) { return std::ceil(per_head / block); }

}  // namespace

planned_model plan_of(const model& m) {
  planned_model p;
  p.neurons = m.neurons();
  p.hubs = m.hubs();
  p.vocabulary = m.sensory_nodes();
  p.layers = m.layers();
  p.heads = m.heads();
  p.rotates = m.rotation().present();
  p.direct = m.is_direct();
  if (!p.direct) return p;
  const direct_circuits& c = m.direct();
  const double n = m.neurons(), sources = m.sources();
  p.gx_degree = static_cast<double>(c.gx_excitatory.edges() + c.gx_inhibitory.edges()) / sources;
  p.gy_degree = static_cast<double>(c.gy_excitatory.edges() + c.gy_inhibitory.edges()) / sources;
  p.gs_degree = static_cast<double>(c.gs.edges()) / n;
  p.sensory_edges = static_cast<double>(c.sensory.edges());
  p.readout_edges = static_cast<double>(c.readout.edges());
  p.gx_rows = (rows_with_edges(c.gx_excitatory) + rows_with_edges(c.gx_inhibitory)) / sources;
  p.gy_rows = (rows_with_edges(c.gy_excitatory) + rows_with_edges(c.gy_inhibitory)) / n;
  p.own_retention = !c.retention.empty();
  p.ordered = !m.memory_order().empty();
  return p;
}

planned_model with_explicit_edges(planned_model of, std::optional<double> degree) {
  of.direct = true;
  of.gx_degree = of.gy_degree = degree.value_or(static_cast<double>(of.neurons));
  of.gs_degree = degree.value_or(of.sources());
  if (of.hubs == 0)  // as bdh import draws them: every token drives a twentieth of the neurons
    of.sensory_edges = static_cast<double>(of.vocabulary) *
                       std::max<double>(1, static_cast<double>(of.neurons / 20));
  return of;
}

namespace {

// Working state of some sites: it grows with the neurons and with their blocks of 64, and is
// otherwise the same. Found from three small models, once for all sizes of a kind.
struct working_law {
  double heads, per_head, blocks;  // of the smallest of them
  double bytes, each, each_block;  // its own; more for a neuron, for a block

  working_law(const planned_model& p, site_id sites)
      : heads(p.heads), per_head(2.0 * sites * block), blocks(2.0 * sites) {
    const auto smallest = static_cast<neuron_id>(per_head);
    bytes = working_of_small(p, smallest, sites);
    const double more_blocks = working_of_small(p, smallest + block_grid::block_size, sites),
                 // as many blocks as before it
        fewer_neurons = working_of_small(p, smallest + 2, sites);
    each = (more_blocks - fewer_neurons) / (heads * (block - 2));
    each_block = (more_blocks - bytes - each * heads * block) / heads;
  }
  double operator()(double neurons) const {
    return bytes + each * (neurons - heads * per_head) +
           each_block * heads * (blocks_of(neurons / heads) - blocks);
  }
};

// It grows by as much with every site: of many, from few.
class working_bytes {
 public:
  working_bytes(const planned_model& p, site_id sites)
      : more_(sites > 2 * few ? sites - 2 * few : 0) {
    laws_.emplace_back(p, more_ != 0 ? 2 * few : sites);
    if (more_ != 0) laws_.emplace_back(p, few);
  }
  double operator()(double neurons) const {
    const double of_few = laws_[0](neurons);
    return more_ == 0 ? of_few : of_few + (of_few - laws_[1](neurons)) / few * more_;
  }

 private:
  static constexpr site_id few = 32;
  site_id more_;
  std::vector<working_law> laws_;
};

planned_bytes memory_of(const planned_model& p, const working_bytes& working) {
  const double n = static_cast<double>(p.neurons), d = static_cast<double>(p.hubs),
               v = static_cast<double>(p.vocabulary);
  const double weight = weight_of(p), edge = sizeof(neuron_id) + weight,
               float_edge = sizeof(neuron_id) + value;
  planned_bytes bytes;
  double model = 0, synapses = n * d;
  if (!p.direct) {
    model = weight * (3 * n * d + 2 * v * d);
  } else {
    const double sources = p.sources();
    synapses = n * p.gs_degree;
    model = 2 * row_start * (sources + 1) + edge * sources * p.gx_degree;
    model += 2 * row_start * (n + 1) + edge * sources * p.gy_degree;
    model += row_start * (n + 1) + float_edge * synapses + (p.own_retention ? value * synapses : 0);
    model += weight * d * (n + 2 * v);  // the pool
    if (p.sensory_edges != 0) model += row_start * (v + 1) + float_edge * p.sensory_edges;
    if (p.readout_edges != 0) model += row_start * (v + 1) + edge * p.readout_edges;
  }
  bytes.model = rounded(model);
  bytes.synapses =
      rounded(p.layers * (value * synapses + sizeof(std::uint64_t) * n / (p.rotates ? 2 : 1)));
  const double of_order = p.ordered ? model + sizeof(neuron_id) * n
                                    : 0;  // a copy of the circuits, and where neurons are
  bytes.working = rounded(of_order + working(n));
  return bytes;
}

}  // namespace

planned_bytes memory_of(const planned_model& p, site_id sites) {
  return memory_of(p, working_bytes(p, sites));
}

std::uint64_t most_neurons(planned_model p, site_id sites, double bytes) {
  const bool complete = p.direct && p.gx_degree == static_cast<double>(p.neurons);
  const double sensory_share = p.sensory_edges / static_cast<double>(p.neurons);
  const std::uint64_t unit = std::uint64_t{2} * p.heads;
  const working_bytes working(p, sites);
  const auto fits = [&](std::uint64_t units) {
    p.neurons = units * unit;
    if (complete) p = with_explicit_edges(p, std::nullopt);
    p.sensory_edges = sensory_share * static_cast<double>(p.neurons);
    return static_cast<double>(memory_of(p, working).total()) <= bytes;
  };
  std::uint64_t low = 0, high = std::uint64_t{1} << 32;
  high /= unit;  // ids are 32-bit
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low * unit;
}

// Sources with W before layer l: in graphs of neurons what the token drives, then Y of the layer
// before; else the token's node and Y of all before.
static double active_sources(const planned_model& p, layer_id l) {
  const double n = static_cast<double>(p.neurons);
  if (p.hubs != 0) return 1 + (1 - std::pow(1 - p.y, l - 1.0)) * n;
  return l == 1 ? p.sensory_edges / static_cast<double>(p.vocabulary) : p.y * n;
}

static std::vector<site_share> shares_of(const planned_model& p, site_id sites) {
  const auto vocabulary = static_cast<neuron_id>(p.vocabulary);
  return partition({.heads = p.heads,
                    .neurons = static_cast<neuron_id>(p.neurons),
                    .hubs = static_cast<neuron_id>(p.hubs),
                    .sensory = vocabulary,
                    .readout = vocabulary},
                   sites);
}

// Partial sums that all sites send, where a share of the neurons is active: one for each node of
// the tree that is one site's, if a neuron of it is. `trees`: of all heads, or one for each.
static double sums_sent(const planned_model& p, site_id sites, double share, head_id trees) {
  const block_grid grid(p.heads, static_cast<neuron_id>(p.neurons / p.heads));
  double sums = 0;
  for (const site_share& own : shares_of(p, sites))
    for (const id_range node : complete_nodes(own.blocks, grid.blocks() / trees))
      sums += 1 - std::pow(1 - share, block * node.size());
  return sums;
}

// The same of A of explicit edges, of one head: neurons and sensory nodes, all active.
static double source_sums_sent(const planned_model& p, site_id sites) {
  const block_grid grid(p.heads, static_cast<neuron_id>(p.neurons / p.heads));
  const auto first = grid.blocks(),
             sensory = static_cast<neuron_id>(blocks_of(static_cast<double>(p.vocabulary)));
  double sums = 0;
  for (const site_share& own : shares_of(p, sites)) {
    const auto at = [&](neuron_id node) {
      return first + (node + block_grid::block_size - 1) / block_grid::block_size;
    };
    sums += static_cast<double>(complete_nodes(own.blocks, first + sensory).size());
    sums += static_cast<double>(
        complete_nodes({at(own.sensory.begin), at(own.sensory.end)}, first + sensory).size());
  }
  return sums;
}

planned_traffic traffic_of(const planned_model& p, site_id sites) {
  const double n = static_cast<double>(p.neurons), d = static_cast<double>(p.hubs),
               v = static_cast<double>(p.vocabulary), layers = p.layers, heads = p.heads,
               others = sites - 1.0;
  const double used = p.rotates ? 1 - (1 - p.x) * (1 - p.x)
                                : p.x;  // rows of synapses: of pairs with an active member
  const double weight = weight_of(p), edge = sizeof(neuron_id) + weight;
  // So many partial sums to the hubs' sites, and the hubs' values back to all sites.
  const auto through_hubs = [&](double sums, double rows) {
    return others * (sums * label + sums * d * value / sites) +
           others * rows * (label * sites + d * value);
  };
  planned_traffic t;
  t.meetings = sending_phases(p);
  if (!p.direct) {
    t.matrices = layers * weight * n * d * (1 + p.x + p.y) + weight * d * (v + 1);
    t.neurons = layers * n;
    t.hub_synapses = layers * 2 * value * n * d * used;
    t.between_sites = layers * (through_hubs(sums_sent(p, sites, used, p.heads), heads) +
                                through_hubs(sums_sent(p, sites, p.y, 1), 1)) +
                      through_hubs(1, 1);
    return t;
  }
  const double sources = p.sources();
  for (layer_id l = 1; l <= p.layers; ++l) {
    const double own = active_sources(p, l);
    t.push += edge * own * p.gx_degree;
    t.synapses += (sizeof(neuron_id) + 3 * value) * used * n * p.gs_degree;
    t.pull += edge * p.x * sources * p.gy_degree;
    const double gx = own * p.gx_degree, gy = p.x * sources * p.gy_degree,
                 gs = used * n * p.gs_degree;
    t.edges += gx + gy + gs;
    t.writes += gs;
    // Index and weight of excitatory and of inhibitory edges; index and strength of synapses, rate
    // where they are written.
    t.rows_of_sources += 2 * p.gx_rows * own + 3 * used * n;
    t.rows_of_targets += 2 * p.gy_rows * p.x * n;
    t.neurons += sources;
    if (d != 0) t.matrices += weight * d * (heads * sources + p.y * n);  // the pool hears A and Y
    const double units = p.rotates ? used * n / 2 : used * n;
    t.between_sites += others * (units * (label + 4 * value) + sources * (label + heads * value) +
                                 own * (label + value));
    if (d != 0)
      t.between_sites += through_hubs(heads * source_sums_sent(p, sites), heads) +
                         through_hubs(sums_sent(p, sites, p.y, 1), 1);
  }
  if (d != 0) t.matrices += weight * d * (v + 1);
  t.edges += p.readout_edges;
  const double rows = p.layers * (p.gx_rows * sources + n + p.gy_rows * n);
  t.row_edges = p.layers * ((p.gx_degree + p.gy_degree) * sources + p.gs_degree * n) / rows;
  return t;
}

double floor_of(const planned_traffic& t, const memory_speed& memory) {
  return (t.matrices + t.push + t.pull) / memory.weights +
         (t.hub_synapses + t.synapses) / memory.strengths;
}

double seconds_of(const planned_traffic& t, const memory_speed& memory, double threads,
                  const engine_speed& taken) {
  const double begun = t.rows_of_sources + t.rows_of_targets / threads;
  const double wait = memory.latency * std::min(1.0, t.row_edges / taken.long_row);
  const double edges =
      (t.edges * taken.edge + t.writes * taken.write) / threads + begun * (taken.row + wait);
  const double neurons = t.neurons * taken.neuron / threads,
               met = threads > 1 ? t.meetings * taken.meeting : 0;
  // Rows of hubs are found where they are expected, and bound by the bandwidth; explicit edges by
  // the cores.
  return std::max(floor_of(t, memory) / taken.share,
                  edges + floor_of({.matrices = t.matrices}, memory) / taken.share) +
         neurons + met;
}

}  // namespace bdh::app
