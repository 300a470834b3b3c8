#include "apps/machine/memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

namespace bdh::app {
namespace {

// The least of the limits in a folder of control groups and those around it. A limit that is no
// number, "max", is none.
std::uint64_t least_limit(const std::filesystem::path& groups, const std::string& own,
                          const char* file) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (auto folder = std::filesystem::path(groups.string() + own).lexically_normal();
       folder.string().starts_with(groups.string()); folder = folder.parent_path())
    if (std::uint64_t bytes = 0; std::ifstream(folder / file) >> bytes)
      least = std::min(least, bytes);
  return least;
}

// Of the control groups of this process, of either version of them (/proc/self/cgroup: "0::/path",
// "4:memory:/path").
std::uint64_t limit_of_groups() {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t controllers = line.find(':') + 1, path = line.find(':', controllers) + 1;
    if (controllers == 0 || path == 0) continue;
    const std::string kind = line.substr(controllers, path - controllers - 1),
                      own = line.substr(path);
    if (kind.empty()) least = std::min(least, least_limit("/sys/fs/cgroup", own, "memory.max"));
    if (kind == "memory")
      least = std::min(least, least_limit("/sys/fs/cgroup/memory", own, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace

std::uint64_t memory_of_this_machine() {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)), limit_of_groups());
}

std::uint64_t free_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;)
    if (std::uint64_t kilobytes = 0; word == "MemAvailable:" && file >> kilobytes)
      return std::min(kilobytes * 1024, limit_of_groups());
  return memory_of_this_machine();
}

}  // namespace bdh::app
