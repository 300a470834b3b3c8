#include <bdh/gpu_engine.hpp>

#include "core/simulation/permuted_engine.hpp"
#include "gpu/engine/device_engine.hpp"

namespace bdh {

std::unique_ptr<engine> gpu_engine(const model& m, std::shared_ptr<gpu::device> on,
                                   const gpu_options& options) {
  if (options.sites != 1)
    return device_part_engine(m, on, options.site, options.sites,
                              options.retention.value_or(m.retention()));
  if (!m.memory_order().empty())
    return permuted_engine(m, [&](const model& inside) { return gpu_engine(inside, on, options); });
  return std::make_unique<device_engine>(m, std::move(on),
                                         options.retention.value_or(m.retention()));
}

std::vector<gpu::memory_use> gpu_memory(const model& m) {
  const auto site = make_device_site(m, m.retention());
  std::vector<gpu::memory_use> all = site->memory_uses();
  std::size_t used = 0;
  for (const gpu::memory_use& use : all) used += use.bytes;
  all.push_back({"between the arrays", site->bytes() - used});
  return all;
}

}  // namespace bdh
