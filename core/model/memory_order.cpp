#include "core/model/memory_order.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <bdh/error.hpp>

namespace bdh {
namespace {

void expect_edges(const model& m) {
  if (!m.is_direct())
    throw unavailable_error("order of neurons", "circuits through hubs", "explicit edges",
                            "every row of such a model is dense: no order is better than another");
}

// f(source, target) for every explicit edge between neurons.
template <class F>
void for_each_edge(const model& m, F f) {
  const direct_circuits& c = m.direct();
  const neuron_id n = m.neurons();
  for (const projection* p :
       {&c.gx_excitatory, &c.gx_inhibitory, &c.gy_excitatory, &c.gy_inhibitory, &c.gs})
    for (neuron_id r = 0; r < std::min(n, p->rows()); ++r)
      for (edge_id e = p->indptr()[r]; e < p->indptr()[r + 1]; ++e)
        if (const neuron_id column = p->indices()[e]; column < n)
          p->rows_are() == major::source ? f(r, column) : f(column, r);
}

}  // namespace

std::vector<neuron_id> memory_order(const model& m, node_order how, std::uint64_t seed,
                                    std::function<void()> interrupt) {
  expect_edges(m);
  // What moves as one: a neuron, or the pairs at the same place of every head, which share a
  // frequency.
  const bool rotates = m.rotation().present();
  const neuron_id per_head = m.neurons_per_head(), units = rotates ? per_head / 2 : m.neurons();
  const auto unit = [&](neuron_id i) { return rotates ? i % per_head / 2 : i; };
  neighbour_pairs pairs;
  for_each_edge(m, [&](neuron_id source, neuron_id target) {
    const auto [a, b] = std::minmax({unit(source), unit(target)});
    if (a != b) pairs.push_back(std::uint64_t{a} << 32 | b);
  });
  const std::vector<neuron_id> ordered =
      ordered_nodes(units, std::move(pairs), how, seed, std::move(interrupt));
  std::vector<neuron_id> order;
  order.reserve(m.neurons());
  for (neuron_id first = 0; first < m.neurons(); first += per_head)
    for (const neuron_id u : ordered) {
      if (rotates)
        order.insert(order.end(), {first + 2 * u, first + 2 * u + 1});
      else if (u / per_head * per_head == first)
        order.push_back(u);
    }
  return order;
}

double mean_distance(const model& m) {
  expect_edges(m);
  const std::vector<neuron_id> place = m.memory_positions();
  std::uint64_t sum = 0, edges = 0;
  for_each_edge(m, [&](neuron_id source, neuron_id target) {
    const auto [near, far] =
        place.empty() ? std::minmax({source, target}) : std::minmax({place[source], place[target]});
    sum += far - near;
    ++edges;
  });
  return edges == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(edges);
}

}  // namespace bdh
