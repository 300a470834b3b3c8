// The round table (Table 1 of the paper) as data: which local kernels run in which round of a
// layer. The scheduler executes whatever stands here; a changed table gives changed dynamics.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

// The four local kernels.
enum class kernel { propagate, reweight, threshold, decay };

// What a round can do: one kernel over one set of edges or one variable.
enum class action {
  sense,               // propagate  token -> W                               (token boundary)
  propagate_synapses,  // propagate  X(i), sigma_l(i->j) -> A(j)
  reweight,            // reweight   W(j), X(i) -> sigma_l(i->j)
  decay,               // decay      sigma_l(i->j) -> sigma_l(i->j) U
  propagate_gy,        // propagate  A(i), Gy(i->j) -> Y^e(j), Y^i(j)
  threshold_y,         // threshold  (Y^e(j) - Y^i(j))_+ X(j) -> Y(j)
  update_w,            // propagate  Y(j) -> W(j)
  propagate_gx,        // propagate  W(i), Gx(i->j) -> X^e(j), X^i(j)
  threshold_x,         // threshold  (X^e(j) - X^i(j))_+ -> X(j)
  read_out,            // propagate  W(i) -> logits                           (after layer L)
  // propagate_synapses and the reweight that follows it, as one: make_plan puts it in their place.
  // No round table has it.
  propagate_and_reweight,
  // Of a token that learns (docs/learning.md); no round table has them.
  return_readout,   // propagate  e(v) -> dW(j) after layer L                (the next token is
                    // known)
  return_gy,        // propagate  dW(j) -> dY(k), dP(k) -> dA(j)
  return_synapses,  // propagate  dA(j), sigma_l(i->j) -> dX(i) -> dW(j)
  learn             // reweight   what was sent, the error that came back -> Gx, Gy, E, readout
};

kernel kernel_of(action a) noexcept;
const char* name(kernel k) noexcept;
const char* rule(action a) noexcept;  // in the paper's notation

struct round_table {
  std::array<std::vector<action>, 4> rounds;  // of one layer, round r at [r]

  // Section 2 of the paper with its two slips settled: the state that the previous token left is
  // read, then written, then decays.
  static round_table published();
  bool is_published() const { return rounds == published().rounds; }
};

// The table as text, one action a line: "round 1  reweight   W(j), X(i) -> ...".
std::string describe(const round_table& table);

// The moments of a token at which a layer can be observed, in the order in which they come. Each of
// the four ends a round of the published round table.
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
