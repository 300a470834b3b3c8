// Ranks over MPI. The only room with MPI's header; in a build without BDH_MPI there are none.
#pragma once

#include <memory>
#include <string>

#include "core/ranks/ranks.hpp"

namespace bdh {

std::string mpi_version();  // "Open MPI v4.1.4"; empty in a build without MPI

// The ranks of this program, as mpirun or srun started it; of a program that is started otherwise,
// one. At most once in a process; MPI ends with the object. Throws unavailable_error in a build
// without MPI, and where MPI cannot be used from several threads.
std::shared_ptr<ranks> mpi_ranks();

// Ends all ranks at once, without a word.
[[noreturn]] void end_mpi_ranks(int exit_code) noexcept;

}  // namespace bdh
