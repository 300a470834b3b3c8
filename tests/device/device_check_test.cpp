// The device that was chosen is the one that does the work, and the check finds a device that
// computes wrongly.
#include "gpu/engine/device_check.hpp"

#include <memory>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

#include "device/support.hpp"
#include "support/fake_device.hpp"
#include "support/models.hpp"

namespace {

using tests::device_call;
using tests::fake_device;

// A device that rounds one value otherwise than the CPU does.
class inexact_device final : public bdh::gpu::device {
 public:
  std::string name() const override { return "inexact device"; }
  bool exact() const noexcept override { return true; }  // as it says
  bdh::gpu::memory_info memory() const override { return real_.memory(); }
  void* allocate(std::size_t bytes, const std::string& what) override {
    return real_.allocate(bytes, what);
  }
  void release(void* memory) noexcept override { real_.release(memory); }
  void divide(void* memory, std::size_t bytes, const std::string& what) override {
    real_.divide(memory, bytes, what);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    real_.upload(to, from, bytes);
    if (bytes == sizeof(float) && *static_cast<float*>(to) == 1.0f)
      *static_cast<float*>(to) = 1.0f + 1e-7f;
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    real_.download(to, from, bytes);
  }
  void clear(void* memory, std::size_t bytes) override { real_.clear(memory, bytes); }
  void launch(std::size_t program, const void* arguments, std::size_t bytes,
              const bdh::gpu::extent& items) override {
    real_.launch(program, arguments, bytes, items);
  }
  void launch_together(std::size_t program, const void* arguments, std::size_t bytes,
                       const bdh::gpu::extent* items, bdh::gpu::index streams,
                       bdh::gpu::index most) override {
    real_.launch_together(program, arguments, bytes, items, streams, most);
  }
  std::size_t compact_workspace(bdh::gpu::index n) override { return real_.compact_workspace(n); }
  void compact(const bdh::gpu::compaction& what) override { real_.compact(what); }
  void synchronize() override {}
  void begin_recording() override { real_.begin_recording(); }
  std::unique_ptr<bdh::gpu::recording> end_recording() override { return real_.end_recording(); }
  void abandon_recording() noexcept override { real_.abandon_recording(); }
  void replay(const bdh::gpu::recording& what) override { real_.replay(what); }

 private:
  fake_device real_;
};

}  // namespace

TEST_CASE("a forced device is the one used") {
  const bdh::model m = tests::as_graph(tests::random_weights({}, 1), "gpu-release");
  const auto device = std::make_shared<fake_device>();
  bdh::simulator cpu(m, bdh::cpu_engine(m)), gpu(m, bdh::gpu_engine(m, device));
  CHECK(cpu.device() == "cpu");
  CHECK(gpu.device() == "fake device");
  const std::size_t launches = device->calls(device_call::launch);
  cpu.step(1);
  CHECK(device->calls(device_call::launch) == launches);
  gpu.step(1);
  CHECK(device->calls(device_call::launch) > launches);
}

TEST_CASE("without CUDA, or without a GPU, requesting one is a device error") {
  std::string message;
  try {
    bdh::gpu::open_cuda_device(1000);
  } catch (const bdh::device_error& e) {
    message = e.what();
  }
  CAPTURE(message);
  if (bdh::gpu::built_with_cuda())
    CHECK(message.find("cuda") != std::string::npos);
  else
    CHECK(message.find("install NVIDIA's driver and the CUDA Toolkit 13") != std::string::npos);
}

TEST_CASE("the self-test passes an exact device and fails one that is not") {
  const auto exact = std::make_shared<fake_device>();
  std::size_t reported = 0;
  for (const bdh::agreement& a :
       bdh::self_test(exact, [&](const bdh::agreement&) { ++reported; })) {
    CAPTURE(a.model);
    CHECK(a.passed());
    CHECK(a.tokens == 24);
  }
  CHECK(reported == 9);
  CHECK(exact->allocations() == 0);
  CHECK(bdh::stream_bandwidth(*exact, 1 << 16) > 0);
  const bdh::model m = tests::as_graph(tests::random_weights({}, 1), "gpu-release");
  CHECK(bdh::tokens_per_second(m, exact, 10) > 0);
  const bdh::agreement wrong =
      bdh::compare_with_cpu(m, "random", std::make_shared<inexact_device>(), 8);
  CHECK_FALSE(wrong.same_bits);
  CHECK(wrong.difference > 0);
  CHECK(wrong.difference < bdh::gpu::contracted_tolerance);
  CHECK_FALSE(wrong.passed());
  // Were it one that contracts, so small a difference would be right.
  bdh::agreement contracted = wrong;
  contracted.exact = false;
  CHECK(contracted.passed());
  contracted.difference = 2 * bdh::gpu::contracted_tolerance;
  CHECK_FALSE(contracted.passed());
}
