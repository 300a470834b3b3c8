#include "gpu/engine/device_arrays.hpp"

#include <algorithm>
#include <numeric>

namespace bdh::gpu {
namespace {

constexpr std::size_t max_synapses_read = 1 << 16;  // in one launch

std::size_t aligned(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

bool counts_edges(const model& m) {
  const hub_circuits& c = m.circuits();
  return m.is_direct() || !c.e.is_dense() || !c.sensory.is_dense() || !c.dy.is_dense();
}

}  // namespace

void device_projection::plan(memory_plan& memory, const projection& p) {
  memory.add(indptr, p.indptr().size(), p.name() + ", rows");
  memory.add(indices, p.indices().size(), p.name() + ", indices");
  if (p.is_bfloat16())
    memory.add(narrow, p.edges(), p.name() + ", weights");
  else
    memory.add(weights, p.edges(), p.name() + ", weights");
  for (std::size_t r = 0; r + 1 < p.indptr().size(); ++r)
    has_long_rows |= long_rows.contain(p.indptr()[r + 1] - p.indptr()[r]);
}

void device_projection::upload(const projection& p) {
  indptr.upload(p.indptr());
  indices.upload(p.indices());
  if (p.is_bfloat16())
    narrow.upload({p.view().narrow, p.edges()});
  else
    weights.upload(p.weights());
}

void row_bins::plan(memory_plan& memory, std::span<const edge_id> degrees,
                    const std::string& what) {
  for (std::size_t r = 0; r < degrees.size(); ++r)
    (degrees[r] <= lane_edges ? few_edges : many_edges).push_back(static_cast<index>(r));
  if (many_edges.empty()) return;
  memory.add(few, few_edges.size(), what + ", rows of few edges");
  memory.add(many, many_edges.size(), what + ", rows of many edges");
}

void row_bins::upload() {
  if (many_edges.empty()) return;
  few.upload(few_edges);
  many.upload(many_edges);
}

result_layout::result_layout(const model& m, bool with_spikes) : layers(m.layers()) {
  const std::size_t counts = aligned((layers + 1) * sizeof(index));
  any = 0;
  gains = 8;
  active_x = 16;
  active_y = active_x + counts;
  units = active_y + counts;
  counted = units + counts;
  bytes = counted + 2 * sizeof(std::uint64_t);
  if (!with_spikes) return;
  sent_x = bytes;
  sent_y = sent_x + counts;
  spikes = sent_y + counts;
  bytes = spikes + spike_arrays::kinds * sizeof(std::uint64_t);
}

void model_arrays::plan(memory_plan& memory, const model& m) {
  e.plan(memory, m.circuits().e);
  sensory.plan(memory, m.circuits().sensory);
  memory.add(frequency, m.rotation().frequency().size(), "rotation");
  const std::size_t longest = std::max<std::size_t>({m.neurons(), m.sensory_nodes(), 1});
  memory.add(positions, longest + 1, "positions");
  memory.add(one, 1, "one");
}

void model_arrays::upload(const model& m) {
  e.upload(m.circuits().e);
  sensory.upload(m.circuits().sensory);
  frequency.upload(m.rotation().frequency());
  std::vector<index> ascending(positions.size());
  std::iota(ascending.begin(), ascending.end(), index{0});
  positions.upload(ascending);
  const float value = 1.0f;
  one.upload({&value, 1});
}

void stream_arrays::plan(memory_plan& memory, const model& m, const result_layout& layout,
                         const block_grid& grid) {
  const std::size_t n = m.neurons(), hubs = std::size_t{m.heads()} * m.hubs();
  memory.add(cosine, m.rotation().frequency().size(), "cosines");
  memory.add(sine, m.rotation().frequency().size(), "sines");
  memory.add(token, 2 + m.layers(), "token, clocks, key");
  memory.add(results, layout.bytes, "results");
  const index chunks = counts_edges(m) ? items_for(std::max(m.sources(), m.neurons())) : 0;
  memory.add(tallies, std::size_t{2} * chunks, "counts");
  memory.add(total, std::size_t{2} * items_for(chunks), "sums of counts");
  memory.add(logits, m.readout_nodes(), "logits");
  chooser.plan(memory, m.readout_nodes());
  const std::size_t checked = std::max<std::size_t>({n, m.sources(), hubs, m.readout_nodes()});
  memory.add(fault_slots, checked, "faults");
  memory.add(x, n, "X");
  memory.add(y, n, "Y");
  memory.add(drive, n, "drive of X and Y");
  memory.add(hub_input, hubs, "hub values");
  memory.add(y_values, n, "values of active Y");
  memory.add(list_x, n, "active X");
  memory.add(list_y, n, "active Y");
  memory.add(list_units, m.rotation().present() ? n / 2 : 0, "active pairs");
  memory.add(start, grid.blocks() + 1, "blocks of a list");
  stored.resize(m.layers());
  last_used.resize(m.layers());
  for (layer_id l = 1; l <= m.layers(); ++l) {
    memory.add(stored[l - 1], m.synapses(), "synapses of layer " + std::to_string(l));
    memory.add(last_used[l - 1], m.row_units(), "clocks of layer " + std::to_string(l));
  }
  const std::size_t read = std::min<std::size_t>(m.synapses(), max_synapses_read);
  memory.add(which, read, "synapses looked at");
  memory.add(strengths, read, "strengths looked at");
}

}  // namespace bdh::gpu
