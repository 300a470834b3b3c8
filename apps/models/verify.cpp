// bdh verify: does a model compute what the authors' program computed?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "io/files/json.hpp"
#include "io/recording/reference_outputs.hpp"

namespace bdh::app {
namespace {

struct verify_options {
  std::string model, expected;
  engine_choice engine;
  double tolerance = 1e-4;
  bool json = false;
};

// Values of one kind: the largest difference, against the largest expected value.
class comparison {
 public:
  void add(float found, float expected) {
    const double difference = std::abs(double{found} - double{expected});
    // A value that is no number differs from everything.
    absolute_ = std::max(
        absolute_, std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
    scale_ = std::max(scale_, std::abs(double{expected}));
  }
  double absolute() const { return absolute_; }
  double relative() const { return absolute_ == 0 ? 0 : absolute_ / scale_; }

 private:
  double absolute_ = 0, scale_ = 0;
};

// Counts of active neurons. A value that is zero but for rounding may be counted or not: one neuron
// more or less is no error.
class count_comparison {
 public:
  void add(std::uint64_t found, std::uint64_t expected) {
    const std::uint64_t difference = found > expected ? found - expected : expected - found;
    ++compared_;
    differing_ += difference != 0;
    largest_ = std::max(largest_, difference);
  }
  std::uint64_t compared() const { return compared_; }
  std::uint64_t differing() const { return differing_; }
  std::uint64_t largest() const { return largest_; }

 private:
  std::uint64_t compared_ = 0, differing_ = 0, largest_ = 0;
};

class verification {
 public:
  verification(const verify_options& o, const model& m, const reference_outputs& e)
      : options_(o), model_(m), expected_(e), brain_(o.engine.make(m)) {
    expect("logits", e.vocabulary, m.readout_nodes(), "readout nodes");
    if (e.layers != 0) expect("layers", e.layers, m.layers(), "layers");
    if (e.neurons != 0) expect("x, y", e.neurons, m.neurons(), "neurons");
    for (neuron_id i = 0; e.neurons != 0 && i < m.neurons(); ++i)
      if (m.original_id(i) >= m.neurons())
        throw shape_error(o.expected + ":/x, y", "values of neurons", "none, or of a whole model",
                          o.model + " is a part of one");
    if (e.hubs != 0 && !m.is_direct()) expect("v", e.hubs, m.hubs(), "hubs");
    if (!e.greedy.empty() &&
        !std::equal(e.tokens.begin(), e.tokens.end(), e.greedy.begin(),
                    e.greedy.begin() + std::min(std::ssize(e.greedy), std::ssize(e.tokens))))
      throw input_error(o.expected + ":/greedy", "begins with other tokens",
                        "the file's tokens, then their continuation");
  }

  bool run() {
    int observing = 0;
    if (!expected_.x.empty() || !expected_.y.empty() || !expected_.v.empty())
      observing = brain_.observe([this](layer_id layer, moment at) { compare_round(layer, at); });
    for (token_ = 0; token_ < expected_.tokens.size(); ++token_) compare_token();
    brain_.stop_observing(observing);
    go_on_greedily();
    return passed(logits_) && passed(x_) && passed(y_) && passed(v_) && active_x_.largest() <= 1 &&
           active_y_.largest() <= 1 && greedy_equal_ == greedy_compared();
  }

  std::string table(bool all_passed) const;
  nlohmann::ordered_json json(bool all_passed) const;

 private:
  void expect(const char* what, std::uint64_t found, std::uint64_t wanted, const char* unit) const {
    if (found != wanted)
      throw shape_error(options_.expected + ":/" + what, fmt::format("{} {}", found, unit),
                        fmt::format("{}, as in {}", wanted, options_.model));
  }

  void compare_token() {
    const step_report report = brain_.step(expected_.tokens[token_]);
    const float* const logits = expected_.logits.data() + token_ * expected_.vocabulary;
    for (std::size_t i = 0; i < expected_.vocabulary; ++i)
      logits_.add(brain_.logits()[i], logits[i]);
    for (std::size_t l = 0; l < model_.layers(); ++l) {
      const std::size_t at = token_ * model_.layers() + l;
      if (!expected_.active_x.empty()) active_x_.add(report.active_x[l], expected_.active_x[at]);
      if (!expected_.active_y.empty()) active_y_.add(report.active_y[l], expected_.active_y[at]);
    }
  }

  // Round 3 comes first in a layer and gives X; round 2 comes last and gives Y, and W for the next
  // layer.
  void compare_round(layer_id layer, moment at) {
    if (at == moment::x_ready && !expected_.x.empty())
      compare_neurons(brain_.read(variable::x), expected_.x, layer, x_);
    if (at == moment::y_ready && !expected_.y.empty())
      compare_neurons(brain_.read(variable::y), expected_.y, layer, y_);
    if (expected_.v.empty() || model_.is_direct())
      return;  // explicit edges have no hubs that carry W
    if (at == moment::x_ready && layer == 1) compare_hubs(0);
    if (at == moment::y_ready) compare_hubs(layer);
  }

