// The synapses between neurons, from what wrote them: kept token by token while a simulator reads,
// in chosen layers, so that the strength of every pair of neurons is known afterwards, whether the
// model stores it or not.
//
//     sigma(i->j) after T tokens = sum over t < T of f_t(j) x'_t(i),    x'_t = u^(T-t) x_t R^(T-t)
//
// f = W (what acts), or Y of the layer before (the paper's Eq. 16); x' is X as it was written,
// turned and decayed into the laboratory frame of the end. The same values as those of probes
// (bdh/probe.hpp), up to rounding.
//
//     bdh::hebbian_trace kept(brain, {2, 3}, bdh::probe_factor::y);
//     for (bdh::token_id t : text) brain.step(t);
//     bdh::weight_matrix sigma = kept.of(2).strengths();
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/probe.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/plasticity.hpp"
#include "graph/structure/weight_matrix.hpp"

namespace bdh {

// What one variable of the neurons was, token by token, where it was not 0: of neuron i [offset[i],
// offset[i + 1]), tokens ascending.
struct neuron_events {
  std::vector<std::uint64_t> offset;  // (neurons + 1)
  std::vector<std::uint32_t> token;
  std::vector<float> value;
};

// The factors of one layer over a text.
class layer_factors {
 public:
  layer_factors(const model& m, double retention, std::uint32_t tokens, neuron_events f,
                neuron_events x);

  std::uint32_t tokens() const noexcept { return tokens_; }
  double retention() const noexcept { return retention_; }  // of the run
  const neuron_events& f() const noexcept { return f_; }
  const neuron_events& x() const noexcept { return x_; }
  std::size_t bytes() const noexcept;

  // Of a pair of neurons: with the rate and the u of its edge in gs; with rate 1 and the run's u
  // where there is none.
  float strength(const neuron_pair& pair) const;
  // The same with the plasticity that plasticity_of() gives for the pair.
  float strength(const neuron_pair& pair, const plasticity& kept) const noexcept;
  // The root of sigma(2m->j)^2 + sigma(2m+1->j)^2, where pair.pre is one of the two neurons that
  // turn together: rotation changes both strengths and not this. Without rotation the size of the
  // strength.
  float amplitude(const neuron_pair& pair) const;
  float amplitude(const neuron_pair& pair, const plasticity& kept) const noexcept;

  // All synapses between neurons, row = target j, column = source i: through hubs every pair, as a
  // product of f and x'; with explicit edges those of gs.
  weight_matrix strengths() const;

  // x'_t(i) for neurons first .. first + count - 1 (whole rotation pairs), into out[t *
  // token_stride + (i - first) * neuron_stride]; what is 0 is not written. Rate 1, the run's u.
  void write_laboratory_x(neuron_id first, neuron_id count, float* out, std::size_t token_stride,
                          std::size_t neuron_stride) const;

 private:
  weight_matrix product() const;
  weight_matrix edges() const;

  const model* model_;
  double retention_;
  std::uint32_t tokens_;
  neuron_events f_, x_;
};

// Of the strengths of two synapses that turn together.
float amplitude_of(float strength, float partner) noexcept;

class hebbian_trace {
 public:
  // Follows `brain`, which must outlive it, from the next token on; earlier ones are missing.
  // Throws input_error for a layer out of range, unavailable_error where there are interventions:
  // they change what is written.
  hebbian_trace(simulator& brain, std::vector<layer_id> layers, probe_factor factor);
  hebbian_trace(const hebbian_trace&) = delete;
  hebbian_trace& operator=(const hebbian_trace&) = delete;
  ~hebbian_trace();

  const std::vector<layer_id>& layers() const noexcept { return layers_; }
  // Of the tokens since it follows, or since clear_synapses(); the model must outlive it.
  layer_factors of(layer_id layer) const;
  void clear_synapses();               // to be called with the simulator's
  std::size_t bytes() const noexcept;  // of memory that it occupies

 private:
  struct written {  // tokens one after the other: of token t [end[t - 1], end[t])
    std::vector<std::uint64_t> end;
    std::vector<neuron_id> neuron;
    std::vector<float> value;
    void add(std::span<const float> dense);
    neuron_events by_neuron(neuron_id neurons) const;
  };
  void keep(layer_id layer);

  simulator& brain_;
  std::vector<layer_id> layers_;
  probe_factor factor_;
  int observing_;
  std::vector<written> f_, x_;  // of layers_
  std::vector<float> values_;
};

}  // namespace bdh
