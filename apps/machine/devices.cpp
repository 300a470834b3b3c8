// bdh devices: what can compute here, and what a model takes there.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/machine/reference_models.hpp"
#include "io/files/json.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh::app {
namespace {

class devices_app final : public command {
 public:
  explicit devices_app(command_line& program)
      : command(program, "devices",
                "List what can compute here, and what a model takes on a GPU.") {
    arguments_.add("MODEL", model_, "a model, NAME.bdh.h5: show the memory that it takes on a GPU")
        .type_name("");
    arguments_.add_flag("--json", json_, "one JSON object on standard output");
  }
  int run() override {
    nlohmann::ordered_json all;
    const std::string set = name(kernels::cpu_kernels_for(instruction_set::best).set);
    all["cpu"] = {{"instructions", set}};
    std::string text = fmt::format("cpu    {}\n", set);
    for (auto wider : {instruction_set::avx2, instruction_set::avx512})
      if (const std::string why = why_not(wider); !why.empty()) {
        all["cpu"]["unusable"][name(wider)] = why;
        text += fmt::format("       not {}: {}\n", name(wider), why);
      }
    all["cuda"] = nlohmann::ordered_json::array();
    try {
      for (const gpu::cuda_device_info& d : gpu::cuda_devices()) {
        all["cuda"].push_back({{"number", d.number},
                               {"name", d.name},
                               {"capability", d.capability},
                               {"bytes", d.memory.total},
                               {"free", d.memory.free}});
        if (!d.unusable.empty()) {
          all["cuda"].back()["unusable"] = d.unusable;
          text += fmt::format("cuda   {} {}: {}\n", d.number, d.name, d.unusable);
          continue;
        }
        text += fmt::format("cuda   {} {}, capability {}, {} of {} free\n", d.number, d.name,
                            d.capability, shown_bytes(d.memory.free), shown_bytes(d.memory.total));
      }
    } catch (const device_error& e) {
      all["cuda_missing"] = e.what();
      text += fmt::format("cuda   none: {}\n", e.what());
    }
    for (const auto& file : reference_models()) all["reference_models"].push_back(file.string());
    if (!model_.empty()) add_memory(open_model(model_), all, text);
    print(json_ ? json_text(all, 1) + "\n" : text);
    return 0;
  }

 private:
  static void add_memory(const model& m, nlohmann::ordered_json& all, std::string& text) {
    std::uint64_t bytes = 0;
    for (const gpu::memory_use& use : gpu_memory(m)) {
      bytes += use.bytes;
      all["memory"][use.what] = use.bytes;
      if (use.bytes != 0) text += fmt::format("{:>10}  {}\n", shown_bytes(use.bytes), use.what);
    }
    all["memory_bytes"] = bytes;
    text += fmt::format("{:>10}  in all on a GPU\n", shown_bytes(bytes));
  }

  std::string model_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<command> devices_command(command_line& program) {
  return std::make_unique<devices_app>(program);
}

}  // namespace bdh::app
