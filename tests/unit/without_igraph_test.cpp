// A build without igraph: what needs it says so, by the same words everywhere; what does not goes
// on.
#include <doctest/doctest.h>

#include <string>

#include <bdh/error.hpp>

#include "graph/structure/heavy_tail.hpp"
#include "graph/structure/network.hpp"
#include "graph/structure/optional_igraph.hpp"
#include "graph/structure/plane_layout.hpp"

namespace {

template <class F>
std::string refused(F f) {
  try {
    f();
  } catch (const bdh::unavailable_error& e) {
    return e.what();
  }
  return "";
}

std::string message(const std::string& place) {
  return place +
         ": a build of bdh without igraph, expected one with igraph; install the package "
         "libigraph-dev and build with -D BDH_WITH_IGRAPH=ON (docs/install.md)";
}

}  // namespace

TEST_CASE("without igraph: networks, places and p values are refused") {
  CHECK_FALSE(bdh::has_igraph());
  bdh::edge_set g;
  g.indptr = {0, 1, 2};
  g.targets = {1, 0};
  CHECK(refused([&] { bdh::network graph(g); }) ==
        message("communities, cores and components of a graph"));
  CHECK(refused([] { bdh::plane_layout(3, {{0, 1}}); }) == message("places of nodes in the plane"));
  const std::vector<std::uint32_t> degrees = {1, 2, 3, 4};
  bdh::tail_fit fit;
  fit.alpha = 2;
  fit.values = fit.tail = degrees.size();
  CHECK(refused([&] { bdh::tail_p_value(degrees, fit, 1, 0); }) == message("power law"));
}

TEST_CASE("without igraph: no power law is found, with the reason") {
  std::vector<std::uint32_t> degrees;
  for (std::uint32_t i = 1; i <= 200; ++i) degrees.push_back(i);
  const bdh::tail_search found = bdh::find_tail(degrees);
  CHECK_FALSE(found.fit);
  CHECK(found.why_not == "this build is without igraph");
  CHECK(bdh::find_tail(std::vector<std::uint32_t>(3, 1)).why_not ==
        "3 nodes with edges, 50 are needed");
}
