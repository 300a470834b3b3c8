#include "core/analysis/activity_stream.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/base/random.hpp"

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
      if (r.active_y[l] != 0) ++seen_.layers[l].firing;
    }
    if ((r.position + 1) % window == 0) close_window();
  }

  void fail(std::string what) { seen_.failed = std::move(what); }

  stream_activity result() {
    seen_.least_x = seen_.layers[0].x;
    for (layer_shares& l : seen_.layers) {
      l.firing /= static_cast<double>(counted_);
      seen_.least_x = std::min(seen_.least_x, l.x);
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

}  // namespace bdh
