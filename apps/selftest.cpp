// bdh selftest: does this machine's GPU compute what the CPU computes, and how fast? For the user who has one.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/console.hpp"
#include "apps/options.hpp"
#include "core/base/error.hpp"
#include "gpu/cuda.hpp"
#include "gpu/self_test.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_streamed = std::size_t{1} << 30;
constexpr std::uint64_t tokens_compared = 48, tokens_timed = 200;

class selftest_app final : public command {
 public:
  explicit selftest_app(CLI::App& program) : command(program, "selftest", "Test a GPU against the CPU, bit by bit, and measure it.") {
    arguments_.add_option("MODEL", model_, "a model of your own to compare and to time, NAME.bdh.h5")->type_name("");
    arguments_.add_option("--device", device_, "what to test: cuda")->required()->type_name("DEVICE")->check(CLI::IsMember({"cuda"}));
    arguments_.add_option("-o", report_, "write a report to this file, JSON")->type_name("FILE");
  }

  int run() override {
    const auto on = gpu::open_cuda_device();
    nlohmann::ordered_json report{{"version", BDH_VERSION}, {"device", on->name()}, {"compared", nlohmann::ordered_json::array()}};
    print(on->name() + "\n");
    bool passed = true;
    const auto told = [&](const agreement& a) {
      passed &= a.passed();
      report["compared"].push_back(
          {{"model", a.model}, {"tokens", a.tokens}, {"logits", a.logits}, {"counts", a.counts}, {"synapses", a.synapses}});
      print(fmt::format("{}  {}: {} tokens\n", a.passed() ? "same bits" : "DIFFERENT", a.model, a.tokens));
    };
    self_test(on, told);
    if (!model_.empty()) {
      const model m = open_model(model_);
      told(compare_with_cpu(m, model_, on, tokens_compared));
      report["tokens_per_second"] = tokens_per_second(m, on, tokens_timed);
      print(fmt::format("{:.1f} tokens per second, {}\n", report["tokens_per_second"].get<double>(), model_));
    }
    const double bandwidth = stream_bandwidth(*on, std::min(most_streamed, on->memory().free / 2));
    report["bytes_per_second"] = bandwidth;
    report["passed"] = passed;
    print(fmt::format("{:.0f} GB/s of memory bandwidth\n{}\n", bandwidth / 1e9,
                      passed ? "passed: this device gives the CPU's bits" : "FAILED: do not trust this device with this program"));
    if (!report_.empty()) write(report);
    return passed ? 0 : 1;
  }

 private:
  void write(const nlohmann::ordered_json& report) const {
    std::ofstream file(report_);
    file << report.dump(1) << "\n";
    file.close();
    if (!file) throw device_error(report_, "could not be written", "a file in a folder with room");
  }

  std::string model_, device_, report_;
};

}  // namespace

std::unique_ptr<command> selftest_command(CLI::App& program) { return std::make_unique<selftest_app>(program); }

}  // namespace bdh::app
