#include "core/analysis/tuning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <bdh/error.hpp>

#include "core/base/rounded.hpp"

namespace bdh {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool close(double value, double goal) { return value > 0.9 * goal && value < 1.1 * goal; }

// The mean of the active X of layer 1 over the first tokens: X = (Gx S)_+. 0: none is active.
double mean_first_x(const model& m) {
  const direct_circuits& c = m.direct();
  const neuron_id n = m.neurons();
  const token_id tokens = std::min<token_id>(m.sensory_nodes(), std::max(16u, 100000 / n));
  std::vector<double> drive(n);
  double sum = 0, active = 0;
  for (token_id t = 0; t < tokens; ++t) {
    std::fill(drive.begin(), drive.end(), 0.0);
    for (edge_id s = c.sensory.indptr()[t]; s < c.sensory.indptr()[t + 1]; ++s)
      for (const auto& [gx, sign] : {std::pair{&c.gx_excitatory, 1}, {&c.gx_inhibitory, -1}}) {
        const neuron_id i = c.sensory.indices()[s];
        const double w = sign * static_cast<double>(c.sensory.weight(s));
        for (edge_id e = gx->indptr()[i]; e < gx->indptr()[i + 1]; ++e)
          drive[gx->indices()[e]] += w * static_cast<double>(gx->weight(e));
      }
    for (const double x : drive)
      if (x > 0) {
        sum += x;
        ++active;
      }
  }
  return active > 0 ? sum / active : 0;
}

class tuner {
 public:
  tuner(const tunable_graph& graph, const engine_factory& make_engine, const tuning_goal& goal,
        const tuning_work& work)
      : graph_(graph), make_engine_(make_engine), goal_(goal), work_(work), gains_(graph.start) {
    const double u = graph.make(gains_, {}).retention();
    horizon_ = u < 1 ? std::min(1 / (1 - u), 1e6) : static_cast<double>(goal.tokens);
    tokens_ = static_cast<std::uint64_t>(
        std::clamp(3 * horizon_, std::min(200.0, static_cast<double>(goal.tokens)),
                   static_cast<double>(goal.tokens)));
  }

  tuned_model run() {
    search();
    // More tokens would not change this much.
    if (distance() > rounded::log(2)) throw refused(*judge());
    // The search saw fewer tokens; a rare one may have driven more.
    for (int attempt = 0; attempt < 3; ++attempt) {
      seen_ = measure_activity(graph_.make(gains_, {}), make_engine_, goal_.tokens, 200, 1, work_);
      if (seen_.failed || seen_.largest_y < 10) break;
      gains_.gy /= seen_.largest_y;
    }
    if (const auto problem = judge()) throw refused(*problem);
    return {gains_, seen_, graph_.make(gains_, entries())};
  }

 private:
  // What is turned for the active share: a greater position means more activity.
  double lowest() const { return graph_.sensory_open ? 1 : 1 / graph_.most_g; }
  double highest() const {
    if (!graph_.sensory_open) return 1 / graph_.least_g;
    return std::max(1.0, std::floor(tuning_bounds::driven_share * graph_.excitatory));
  }
  double position() const {
    return graph_.sensory_open ? gains_.sensory_edges : 1 / gains_.inhibition_x;
  }
  void move_to(double position) {
    if (!graph_.sensory_open) {
      gains_.inhibition_x = gains_.inhibition_y = 1 / position;
      return;
    }
    gains_.sensory_edges = static_cast<neuron_id>(position);
    const double alike = graph_.inhibitory_drive * position * graph_.inhibitory /
                         std::max<double>(graph_.excitatory, 1);
    gains_.sensory_inhibitory = std::min(
        graph_.blanket.value_or(static_cast<neuron_id>(std::lround(alike))), graph_.inhibitory);
  }

