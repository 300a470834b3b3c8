// Runs independent pieces of work, on TBB, on plain threads or one after the other. Results never
// depend on which.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace bdh {

class executor {
 public:
  virtual ~executor() = default;
  // Calls work(0) ... work(count - 1), each once, in any order, and returns when all are done.
  // `work` must not throw.
  virtual void for_each(std::size_t count, const std::function<void(std::size_t)>& work) = 0;
  virtual std::size_t threads() const noexcept = 0;
};

// Phases 0 ... phases - 1, one after the other: work(phase, piece) for every piece < pieces, as
// for_each does it, then between(phase) on one thread. A phase begins when the one before has
// ended. The threads are started once for all phases, so that a phase of microseconds is worth
// them; a late thread finds its pieces done by the others. `work` must not throw; what `between`
// throws ends all phases and is thrown on.
void run_phases(executor& on, std::size_t pieces, std::size_t phases,
                const std::function<void(std::size_t, std::size_t)>& work,
                const std::function<void(std::size_t)>& between);

std::unique_ptr<executor> serial_executor();
std::unique_ptr<executor> tbb_executor(std::size_t threads);  // threads >= 1
// Threads >= 1; for the thread sanitizer, which misreads TBB.
std::unique_ptr<executor> thread_executor(std::size_t threads);

// The one for this build: TBB, or plain threads under the thread sanitizer; serial when threads
// == 1.
std::unique_ptr<executor> default_executor(std::size_t threads);

}  // namespace bdh
