// The round table (Table 1 of the paper) as data: which local kernels run in which round of a
// layer. The scheduler executes whatever stands here; a changed table gives changed dynamics.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

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
  propagate_and_reweight
};

kernel kernel_of(action a) noexcept;
const char* name(kernel k) noexcept;
const char* rule(action a) noexcept;  // in the paper's notation

struct round_table {
  std::array<std::vector<action>, 4> rounds;  // of one layer, round r at [r]

  // Section 2 of the paper with its two slips settled: the state that the previous token left is
  // read, then written, then decays.
  static round_table published();
};

// The table as text, one action a line: "round 1  reweight   W(j), X(i) -> ...".
std::string describe(const round_table& table);

}  // namespace bdh
