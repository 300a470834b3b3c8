#include "kernels/tuning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/random.hpp"
#include "core/simulator.hpp"
#include "kernels/cpu_engine.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t window = 100;

// Adds up what a token did, layer by layer.
class activity_meter {
 public:
  activity_meter(const model& m, std::uint64_t tokens, std::uint64_t counted)
      : first_counted_(tokens - std::min(counted, tokens)), counted_(tokens - first_counted_), neurons_(m.neurons()) {
    seen_.layers.resize(m.layers());
    fired_.assign(m.layers(), 0);
  }

  void watch(const simulator& brain, layer_id layer, int round) {
    if (round == 3 && layer == 1) {
      for (float x : brain.read(variable::x))
        if (x != 0.0f) {
          sum_x_ += x;
          ++active_x_;
        }
    }
    if (round != 2) return;
    const auto y = brain.read(variable::y);
    double& largest = seen_.layers[layer - 1].largest_y;
    largest = std::max<double>(largest, *std::max_element(y.begin(), y.end()));
  }

  void add(const token_report& r) {
    for (std::size_t l = 0; l < fired_.size(); ++l) {
      fired_[l] += r.active_y[l];
      if (r.position < first_counted_) continue;
      seen_.layers[l].x += share(r.active_x[l]);
      seen_.layers[l].y += share(r.active_y[l]);
    }
    if ((r.position + 1) % window == 0) close_window();
  }

  void fail(std::string what) { seen_.failed = std::move(what); }

  stream_activity result() {
    seen_.active_x = active_x_ == 0 ? 0 : sum_x_ / static_cast<double>(active_x_);
    seen_.least_y = seen_.layers[0].y;
    for (const layer_activity& l : seen_.layers) {
      seen_.least_y = std::min(seen_.least_y, l.y);
      seen_.mean_x += l.x / static_cast<double>(fired_.size());
      seen_.mean_y += l.y / static_cast<double>(fired_.size());
      seen_.largest_y = std::max(seen_.largest_y, l.largest_y);
    }
    return std::move(seen_);
  }

 private:
  double share(neuron_id active) const { return static_cast<double>(active) / neurons_ / static_cast<double>(counted_); }
  void close_window() {
    for (std::uint64_t& f : fired_) seen_.alive &= std::exchange(f, 0) != 0;
  }

  std::uint64_t first_counted_, counted_;
  neuron_id neurons_;
  stream_activity seen_;
  double sum_x_ = 0;
  std::uint64_t active_x_ = 0;
  std::vector<std::uint64_t> fired_;  // in this window, by layer
};

class tuner {
 public:
  tuner(const random_circuits& circuits, const tuning_goal& goal, std::size_t threads)
      : circuits_(circuits), goal_(goal), threads_(threads), inhibition_(circuits.inhibitory_neurons() != 0) {
    const random_model_recipe& r = circuits.recipe();
    const double inhibitory = static_cast<double>(circuits.inhibitory_neurons()) / r.graph.neurons;
    balance_ = inhibition_ ? (1 - inhibitory) / inhibitory : 1;
    horizon_ = r.retention < 1 ? 1 / (1 - r.retention) : static_cast<double>(goal.tokens);
    tokens_ = static_cast<std::uint64_t>(std::clamp(3 * horizon_, 200.0, static_cast<double>(goal.tokens)));
    gains_.sensory_edges = std::max<neuron_id>(1, static_cast<neuron_id>(std::lround(0.05 * r.graph.neurons)));
    gains_.inhibition_x = gains_.inhibition_y = balance_;
    guess_amplitude();
  }

  // A neuron that fires recruits up to `degree` more, so the first try has few of them.
  // Where no balance is found, more firing helps (a dense graph needs inhibitory neurons among those that fire), or a quieter token.
  tuned_model run() {
    std::optional<input_error> problem;
    for (const double firing : {std::min(goal_.firing_share, 1.5 / degree()), goal_.firing_share, 0.6}) {
      choose_sensory_edges();
      for (int attempt = 0; attempt < 4; ++attempt) {
        balance(firing);
        model result = circuits_.make(gains_);
        seen_ = measure_activity(result, goal_.tokens, 200, 1, threads_);
        problem = judge();
        if (!problem) return {gains_, seen_, std::move(result)};
        if (!(seen_.mean_x > goal_.active_share) || gains_.sensory_edges <= 1) break;
        scale_sensory(std::clamp(goal_.active_share / seen_.mean_x, 0.5, 0.85));
      }
      if (!inhibition_) break;
    }
    throw *problem;
  }

 private:
  static bool close(double value, double goal) { return value > 0.93 * goal && value < 1.07 * goal; }

  const stream_activity& measure(std::uint64_t tokens) {
    return seen_ = measure_activity(circuits_.make(gains_), tokens, tokens / 2, 0, threads_);
  }

  double degree() const {
    const graph_recipe& g = circuits_.recipe().graph;
    return g.family == graph_family::complete ? g.neurons - 1.0 : g.degree;
  }

  // Orders of magnitude, from mean degrees and weights of 1; settle_amplitude does the rest.
  void guess_amplitude() {
    const double driven = static_cast<double>(gains_.sensory_edges) / circuits_.recipe().graph.neurons;
    gains_.gx = 1 / (1 + degree() * driven);
    gains_.gy = 1 / (1 + degree() * degree() * goal_.active_share * driven * horizon_);
  }

