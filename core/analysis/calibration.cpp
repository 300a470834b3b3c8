#include "core/analysis/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/base/executor.hpp"
#include "core/model/hub_algebra.hpp"
#include "core/simulation/engine.hpp"
#include "kernels/source_update.hpp"

namespace bdh {
namespace {

// The values that are not 0, ascending.
struct sparse {
  std::vector<neuron_id> id;
  std::vector<float> value;

  void add(neuron_id i, float v) {
    id.push_back(i);
    value.push_back(v);
  }
};

sparse sparse_of(std::span<const float> dense) {
  sparse s;
  for (std::size_t i = 0; i < dense.size(); ++i)
    if (dense[i] != 0) s.add(static_cast<neuron_id>(i), dense[i]);
  return s;
}

// W of every source, followed through the layers of a token, beside C B W, whose length gives the
// gain.
class source_activity {
 public:
  explicit source_activity(const model& m)
      : rules_(m.rules()), neurons_(m.neurons()), hubs_(m.hubs()), to_hubs_(centred_sources(m)) {
    w_.resize(m.sources());
  }

  sparse as_sparse() const {
    sparse s;
    for (std::size_t j = 0; j < w_.size(); ++j)
      if (w_[j] != 0) s.add(static_cast<neuron_id>(j), static_cast<float>(w_[j]));
    return s;
  }

  void begin(token_id token) {
    std::fill(w_.begin(), w_.end(), 0.0);
    const std::size_t node = neurons_ + token;
    const bool scales = rules_.scales_w(true);
    w_[node] =
        kernels::w_of_token(scales, scales ? gain({to_hubs_.data() + node * hubs_, hubs_}) : 1);
  }

  void end_layer(const sparse& y) {
    const bool accumulates = rules_.accumulates_w(false);
    const auto sources = static_cast<kernels::index>(w_.size());
    kernels::set_source_w_of<double>{
        .w = w_.data(),
        .first = 0,
        .sources = sources,
        .neuron = y.id.data(),
        .y = y.value.data(),
        .active = static_cast<kernels::index>(y.id.size()),
        .accumulate = accumulates,
        .gain_y = rules_.scales_w(false) ? gain(at_hubs(y)) : 1.0}(kernels::one_lane{});
    if (accumulates)
      kernels::leak_of<double>{
          .w = w_.data(), .n = sources, .gain = gain(at_hubs(as_sparse()))}(kernels::one_lane{});
  }

 private:
  double gain(std::span<const double> v) const {
    double sum = 0;
    for (double x : v) sum += x * x;
    return 1 / std::sqrt(sum / static_cast<double>(hubs_) + rules_.epsilon());
  }
  std::vector<double> at_hubs(const sparse& s) const {
    std::vector<double> v(hubs_);
    for (std::size_t k = 0; k < s.id.size(); ++k)
      for (std::size_t h = 0; h < hubs_; ++h) v[h] += s.value[k] * to_hubs_[s.id[k] * hubs_ + h];
    return v;
  }

  const dynamics rules_;
  const std::size_t neurons_, hubs_;
  const std::vector<double> to_hubs_;  // (sources x hubs)
  std::vector<double> w_;
};

// One layer of one window, in the order of its tokens.
struct layer_events {
  std::vector<sparse> x, w;
};

std::vector<layer_events> run_window(simulator& brain, source_activity& activity,
                                     std::span<const token_id> tokens) {
  std::vector<layer_events> layers(brain.model().layers());
  const int observing = brain.observe(
      [&](layer_id layer, moment at) {
        if (at == moment::x_ready) {
          layers[layer - 1].x.push_back(sparse_of(brain.read(variable::x)));
          layers[layer - 1].w.push_back(activity.as_sparse());
        }
        if (at == moment::y_ready) activity.end_layer(sparse_of(brain.read(variable::y)));
      },
      observation::activity);
  brain.clear_synapses();
  for (token_id token : tokens) {
    if (token < brain.model().sensory_nodes()) activity.begin(token);  // else step refuses it
    brain.step(token);
  }
  brain.stop_observing(observing);
  return layers;
}

// Sums of W(j) X(i): row after row, so that a row stays in the cache while the events of the window
// pass over it.
void add_pairs(const std::vector<layer_events>& layers, std::size_t width, executor& threads,
               array<float>& pairs) {
  struct event {
    const sparse* w;
    float x;
  };
  std::vector<std::vector<event>> of(pairs.size() / width);
  for (const layer_events& l : layers)
    for (std::size_t t = 0; t < l.x.size(); ++t)
      for (std::size_t k = 0; k < l.x[t].id.size(); ++k)
        of[l.x[t].id[k]].push_back({&l.w[t], l.x[t].value[k]});
  threads.for_each(of.size(), [&](std::size_t i) {
    float* row = pairs.data() + i * width;
    for (const event& e : of[i])
      for (std::size_t k = 0; k < e.w->id.size(); ++k) row[e.w->id[k]] += e.x * e.w->value[k];
  });
}

void add_w(const std::vector<layer_events>& layers, std::vector<double>& square) {
  for (const layer_events& l : layers)
    for (const sparse& w : l.w)
      for (std::size_t k = 0; k < w.id.size(); ++k)
        square[w.id[k]] += static_cast<double>(w.value[k]) * w.value[k];
}

}  // namespace

calibration calibrate(const model& hubs, const engine_factory& make_engine,
                      std::span<const std::vector<token_id>> windows,
                      const calibrate_options& options) {
  if (hubs.is_direct()) throw input_error("model", "direct circuits", "circuits through hubs");
  const std::size_t sources = hubs.sources();
  calibration seen{std::vector<double>(sources), {}};
  if (options.pairs) seen.pairs = array<float>(std::size_t{hubs.neurons()} * sources);
  simulator brain(hubs, make_engine(hubs));
  source_activity activity(hubs);
  const auto threads = default_executor(options.threads);
  std::size_t samples = 0, done = 0;
  for (const std::vector<token_id>& window : windows) {
    const std::vector<layer_events> layers = run_window(brain, activity, window);
    samples += window.size() * layers.size();
    add_w(layers, seen.w);
    if (options.pairs) add_pairs(layers, sources, *threads, seen.pairs);
    if (options.after_window) options.after_window(++done);
  }
  if (samples == 0) throw input_error("calibration", "no token", "windows of text");
  for (double& square : seen.w) square /= static_cast<double>(samples);
  return seen;
}

}  // namespace bdh