  // The file numbers neurons as the checkpoint did.
  void compare_neurons(const std::vector<float>& found, const array<float>& expected,
                       layer_id layer, comparison& to) const {
    const float* const row =
        expected.data() + (token_ * model_.layers() + layer - 1) * model_.neurons();
    for (neuron_id i = 0; i < model_.neurons(); ++i) to.add(found[i], row[model_.original_id(i)]);
  }

  void compare_hubs(layer_id after_layer) {
    const float* const row =
        expected_.v.data() + (token_ * (model_.layers() + 1) + after_layer) * model_.hubs();
    const std::vector<float> found = brain_.read(variable::w);
    for (neuron_id i = 0; i < model_.hubs(); ++i) v_.add(found[i], row[i]);
  }

  void go_on_greedily() {
    for (std::size_t t = expected_.tokens.size(); t < expected_.greedy.size(); ++t) {
      const token_id next = choose(brain_.logits(), {}, brain_.tokens());
      if (next != expected_.greedy[t]) return;
      ++greedy_equal_;
      brain_.step(next);
    }
  }

  bool passed(const comparison& c) const { return c.relative() <= options_.tolerance; }
  std::size_t greedy_compared() const {
    return expected_.greedy.size() > expected_.tokens.size()
               ? expected_.greedy.size() - expected_.tokens.size()
               : 0;
  }

  const verify_options& options_;
  const model& model_;
  const reference_outputs& expected_;
  simulator brain_;
  std::size_t token_ = 0;
  comparison logits_, x_, y_, v_;
  count_comparison active_x_, active_y_;
  std::size_t greedy_equal_ = 0;
};

std::string verification::table(bool all_passed) const {
  std::string text = fmt::format("{:9} {:>19} {:>9}\n", "", "largest difference", "relative");
  const auto row = [&](const char* name, const comparison& c, bool present) {
    if (present)
      text += fmt::format("{:9} {:>19.2e} {:>9.2e}{}\n", name, c.absolute(), c.relative(),
                          passed(c) ? "" : "  too large");
  };
  row("logits", logits_, true);
  row("x", x_, !expected_.x.empty());
  row("y", y_, !expected_.y.empty());
  row("v", v_, !expected_.v.empty() && !model_.is_direct());
  const auto counts = [&](const char* name, const count_comparison& c) {
    if (c.compared() == 0) return;
    text += fmt::format("{:9} {} of {} counts differ", name, c.differing(), c.compared());
    text += c.differing() == 0 ? "\n" : fmt::format(", by at most {}\n", c.largest());
  };
  counts("active_x", active_x_);
  counts("active_y", active_y_);
  if (greedy_compared() != 0)
    text += fmt::format("{:9} {} of {} tokens agree\n", "greedy", greedy_equal_, greedy_compared());
  return text + fmt::format("{}: {} tokens, tolerance {:g}\n", all_passed ? "passed" : "failed",
                            expected_.tokens.size(), options_.tolerance);
}

nlohmann::ordered_json verification::json(bool all_passed) const {
  nlohmann::ordered_json all{{"passed", all_passed},
                             {"tolerance", options_.tolerance},
                             {"tokens", expected_.tokens.size()}};
  const auto values = [&](const char* name, const comparison& c, bool present) {
    if (present)
      all[name] = {
          {"largest_difference", c.absolute()}, {"relative", c.relative()}, {"passed", passed(c)}};
  };
  values("logits", logits_, true);
  values("x", x_, !expected_.x.empty());
  values("y", y_, !expected_.y.empty());
  values("v", v_, !expected_.v.empty() && !model_.is_direct());
  const auto counts = [&](const char* name, const count_comparison& c) {
    if (c.compared() != 0)
      all[name] = {{"compared", c.compared()},
                   {"differing", c.differing()},
                   {"largest_difference", c.largest()}};
  };
  counts("active_x", active_x_);
  counts("active_y", active_y_);
  if (greedy_compared() != 0)
    all["greedy"] = {{"compared", greedy_compared()}, {"equal", greedy_equal_}};
  return all;
}

class verify_app final : public command {
 public:
  explicit verify_app(command_line& program)
      : command(program, "verify", "Compare a model with values that another program computed.") {
    arguments_.add("MODEL", options_.model, "a model, NAME.bdh.h5").required().type_name("");
    arguments_
        .add("EXPECTED", options_.expected,
             "HDF5 with tokens and logits; x, y, v, greedy, active_x, active_y where present")
        .required()
        .type_name("");
    add_number<double>(arguments_, "--tolerance", options_.tolerance,
                       {0, 1, "a number from 0 to 1"},
                       "largest difference, relative to the largest expected value [1e-4]");
    options_.engine.add_to(arguments_, false);
    arguments_.add_flag("--json", options_.json, "one JSON object on standard output");
  }
  int run() override {
    const model m = open_model(options_.model);
    expect_logits(m, options_.model, "verify");
    const reference_outputs expected = read_reference_outputs(options_.expected);
    verification v(options_, m, expected);
    const bool passed = v.run();
    print(options_.json ? json_text(v.json(passed), 1) + "\n" : v.table(passed));
    return passed ? 0 : 1;
  }

 private:
  verify_options options_;
};

}  // namespace

std::unique_ptr<command> verify_command(command_line& program) {
  return std::make_unique<verify_app>(program);
}

}  // namespace bdh::app
