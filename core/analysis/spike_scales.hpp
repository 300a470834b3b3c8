// Scales of spikes: what one spike in every bin stands for, by population and layer, as a high
// percentile of the activity of a graded run. What is above is clipped; a scale that is far above
// makes every spike coarse.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/simulator.hpp>

namespace bdh {

// Of values that are active: x, y and hubs by `common`, of absolute values where these are signed.
struct spike_percentiles {
  double common = 99.5;
  double w = 99.9, a = 99.9;                // of explicit edges
  double w_sensory = 99, a_sensory = 99.9;  // of sensory nodes; in layer 1 w_sensory is the largest
};

using spike_scales =
    std::map<spike_source, std::vector<float>>;  // layer l at [l - 1]; 0: never active

// How many values there were, to within one part in 2048; the largest exactly.
class value_histogram {
 public:
  void add(float value);  // its size; 0 and what is not finite are left out
  std::uint64_t count() const noexcept { return count_; }
  float percentile(double percent) const noexcept;  // 0 without values

 private:
  std::vector<std::uint64_t> bins_;  // by the upper bits of a float
  std::uint64_t count_ = 0;
  float largest_ = 0;
};

// Observes a simulator, whose activity travels as it is, while it reads tokens.
class spike_scale_meter {
 public:
  explicit spike_scale_meter(simulator& brain);  // must outlive it
  ~spike_scale_meter();
  spike_scale_meter(const spike_scale_meter&) = delete;
  spike_scale_meter& operator=(const spike_scale_meter&) = delete;

  // Of the populations of the model. Throws input_error for one that was never active where it
  // can be.
  spike_scales scales(const spike_percentiles& by) const;

 private:
  void add(layer_id layer, moment at);
  void add_sources(spike_source neurons, spike_source sensory, layer_id layer,
                   std::span<const float> values);
  void add_all(spike_source s, layer_id layer, std::span<const float> values);
  double gain(std::span<const float> a) const;

  simulator& brain_;
  int observing_;
  std::vector<double> to_hubs_;  // (sources x hubs), of a pool that scales A
  std::map<std::pair<spike_source, layer_id>, value_histogram> found_;
  std::vector<neuron_id> ids_;
  std::vector<float> values_;
};

}  // namespace bdh
