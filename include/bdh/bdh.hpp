// All of the library:
//
//     #include <bdh/bdh.hpp>
//
//     const bdh::model model = bdh::import_checkpoint("model.safetensors");
//     bdh::simulator brain(model, bdh::cpu_engine(model));
//     brain.interventions().add(bdh::silence(bdh::variable::x, {5, 9}).layers({2}));
//     for (const char byte : std::string("To be")) brain.step(static_cast<unsigned char>(byte));
//     brain.logits();
#pragma once

#include <bdh/array.hpp>
#include <bdh/bfloat16.hpp>
#include <bdh/cpu_engine.hpp>
#include <bdh/cuda.hpp>
#include <bdh/dynamics.hpp>
#include <bdh/engine.hpp>
#include <bdh/error.hpp>
#include <bdh/experiment.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/ids.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/intervention.hpp>
#include <bdh/model.hpp>
#include <bdh/model_file.hpp>
#include <bdh/probe.hpp>
#include <bdh/projection.hpp>
#include <bdh/queries.hpp>
#include <bdh/round_table.hpp>
#include <bdh/sampling.hpp>
#include <bdh/selection.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state.hpp>
#include <bdh/state_file.hpp>
#include <bdh/step_report.hpp>

namespace bdh {

const char* version() noexcept;  // "1.2.3"

}  // namespace bdh
