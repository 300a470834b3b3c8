// Runs kernels thread by thread. A thread goes on until it has to wait for others; those that a
// barrier or an exchange names must all wait at it, and no other may. What the order of threads
// would change is a race, which memory finds in any order.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "device/backend.hpp"
#include "ptx/kernel.hpp"
#include "ptx/memory.hpp"

namespace tests::ptx {

struct counts {
  std::uint64_t launches = 0, instructions = 0, barriers = 0, exchanges = 0;
};

class machine {
 public:
  // order: of the warps of a launch, and of the threads of a warp until they wait.
  machine(memory& of, item_order order) : memory_(of), order_(order) {}

  // arguments: the kernel's, each of the size that it declares. Throws fault: kernel, line, thread,
  // what it did.
  void launch(const kernel& what, std::span<const std::span<const std::byte>> arguments,
              std::uint32_t blocks);
  const counts& counted() const { return counted_; }

 private:
  void place_arguments(std::span<const std::span<const std::byte>> arguments);
  void run_warp(std::uint32_t block, std::uint32_t first);
  void run(thread& t);
  void load(const thread& t, const instruction& i, word* registers);
  void store(const thread& t, const instruction& i, word* registers);
  void release(thread& t);
  void exchange(const instruction& i, std::uint32_t mask);
  word* registers_of(const thread& t) { return registers_.data() + t.lane() * kernel_->registers; }
  template <class T>
  void arrange(std::vector<T>& all);
  [[noreturn]] void refuse(const thread& t, const std::string& what) const;

  memory& memory_;
  item_order order_;
  std::mt19937 random_{1};
  counts counted_;
  // Of the launch that is under way.
  const kernel* kernel_ = nullptr;
  std::uint32_t blocks_ = 0;
  std::vector<word> parameters_;
  std::vector<word> registers_;               // (warp_size x kernel's)
  std::vector<memory::array*> last_;          // by instruction: where it went last
  std::vector<thread> threads_;               // of the warp
  std::vector<std::uint32_t> turns_, warps_;  // in their order
};

}  // namespace tests::ptx
