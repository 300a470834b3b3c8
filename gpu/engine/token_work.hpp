// What a token costs a device: every launch that the engine makes of it, what each of them touches
// in memory, and how often an item of it waits, one load behind the other. Launches are those of
// the engine itself, on a device that only counts; what a program touches follows from its
// arguments and from the expected activity.
#pragma once

#include <cstddef>
#include <vector>

#include <bdh/model.hpp>

#include "gpu/engine/batched_launch.hpp"

namespace bdh::gpu {

// Active shares of the neurons, mean over layers and tokens; neurons are taken to be independent.
struct expected_activity {
  double x = 0, y = 0;
};

// An array in a launch.
struct touched_array {
  const void* array = nullptr;
  double bytes = 0;        // that are used, each counted once
  double waits = 0;        // how often an item waits for it, loads under way together counted once
  bool written = false;    // also, or only
  double element = 0;      // not 0: so many bytes at a time, strewn over
  double spread_over = 0;  // so many bytes
  double sectors() const;  // bytes that memory moves for it: sectors of 32
};

struct launch_work {
  // program: of gpu/programs/program_list.hpp, or one of the two
  static constexpr std::size_t compaction = ~std::size_t{0}, clearing = compaction - 1;
  std::size_t program = 0;
  double launches = 1;   // of the device: two for a compaction
  double items = 0;      // expected
  index threads = 8;     // of the group of an item
  double cycles = 0;     // of arithmetic that an item does one after the other
  double exchanges = 0;  // of values between the threads of a warp, by all items
  std::vector<touched_array> arrays = {};
  double bytes() const;  // used
};

struct token_work {
  std::vector<launch_work> all;
  std::size_t copies = 0, uploaded = 0, downloaded = 0;  // between host and device; bytes
  double launches() const;
  double bytes() const;  // used by all launches
};

// Of a token in the midst of a text that is read without interventions: recorded, and replayed.
token_work work_of_token(const model& m, const expected_activity& activity);

// The operations of such a token, as the engine gave them to the device.
operations operations_of_token(const model& m);

}  // namespace bdh::gpu
