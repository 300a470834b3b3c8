#include "apps/machine/plan_gpu.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bdh::app {
namespace {

constexpr double most_edges = 1 << 28;  // laid out: some GB
constexpr double most_rows = 1 << 23;   // of explicit edges, whose beginnings are kept

projection zeros(const char* name, neuron_id sources, neuron_id targets, major rows) {
  return projection::dense(name, {"", sources}, {"", targets}, rows,
                           array<float>(std::size_t{sources} * targets));
}

// `degree` edges to a row, those of neighbouring rows to neighbouring columns; rows of a pair are
// alike. As many arrive at each column, but for one.
projection ring(const char* name, neuron_id sources, neuron_id targets, major rows, double degree,
                neuron_id pair = 1) {
  const neuron_id count = rows == major::source ? sources : targets,
                  columns = rows == major::source ? targets : sources;
  const auto each = static_cast<neuron_id>(std::clamp<double>(std::round(degree), 0, columns));
  array<edge_id> indptr(std::size_t{count} + 1);
  array<neuron_id> column(std::size_t{count} * each);
  for (neuron_id r = 0; r < count; ++r) {
    const auto base = static_cast<neuron_id>(std::uint64_t{r / pair * pair} * columns / count);
    neuron_id* const to = column.data() + std::size_t{r} * each;
    for (neuron_id k = 0; k < each; ++k)
      to[k] = static_cast<neuron_id>((std::uint64_t{base} + k) % columns);
    if (base + std::uint64_t{each} > columns) std::rotate(to, to + (columns - base), to + each);
    indptr[r + 1] = indptr[r] + each;
  }
  array<float> weights(column.size());
  return projection::sparse(name, {"", sources}, {"", targets}, rows, std::move(indptr),
                            std::move(column), std::move(weights));
}

direct_circuits rings(const planned_model& p, neuron_id n, neuron_id v) {
  const bool pool = p.hubs != 0;
  const neuron_id sources = n + (pool ? v : 0), pair = p.rotates ? 2 : 1;
  direct_circuits c;
  c.gx_excitatory = ring("gx_excitatory", sources, n, major::source, p.gx_degree / 2);
  c.gx_inhibitory = ring("gx_inhibitory", sources, n, major::source, p.gx_degree / 2);
  const double to_target = p.gy_degree * sources / (2.0 * n);
  c.gy_excitatory = ring("gy_excitatory", sources, n, major::target, to_target);
  c.gy_inhibitory = ring("gy_inhibitory", sources, n, major::target, to_target);
  c.gs = ring("gs", n, sources, major::source, p.gs_degree, pair);
  if (!pool) c.sensory = ring("sensory", v, n, major::source, p.sensory_edges / v);
  if (p.readout_edges != 0)
    c.readout = ring("readout", sources, v, major::target, p.readout_edges / v);
  return c;
}

model laid_out(const planned_model& p) {
  const auto n = static_cast<neuron_id>(p.neurons), d = static_cast<neuron_id>(p.hubs),
             v = static_cast<neuron_id>(p.vocabulary);
  model_spec parts;
  parts.rules = dynamics::named(d != 0 ? "gpu-release" : "bdh");
  parts.layers = p.layers;
  parts.heads = p.heads;
  if (p.rotates) parts.rotation = rotation::geometric(65536, n / p.heads);
  if (d != 0) {
    parts.circuits.e = zeros("e", n, d, major::source);
    parts.circuits.sensory = zeros("sensory", v, d, major::source);
    parts.circuits.readout = zeros("readout", d, v, major::target);
  }
  if (p.direct) {
    parts.direct = rings(p, n, v);
  } else {
    parts.circuits.dx = zeros("dx", d, n, major::target);
    parts.circuits.dy = zeros("dy", d, n, major::target);
  }
  return model(std::move(parts));
}

double edges_of(const planned_model& p) {
  if (!p.direct) return 0;
  return (p.gx_degree + p.gy_degree) * p.sources() + p.gs_degree * static_cast<double>(p.neurons) +
         p.sensory_edges + p.readout_edges;
}

}  // namespace

std::optional<gpu_prediction> predict_on_gpu(const model& m, const planned_model& p,
                                             const gpu::gpu_figures& on) {
  if (p.direct && p.sources() * p.heads >= most_rows) return std::nullopt;
  const gpu::token_work work = gpu::work_of_token(m, {.x = p.x, .y = p.y});
  gpu_prediction all;
  all.launches = work.launches();
  all.programs = static_cast<double>(std::count_if(
      work.all.begin(), work.all.end(),
      [](const gpu::launch_work& l) { return l.program < gpu::launch_work::clearing; }));
  all.touched = work.bytes();
  all.copied = static_cast<double>(work.uploaded + work.downloaded);
  all.time = gpu::time_of(work, on);
  return all;
}

std::optional<gpu_prediction> predict_on_gpu(const planned_model& p, const gpu::gpu_figures& on) {
  if (edges_of(p) > most_edges || (p.direct && p.sources() * p.heads >= most_rows))
    return std::nullopt;
  return predict_on_gpu(p.bfloat16 ? laid_out(p).in_bfloat16() : laid_out(p), p, on);
}

std::vector<std::string> names_of_gpus() {
  std::vector<std::string> all;
  for (const gpu::gpu_figures& g : gpu::known_gpus()) all.emplace_back(g.name);
  return all;
}

nlohmann::ordered_json json_of(const gpu_prediction& p) {
  return {{"launches", p.launches},
          {"programs", p.programs},
          {"bytes_touched", p.touched},
          {"bytes_copied", p.copied},
          {"bytes_from_memory", p.time.from_memory},
          {"bytes_from_cache", p.time.from_cache},
          {"seconds_per_token", p.time.seconds()},
          {"launching", p.time.launching},
          {"waiting", p.time.waiting},
          {"moving", p.time.moving},
          {"exchanging", p.time.exchanging}};
}

}  // namespace bdh::app
