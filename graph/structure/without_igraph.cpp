// What igraph computes, in a build without it: every call throws unavailable_error. Replaces
// network.cpp, plane_layout.cpp and power_law_fit.cpp.
#include <utility>

#include "graph/structure/network.hpp"
#include "graph/structure/optional_igraph.hpp"
#include "graph/structure/plane_layout.hpp"
#include "graph/structure/power_law_fit.hpp"

namespace bdh {

struct network::parts {
  std::vector<std::uint32_t> neighbours;
};

// No network exists in this build: the members below are there to link.
network::network(const edge_set&, std::function<void()>) {
  expect_igraph("communities, cores and components of a graph");
}
network::network(network&&) noexcept = default;
network& network::operator=(network&&) noexcept = default;
network::~network() = default;

neuron_id network::nodes() const noexcept { return 0; }
edge_id network::edges() const noexcept { return 0; }
edge_id network::links() const noexcept { return 0; }
const std::vector<std::uint32_t>& network::neighbours() const noexcept {
  return parts_->neighbours;
}
double network::triangle_work() const noexcept { return 0; }
components network::weak() const { return {}; }
components network::strong() const { return {}; }
std::optional<communities> network::leiden(std::uint64_t) const { return {}; }
std::optional<communities> network::louvain(std::uint64_t) const { return {}; }
std::optional<double> network::modularity(const std::vector<neuron_id>&) const { return {}; }
std::vector<std::uint32_t> network::coreness() const { return {}; }
triangle_counts network::triangles() const { return {}; }
std::vector<rich_club> network::rich_clubs() const { return {}; }
edge_set network::rewired(std::uint64_t, neuron_id) const { return {}; }

std::vector<place> plane_layout(neuron_id, const std::vector<std::pair<neuron_id, neuron_id>>&) {
  expect_igraph("places of nodes in the plane");
  return {};
}

power_law_fit fit_power_law(const std::vector<std::uint32_t>&, const std::function<void()>&) {
  expect_igraph("power law");
  return {};
}

}  // namespace bdh
