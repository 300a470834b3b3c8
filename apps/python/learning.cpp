// Weights that change while a Simulator reads.
#include <bdh/error.hpp>

#include "apps/python/brain.hpp"
#include "core/simulation/weight_learner.hpp"

namespace bdh::python {

learning learning_of(double rate, const std::string& rule, const std::vector<std::string>& only,
                     double back, bool plain) {
  learning how{.rate = rate, .back = back, .plain = plain};
  how.rule = learning_rule_named(rule, "rule");
  std::string list;
  for (const std::string& one : only) list += (list.empty() ? "" : ",") + one;
  if (!only.empty()) how.circuits = circuits_in(list, "only");
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
