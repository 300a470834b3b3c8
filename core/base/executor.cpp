#include "core/base/executor.hpp"

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace bdh {
namespace {

class serial final : public executor {
 public:
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work) override {
    for (std::size_t i = 0; i < count; ++i) work(i);
  }
  std::size_t threads() const noexcept override { return 1; }
};

class on_tbb final : public executor {
 public:
  explicit on_tbb(std::size_t threads) : arena_(static_cast<int>(threads)), threads_(threads) {
    // TBB starts no more threads than there are processors without such a limit; a smaller one
    // would throttle the whole program.
    if (threads > static_cast<std::size_t>(tbb::info::default_concurrency()))
      limit_.emplace(tbb::global_control::max_allowed_parallelism, threads);
  }
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work) override {
    if (count == 1) return work(0);
    arena_.execute([&] {
      tbb::parallel_for(
          std::size_t{0}, count, [&](std::size_t i) { work(i); }, tbb::simple_partitioner());
    });
  }
  std::size_t threads() const noexcept override { return threads_; }

 private:
  std::optional<tbb::global_control> limit_;
  tbb::task_arena arena_;
  std::size_t threads_;
};

class on_threads final : public executor {
 public:
  explicit on_threads(std::size_t threads) {
    for (std::size_t t = 0; t < threads; ++t) workers_.emplace_back([this] { serve(); });
  }
  ~on_threads() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work) override {
    std::unique_lock lock(mutex_);
    work_ = &work;
    count_ = count;
    next_ = 0;
    open_ = count;
    wake_.notify_all();
    done_.wait(lock, [&] { return open_ == 0; });
  }
  std::size_t threads() const noexcept override { return workers_.size(); }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || next_ < count_; });
      if (stop_) return;
      const std::size_t mine = next_++;
      const auto& work = *work_;
      lock.unlock();
      work(mine);
      lock.lock();
      if (--open_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t count_ = 0, next_ = 0, open_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

// Some microseconds of looking, then the processor is left to others between looks.
void wait_while(const std::atomic<std::size_t>& value, std::size_t is) {
  for (unsigned look = 0; value.load(std::memory_order_acquire) == is; ++look) {
    if (look >= 200) {
      std::this_thread::yield();
    } else {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
}

struct alignas(64) counter {  // on a cache line of its own
  std::atomic<std::size_t> value{0};
};

}  // namespace

void run_phases(executor& on, std::size_t pieces, std::size_t phases,
                const std::function<void(std::size_t, std::size_t)>& work,
                const std::function<void(std::size_t)>& between) {
  const std::size_t crew = std::min(on.threads(), pieces);
  if (crew <= 1) {
    for (std::size_t p = 0; p < phases; ++p) {
      on.for_each(pieces, [&](std::size_t i) { work(p, i); });
      between(p);
    }
    return;
  }
  std::vector<counter> taken(pieces);  // in how many phases this piece was taken
  counter phase, done;                 // the present one; pieces of all phases
  std::exception_ptr failure;
  on.for_each(crew, [&](std::size_t self) {
    for (std::size_t p = phase.value.load(std::memory_order_acquire); p < phases;
         p = phase.value.load(std::memory_order_acquire)) {
      for (std::size_t k = 0; k < pieces;
           ++k) {  // first those that were this thread's in the phase before: they lie in its cache
        const std::size_t i = (self * pieces / crew + k) % pieces;
        std::size_t expected = p;
        if (!taken[i].value.compare_exchange_strong(expected, p + 1, std::memory_order_relaxed))
          continue;
        work(p, i);
        // The thread that does the last piece has seen all others done, and ends the phase.
        if (done.value.fetch_add(1, std::memory_order_acq_rel) + 1 < (p + 1) * pieces) continue;
        try {
          between(p);
        } catch (...) {
          failure = std::current_exception();
        }
        phase.value.store(failure ? phases : p + 1, std::memory_order_release);
      }
      wait_while(phase.value, p);
    }
  });
  if (failure) std::rethrow_exception(failure);
}

std::unique_ptr<executor> serial_executor() { return std::make_unique<serial>(); }
std::unique_ptr<executor> tbb_executor(std::size_t threads) {
  return std::make_unique<on_tbb>(threads);
}
std::unique_ptr<executor> thread_executor(std::size_t threads) {
  return std::make_unique<on_threads>(threads);
}

std::unique_ptr<executor> default_executor(std::size_t threads) {
  if (threads <= 1) return serial_executor();
#if defined(__SANITIZE_THREAD__)
  return thread_executor(threads);
#else
  return tbb_executor(threads);
#endif
}

}  // namespace bdh
