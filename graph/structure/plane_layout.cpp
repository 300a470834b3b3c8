#include "graph/structure/plane_layout.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "graph/structure/igraph_detail.hpp"

namespace bdh {
namespace {

constexpr int steps_a_node = 50;

class igraph_places {
 public:
  explicit igraph_places(detail::igraph_session& session) {
    session.check(igraph_matrix_init(&matrix_, 0, 0));
  }
  igraph_places(const igraph_places&) = delete;
  igraph_places& operator=(const igraph_places&) = delete;
  ~igraph_places() { igraph_matrix_destroy(&matrix_); }
  igraph_matrix_t* operator&() noexcept { return &matrix_; }
  place operator[](igraph_integer_t node) const noexcept {
    return {MATRIX(matrix_, node, 0), MATRIX(matrix_, node, 1)};
  }

 private:
  igraph_matrix_t matrix_;
};

// Into [0, 1]; what has no extent goes to the middle.
void fill(std::vector<place>& all, double place::*side) {
  const auto [least, most] = std::minmax_element(
      all.begin(), all.end(), [&](place a, place b) { return a.*side < b.*side; });
  const double from = (*least).*side, span = (*most).*side - from;
  for (place& p : all) p.*side = span > 1e-9 ? (p.*side - from) / span : 0.5;
}

// Nodes nearer than they need to be for as many of them move apart, a little at a time.
void spread(std::vector<place>& all) {
  const double apart = 0.7 / std::sqrt(static_cast<double>(all.size()));
  constexpr int rounds = 60;
  for (int round = 0; round < rounds; ++round)
    for (std::size_t a = 0; a < all.size(); ++a)
      for (std::size_t b = a + 1; b < all.size(); ++b) {
        double dx = all[b].x - all[a].x, dy = all[b].y - all[a].y, distance = std::hypot(dx, dy);
        if (distance >= apart) continue;
        if (distance < 1e-9) {  // in one place: each pair in a direction of its own
          const double turn = 2 * std::numbers::pi * std::numbers::phi * static_cast<double>(a + b);
          dx = std::cos(turn), dy = std::sin(turn), distance = 1;
        }
        const double move = 0.25 * (apart - std::min(distance, apart * 0.99)) / distance;
        all[a].x -= move * dx, all[a].y -= move * dy;
        all[b].x += move * dx, all[b].y += move * dy;
      }
}

}  // namespace

std::vector<place> plane_layout(neuron_id nodes,
                                const std::vector<std::pair<neuron_id, neuron_id>>& links) {
  std::vector<place> all(nodes);
  if (nodes == 0) return all;
  std::set<std::pair<neuron_id, neuron_id>> once;
  for (auto [a, b] : links)
    if (a != b) once.emplace(std::min(a, b), std::max(a, b));
  {
    detail::igraph_session session;
    detail::igraph_integers ends(session, static_cast<igraph_integer_t>(2 * once.size()));
    igraph_integer_t next = 0;
    for (auto [a, b] : once) {
      ends[next++] = a;
      ends[next++] = b;
    }
    const detail::igraph_graph graph(session, ends, nodes, false);
    igraph_places found(session);
    session.check(igraph_layout_kamada_kawai(&graph, &found, false,
                                             steps_a_node * static_cast<igraph_integer_t>(nodes), 0,
                                             nodes, nullptr, nullptr, nullptr, nullptr, nullptr));
    for (neuron_id i = 0; i < nodes; ++i) all[i] = found[i];
  }
  fill(all, &place::x);
  fill(all, &place::y);
  spread(all);
  fill(all, &place::x);
  fill(all, &place::y);
  return all;
}

}  // namespace bdh
