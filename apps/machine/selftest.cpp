// bdh selftest: does this machine's GPU compute what the CPU computes, and how fast? For the user
// who has one.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/model.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/gpu.hpp"
#include "apps/common/options.hpp"
#include "apps/machine/reference_models.hpp"
#include "core/base/version.hpp"
#include "core/model/direct_form.hpp"
#include "gpu/engine/device_check.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_streamed = std::size_t{1} << 30;
constexpr std::uint64_t tokens_compared = 48, tokens_timed = 200;
// more of them, and explicit edges between all are too many
constexpr neuron_id complete_neurons = 8192;
constexpr neuron_id large = 1000;  // neurons; their explicit edges take the CPU a second a token

class selftest_app final : public command {
 public:
  explicit selftest_app(command_line& program)
      : command(program, "selftest",
                "Test a GPU against the CPU, on the models that come with the program, and measure "
                "it.") {
    arguments_.add("MODEL", model_, "a model of your own to compare and to time, too, NAME.bdh.h5")
        .type_name("");
    arguments_.add("--device", device_, "what to test: cuda")
        .required()
        .type_name("DEVICE")
        .one_of({"cuda"});
    arguments_.add("-o", file_, "write a report to this file, JSON").type_name("FILE");
  }

  int run() override {
    if (!file_.empty())
      const atomic_file target(file_, true);  // refuses before the work, not after it
    on_ = open_gpu();
    report_ = {{"version", version()},
               {"device", on_->name()},
               {"bytes", on_->memory().total},
               {"exact", on_->exact()},
               {"compared", nlohmann::ordered_json::array()},
               {"tokens_per_second", nlohmann::ordered_json::object()}};
    for (const auto& [what, version] : on_->versions()) report_[what] = version;
    print(fmt::format("{}: {}\n", on_->name(),
                      on_->exact()
                          ? "exact, expected to give the CPU's bits"
                          : fmt::format("contracts a*b+c, expected to differ by no more than {:g}",
                                        gpu::contracted_tolerance)));
    self_test(on_, [this](const agreement& a) { print_agreement(a); });
    test_reference_models();
    if (!model_.empty()) test(open_model(model_), model_, tokens_compared, true);
    const double bandwidth =
        stream_bandwidth(*on_, std::min(most_streamed, on_->memory().free / 2));
    report_["bytes_per_second"] = bandwidth;
    report_["passed"] = passed_;
    const char* const good = on_->exact()
                                 ? "passed: this device gives the CPU's bits"
                                 : "passed: this device agrees with the CPU within the tolerance";
    print(fmt::format("{:.0f} GB/s while X is made of its drive\n{}\n", bandwidth / 1e9,
                      passed_ ? good : "FAILED: do not trust this device with this program"));
    if (!file_.empty()) write_text(file_, json_text(report_, 1) + "\n");
    return passed_ ? 0 : 1;
  }

 private:
  void test_reference_models() {
    const auto files = reference_models();
    if (files.empty())
      note(
          "note: the models that come with the program are not installed; only random ones are "
          "compared");
    for (const auto& file : files) {
      const std::string name = file.parent_path().filename().string();
      const model hubs = import_checkpoint(file);
      test(hubs, name + ", through hubs", tokens_compared, true);
      if (hubs.neurons() > complete_neurons) continue;
      const model direct = as_direct(hubs).graph;
      test(direct, name + ", explicit edges", hubs.neurons() > large ? 6 : tokens_compared, false);
    }
  }

  // A model that does not fit is noted, and is no failure.
  void test(const model& m, const std::string& name, std::uint64_t tokens, bool time) {
    std::size_t needed = 0;
    for (const gpu::memory_use& use : gpu_memory(m)) needed += use.bytes;
    if (const std::size_t free = on_->memory().free; needed > free) {
      report_["left_out"].push_back({{"model", name}, {"bytes", needed}, {"free", free}});
      print(fmt::format("left out          {}: it takes {} of {} free\n", name, shown_bytes(needed),
                        shown_bytes(free)));
      return;
    }
    print_agreement(compare_with_cpu(m, name, on_, tokens));
    if (!time) return;
    const double speed = tokens_per_second(m, on_, tokens_timed);
    report_["tokens_per_second"][name] = speed;
    print(fmt::format("                  {:.1f} tokens per second\n", speed));
  }

  void print_agreement(const agreement& a) {
    passed_ &= a.passed();
    report_["compared"].push_back({{"model", a.model},
                                   {"tokens", a.tokens},
                                   {"passed", a.passed()},
                                   {"same_bits", a.same_bits},
                                   {"same_counts", a.same},
                                   {"largest_difference", a.difference}});
    std::string verdict = a.passed() ? "within tolerance" : "DIFFERENT";
    if (a.same_bits && a.same) verdict = "same bits";
    print(fmt::format(
        "{:<16}  {}: {} tokens{}\n", verdict, a.model, a.tokens,
        a.difference == 0 ? "" : fmt::format(", largest difference {:.1e}", a.difference)));
  }

  std::string model_, device_, file_;
  std::shared_ptr<gpu::device> on_;
  nlohmann::ordered_json report_;
  bool passed_ = true;
};

}  // namespace

std::unique_ptr<command> selftest_command(command_line& program) {
  return std::make_unique<selftest_app>(program);
}

}  // namespace bdh::app
