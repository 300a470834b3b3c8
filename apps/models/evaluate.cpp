// bdh evaluate: how well a model predicts a text.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numbers>
#include <span>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/learning.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "apps/runs/prefill.hpp"
#include "apps/runs/statistics.hpp"
#include "core/simulation/prefill_reader.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

struct evaluate_options {
  std::string model;
  token_choice input;
  engine_choice engine;
  prefill_choice prefill;
  std::optional<std::uint64_t> window;
  bool by_position = false, json = false;
};

// Losses of predictions, by the position of the predicting token: 0-128, then doubling to 512, then
// steps of 512.
class losses {
 public:
  struct bin {
    double nats = 0;
    std::uint64_t predictions = 0;
  };

  void add(std::uint64_t position, double nats) {
    std::size_t at = 2 + position / 512;
    if (position < 512) at = (position >= 128) + std::size_t{position >= 256};
    if (at >= bins_.size()) bins_.resize(at + 1);
    bins_[at].nats += nats;
    ++bins_[at].predictions;
    all_.nats += nats;
    ++all_.predictions;
  }
  static std::uint64_t begin(std::size_t at) {
    if (at == 0) return 0;
    return at < 3 ? std::uint64_t{64} << at : 512 * (at - 2);
  }
  const std::vector<bin>& bins() const { return bins_; }
  const bin& all() const { return all_; }

 private:
  std::vector<bin> bins_;
  bin all_;
};

double mean(const losses::bin& b) { return b.nats / static_cast<double>(b.predictions); }

struct result {
  losses found;
  // In all, by what is compared with: weights and synapses in float32 where the chosen ones are
  // rounded, activity as it is where it travels as spikes.
  double nats_float32 = 0;
  std::optional<statistics> spikes;
  double largest_logit = 0, largest_difference = 0;
  std::uint64_t tokens = 0, windows = 0;

  void compare(std::span<const float> exact, std::span<const float> rounded) {
    for (std::size_t v = 0; v < exact.size(); ++v) {
      largest_logit = std::max<double>(largest_logit, std::abs(exact[v]));
      largest_difference =
          std::max<double>(largest_difference, std::abs(double{exact[v]} - rounded[v]));
    }
  }
};

// `exact`: the same model in float32, read along; null: that is what is measured.
result measure(const evaluate_options& o, simulator& brain, simulator* exact, token_source& input) {
  result r;
  progress_meter progress(true, input.total());
  if (brain.spikes()) r.spikes.emplace(brain.model());
  std::uint64_t position = 0;  // in the window
  while (stop_requested() == 0) {
    const auto token = input.next();
    if (!token) break;
    if (o.window && position == *o.window) {
      brain.clear_synapses();
      if (exact) exact->clear_synapses();
      position = 0;
    }
    if (position == 0) ++r.windows;
    if (brain.learns_by()) brain.learn(*token);
    const step_report report = brain.step(*token);
    if (report.surprisal) r.found.add(position - 1, *report.surprisal);
    if (r.spikes) r.spikes->add(report);
    if (exact) {
      r.nats_float32 += exact->step(*token).surprisal.value_or(0);
      r.compare(exact->logits(), brain.logits());
    }
    ++position;
    progress.at(++r.tokens);
  }
  return r;
}

