#include "core/analysis/tuning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/base/random.hpp"
#include "core/base/rounded.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t window = 100;

// Adds up what a token did, layer by layer.
class activity_meter {
 public:
  activity_meter(const model& m, std::uint64_t tokens, std::uint64_t counted)
      : first_counted_(tokens - std::min(counted, tokens)),
        counted_(tokens - first_counted_),
        neurons_(m.neurons()) {
    seen_.layers.resize(m.layers());
    fired_.assign(m.layers(), 0);
  }

  void watch(const simulator& brain, layer_id layer, moment at) {
    if (at != moment::y_ready) return;
    const auto y = brain.read(variable::y);
    double& largest = seen_.layers[layer - 1].largest_y;
    largest = std::max<double>(largest, *std::max_element(y.begin(), y.end()));
  }

  void add(const step_report& r) {
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
    seen_.least_x = seen_.layers[0].x;
    seen_.least_firing = 1;
    for (const layer_shares& l : seen_.layers) {
      seen_.least_x = std::min(seen_.least_x, l.x);
      seen_.least_firing = std::min(seen_.least_firing, l.x > 0 ? l.y / l.x : 0);
      seen_.mean_x += l.x / static_cast<double>(fired_.size());
      seen_.mean_y += l.y / static_cast<double>(fired_.size());
      seen_.largest_y = std::max(seen_.largest_y, l.largest_y);
    }
    return std::move(seen_);
  }

 private:
  double share(neuron_id active) const {
    return static_cast<double>(active) / neurons_ / static_cast<double>(counted_);
  }
  void close_window() {
    for (std::uint64_t& f : fired_) seen_.alive &= std::exchange(f, 0) != 0;
  }

  std::uint64_t first_counted_, counted_;
  neuron_id neurons_;
  stream_activity seen_;
  std::vector<std::uint64_t> fired_;  // in this window, by layer
};

// Where the search for gains begins: what a smaller graph of the same family needed.
struct known_gains {
  circuit_gains gains;
  double first_share, firing;
  neuron_id neurons;
};

class tuner {
 public:
  tuner(const random_circuits& circuits, const engine_factory& make_engine, const tuning_goal& goal,
        const tuning_work& work)
      : circuits_(circuits),
        make_engine_(make_engine),
        goal_(goal),
        work_(work),
        inhibition_(circuits.inhibitory_neurons() != 0),
        first_share_(goal.active_share) {
    const random_model_recipe& r = circuits.recipe();
    const double inhibitory = static_cast<double>(circuits.inhibitory_neurons()) / r.graph.neurons;
    ei_balance_ = inhibition_ ? (1 - inhibitory) / inhibitory : 1;
    const double horizon =
        r.retention < 1 ? 1 / (1 - r.retention) : static_cast<double>(goal.tokens);
    tokens_ = static_cast<std::uint64_t>(
        std::clamp(3 * horizon, 200.0, static_cast<double>(goal.tokens)));
    const double driven = goal.active_share * r.graph.neurons;
    gains_.sensory_edges = std::max<neuron_id>(1, static_cast<neuron_id>(std::lround(driven)));
    gains_.inhibition_y = ei_balance_;
    // Mean degrees, weights of 1.
    gains_.gy = 1 / (1 + degree() * degree() * goal.active_share * goal.active_share * horizon);
  }

  void start_from(const known_gains& k) {
    const double scale = static_cast<double>(circuits_.recipe().graph.neurons) / k.neurons;
    gains_ = k.gains;
    gains_.sensory_edges = static_cast<neuron_id>(std::lround(scale * k.gains.sensory_edges));
    first_share_ = k.first_share;
    firing_ = k.firing;
  }

  known_gains known() const {
    return {gains_, first_share_, firing_, circuits_.recipe().graph.neurons};
  }

  // A neuron that fires recruits up to `degree` more, so few of them should, but never so few that
  // tokens pass without any. Where no balance is found, more firing helps: a dense graph needs
  // inhibitory neurons among those that fire.
  tuned_model run() {
    const double few = 1.5 / degree(),
                 fewest = 3 / (goal_.active_share * circuits_.recipe().graph.neurons);
    std::vector<double> firing{std::max(std::min(few, goal_.firing_share), std::min(fewest, 1.0)),
                               goal_.firing_share, 0.6, 1};
    if (firing_ > 0) firing.insert(firing.begin(), firing_);
    std::optional<input_error> problem;
    for (const double share : firing) {
      firing_ = share;
      search_first_layer();
      model result = circuits_.make(gains_);
      seen_ = measure_activity(result, make_engine_, goal_.tokens, 200, 1, work_);
      measured_.reset();
      const auto found = judge();
      if (!found) return {gains_, seen_, std::move(result)};
      if (!problem) problem = found;
      if (!inhibition_) break;
      first_share_ = goal_.active_share;
    }
    throw *problem;
  }

