// Weights that change while a Simulator reads.
#include <bdh/error.hpp>

#include "apps/python/brain.hpp"
#include "core/simulation/weight_learner.hpp"

namespace bdh::python {

learning learning_of(double rate, const std::string& rule, const std::vector<std::string>& only,
                     double back, bool plain) {
  learning how{.rate = rate, .back = back, .plain = plain};
  for (const learning_rule r : {learning_rule::readout, learning_rule::rows, learning_rule::exact})
    if (rule == name(r)) how.rule = r;
  if (rule != name(how.rule)) throw input_error("rule", "'" + rule + "'", "exact, rows or readout");
  if (only.empty()) return how;
  how.circuits = {};
  for (const std::string& wanted : only) {
    bool known = false;
    for (std::size_t c = 0; c < learned_circuits; ++c)
      if (wanted == name(static_cast<learned_circuit>(c))) known = how.circuits[c] = true;
    if (!known)
      throw input_error("only", "'" + wanted + "'", "some of gx, gy, e, readout, embedding");
  }
  return how;
}

void brain::learn_by(const learning& how) {
  simulator& of = without_history("learn");
  expect_between_tokens("learn");
  if (recorded_)
    throw unavailable_error("learn", "a recording that goes on", "bdh run --learn, which records");
  if (const learning* const before = of.learns_by(); before == nullptr)
    of.learn_by(how);
  else if (!(*before == how))
    throw input_error("learn", describe(how), describe(*before) + ", as it began",
                      "another way of learning is for a new Simulator");
}

model_handle brain::learned_model() {
  simulator& of = without_history("learned_model");
  if (of.learns_by() == nullptr)
    throw unavailable_error("learned_model", "a simulator that has not learned", "learn() first");
  return model_handle(of.learned_model());
}

}  // namespace bdh::python
