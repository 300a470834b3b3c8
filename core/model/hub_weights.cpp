#include "core/model/hub_weights.hpp"

#include <numeric>

#include "core/model/hub_algebra.hpp"

namespace bdh {
std::vector<double> hub_column(const model& m, neuron_id source) {
  const bool neuron = source < m.neurons();
  std::vector<double> column = neuron ? dense_row(m.circuits().e, source)
                                      : dense_row(m.circuits().sensory, source - m.neurons());
  if (m.rules().centred()) {
    double mean = 0;
    for (double c : column) mean += c / m.hubs();
    for (double& c : column) c -= mean;
  }
  return column;
}

std::vector<double> hub_row(const projection& to_neurons, neuron_id neuron) {
  return dense_row(to_neurons, neuron);
}

double dot(std::span<const double> a, std::span<const double> b) noexcept {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace bdh