  void balance(double firing) {
    for (int sweep = 0; sweep < 3; ++sweep) {
      settle_amplitude(tokens_);
      if (!inhibition_) break;
      search(gains_.inhibition_y, firing * goal_.active_share, &stream_activity::least_y);
      search(gains_.inhibition_x, goal_.active_share, &stream_activity::mean_x);
      if (close(seen_.mean_x, goal_.active_share)) break;
    }
    settle_amplitude(goal_.tokens);
  }

  // As many neurons for a token as leave inhibition something to do: the strongest brings X below the goal, the weakest above.
  void choose_sensory_edges() {
    const neuron_id half = circuits_.recipe().graph.neurons / 2;
    gains_.inhibition_y = balance_;
    const auto share_at = [&](double inhibition) {
      gains_.inhibition_x = inhibition;
      return measure(window).mean_x;
    };
    while (share_at(strongest()) > goal_.active_share && gains_.sensory_edges > 1)
      scale_sensory(std::clamp(goal_.active_share / seen_.mean_x, 0.5, 0.85));
    while (share_at(weakest()) < 0.8 * goal_.active_share && gains_.sensory_edges < half)
      scale_sensory(std::clamp(seen_.mean_x > 0 ? goal_.active_share / seen_.mean_x : 2.0, 1.1, 2.0));
    gains_.inhibition_x = balance_;
  }

  void scale_sensory(double factor) {
    const double wanted = factor < 1 ? std::floor(gains_.sensory_edges * factor) : std::ceil(gains_.sensory_edges * factor);
    gains_.sensory_edges = std::max(1u, static_cast<neuron_id>(wanted));
  }

  double weakest() const { return balance_ / 32; }
  double strongest() const { return balance_ * 8; }

  // Bisection of the logarithm of an inhibition factor: more of it, less activity.
  void search(double& inhibition, double goal, double stream_activity::*share) {
    double low = weakest(), high = strongest();
    for (int step = 0; step < 10; ++step) {
      inhibition = std::sqrt(low * high);
      const double found = measure(tokens_).*share;
      if (close(found, goal)) return;
      (found > goal ? low : high) = inhibition;
    }
  }

  // gx: exactly proportional to X of layer 1. gy: the largest Y rises with it, in deep models with a high power: bisection.
  void settle_amplitude(std::uint64_t tokens) {
    double low = 0, high = 0;
    for (int step = 0; step < 20; ++step) {
      const stream_activity& s = measure(tokens);
      const bool x_fits = s.active_x == 0 || close(s.active_x, 1);
      if (!x_fits) gains_.gx /= s.active_x;
      const double y = s.failed ? std::numeric_limits<double>::infinity() : s.largest_y;
      if (y == 0 || (x_fits && y > 0.7 && y < 1.4)) return;
      if (!x_fits) {
        if (std::isfinite(y)) gains_.gy /= std::clamp(y, 1e-6, 1e6);
        low = high = 0;
        continue;
      }
      (y > 1 ? high : low) = gains_.gy;
      const double guess = std::isfinite(y) ? gains_.gy / y : gains_.gy * 1e-3;
      gains_.gy = low > 0 && high > 0 && (guess <= low || guess >= high) ? std::sqrt(low * high) : guess;
    }
  }

  // What is wrong with the activity last seen.
  std::optional<input_error> judge() const {
    const auto refuse = [&](const std::string& found, const std::string& expected, const std::string& hint) {
      return input_error("no gains found, " + std::string(name(circuits_.recipe().graph.family)), found, expected, hint);
    };
    const double goal = goal_.active_share;
    if (seen_.failed)
      return refuse(*seen_.failed, "finite values for " + std::to_string(goal_.tokens) + " tokens", "fewer layers, less retention");
    if (!(seen_.mean_x >= 0.5 * goal && seen_.mean_x <= 1.5 * goal))
      return refuse("an active share of X of " + std::to_string(seen_.mean_x) + " at best", "about " + std::to_string(goal),
                    seen_.mean_x > goal ? "more neurons, more inhibitory ones, a lower degree or fewer layers" : "a higher degree");
    if (!seen_.alive) return refuse("a layer whose Y is zero for 100 tokens", "active ones", "a higher degree or more neurons");
    if (!(seen_.largest_y <= goal_.bound))
      return refuse("Y of " + std::to_string(seen_.largest_y), "at most " + std::to_string(goal_.bound), "fewer layers, less retention");
    return std::nullopt;
  }

  const random_circuits& circuits_;
  const tuning_goal goal_;
  const std::size_t threads_;
  const bool inhibition_;
  double balance_ = 1, horizon_ = 100;
  std::uint64_t tokens_ = 300;
  circuit_gains gains_;
  stream_activity seen_;
};

}  // namespace

stream_activity measure_activity(const model& m, std::uint64_t tokens, std::uint64_t counted, std::uint64_t stream, std::size_t threads) {
  simulator brain(m, cpu_engine(m, {.sites = static_cast<site_id>(threads), .instructions = instruction_set::best, .retention = {}}),
                  {.threads = threads});
  activity_meter meter(m, tokens, counted);
  brain.watch([&](layer_id layer, int round) { meter.watch(brain, layer, round); });
  random_stream random(stream, purpose::calibration, 0);
  try {
    for (std::uint64_t t = 0; t < tokens; ++t) meter.add(brain.step(random.below(m.sensory_nodes())));
  } catch (const input_error& e) {
    meter.fail(e.what());
  }
  return meter.result();
}

tuned_model tune(const random_circuits& circuits, const tuning_goal& goal, std::size_t threads) {
  if (!(goal.active_share > 0 && goal.active_share < 1))
    throw input_error("target-activity", std::to_string(goal.active_share), "a share, 0 < share < 1");
  return tuner(circuits, goal, threads).run();
}

}  // namespace bdh