 private:
  static bool close(double value, double goal) { return value > 0.9 * goal && value < 1.1 * goal; }

  const stream_activity& measure() {
    if (measured_ == gains_) return seen_;
    seen_ = measure_activity(circuits_.make(gains_), make_engine_, tokens_, tokens_ / 2, 0, work_);
    measured_ = gains_;
    return seen_;
  }

  double degree() const {
    const graph_recipe& g = circuits_.recipe().graph;
    return g.family == graph_family::complete ? g.neurons - 1.0 : g.degree;
  }

  // The best of a few first layers.
  void search_first_layer() {
    circuit_gains best = gains_;
    double least_error = std::numeric_limits<double>::infinity(), last_error = least_error;
    double low = 0, high = 0;  // first shares that made too little and too much
    for (int attempt = 0; attempt < 8; ++attempt) {
      set_first_layer();
      settle_y();
      search_inhibition_y();
      settle_y();
      const double too_much = seen_.failed ? 2 : seen_.mean_x / goal_.active_share,
                   error = std::abs(rounded::log(too_much));
      if (error < least_error) {
        least_error = error;
        best = gains_;
      }
      if (close(too_much, 1)) break;
      if (too_much > 1 && error > last_error && inhibition_) {
        scale_sensory(2);
        first_share_ = goal_.active_share;
        last_error = std::numeric_limits<double>::infinity();
        low = high = 0;
        continue;
      }
      last_error = error;
      (too_much > 1 ? high : low) = first_share_;
      first_share_ = low > 0 && high > 0
                         ? std::sqrt(low * high)
                         : std::clamp(first_share_ / too_much, 0.25 * goal_.active_share,
                                      2 * goal_.active_share);
    }
    gains_ = best;
  }

  // Sensory edges, inhibition_x and gx for the share of X in layer 1, and a mean of 1 of those
  // active. inhibition_x is the quantile of excitation over inhibition; a token that drives more
  // neurons needs more of it.
  void set_first_layer() {
    const neuron_id n = circuits_.recipe().graph.neurons;
    const token_id tokens =
        std::min<token_id>(circuits_.recipe().vocabulary, std::max(16u, 100000 / n));
    for (int attempt = 0; attempt < 30; ++attempt) {
      const token_drive d = circuits_.drive(gains_.sensory_edges, tokens);
      const double quantile = inhibition_quantile(d);
      gains_.inhibition_x = std::clamp(quantile, ei_balance_ / 32, ei_balance_ * 256);
      double sum = 0, active = 0;
      for (std::size_t k = 0; k < d.excitatory.size(); ++k) {
        const double x = d.excitatory[k] - gains_.inhibition_x * d.inhibitory[k];
        if (x <= 0) continue;
        sum += x;
        ++active;
      }
      if (active > 0) gains_.gx = active / sum;
      const double share = active / static_cast<double>(d.excitatory.size());
      const neuron_id before = gains_.sensory_edges;
      if (close(share, first_share_)) return;
      scale_sensory(share > 0 ? std::clamp(first_share_ / share, 0.5, 2.0) : 2.0);
      if (gains_.sensory_edges == before) return;
    }
  }

  double inhibition_quantile(const token_drive& d) const {
    std::vector<float> ratio(d.excitatory.size());
    for (std::size_t k = 0; k < ratio.size(); ++k)
      if (d.excitatory[k] != 0)
        ratio[k] = d.inhibitory[k] == 0 ? std::numeric_limits<float>::infinity()
                                        : d.excitatory[k] / d.inhibitory[k];
    const auto rank =
        ratio.begin() + static_cast<std::ptrdiff_t>((1 - std::min(first_share_, 1.0)) *
                                                    static_cast<double>(ratio.size() - 1));
    std::nth_element(ratio.begin(), rank, ratio.end());
    return *rank;
  }

  void scale_sensory(double factor) {
    const double wanted = factor < 1 ? std::floor(gains_.sensory_edges * factor)
                                     : std::ceil(gains_.sensory_edges * factor);
    gains_.sensory_edges =
        static_cast<neuron_id>(std::clamp(wanted, 1.0, circuits_.recipe().graph.neurons / 2.0));
  }

  // Bisection of the logarithm: more inhibition, less firing.
  void search_inhibition_y() {
    double low = ei_balance_ / 32, high = ei_balance_ * 32;
    for (int step = 0; step < 8 && inhibition_; ++step) {
      const double found = measure().least_firing;
      if ((found > 0.8 * firing_ && found < 1.25 * firing_) || close(high, low)) return;
      (found > firing_ ? low : high) = gains_.inhibition_y;
      gains_.inhibition_y = std::sqrt(low * high);
    }
  }

