#include "core/model/hub_weights.hpp"

#include <numeric>

namespace bdh {
namespace {

std::vector<double> stored_row(const projection& p, neuron_id row) {
  const std::size_t width = p.columns();
  std::vector<double> out(width);
  if (p.is_dense()) {
    for (std::size_t c = 0; c < width; ++c) out[c] = p.weight(row * width + c);
  } else {
    for (edge_id e = p.indptr()[row]; e < p.indptr()[row + 1]; ++e)
      out[p.indices()[e]] = p.weight(e);
  }
  return out;
}

}  // namespace

std::vector<double> hub_column(const model& m, neuron_id source) {
  const bool neuron = source < m.neurons();
  std::vector<double> column = neuron ? stored_row(m.circuits().e, source)
                                      : stored_row(m.circuits().sensory, source - m.neurons());
  if (m.rules().centred()) {
    double mean = 0;
    for (double c : column) mean += c / m.hubs();
    for (double& c : column) c -= mean;
  }
  return column;
}

std::vector<double> hub_row(const projection& to_neurons, neuron_id neuron) {
  return stored_row(to_neurons, neuron);
}

double dot(std::span<const double> a, std::span<const double> b) noexcept {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace bdh
