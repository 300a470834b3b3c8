// Weights of single neuron pairs in circuits through hubs, from the factors.
#pragma once

#include <span>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh {

// Column j of (C) B: what source j contributes to every hub, (d).
std::vector<double> hub_column(const model& m, neuron_id source);

// Row k of dx or dy: the weights from every hub to neuron k, (d).
std::vector<double> hub_row(const projection& to_neurons, neuron_id neuron);

double dot(std::span<const double> a, std::span<const double> b) noexcept;

}  // namespace bdh
