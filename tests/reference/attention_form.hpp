// A direct graph whose synapses are complete, run with attention over a window in place of
// synapses: A_h(j) = sum over earlier tokens of W(j) (their X, turned) . (X), restricted to head h.
// Reads the graph's edges with loops of its own, and is some ten times faster than the engine,
// which moves every synapse of an active neuron: what makes a table of pruned circuits affordable.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <bdh/model.hpp>

#include "core/model/hub_algebra.hpp"

namespace tests {

class attention_form {
 public:
  explicit attention_form(const bdh::model& m)
      : m_(m), to_hubs_(bdh::centred_sources(m)), readout_(bdh::dense_rows(m.circuits().readout)) {
    clear_synapses();
  }

  void clear_synapses() { layers_.assign(m_.layers(), {}); }

  std::vector<float> step(bdh::token_id token) {
    std::vector<float> w(m_.sources());
    w[m_.neurons() + token] = 1;
    scale(w, gain(w));
    for (layer& past : layers_) {
      const std::vector<float> x = drive_x(w), turned = sincos_turns(x, past.x.size());
      std::vector<float> y(m_.sources());
      for (bdh::head_id h = 0; h < m_.heads(); ++h) drive_y(past, turned, h, x, y);
      past.x.push_back(turned);
      past.w.push_back(nonzero(w));
      const float g = gain(y);
      for (std::size_t j = 0; j < w.size(); ++j) w[j] += g * y[j];
      scale(w, gain(w));
    }
    const std::vector<double> v = at_hubs(w);
    std::vector<float> logits(m_.readout_nodes());
    for (std::size_t k = 0; k < logits.size(); ++k) {
      double sum = 0;
      for (std::size_t d = 0; d < v.size(); ++d) sum += readout_[k * v.size() + d] * v[d];
      logits[k] = static_cast<float>(sum);
    }
    return logits;
  }

 private:
  using sparse = std::vector<std::pair<std::size_t, float>>;
  struct layer {
    std::vector<std::vector<float>> x;  // turned, by token
    std::vector<sparse> w;
  };

  static sparse nonzero(const std::vector<float>& dense) {
    sparse s;
    for (std::size_t j = 0; j < dense.size(); ++j)
      if (dense[j] != 0) s.emplace_back(j, dense[j]);
    return s;
  }
  static void scale(std::vector<float>& v, float by) {
    for (float& x : v) x *= by;
  }

  std::vector<double> at_hubs(const std::vector<float>& sources) const {
    std::vector<double> v(m_.hubs());
    for (const auto& [j, value] : nonzero(sources))
      for (std::size_t d = 0; d < v.size(); ++d) v[d] += to_hubs_[j * v.size() + d] * value;
    return v;
  }
  float gain(const std::vector<float>& sources) const {
    double square = 0;
    for (double v : at_hubs(sources)) square += v * v;
    return static_cast<float>(1 / std::sqrt(square / m_.hubs() + m_.rules().epsilon()));
  }

  std::vector<float> drive_x(const std::vector<float>& w) const {
    std::vector<float> x(m_.neurons());
    for (const auto& [p, sign] : {std::pair{&m_.direct().gx_excitatory, 1.0f},
                                  std::pair{&m_.direct().gx_inhibitory, -1.0f}})
      for (const auto& [j, value] : nonzero(w))
        for (bdh::edge_id e = p->indptr()[j]; e < p->indptr()[j + 1]; ++e)
          x[p->indices()[e]] += sign * p->weights()[e] * value;
    for (float& v : x) v = std::max(v, 0.0f);
    return x;
  }

  std::vector<float> sincos_turns(const std::vector<float>& x, std::size_t t) const {
    std::vector<float> turned(x.size());
    const auto frequency = m_.rotation().frequency();
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const double angle = 2 * 3.14159265358979323846 * static_cast<double>(t) *
                           frequency[i % m_.neurons_per_head() / 2];
      const double c = std::cos(angle), s = std::sin(angle);
      turned[i] = static_cast<float>(x[i] * c - x[i + 1] * s);
      turned[i + 1] = static_cast<float>(x[i + 1] * c + x[i] * s);
    }
    return turned;
  }

  void drive_y(const layer& past, const std::vector<float>& turned, bdh::head_id h,
               const std::vector<float>& x, std::vector<float>& y) const {
    const std::size_t first = std::size_t{h} * m_.neurons_per_head(),
                      last = first + m_.neurons_per_head();
    std::vector<float> a(m_.sources());
    for (std::size_t t = 0; t < past.x.size(); ++t) {
      float score = 0;
      for (std::size_t i = first; i < last; ++i) score += turned[i] * past.x[t][i];
      for (const auto& [j, value] : past.w[t]) a[j] += score * value;
    }
    scale(a, gain(a));
    for (std::size_t k = first; k < last; ++k)
      if (x[k] > 0)
        y[k] = std::max(row(m_.direct().gy_excitatory, k, a) - row(m_.direct().gy_inhibitory, k, a),
                        0.0f) *
               x[k];
  }

  static float row(const bdh::projection& p, std::size_t k, const std::vector<float>& a) {
    float sum = 0;
    for (bdh::edge_id e = p.indptr()[k]; e < p.indptr()[k + 1]; ++e)
      sum += p.weights()[e] * a[p.indices()[e]];
    return sum;
  }

  const bdh::model& m_;
  const std::vector<double> to_hubs_, readout_;
  std::vector<layer> layers_;
};

}  // namespace tests
