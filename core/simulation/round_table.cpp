#include <bdh/round_table.hpp>

namespace bdh {

kernel kernel_of(action a) noexcept {
  switch (a) {
    case action::reweight:
    case action::learn:
      return kernel::reweight;
    case action::decay:
      return kernel::decay;
    case action::threshold_x:
    case action::threshold_y:
      return kernel::threshold;
    default:
      return kernel::propagate;
  }
}

const char* name(kernel k) noexcept {
  switch (k) {
    case kernel::propagate:
      return "propagate";
    case kernel::reweight:
      return "reweight";
    case kernel::threshold:
      return "threshold";
    default:
      return "decay";
  }
}

const char* rule(action a) noexcept {
  switch (a) {
    case action::sense:
      return "token -> W(j)";
    case action::propagate_synapses:
      return "X(i), sigma_l(i->j) -> A(j)";
    case action::reweight:
      return "W(j), X(i) -> sigma_l(i->j) at rate Gs(i->j)";
    case action::decay:
      return "sigma_l(i->j) -> sigma_l(i->j) U";
    case action::propagate_gy:
      return "A(i), Gy^e(i->j) -> Y^e(j);  A(i), Gy^i(i->j) -> Y^i(j)";
    case action::threshold_y:
      return "(Y^e(j) - Y^i(j))_+ X(j) -> Y(j)";
    case action::update_w:
      return "Y(j) -> W(j)";
    case action::propagate_gx:
      return "W(i), Gx^e(i->j) -> X^e(j);  W(i), Gx^i(i->j) -> X^i(j)";
    case action::threshold_x:
      return "(X^e(j) - X^i(j))_+ -> X(j)";
    case action::return_readout:
      return "e(v) = p(v) - [v = next] -> dW(j)";
    case action::return_gy:
      return "dW(j) -> dY(k); dP(k) = dY(k) X(k) -> dA(j)";
    case action::return_synapses:
      return "dA(j), sigma_l(i->j) -> dX(i); dX(i), Gx(j->i) -> dW(j) of layer l - 1";
    case action::learn:
      return "Y(k), dW(j) -> E; W(j), dX(i) -> Gx; A(j), dP(k) -> Gy; W(j), e(v) -> readout";
    default:
      return "W(i) -> logits";
  }
}

round_table round_table::published() {
  return {{{
      {action::propagate_synapses},
      {action::reweight, action::decay},
      {action::propagate_gy, action::threshold_y, action::update_w},
      {action::propagate_gx, action::threshold_x},
  }}};
}

std::string describe(const round_table& table) {
  std::string text;
  for (std::size_t r = 0; r < table.rounds.size(); ++r)
    for (std::size_t i = 0; i < table.rounds[r].size(); ++i) {
      const action a = table.rounds[r][i];
      std::string kernel_name = name(kernel_of(a));
      kernel_name.resize(11, ' ');
      text += (i == 0 ? "round " + std::to_string(r) + "  " : std::string(9, ' ')) + kernel_name +
              rule(a) + "\n";
    }
  return text;
}

}  // namespace bdh
