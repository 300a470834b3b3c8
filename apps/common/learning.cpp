#include "apps/common/learning.hpp"

#include <nlohmann/json.hpp>
#include <span>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/options.hpp"
#include "apps/common/ranks.hpp"
#include "apps/common/token_text.hpp"
#include "core/simulation/weight_learner.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr range<double> rate_range{0, 3e38, "a finite number >= 0"},
    back_range{0, 1, "a share, 0 to 1"};

}  // namespace

void learning_choice::add_to(command_line& c, const std::string& rate_option) {
  add_number<double>(c, rate_option, rate, rate_range,
                     "weights change after every token of the text, at this rate: 3e-5 for text "
                     "like that of the training, 1e-4 for other text")
      .type_name("RATE");
  c.add("--learn-rule", rule,
        "what comes back to an edge: exact: the error, over the edges that were used; rows: one "
        "vector of errors for all neurons, cheaper; readout: readout and embedding alone [exact]")
      .type_name("RULE")
      .one_of({"exact", "rows", "readout"});
  c.add("--learn-only", only,
        "circuits that change, of gx, gy, e, readout, embedding, with commas between [all]")
      .type_name("LIST");
  add_number<double>(c, "--learn-return", back, back_range,
                     "share of the way back to the model's own weights that a row goes whenever it "
                     "changes, against forgetting; 0: none [0.001]")
      .type_name("L");
  c.add_flag("--learn-plain", plain,
             "the change is the rate times the gradient, not scaled row by row");
}

void learning_choice::check(const engine_choice& engine) const {
  if (!given()) {
    if (rule || only || back || plain)
      throw usage_error("--learn-rule, --learn-only, --learn-return, --learn-plain",
                        "need a rate of learning");
    return;
  }
  if (engine.spikes.given())
    throw usage_error("--learn", "contradicts --spikes: errors come back to activity as it is");
  if (engine.weights == "bf16")
    throw usage_error(
        "--learn", "contradicts --weights bf16, which would round a change of a thousandth away");
  if (engine.device != "cpu") throw usage_error("--learn", "is for the CPU, expected --device cpu");
  if (together()) throw usage_error("--learn", "is for one process, expected no --ranks");
  how();
}

learning learning_choice::how() const {
  learning all;
  all.rate = rate.value_or(0);
  if (rule) all.rule = learning_rule_named(*rule, "rule");
  all.back = back.value_or(all.back);
  all.plain = plain;
  if (!only) return all;
  try {
    all.circuits = circuits_in(*only, "--learn-only");
  } catch (const input_error& e) {
    throw usage_error(e.place(), e.found() + ", expected " + e.expected());
  }
  bool one = false;
  for (std::size_t c = 0; c < learned_circuits; ++c)
    one = one || (all.circuits[c] && changes(all.rule, static_cast<learned_circuit>(c)));
  if (!one)
    throw usage_error("--learn-only", "'" + *only + "', of which the rule " +
                                          std::string(name(all.rule)) + " changes nothing");
  return all;
}

nlohmann::json learning_description(const learning& how) {
  return {{"rate", how.rate},
          {"rule", name(how.rule)},
          {"return", how.back},
          {"plain", how.plain},
          {"circuits", circuit_list(how)}};
}

learning_choice described_learning(const nlohmann::json& all, const std::string& place) try {
  learning_choice c;
  c.rate = all.at("rate").get<double>();
  c.rule = all.at("rule").get<std::string>();
  c.back = all.at("return").get<double>();
  c.plain = all.at("plain").get<bool>();
  c.only = all.at("circuits").get<std::string>();
  if (!(*c.rate >= 0 && *c.rate <= rate_range.most) || !(*c.back >= 0 && *c.back <= 1))
    throw input_error(place, "learning: " + json_text(all), "the learning that bdh run wrote");
  learning_rule_named(*c.rule, place);
  c.how();
  return c;
} catch (const nlohmann::json::exception&) {
  throw input_error(place, "learning of another kind", "that which bdh run wrote");
} catch (const usage_error& e) {
  throw input_error(place, std::string("learning: ") + e.what(), "that which bdh run wrote");
}

void learned_text::add(const model& m, token_id token) {
  const std::string text = token_text(m, token);
  sum_.update(std::as_bytes(std::span(text)));
}

std::string learned_text::save_model(const simulator& brain, const std::string& file,
                                     bool overwrite) const {
  return bdh::save_model(brain.learned_model({{"text_sha256", sum_.hex()}}), file, overwrite);
}

}  // namespace bdh::app
