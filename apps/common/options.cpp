#include "apps/common/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <bdh/cpu_engine.hpp>
#include <bdh/cuda.hpp>
#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/model_file.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state.hpp>

#include "apps/common/console.hpp"
#include "apps/common/gpu.hpp"
#include "apps/common/ranks.hpp"
#include "apps/ranks/job_sites.hpp"
#include "core/base/instruction_set.hpp"
#include "core/ranks/rank_exchange.hpp"
#include "core/ranks/ranked_engine.hpp"
#include "core/simulation/engine.hpp"
#include "gpu/device/device.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t most_threads = 1024, most_sites = 4096;

}  // namespace

void engine_choice::add_to(command_line& command, bool changing_results, bool initial_synapses) {
  threads = std::clamp<std::uint64_t>(processors(), 1, most_threads);
  add_number<std::uint64_t>(
      command, "--threads", threads, {1, most_threads, "1 to 1024"},
      "threads that compute [" + std::to_string(threads) + ", as many as the machine has]");
  add_number<std::uint64_t>(command, "--sites", sites, {1, most_sites, "1 to 4096"},
                            "parts that the particles are divided into [as many as threads]");
  command.add("--instructions", instructions, "vector code: best, plain, avx2 or avx512 [best]")
      .type_name("SET")
      .expects({"best", "plain", "avx2", "avx512"}, "best, plain, avx2 or avx512");
  command.add("--device", device, "what computes: cpu or cuda [cpu]")
      .type_name("DEVICE")
      .one_of({"cpu", "cuda"});
  processes.add_to(command);
  if (!changing_results) return;
  add_number<double>(command, "--retention", retention, retention_range,
                     "factor u on every synapse per token, 0 < u <= 1 [the model's]")
      .type_name("U");
  command
      .add("--weights", weights,
           "how the model's weights are stored: float32, or bf16, rounded to half the bytes "
           "[float32]")
      .type_name("TYPE")
      .one_of({"float32", "bf16"});
  command
      .add("--synapses", synapses,
           initial_synapses ? "how strengths are stored: float32, or bf16, rounded at random to "
                              "half the bytes [float32, or as in the state]; or a CSV file with "
                              "those to begin from: source,target,strength"
                            : "how strengths are stored: float32, or bf16, rounded at random to "
                              "half the bytes [float32, or as in the state]")
      .type_name(initial_synapses ? "TYPE|FILE.csv" : "TYPE")
      .check([initial_synapses](const std::string& value) {
        if (value == "float32" || value == "bf16") return std::string();
        if (initial_synapses && value.ends_with(".csv")) return std::string();
        return "'" + value + "', expected float32 or bf16" +
               (initial_synapses ? ", or a file NAME.csv" : "");
      });
}

model engine_choice::open(const std::string& file) const {
  model m = open_model(file);
  if (weights == "bf16") m = std::move(m).in_bfloat16();
  remember_file(m, file);
  return m;
}

std::unique_ptr<engine> engine_choice::make_engine(const model& m) const {
  const auto how = spikes.of(m);
  if (device == "cuda") {
    if (together())
      throw unavailable_error("--device cuda", "several ranks", "one process, or the CPU");
    if (rounds_synapses())
      throw unavailable_error("--synapses bf16", "the device cuda", "the CPU",
                              "on a GPU synapses are float32");
    if (site_count() != 1) throw usage_error("--sites", "a GPU is one site");
    const auto on = open_gpu();
    std::uint64_t bytes = 0;
    for (const gpu::memory_use& use : gpu_memory(m)) bytes += use.bytes;
    if (!quiet)
      note(on->name() + ": the model takes " + shown_bytes(bytes) + " of " +
           shown_bytes(on->memory().free) + " free");
    auto work = gpu_engine(m, on, {.retention = retention, .spikes = how});
    work->seed_draws(seed);
    return work;
  }
  std::unique_ptr<engine> work =
      together() ? ranked_engine(m,
                                 {.model_file = file_of(m),
                                  .content_sha256 = m.content_sha256(),
                                  .instructions = instructions,
                                  .retention = retention,
                                  .bfloat16_weights = weights == "bf16",
                                  .bfloat16_synapses = rounds_synapses(),
                                  .sites = site_count(),
                                  .spikes = how},
                                 together(), make_sites)
                 : cpu_engine(m, {.sites = site_count(),
                                  .instructions = instruction_set_named(instructions),
                                  .retention = retention,
                                  .bfloat16_synapses = rounds_synapses(),
                                  .spikes = how});
  work->seed_draws(seed);
  return work;
}

simulator_options engine_choice::simulation() const {
  simulator_options options{.threads = device == "cuda" ? 1 : threads};
  if (!together()) return options;
  options.mail =
      std::make_shared<rank_exchange>(together(), rank_sites{together()->size(), site_count()});
  options.totals = std::make_shared<rank_reduction>(together());
  return options;
}

simulator engine_choice::make(const model& m) const {
  return simulator(m, make_engine(m), simulation());
}

std::string other_summation(const run_state& s) {
  if (s.summation == summation_law) return {};
  return fmt::format(
      "computed by law of summation {}, and this program's is {}: equal up to rounding",
      s.summation, summation_law);
}

void expect_logits(const model& m, const std::string& file, const std::string& purpose) {
  if (m.readout_nodes() != 0) return;
  throw unavailable_error(file, "no readout nodes, and so no logits, which " + purpose + " needs",
                          "a model with a readout",
                          "bdh import --readout FILE gives a graph its readout");
}

void expect_there(const std::string& path, const char* expected) {
  if (std::error_code failed; !std::filesystem::exists(path, failed))
    throw input_error(path, failed ? "cannot be read: " + failed.message() : "no such file",
                      expected);
}

model open_model(const std::string& file) {
  switch (identify(file)) {
    case file_kind::safetensors:
    case file_kind::pytorch:
      throw input_error(file, "a checkpoint of another program", "a bdh model",
                        "bdh import " + file + " -o MODEL.bdh.h5 makes one from it");
    case file_kind::state:
      throw input_error(file, "synapses saved by a run", "a bdh model",
                        "give it to --state, with its model");
    case file_kind::run:
      throw input_error(file, "a recorded run", "a bdh model");
    default:
      return together() ? load_for_ranks(file) : load_model(file);
  }
}

}  // namespace bdh::app
