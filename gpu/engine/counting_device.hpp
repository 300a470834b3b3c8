// A device that computes nothing: it writes down what it is called for. What an engine launches and
// copies for a token is counted there without a GPU and without memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "gpu/device/device.hpp"
#include "gpu/engine/batched_launch.hpp"

namespace bdh::gpu {

class counting_device final : public device {
 public:
  std::string name() const override { return "a device that counts"; }
  memory_info memory() const override { return {~std::size_t{0} / 2, ~std::size_t{0} / 2}; }
  bool exact() const noexcept override { return true; }
  void* allocate(std::size_t bytes, const std::string& what) override;
  void release(void*) noexcept override {}
  void divide(void* memory, std::size_t bytes, const std::string& what) override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;  // zeros
  void clear(void* memory, std::size_t bytes) override;
  void launch(std::size_t program, const void* arguments, std::size_t bytes,
              const extent& items) override;
  // Refused: std::logic_error. Streams have a device each.
  void launch_together(std::size_t program, const void* arguments, std::size_t bytes,
                       const extent* items, index streams, index most) override;
  std::size_t compact_workspace(index n) override { return n; }
  void compact(const compaction& what) override;
  void synchronize() override {}
  void begin_recording() override;
  std::unique_ptr<recording> end_recording() override;
  void abandon_recording() noexcept override { recording_.reset(); }
  void replay(const recording& what) override;

  // From now on what is done is counted anew.
  void forget();
  const operations& done() const noexcept { return done_; }
  std::size_t copies() const noexcept { return copies_; }
  std::size_t uploaded() const noexcept { return uploaded_; }  // bytes
  std::size_t downloaded() const noexcept { return downloaded_; }

  // The array that begins there: its bytes, and what was uploaded to it last, as a whole; empty
  // where it is larger than what is kept.
  std::size_t bytes_of(const void* array) const;
  template <class T>
  const T* content(const void* array) const {
    const auto at = kept_.find(array);
    return at == kept_.end() ? nullptr : reinterpret_cast<const T*>(at->second.data());
  }

 private:
  struct sequence final : recording {
    operations all;
  };
  void issue(operation o);

  std::uintptr_t end_ = std::uintptr_t{1} << 32;  // of all allocations
  std::map<const void*, std::size_t> arrays_;
  std::map<const void*, std::vector<std::uint64_t>> kept_;
  operations done_;
  std::size_t copies_ = 0, uploaded_ = 0, downloaded_ = 0;
  std::unique_ptr<sequence> recording_;
};

}  // namespace bdh::gpu