  // The best of a few candidates: bisection of the logarithm, once there is something on both
  // sides. Where a single driven neuron is too much, as in dense graphs, more of them are less:
  // they bring more inhibition.
  void search() {
    circuit_gains best = gains_;
    stream_activity best_seen;
    double least = infinity, low = 0, high = 0, at = std::clamp(position(), lowest(), highest());
    for (int attempt = 0; attempt < 16; ++attempt) {
      move_to(at);
      settle_x();
      settle_y(0.05, 20);  // which are active hardly depends on gains
      const double too_much = seen_.failed ? 8 : seen_.mean_x / goal_.active_share;
      if (distance() < least) {
        least = distance();
        best = gains_;
        best_seen = seen_;
      }
      if (close(too_much, 1)) break;
      (too_much > 1 ? high : low) = at;
      reversed_ |= graph_.sensory_open && at == lowest() && !seen_.failed &&
                   seen_.layers[0].x > goal_.active_share;
      const double next = next_position(at, low, high, too_much);
      if (next == at || next == low || next == high) break;
      at = next;
    }
    gains_ = best;
    seen_ = best_seen;
    if (seen_.largest_y <= 0.5 || seen_.largest_y >= 2) settle_y(0.5, 2);
  }

  double next_position(double at, double low, double high, double too_much) const {
    const bool both = low > 0 && high > 0;
    double next = both ? std::sqrt(low * high) : at / std::clamp(too_much, 0.125, 8.0);
    if (!both && reversed_) next = 2 * at;
    if (graph_.sensory_open) {
      next = std::round(next);
      if (next == at) next += (too_much > 1) == reversed_ ? 1 : -1;
    }
    return std::clamp(next, lowest(), highest());
  }

  void settle_x() {
    gains_.gx = 1;
    if (const double mean = mean_first_x(graph_.make(gains_, {})); mean > 0) gains_.gx = 1 / mean;
  }

  // gy: the largest Y rises with it, in deep models with a high power. Guesses from the last two
  // tries, inside what bisection leaves, until it is between `least` and `most`.
  void settle_y(double least, double most) {
    double low = 0, high = 0, slope = 1;
    double last_gy = 0, last_y = 0;
    for (int step = 0; step < 20; ++step) {
      seen_ =
          measure_activity(graph_.make(gains_, {}), make_engine_, tokens_, tokens_ / 2, 0, work_);
      const double y = seen_.failed ? infinity : seen_.largest_y;
      if (y == 0 || (y > least && y < most)) return;
      (y > 1 ? high : low) = gains_.gy;
      if (std::isfinite(y) && last_y > 0 && std::isfinite(last_y))
        slope = std::clamp(rounded::log(y / last_y) / rounded::log(gains_.gy / last_gy), 1.0, 30.0);
      last_gy = gains_.gy;
      last_y = y;
      const double guess =
          std::isfinite(y) ? gains_.gy * rounded::pow(y, -1 / slope) : gains_.gy * 1e-3;
      gains_.gy =
          low > 0 && high > 0 && (guess <= low || guess >= high) ? std::sqrt(low * high) : guess;
    }
  }

  // Of the activity last seen; logarithm of the ratio, and more where there is no activity to speak
  // of.
  double distance() const {
    if (seen_.failed) return 100;
    if (seen_.mean_x == 0) return 50;
    return std::abs(rounded::log(seen_.mean_x / goal_.active_share)) + (seen_.alive ? 0 : 10) +
           (seen_.least_x < 0.2 * goal_.active_share ? 5 : 0);
  }

  tuning_error refused(const input_error& problem) const {
    return {problem, gains_, distance(), seen_.failed ? 0 : seen_.mean_x};
  }

  std::string nearest() const {
    std::string text = "g " + shown(gains_.inhibition_x);
    if (graph_.sensory_open)
      text += ", a token drives " + std::to_string(gains_.sensory_edges) + " excitatory and " +
              std::to_string(gains_.sensory_inhibitory) + " inhibitory neurons";
    return text;
  }

  input_error refusal(const std::string& found, const std::string& expected,
                      const std::string& hint) const {
    return {"no gains found, " + graph_.place, found + " at best (" + nearest() + ")", expected,
            hint};
  }

  std::optional<input_error> judge_gain(const char* name, double gain) const {
    const auto& [least, most] = std::pair{tuning_bounds::least_gain, tuning_bounds::most_gain};
    if (gain >= least && gain <= most) return std::nullopt;
    return refusal(std::string("a gain of ") + name + " of " + shown(gain),
                   shown(least) + " to " + shown(most), "another target activity, g or degree");
  }

