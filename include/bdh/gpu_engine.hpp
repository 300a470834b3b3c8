// The GPU engine: a site, all of it on a device. The bits are those of the CPU engine where the
// device's arithmetic is exact.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <bdh/cuda.hpp>
#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

namespace bdh {

struct gpu_options {
  std::optional<double> retention = std::nullopt;  // 0 < u <= 1, in place of the model's
  // One of several sites, each with a device and an engine of its own, in one process or several;
  // its number. For models through hubs whose heads the sites share equally; lesions are refused.
  site_id sites = 1, site = 0;
  // X and Y travel as spikes; null: as they are. Through hubs, which stay graded, on one device.
  std::shared_ptr<const spiking> spikes = nullptr;
};

// Uploads the model. It must outlive the engine. Throws input_error, or device_error: also when the
// memory that gpu_memory() gives is not free. Steps are deferred until a value is read or the token
// ends; a token of which nothing is read in between is recorded once and replayed. An error of the
// device comes out of the next call that can throw, at the latest of the end of the token.
std::unique_ptr<engine> gpu_engine(const model& m, std::shared_ptr<gpu::device> on,
                                   const gpu_options& options = {});

// What an engine for this model allocates, without its few bytes of workspace.
std::vector<gpu::memory_use> gpu_memory(const model& m);

}  // namespace bdh