result measure_in_blocks(const evaluate_options& o, simulator& brain, simulator* exact,
                         token_source& input) {
  result r;
  const std::uint64_t window = o.window.value_or(any_count.most);
  progress_meter progress(true, input.total());
  for (auto token = input.next(); token && stop_requested() == 0;) {
    if (brain.tokens() == window) {
      brain.clear_synapses();
      if (exact) exact->clear_synapses();
    }
    const std::uint64_t at = brain.tokens();
    if (at == 0) ++r.windows;
    const std::uint64_t end = std::min(at / block_span * block_span + block_span, window);
    const std::vector<token_id> piece = take(input, *token, at, end);
    std::vector<float> logits;  // of all tokens
    brain.prefill().read(piece, [&](const step_report& report) {
      if (report.surprisal) r.found.add(report.position - 1, *report.surprisal);
      if (exact) logits.insert(logits.end(), brain.logits().begin(), brain.logits().end());
    });
    if (exact)
      exact->prefill().read(piece, [&](const step_report& report) {
        const std::size_t k = report.position - at, v = exact->logits().size();
        r.compare(exact->logits(), std::span(logits).subspan(k * v, v));
        r.nats_float32 += report.surprisal.value_or(0);
      });
    progress.at(r.tokens += piece.size());
    token.reset();
    if (at + piece.size() == end) token = input.next();
  }
  return r;
}

std::string rounded(const simulator& brain) {
  if (!brain.rounds_synapses()) return brain.model().is_bfloat16() ? "weights" : "";
  return brain.model().is_bfloat16() ? "weights and synapses" : "synapses";
}

void print_text(const result& r, const evaluate_options& o, const simulator& brain) {
  std::string text =
      fmt::format("{:.4f} nats per token ({:.4f} bits) over {} predictions, retention {}\n",
                  mean(r.found.all()), mean(r.found.all()) / std::numbers::ln2,
                  shown_count(static_cast<double>(r.found.all().predictions)), brain.retention());
  if (r.spikes) {
    const double graded = r.nats_float32 / static_cast<double>(r.found.all().predictions);
    text += fmt::format("spikes: {:+.4f} nats per token against {:.4f} with graded activity\n",
                        mean(r.found.all()) - graded, graded);
    text += "spikes a token: " + r.spikes->shown_spikes() + "\n";
  } else if (brain.learns_by()) {
    text += fmt::format("learned from {} tokens, before each of which its loss was taken\n",
                        shown_count(static_cast<double>(brain.tokens_learned())));
  } else if (const std::string what = rounded(brain); !what.empty()) {
    const double exact = r.nats_float32 / static_cast<double>(r.found.all().predictions);
    text += fmt::format(
        "{} rounded to bfloat16: {:+.4f} nats per token against {:.4f} with float32; logits differ "
        "by up to {:.2g} of the largest\n",
        what, mean(r.found.all()) - exact, exact, r.largest_difference / r.largest_logit);
  }
  if (o.by_position) {
    text += fmt::format("{:>15}  {:>7}  {:>11}\n", "position", "nats", "predictions");
    for (std::size_t i = 0; i < r.found.bins().size(); ++i)
      text += fmt::format("{:>15}  {:>7.4f}  {:>11}\n",
                          fmt::format("{}-{}", losses::begin(i), losses::begin(i + 1)),
                          mean(r.found.bins()[i]), r.found.bins()[i].predictions);
  }
  print(text);
}

nlohmann::ordered_json as_json(const result& r, const evaluate_options& o, const simulator& brain) {
  nlohmann::ordered_json all{{"nats_per_token", mean(r.found.all())},
                             {"tokens", r.tokens},
                             {"predictions", r.found.all().predictions},
                             {"windows", r.windows},
                             {"retention", brain.retention()}};
  all["weights"] = brain.model().is_bfloat16() ? "bf16" : "float32";
  all["synapses"] = brain.rounds_synapses() ? "bf16" : "float32";
  if (r.spikes) {
    all["nats_per_token_graded"] = r.nats_float32 / static_cast<double>(r.found.all().predictions);
    all["spikes_per_token"] = r.spikes->spikes_per_token();
    all["seed"] = o.engine.seed;
  } else if (const learning* how = brain.learns_by()) {
    all["learning"] = learning_description(*how);
    all["tokens_learned"] = brain.tokens_learned();
  } else if (!rounded(brain).empty()) {
    all["nats_per_token_float32"] = r.nats_float32 / static_cast<double>(r.found.all().predictions);
    all["largest_difference_of_a_logit"] = r.largest_difference;
    all["largest_logit"] = r.largest_logit;
  }
  if (o.window) all["window"] = *o.window;
  if (stop_requested() != 0) all["interrupted"] = true;
  if (o.by_position) {
    all["by_position"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < r.found.bins().size(); ++i)
      all["by_position"].push_back({{"from", losses::begin(i)},
                                    {"to", losses::begin(i + 1)},
                                    {"nats", mean(r.found.bins()[i])},
                                    {"predictions", r.found.bins()[i].predictions}});
  }
  return all;
}

