// The fake device with another way to run programs: the PTX that nvcc made of them is interpreted.
// Copies, recordings and compaction are the fake device's; their reads and writes are seen by the
// memory that threads are checked against. What is copied to the host may never have been written:
// structs have gaps.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ptx/kernel_set.hpp"
#include "support/fake_device.hpp"

namespace tests {

// How launches of one stream are run: by the kernel for one, or by the kernel for several, as the
// first of two streams, of which the second has nothing to do.
enum class launched_as { one, one_of_two };

class ptx_device final : public fake_device {
 public:
  ptx_device(std::shared_ptr<ptx::kernel_set> kernels, item_order order, std::size_t memory,
             launched_as how)
      : fake_device(memory, order),
        kernels_(std::move(kernels)),
        machine_(memory_, order),
        how_(how) {}
  ~ptx_device() override { kernels_->add(machine_.counted()); }

  void* allocate(std::size_t bytes, const std::string& what) override;
  void release(void* memory) noexcept override;
  void divide(void* memory, std::size_t bytes, const std::string& what) override;
  void upload(void* to, const void* from, std::size_t bytes) override;

  struct touch {
    std::string kernel;
    std::size_t bytes;
  };
  // From now on, what every launch touches is put there.
  void note_touched(std::vector<touch>* to) { touched_ = to; }

 private:
  void execute(const operation& o) override;
  void run(const operation& o);
  void run_as_stream(const operation& o);
  void run_together(std::size_t program, const std::byte* arguments,
                    const bdh::gpu::extent* extents, bdh::gpu::index streams, bdh::gpu::index most);
  void compact(const operation& o);
  using fake_device::compact;
  using fake_device::launch;
  void launch(const ptx::kernel& what, bdh::gpu::index blocks,
              std::initializer_list<std::span<const std::byte>> arguments);

  std::shared_ptr<ptx::kernel_set> kernels_;
  ptx::memory memory_;
  ptx::machine machine_;
  launched_as how_;
  std::vector<touch>* touched_ = nullptr;
  std::map<void*, std::size_t> allocated_;  // bytes
};

}  // namespace tests
