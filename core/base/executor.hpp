// Runs independent pieces of work, on TBB, on plain threads or one after the other. Results never depend on which.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace bdh {

class executor {
 public:
  virtual ~executor() = default;
  // Calls work(0) ... work(count - 1), each once, in any order, and returns when all are done. `work` must not throw.
  virtual void for_each(std::size_t count, const std::function<void(std::size_t)>& work) = 0;
  virtual std::size_t threads() const noexcept = 0;
};

std::unique_ptr<executor> serial_executor();
std::unique_ptr<executor> tbb_executor(std::size_t threads);     // threads >= 1
std::unique_ptr<executor> thread_executor(std::size_t threads);  // threads >= 1; for the thread sanitizer, which misreads TBB

// The one for this build: TBB, or plain threads under the thread sanitizer; serial when threads == 1.
std::unique_ptr<executor> default_executor(std::size_t threads);

}  // namespace bdh
