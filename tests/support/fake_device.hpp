// A device that is the host: the same programs, run one item after another, with memory that
// betrays mistakes. Fresh memory is full of NaN; around every array stand sentinels, also within an
// allocation; copies must stay inside one array; any call can be made to fail.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "device/backend.hpp"
#include "gpu/programs/program_list.hpp"

namespace tests {

enum class device_call { allocation, launch, copy };

// Runs one item of a program: one thread for the whole group.
using item_runner = void (*)(std::size_t program, const std::byte* arguments, bdh::gpu::index item);
void run_alone(std::size_t program, const std::byte* arguments, bdh::gpu::index item);

class fake_device : public bdh::gpu::device {
 public:
  explicit fake_device(std::size_t memory = std::size_t{1} << 32,
                       item_order order = item_order::ascending, item_runner runner = run_alone,
                       bool exact = true)
      : total_(memory), free_(memory), order_(order), runner_(runner), exact_(exact) {}
  ~fake_device()
      override;  // whatever is still allocated then is a leak, which leaks() would have found

  std::string name() const override { return "fake device"; }
  bool exact() const noexcept override { return exact_; }
  bdh::gpu::memory_info memory() const override { return {free_, total_}; }
  void* allocate(std::size_t bytes, const std::string& what) override;
  void release(void* memory) noexcept override;
  void divide(void* memory, std::size_t bytes, const std::string& what) override;
  void upload(void* to, const void* from, std::size_t bytes) override;
  void download(void* to, const void* from, std::size_t bytes) override;
  void clear(void* memory, std::size_t bytes) override;
  void launch(std::size_t program, const void* arguments, std::size_t bytes,
              const bdh::gpu::extent& items) override;
  void launch_together(std::size_t program, const void* arguments, std::size_t bytes,
                       const bdh::gpu::extent* items, bdh::gpu::index streams,
                       bdh::gpu::index most) override;
  std::size_t compact_workspace(bdh::gpu::index n) override { return n; }
  void compact(const bdh::gpu::compaction& what) override;
  void synchronize() override {}
  void begin_recording() override;
  std::unique_ptr<bdh::gpu::recording> end_recording() override;
  void abandon_recording() noexcept override { recording_.reset(); }
  void replay(const bdh::gpu::recording& what) override;

  // The call of this kind, counted from 0 now, throws device_error "... injected fault". Only that
  // one.
  void fail_at(device_call kind, std::size_t number);
  std::size_t calls(device_call kind) const {
    return calls_.at(kind);
  }  // since fail_at(kind) or the beginning
  std::size_t replays() const { return replays_; }
  std::size_t uploaded() const { return uploaded_; }  // bytes
  std::size_t downloaded() const { return downloaded_; }
  std::size_t allocations() const { return blocks_.size(); }
  // An array next to which sentinels were overwritten; none: empty. A broken one is remembered
  // after its release.
  std::string damage() const;

 protected:
  struct operation {
    enum { run, compact, clear } kind = run;
    std::size_t program = 0;
    std::vector<std::byte> arguments;
    bdh::gpu::extent items{0};
    bdh::gpu::compaction compaction{};
    void* memory = nullptr;
    std::size_t bytes = 0;
    const std::byte* together = nullptr;  // arguments of several streams, `bytes` each
    const bdh::gpu::extent* extents = nullptr;
    bdh::gpu::index streams = 1;
  };
  virtual void execute(const operation& o);

 private:
  struct part {
    std::size_t bytes;
    std::string what;
  };
  struct block {
    std::vector<std::byte> bytes;  // with margins
    std::size_t size;
    std::map<std::size_t, part> parts;  // by offset in bytes
    bool divided = false;               // else there is one part, all of it
  };
  struct sequence final : bdh::gpu::recording {
    std::vector<operation> operations;
  };

  void count(device_call kind, const std::string& what);
  void expect_inside(const void* at, std::size_t bytes) const;
  void issue(operation o);  // now, or later
  template <class Work>
  void in_order(bdh::gpu::index items, Work work) const;
  static std::string damage(const block& b);

  std::size_t total_, free_;
  item_order order_;
  item_runner runner_;
  bool exact_;
  block& block_of(const void* at) const;

  mutable std::map<void*, block> blocks_;
  std::map<device_call, std::size_t> calls_{
      {device_call::allocation, 0}, {device_call::launch, 0}, {device_call::copy, 0}};
  std::map<device_call, std::size_t> fails_;
  std::size_t replays_ = 0, uploaded_ = 0, downloaded_ = 0;
  std::unique_ptr<sequence> recording_;
  std::string damaged_;
};

// The device that a program's tests of the fake device run on.
std::shared_ptr<fake_device> fresh_fake_device(item_order order = item_order::ascending,
                                               std::size_t memory = std::size_t{1} << 32);

}  // namespace tests
