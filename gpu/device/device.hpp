// What a device does for the GPU engine: memory, copies, launches of the programs of
// gpu/programs/program_list.hpp, compaction, and a sequence of launches that is recorded once and
// replayed. Work is done in the order of the calls; download and synchronize wait for
// it. Everything that fails throws device_error with the device's own text. For one thread at a
// time: what another launches while a sequence is recorded would be part of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <bdh/cuda.hpp>

#include "kernels/group.hpp"

namespace bdh::gpu {

using kernels::index;

// How many items a program runs over, one thread group each: `most`, or as many as a count on the
// device needs.
struct extent {
  index most;
  const index* count = nullptr;  // on the device, <= most * per_item
  index per_item = 1;            // of what is counted, so many are one item
};

// The first members i of units [i, i + stride) of `values` (n) in which a value is not zero,
// ascending.
struct compaction {
  const float* values;
  index n, stride;
  index* list;   // (n / stride) at most
  index* count;  // (1)
  std::byte* workspace;
  std::size_t workspace_bytes;
};

// The largest difference that contraction may make, relative to the largest value: of logits,
// activities and synapses over some dozen tokens.
inline constexpr double contracted_tolerance = 1e-4;

// Launches and compactions in the order in which they were made.
class recording {
 public:
  virtual ~recording() = default;
};

class device {
 public:
  virtual ~device() = default;
  virtual std::string name() const = 0;
  virtual memory_info memory() const = 0;
  // Whether its arithmetic is the host's, to the last bit. One that contracts a*b+c agrees within
  // contracted_tolerance.
  virtual bool exact() const noexcept = 0;
  // Of what drives it, for reports.
  virtual std::map<std::string, std::string> versions() const { return {}; }

  // From now on every array is an allocation of its own, for tools that see what is written past
  // the end of an allocation, and not what is written between the arrays of one.
  void separate_arrays() noexcept { separate_ = true; }
  bool separates_arrays() const noexcept { return separate_; }

  // Aligned to 256 bytes, of any content. `what` is for messages.
  virtual void* allocate(std::size_t bytes, const std::string& what) = 0;
  virtual void release(void* memory) noexcept = 0;
  // This part of an allocation is an array, and what stands before and behind it is unused.
  // For devices that check.
  virtual void divide(void*, std::size_t, const std::string&) {}

  virtual void upload(void* to, const void* from,
                      std::size_t bytes) = 0;  // `from` is free again on return
  virtual void download(void* to, const void* from, std::size_t bytes) = 0;  // complete on return
  virtual void clear(void* memory, std::size_t bytes) = 0;                   // all bytes zero

  // `arguments`: the program's own struct.
  virtual void launch(std::size_t program, const void* arguments, std::size_t bytes,
                      const extent& items) = 0;
  // The same for several streams: their arguments and extents stand one behind the other on the
  // device, where they stay while recorded. An item is done for every stream before the next one.
  // most: the largest of the extents'.
  virtual void launch_together(std::size_t program, const void* arguments, std::size_t bytes,
                               const extent* items, index streams, index most) = 0;
  virtual std::size_t compact_workspace(index n) = 0;  // bytes that a compaction of n values needs
  virtual void compact(const compaction& what) = 0;
  virtual void synchronize() = 0;

  // Between the two nothing is done but remembered: launch, compact and clear are allowed. After an
  // error in between, abandon().
  virtual void begin_recording() = 0;
  virtual std::unique_ptr<recording> end_recording() = 0;
  virtual void abandon_recording() noexcept = 0;
  virtual void replay(const recording& what) = 0;

 private:
  bool separate_ = false;
};

}  // namespace bdh::gpu
