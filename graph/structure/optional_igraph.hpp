// igraph is part of most builds, not of all (CMake: BDH_WITH_IGRAPH).
#pragma once

#include <string>

namespace bdh {

bool has_igraph() noexcept;
// Throws unavailable_error at `place` in a build without it.
void expect_igraph(const std::string& place);

}  // namespace bdh
