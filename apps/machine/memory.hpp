// How much memory this process may have: the machine's, or less in a container or a batch job.
#pragma once

#include <cstdint>

namespace bdh::app {

std::uint64_t memory_of_this_machine();  // bytes
std::uint64_t free_memory();             // bytes; what the system would give to files is free

}  // namespace bdh::app
