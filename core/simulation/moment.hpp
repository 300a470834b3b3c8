// The moments of a token at which a layer can be observed, in the order in which they come. Each of
// the four ends a round of the published round table (core/simulation/round_table.hpp).
#pragma once

#include <bdh/ids.hpp>

namespace bdh {

enum class moment {
  token_entered,     // W is that of the token; layer 0
  x_ready,           // round 3: X of the layer
  a_ready,           // round 0: A, from the synapses that the previous token left
  synapses_written,  // round 1: the synapses, as the next token will read them
  y_ready            // round 2: Y, and the W that it gives
};

// The round of the table that ends at a moment of a layer: 0 to 3.
constexpr int round_of(moment m) noexcept {
  switch (m) {
    case moment::a_ready:
      return 0;
    case moment::synapses_written:
      return 1;
    case moment::y_ready:
      return 2;
    default:
      return 3;
  }
}

// A moment that every site has reached.
struct round_mark {
  layer_id layer;  // 0: moment::token_entered
  moment at;
  friend bool operator==(const round_mark&, const round_mark&) = default;
};

// What is read between the rounds of a token, and when: each level includes those before it.
enum class observation {
  none,
  drives,    // X, and the Y or W that it came from: once a layer, wherever a phase happens to end
             // between x_ready and y_ready; marked as x_ready
  activity,  // X, Y, W, A at every moment
  synapses   // the synapses, too
};

}  // namespace bdh
