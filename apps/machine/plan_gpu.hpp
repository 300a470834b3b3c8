// The time of a token on a GPU that need not be there: predicted from the launches of the engine.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/machine/plan_model.hpp"
#include "gpu/engine/device_time.hpp"

namespace bdh::app {

struct gpu_prediction {
  double launches = 0, programs = 0;  // launches of a token; of them the program's own kernels
  double touched = 0;                 // bytes, by all launches
  double copied = 0;                  // bytes between host and GPU
  gpu::device_time time;
};

// Of a model like this: one is laid out, to be read by the engine on a device that counts. Nothing
// where its explicit edges are too many for that.
std::optional<gpu_prediction> predict_on_gpu(const planned_model& p, const gpu::gpu_figures& on);
std::optional<gpu_prediction> predict_on_gpu(const model& m, const planned_model& p,
                                             const gpu::gpu_figures& on);

std::vector<std::string> names_of_gpus();
nlohmann::ordered_json json_of(const gpu_prediction& p);

}  // namespace bdh::app
