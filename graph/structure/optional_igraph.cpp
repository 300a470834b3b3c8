#include "graph/structure/optional_igraph.hpp"

#include <bdh/error.hpp>

namespace bdh {

bool has_igraph() noexcept {
#ifdef BDH_WITH_IGRAPH
  return true;
#else
  return false;
#endif
}

void expect_igraph(const std::string& place) {
  if (!has_igraph())
    throw unavailable_error(place, "a build of bdh without igraph", "one with igraph",
                            "install the package libigraph-dev and build with "
                            "-D BDH_WITH_IGRAPH=ON (docs/install.md)");
}

}  // namespace bdh
