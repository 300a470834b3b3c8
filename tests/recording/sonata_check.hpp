// Says what is wrong with the layout of a recording, by HDF5's own interface and none of our code:
// what SONATA's readers need (libsonata, pysonata, bmtk), and that everything up to the commit
// marker is there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sonata {

using faults = std::vector<std::string>;  // none: all is well

faults structure(const std::filesystem::path& report);

// Whether what is committed in `part` is, value by value, what `whole` begins with.
faults beginning(const std::filesystem::path& part, const std::filesystem::path& whole);

double committed_until(
    const std::filesystem::path& report);  // stop of mapping/time; throws std::runtime_error

}  // namespace sonata
