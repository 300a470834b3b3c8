#include "gpu/engine/direct_device_arrays.hpp"

#include <algorithm>
#include <vector>

namespace bdh::gpu {
namespace {

// f(row of incoming_synapses, neuron, synapse), by ascending neuron.
template <class F>
void for_incoming(const model& m, F f) {
  const projection& gs = m.direct().gs;
  for (neuron_id i = 0; i < m.neurons(); ++i)
    for (edge_id e = gs.indptr()[i]; e < gs.indptr()[i + 1]; ++e)
      f(std::size_t{i / m.neurons_per_head()} * m.sources() + gs.indices()[e], i, e);
}

}  // namespace

void edges_by_target::plan(memory_plan& memory, const projection& p) {
  const neuron_id targets = p.columns();
  memory.add(edges.indptr, targets + 1, p.name() + ", rows");
  memory.add(edges.indices, p.edges(), p.name() + ", indices");
  if (p.is_bfloat16())
    memory.add(edges.narrow, p.edges(), p.name() + ", weights");
  else
    memory.add(edges.weights, p.edges(), p.name() + ", weights");
  memory.add(source_indptr, p.indptr().size(), p.name() + ", rows by source");
  std::vector<edge_id> degrees(targets);
  for (neuron_id k : p.indices()) ++degrees[k];
  bins.plan(memory, degrees, p.name());
}

void edges_by_target::upload(const projection& p) {
  edges.upload(p.is_bfloat16() ? p.transposed().in_bfloat16() : p.transposed());
  source_indptr.upload(p.indptr());
  bins.upload();
}

void incoming_synapses::plan(memory_plan& memory, const model& m) {
  const std::size_t rows = std::size_t{m.heads()} * m.sources();
  memory.add(indptr, rows + 1, "gs by target, rows");
  memory.add(source, m.direct().gs.edges(), "gs by target, indices");
  memory.add(edge, m.direct().gs.edges(), "gs by target, synapses");
  std::vector<edge_id> degrees(rows);
  for_incoming(m, [&](std::size_t row, neuron_id, edge_id) { ++degrees[row]; });
  bins.plan(memory, degrees, "gs by target");
}

void incoming_synapses::upload(const model& m) {
  std::vector<edge_id> begin(indptr.size());
  bins.upload();
  for_incoming(m, [&](std::size_t row, neuron_id, edge_id) { ++begin[row + 1]; });
  for (std::size_t r = 1; r < begin.size(); ++r) begin[r] += begin[r - 1];
  indptr.upload(begin);
  std::vector<neuron_id> sources(m.direct().gs.edges());
  std::vector<edge_id> edges(m.direct().gs.edges());
  for_incoming(m, [&](std::size_t row, neuron_id i, edge_id e) {
    const edge_id at = begin[row]++;
    sources[at] = i;
    edges[at] = e;
  });
  source.upload(sources);
  edge.upload(edges);
}

void direct_model_arrays::plan(memory_plan& memory, const model& m, const block_grid& grid) {
  const direct_circuits& c = m.direct();
  gx_excitatory.plan(memory, c.gx_excitatory);
  gx_inhibitory.plan(memory, c.gx_inhibitory);
  gy_excitatory.plan(memory, c.gy_excitatory);
  gy_inhibitory.plan(memory, c.gy_inhibitory);
  gs.plan(memory, c.gs);
  tokens.plan(memory, c.sensory);
  memory.add(u, c.retention.size(), "retention of synapses");
  incoming.plan(memory, m);
  memory.add(block_first, grid.blocks() + 1, "blocks of neurons");
  memory.add(sensory_first, items_for(m.sources() - m.neurons()) + 1, "blocks of sensory nodes");
}

void direct_model_arrays::upload(const model& m, const block_grid& grid) {
  const direct_circuits& c = m.direct();
  gx_excitatory.upload(c.gx_excitatory);
  gx_inhibitory.upload(c.gx_inhibitory);
  gy_excitatory.upload(c.gy_excitatory);
  gy_inhibitory.upload(c.gy_inhibitory);
  gs.upload(c.gs);
  tokens.upload(c.sensory);
  u.upload(c.retention);
  incoming.upload(m);
  std::vector<index> first;
  for (index b = 0; b < grid.blocks(); ++b) first.push_back(grid.neurons(b).begin);
  first.push_back(m.neurons());
  block_first.upload(first);
  first.clear();
  const index nodes = m.sources() - m.neurons();
  for (index b = 0; b <= items_for(nodes); ++b) first.push_back(std::min(b * chunk, nodes));
  sensory_first.upload(first);
}

void direct_stream_arrays::plan(memory_plan& memory, const model& m) {
  const std::size_t n = m.neurons(), angles = m.rotation().present() ? m.row_units() : 0;
  memory.add(w_source, m.sources(), "W");
  memory.add(a, std::size_t{m.heads()} * m.sources(), "A");
  memory.add(gain_a, m.heads(), "gain of A");
  memory.add(excitatory, n, "excitation");
  memory.add(inhibitory, n, "inhibition");
  memory.add(unit_x, n, "X of units in use");
  memory.add(unit_cosine, angles, "cosines of units in use");
  memory.add(unit_sine, angles, "sines of units in use");
  memory.add(decay, m.row_units(), "decay of units in use");
  memory.add(age, m.row_units(), "age of units in use");
  memory.add(used_x, n, "X turned and aged");
  memory.add(used_age, n, "age by neuron");
}

}  // namespace bdh::gpu
