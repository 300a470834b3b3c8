#include <bdh/gpu_engine.hpp>

#include "core/simulation/permuted_engine.hpp"
#include "core/simulation/spiking.hpp"
#include "gpu/engine/device_engine.hpp"

namespace bdh {

namespace {

void expect_spikes_here(const model& m, const gpu_options& options) {
  if (!options.spikes) return;
  const auto refuse = [](const std::string& found) {
    throw unavailable_error("spikes", found + ", on a GPU", "the CPU");
  };
  check(*options.spikes, m);
  if (options.sites != 1) refuse("several sites");
  if (m.is_direct()) refuse("a model of explicit edges");
  if (options.spikes->emits(spike_source::w) || options.spikes->emits(spike_source::a))
    refuse("hubs that spike");
}

}  // namespace

std::unique_ptr<engine> gpu_engine(const model& m, std::shared_ptr<gpu::device> on,
                                   const gpu_options& options) {
  expect_spikes_here(m, options);
  if (options.sites != 1)
    return device_part_engine(m, on, options.site, options.sites,
                              options.retention.value_or(m.retention()));
  if (!m.memory_order().empty())
    return permuted_engine(m, [&](const model& inside) {
      gpu_options within = options;
      if (options.spikes) {  // neurons draw by their numbers, wherever they are kept
        spiking numbered = *options.spikes;
        numbered.numbers.assign(m.memory_order().begin(), m.memory_order().end());
        within.spikes = std::make_shared<const spiking>(std::move(numbered));
      }
      return gpu_engine(inside, on, within);
    });
  return std::make_unique<device_engine>(m, std::move(on),
                                         options.retention.value_or(m.retention()), options.spikes);
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
