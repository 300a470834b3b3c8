// Where a stream of tokens is: the parts of a simulator check it before they change anything.
#pragma once

#include <cstdint>

#include <bdh/error.hpp>

namespace bdh {

struct stream_position {
  std::uint64_t tokens = 0;   // read so far
  bool in_token = false;      // between begin() and finish()
  bool inconsistent = false;  // a token began and did not end: sigma is between two tokens

  // Throws input_error unless everything may be changed.
  void expect_between_tokens() const {
    if (in_token) throw input_error("simulator", "a token is being read", "finish() first");
    if (inconsistent)
      throw input_error("simulator", "a token that was not read to its end",
                        "clear_synapses() or restore() before the next");
  }
};

}  // namespace bdh
