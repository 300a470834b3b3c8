// What several streams of tokens do at the same time over one model: the same programs, each
// stream's with arguments of its own. One launch does an item for every stream before it goes on to
// the next item, so that a row of weights comes from memory once and then from the cache.
#pragma once

#include <memory>
#include <vector>

#include "gpu/device/buffer.hpp"
#include "gpu/device/device.hpp"

namespace bdh::gpu {

// A call of a device that was put off.
struct operation {
  enum { run, compact, clear } kind = run;
  std::size_t program = 0;
  std::vector<std::byte> arguments = {};
  extent items{0};
  compaction compacted{};
  void* memory = nullptr;
  std::size_t bytes = 0;
};
using operations = std::vector<operation>;

void play(device& on, const operations& all);

// Whether they are the same calls, but for their arguments.
bool alike(const operations& a, const operations& b);

// The operations of some streams, alike, as one recording.
class batched_graph {
 public:
  batched_graph(device& on, const std::vector<operations>& streams);
  void replay() { on_.replay(*recorded_); }

 private:
  device& on_;
  allocation memory_;
  buffer<std::byte>
      arguments_;  // launch by launch: the programs of all streams, then their extents
  std::unique_ptr<recording> recorded_;
};

}  // namespace bdh::gpu