  // What is wrong with the activity last seen.
  std::optional<input_error> judge() const {
    const double goal = goal_.active_share;
    if (seen_.failed)
      return refusal(*seen_.failed, "finite values for " + std::to_string(goal_.tokens) + " tokens",
                     "fewer layers, less retention");
    if (!(seen_.mean_x >= 0.5 * goal && seen_.mean_x <= 1.5 * goal))
      return refusal("an active share of X of " + fmt::format("{:.3g}", seen_.mean_x),
                     digits(0.5 * goal) + " to " + digits(1.5 * goal),
                     seen_.mean_x > goal ? graph_.hint : "a higher degree, or a lower g");
    if (!(seen_.least_x >= 0.2 * goal))
      return refusal("a layer with an active share of X of " + digits(seen_.least_x),
                     digits(0.2 * goal) + " or more",
                     "a target activity nearer to what came, or fewer layers");
    if (!seen_.alive)
      return refusal("a layer whose Y is zero for 100 tokens", "active ones",
                     "a higher target activity, a higher degree or fewer layers");
    for (const layer_shares& l : seen_.layers)
      if (!(l.largest_y >= goal_.least))
        return refusal("a layer whose largest Y is " + shown(l.largest_y),
                       shown(goal_.least) + " or more", "a higher degree or fewer layers");
    if (!(seen_.largest_y <= goal_.bound))
      return refusal("Y of " + shown(seen_.largest_y), "up to " + shown(goal_.bound),
                     "fewer layers, less retention");
    if (auto problem = judge_gain("Gx", gains_.gx)) return problem;
    return judge_gain("Gy, times the tokens that synapses gather,", gains_.gy * horizon_);
  }

  std::vector<provenance::entry> entries() const {
    std::vector<provenance::entry> all{{"target_activity", shown(goal_.active_share)},
                                       {"g", shown(gains_.inhibition_x)},
                                       {"gain_gx", shown(gains_.gx)},
                                       {"gain_gy", shown(gains_.gy)}};
    if (graph_.sensory_open) {
      all.push_back({"driven_excitatory", std::to_string(gains_.sensory_edges)});
      all.push_back({"driven_inhibitory", std::to_string(gains_.sensory_inhibitory)});
    }
    for (std::size_t l = 0; l < seen_.layers.size(); ++l) {
      const std::string layer = "layer_" + std::to_string(l + 1);
      all.push_back({layer + "_active_x", digits(seen_.layers[l].x)});
      all.push_back({layer + "_active_y", digits(seen_.layers[l].y)});
      all.push_back({layer + "_tokens_with_y", digits(seen_.layers[l].firing)});
    }
    all.push_back({"active_x", digits(seen_.mean_x)});
    all.push_back({"active_y", digits(seen_.mean_y)});
    all.push_back({"largest_y", digits(seen_.largest_y)});
    return all;
  }

  static std::string digits(double value) { return fmt::format("{:.5g}", value); }

  const tunable_graph& graph_;
  const engine_factory& make_engine_;
  const tuning_goal goal_;
  const tuning_work& work_;
  bool reversed_ = false;  // more neurons that a token drives mean less activity
  double horizon_ = 100;   // tokens that synapses gather
  std::uint64_t tokens_ = 300;
  circuit_gains gains_;
  stream_activity seen_;
};

}  // namespace

tuning_error tuning_error::advising(std::string hint) const {
  return {{place(), found(), expected(), std::move(hint)}, nearest_, distance_, share_};
}

std::optional<double> target_within_reach(const tuning_error& why,
                                          const std::function<void(double)>& tune_for) {
  double target = why.share();
  for (int attempt = 0; attempt < 6; ++attempt) {
    const double of_digits = std::strtod(fmt::format("{:.2g}", target).c_str(), nullptr);
    if (!(of_digits > 0 && of_digits < 1)) break;
    try {
      tune_for(of_digits);
      return of_digits;
    } catch (const tuning_error& e) {
      target = std::max(2 * of_digits, e.share());
    }
  }
  return std::nullopt;
}

tuned_model tune(const tunable_graph& graph, const engine_factory& make_engine,
                 const tuning_goal& goal, const tuning_work& work) {
  if (!(goal.active_share > 0 && goal.active_share < 1))
    throw input_error("target-activity", shown(goal.active_share), "a share, 0 < share < 1");
  return tuner(graph, make_engine, goal, work).run();
}

}  // namespace bdh