int evaluate(const evaluate_options& o) {
  o.input.check(true);
  o.engine.spikes.check();
  if (o.engine.spikes.given() && o.prefill.blocks())
    throw usage_error("--prefill blocks",
                      "contradicts --spikes, of which each token has its own windows");
  o.engine.learning.check(o.engine);
  if (o.engine.learning.given() && o.prefill.blocks())
    throw usage_error("--prefill blocks",
                      "contradicts --learn, by which weights change after every token");
  const model m = o.engine.open(o.model);
  expect_logits(m, o.model, "evaluate");
  const auto input = o.input.open(m);
  simulator brain = o.engine.make(m);
  if (o.engine.learning.given()) brain.learn_by(o.engine.learning.how());
  expect_blocks(o.prefill, brain, {});
  std::optional<model> as_stored;
  std::unique_ptr<simulator> exact;
  if (brain.spikes()) {
    engine_choice graded = o.engine;
    graded.spikes = {};
    exact.reset(new simulator(graded.make(m)));
    if (const std::string text = spike_note(*brain.spikes(), m); !text.empty() && !o.json)
      note(text);
  }
  if (m.is_bfloat16() && !exact) as_stored.emplace(open_model(o.model));
  if (!rounded(brain).empty() && !exact && !brain.learns_by()) {
    engine_choice wide = o.engine;
    wide.synapses = "float32";
    exact.reset(new simulator(wide.make(as_stored ? *as_stored : m)));
  }
  stop_on_signals();
  const result r = o.prefill.blocks() ? measure_in_blocks(o, brain, exact.get(), *input)
                                      : measure(o, brain, exact.get(), *input);
  const int signal = stop_requested();
  if (r.found.all().predictions == 0 && signal == 0)
    throw input_error("input", fmt::format("{} tokens and no prediction", r.tokens),
                      "at least two tokens");
  if (r.found.all().predictions != 0) {
    if (o.json) print(json_text(as_json(r, o, brain), 1) + "\n");
    if (!o.json) print_text(r, o, brain);
  }
  if (signal != 0)
    note(fmt::format("bdh: stopped by a signal after {} tokens",
                     shown_count(static_cast<double>(r.tokens))));
  return signal == 0 ? 0 : 128 + signal;
}

class evaluate_app final : public command {
 public:
  explicit evaluate_app(command_line& program)
      : command(program, "evaluate", "Measure how well a model predicts a text (cross-entropy).") {
    evaluate_options& o = options_;
    arguments_.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    o.input.add_to(arguments_, true);
    add_number<std::uint64_t>(arguments_, "--window", o.window,
                              {2, any_count.most, "an integer >= 2"},
                              "tokens; synapses start from zero in each window [one stream]");
    o.engine.add_to(arguments_, true);
    o.prefill.add_to(arguments_);
    o.engine.learning.add_to(arguments_, "--learn");
    o.engine.spikes.add_to(arguments_);
    add_number<std::uint64_t>(arguments_, "--seed", o.engine.seed, any_count,
                              "of what is drawn: spikes, roundings [0]");
    arguments_.add_flag("--by-position", o.by_position,
                        "also by the position of the predicting token in its window");
    arguments_.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override { return evaluate(options_); }

 private:
  evaluate_options options_;
};

}  // namespace

std::unique_ptr<command> evaluate_command(command_line& program) {
  return std::make_unique<evaluate_app>(program);
}

}  // namespace bdh::app