  // gy: the largest Y rises with it, in deep models with a high power. Guesses from the last two
  // tries, inside what bisection leaves.
  void settle_y() {
    double low = 0, high = 0, slope = 1;
    double last_gy = 0, last_y = 0;
    for (int step = 0; step < 20; ++step) {
      const stream_activity& s = measure();
      const double y = s.failed ? std::numeric_limits<double>::infinity() : s.largest_y;
      if (y == 0 || (y > 0.5 && y < 2)) return;
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

  // What is wrong with the activity last seen.
  std::optional<input_error> judge() const {
    const auto refuse = [&](const std::string& found, const std::string& expected,
                            const std::string& hint) {
      return input_error("no gains found, " + std::string(name(circuits_.recipe().graph.family)),
                         found, expected, hint);
    };
    const double goal = goal_.active_share;
    if (seen_.failed)
      return refuse(*seen_.failed, "finite values for " + std::to_string(goal_.tokens) + " tokens",
                    "fewer layers, less retention");
    if (!(seen_.mean_x >= 0.5 * goal && seen_.mean_x <= 1.5 * goal))
      return refuse("an active share of X of " + std::to_string(seen_.mean_x) + " at best",
                    "about " + std::to_string(goal),
                    seen_.mean_x > goal
                        ? "more neurons, more inhibitory ones, a lower degree or fewer layers"
                        : "a higher degree");
    if (!(seen_.least_x >= 0.2 * goal))
      return refuse("a layer with an active share of X of " + std::to_string(seen_.least_x),
                    "at least " + std::to_string(0.2 * goal),
                    "more neurons, more inhibitory ones or fewer layers");
    if (!seen_.alive)
      return refuse("a layer whose Y is zero for 100 tokens", "active ones",
                    "a higher degree, more neurons or fewer layers");
    for (const layer_shares& l : seen_.layers)
      if (!(l.largest_y >= goal_.least))
        return refuse("a layer whose largest Y is " + shown(l.largest_y),
                      "at least " + shown(goal_.least), "a higher degree or fewer layers");
    if (!(seen_.largest_y <= goal_.bound))
      return refuse("Y of " + std::to_string(seen_.largest_y),
                    "at most " + std::to_string(goal_.bound), "fewer layers, less retention");
    return std::nullopt;
  }

  const random_circuits& circuits_;
  const engine_factory& make_engine_;
  const tuning_goal goal_;
  const tuning_work& work_;
  const bool inhibition_;
  double ei_balance_ = 1;
  double first_share_;  // wanted of X in layer 1
  double firing_ = 0;   // wanted of the active X
  std::uint64_t tokens_ = 300;
  circuit_gains gains_;
  std::optional<circuit_gains> measured_;
  stream_activity seen_;  // of measured_
};

// Neurons of a smaller graph that behaves alike, having the same degree; 0: none is much smaller.
neuron_id smaller(const graph_recipe& g) {
  const std::uint64_t enough = std::max<std::uint64_t>(2000, 40 * std::uint64_t{g.degree});
  return g.family != graph_family::complete && enough <= g.neurons / 4
             ? static_cast<neuron_id>(enough)
             : 0;
}

}  // namespace

stream_activity measure_activity(const model& m, const engine_factory& make_engine,
                                 std::uint64_t tokens, std::uint64_t counted, std::uint64_t stream,
                                 const tuning_work& work) {
  simulator brain(m, make_engine(m), {.threads = work.threads});
  activity_meter meter(m, tokens, counted);
  brain.observe([&](layer_id layer, moment at) { meter.watch(brain, layer, at); });
  random_stream random(stream, purpose::calibration, 0);
  for (std::uint64_t t = 0; t < tokens; ++t) {
    work.before_token();
    try {
      meter.add(brain.step(random.below(m.sensory_nodes())));
    } catch (const input_error& e) {
      meter.fail(e.what());
      break;
    }
  }
  return meter.result();
}

tuned_model tune(const random_circuits& circuits, const engine_factory& make_engine,
                 const tuning_goal& goal, const tuning_work& work) {
  if (!(goal.active_share > 0 && goal.active_share < 1))
    throw input_error("target-activity", std::to_string(goal.active_share),
                      "a share, 0 < share < 1");
  tuner whole(circuits, make_engine, goal, work);
  random_model_recipe r = circuits.recipe();
  r.graph.neurons = smaller(r.graph);
  if (r.graph.neurons != 0) {
    try {
      const random_circuits few(r);
      tuner part(few, make_engine, goal, work);
      part.run();
      whole.start_from(part.known());
    } catch (const input_error&) {  // no such small graph, or no gains for it: the whole one may do
                                    // better
    }
  }
  return whole.run();
}

}  // namespace bdh
