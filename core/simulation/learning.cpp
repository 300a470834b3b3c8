// Learning as the simulator drives it: what is refused, and the rounds after a token.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/bounds.hpp"
#include "core/simulation/simulator_parts.hpp"
#include "core/simulation/weight_learner.hpp"

namespace bdh {

const char* name(learning_rule r) noexcept {
  switch (r) {
    case learning_rule::readout:
      return "readout";
    case learning_rule::rows:
      return "rows";
    default:
      return "exact";
  }
}

const char* name(learned_circuit c) noexcept {
  static constexpr const char* names[] = {"gx", "gy", "e", "readout", "embedding"};
  return names[static_cast<std::size_t>(c)];
}

learning_rule learning_rule_named(std::string_view text, const std::string& place) {
  for (const learning_rule r : {learning_rule::exact, learning_rule::rows, learning_rule::readout})
    if (text == name(r)) return r;
  throw input_error(place, "'" + std::string(text) + "'", "exact, rows or readout");
}

std::array<bool, learned_circuits> circuits_in(std::string_view list, const std::string& place) {
  std::array<bool, learned_circuits> all = {};
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    bool known = false;
    for (std::size_t c = 0; c < learned_circuits; ++c)
      if (word == name(static_cast<learned_circuit>(c))) known = all[c] = true;
    if (!known)
      throw input_error(place, "'" + std::string(word) + "'",
                        "some of gx, gy, e, readout, embedding");
    begin = end + 1;
  }
  return all;
}

bool changes(learning_rule rule, learned_circuit what) noexcept {
  if (what == learned_circuit::readout) return true;
  if (what == learned_circuit::embedding) return rule != learning_rule::rows;
  return rule != learning_rule::readout;
}

std::string circuit_list(const learning& how) {
  std::string all;
  for (std::size_t c = 0; c < learned_circuits; ++c)
    if (how.circuits[c])
      all += (all.empty() ? "" : ",") + std::string(name(static_cast<learned_circuit>(c)));
  return all;
}

std::string describe(const learning& how) {
  return std::string("rule ") + name(how.rule) + ", rate " + shown(how.rate) + ", return " +
         shown(how.back) + (how.plain ? ", plain" : "") + ", " + circuit_list(how);
}

namespace {

void check_numbers(const learning& how) {
  if (!(how.rate >= 0) || !std::isfinite(static_cast<float>(how.rate)))
    throw input_error("learning rate", shown(how.rate), "a finite number >= 0");
  if (!(how.back >= 0 && how.back <= 1))
    throw input_error("learning return", shown(how.back), "0 to 1");
  for (std::size_t c = 0; c < learned_circuits; ++c)
    if (const auto what = static_cast<learned_circuit>(c);
        how.circuits[c] && changes(how.rule, what))
      return;
  throw input_error("learning",
                    "no circuit that the rule " + std::string(name(how.rule)) + " changes among " +
                        circuit_list(how),
                    "one at least");
}

}  // namespace

// What an intervention silences does not learn; what it adds or cuts is not in the weights.
void expect_learning_allowed(const intervention& p) {
  if (p.what == intervention_kind::freeze || p.what == intervention_kind::silence ||
      p.what == intervention_kind::reset ||
      (p.what == intervention_kind::lesion && p.on == target::neurons && p.always))
    return;
  throw unavailable_error("learning", "an intervention that changes drives, edges or synapses",
                          "silence, freeze, reset, or a lesion of neurons from the first token on",
                          "its error would be that of another network");
}

void check(const learning& how, const model& m) {
  check_numbers(how);
  if (m.readout_nodes() == 0)
    throw input_error("learning", "a model without readout nodes, and so without an error",
                      "a model with a readout");
  if (m.is_direct())
    throw unavailable_error("learning", "a model of explicit edges", "circuits through hubs");
  if (m.rules().name() != "gpu-release")
    throw unavailable_error("learning", "dynamics " + m.rules().name(), "gpu-release");
  if (m.is_bfloat16())
    throw unavailable_error("learning", "weights in bfloat16", "weights in float32",
                            "a change of a thousandth would be rounded away");
  const hub_circuits& c = m.circuits();
  for (const projection* p : {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout})
    if (!p->is_dense())
      throw unavailable_error("learning", "circuit " + p->name() + " as a list of edges",
                              "dense blocks of weights");
}

void simulator::learn_by(const learning& how) {
  parts_->position.expect_between_tokens();
  check(how, model());
  engine& work = *parts_->work;
  if (work.spikes())
    throw unavailable_error("learning", "activity that travels as spikes", "activity as it is");
  if (!parts_->loop.published())
    throw unavailable_error("learning", "a changed round table", "the published one");
  expect_all_sites_local("learning", work);
  for (const auto& [number, p] : parts_->interventions) expect_learning_allowed(p);
  work.learn(how);
  parts_->of_learning =
      make_learning_plan([&work](action a) { return work.stages(a); }, model().layers(), how.rule);
}

const learning* simulator::learns_by() const noexcept {
  const weight_learner* const learner = parts_->work->learner();
  return learner ? &learner->how() : nullptr;
}

std::optional<learned_counts> simulator::learn(token_id next) {
  parts_->position.expect_between_tokens();
  weight_learner* const learner = parts_->work->learner();
  if (!learner)
    throw input_error("learning", "a simulator that does not learn", "learn_by() first");
  if (next >= model().readout_nodes())
    throw input_error("token", std::to_string(next),
                      "< " + std::to_string(model().readout_nodes()) + ", the readout nodes");
  if (!learner->knows_token()) return std::nullopt;
  parts_->position.inconsistent = true;  // should it fail
  learner->teach(next);
  parts_->loop.learn(parts_->of_learning);
  parts_->taught = learner->end(tokens() - 1);
  parts_->position.inconsistent = false;
  return parts_->taught;
}

std::uint64_t simulator::tokens_learned() const noexcept {
  const weight_learner* const learner = parts_->work->learner();
  return learner ? learner->tokens() : 0;
}

model simulator::learned_model(std::vector<provenance::entry> more) const {
  const weight_learner* const learner = parts_->work->learner();
  if (!learner)
    throw input_error("learning", "a simulator that does not learn", "learn_by() first");
  parts_->position.expect_between_tokens();
  model_spec spec = model().spec_without_circuits();
  const hub_circuits& now = learner->circuits();
  spec.circuits = {.e = now.e.copy(),
                   .sensory = now.sensory.copy(),
                   .dx = now.dx.copy(),
                   .dy = now.dy.copy(),
                   .readout = now.readout.copy()};
  const learning& how = learner->how();
  spec.origin.learning = {{"parent", model().content_sha256()},
                          {"rule", name(how.rule)},
                          {"rate", shown(how.rate)},
                          {"return", shown(how.back)},
                          {"scaled", how.plain ? "no" : "row by row"},
                          {"circuits", circuit_list(how)},
                          {"tokens", std::to_string(learner->tokens())}};
  for (provenance::entry& e : more) spec.origin.learning.push_back(std::move(e));
  return bdh::model(std::move(spec));
}

}  // namespace bdh
