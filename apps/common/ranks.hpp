// A run on several ranks: how they are started, joined and left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/common/command_line.hpp"
#include "core/ranks/rank_commands.hpp"
#include "core/ranks/ranks.hpp"

namespace bdh {
class model;
}

namespace bdh::app {

// The ranks that this process is one of; null: it is alone.
std::shared_ptr<ranks> together() noexcept;
// How many processors this process should use: an equal part of those of its host.
unsigned processors();

// Joins the others if mpirun, srun or --ranks started this process as one of several. Throws
// unavailable_error where this build has no MPI and the others would do the same work again.
void join_ranks();
// What the ranks but the first do until it ends; the exit code.
int serve_ranks();
// Rank 0: the others end, too. Once all engines are gone.
void leave_ranks();

// The options --ranks and --hosts of a command: on how many processes to run it, on this machine or
// on hosts: "a:2,b:2".
struct ranks_choice {
  std::uint64_t count = 1;
  std::string hosts;

  void add_to(command_line& command);
};
// That of the command which has been parsed, where one of the two was given; --ranks 1 was not.
const ranks_choice* wanted_ranks();
// Starts `words`, the command line, again on so many ranks, and waits for its end; the exit code.
// Throws usage_error where hosts are given alone, or this process is a rank already; and
// unavailable_error in a build without MPI and for root.
int run_on_ranks(const char* program, const std::vector<std::string>& words,
                 const ranks_choice& on);

// A model that was loaded from a file, for the other ranks to load it too.
void remember_file(const model& m, const std::string& file);
// Throws unavailable_error where there is none.
std::string file_of(const model& m);

}  // namespace bdh::app
