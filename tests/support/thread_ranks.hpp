// Ranks as threads of one process, which exchange bytes and nothing else.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/ranks/rank_exchange.hpp"
#include "core/ranks/rank_server.hpp"
#include "core/ranks/ranked_engine.hpp"
#include "core/simulation/engine.hpp"

namespace tests {

enum class letter { said, answered, exchanged };

// Bytes on their way, in order for each sender, receiver and kind.
class letters {
 public:
  void post(bdh::rank_id from, bdh::rank_id to, letter what, bdh::byte_list bytes) {
    const std::lock_guard lock(mutex_);
    waiting_[{from, to, what}].push_back(std::move(bytes));
    arrived_.notify_all();
  }
  bdh::byte_list take(bdh::rank_id from, bdh::rank_id to, letter what) {
    std::unique_lock lock(mutex_);
    auto& mine = waiting_[{from, to, what}];
    arrived_.wait(lock, [&] { return !mine.empty(); });
    bdh::byte_list bytes = std::move(mine.front());
    mine.pop_front();
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::tuple<bdh::rank_id, bdh::rank_id, letter>, std::deque<bdh::byte_list>> waiting_;
};

class thread_rank final : public bdh::ranks {
 public:
  thread_rank(std::shared_ptr<letters> by, bdh::rank_id rank, bdh::rank_id size)
      : by_(std::move(by)), rank_(rank), size_(size) {}
  bdh::rank_id rank() const noexcept override { return rank_; }
  bdh::rank_id size() const noexcept override { return size_; }
  std::string host() const override { return "host-" + std::to_string(rank_); }

  void broadcast(bdh::byte_list& bytes) override {
    if (rank_ != 0) {
      bytes = by_->take(0, rank_, letter::said);
      return;
    }
    for (bdh::rank_id r = 1; r < size_; ++r) by_->post(0, r, letter::said, bytes);
  }
  std::vector<bdh::byte_list> gather(const bdh::byte_list& own) override {
    if (rank_ != 0)
      return by_->post(rank_, 0, letter::answered, own), std::vector<bdh::byte_list>();
    std::vector<bdh::byte_list> all = {own};
    for (bdh::rank_id r = 1; r < size_; ++r) all.push_back(by_->take(r, 0, letter::answered));
    return all;
  }
  bdh::byte_list scatter(std::span<const bdh::byte_list> each) override {
    if (rank_ != 0) return by_->take(0, rank_, letter::said);
    for (bdh::rank_id r = 1; r < size_; ++r) by_->post(0, r, letter::said, each[r]);
    return each[0];
  }
  void exchange(std::span<const bdh::byte_list> sent, std::span<bdh::byte_list> received) override {
    ++exchanges_;
    for (bdh::rank_id r = 0; r < size_; ++r)
      if (r != rank_) {
        bytes_sent_ += sent[r].size();
        by_->post(rank_, r, letter::exchanged, sent[r]);
      }
    for (bdh::rank_id r = 0; r < size_; ++r)
      if (r != rank_) received[r] = by_->take(r, rank_, letter::exchanged);
  }

 private:
  const std::shared_ptr<letters> by_;
  const bdh::rank_id rank_, size_;
};

inline std::unique_ptr<bdh::engine> cpu_sites(const bdh::model& m, const bdh::rank_job& job,
                                              bdh::site_id sites, bdh::site_range local) {
  return bdh::cpu_engine(m, {.sites = sites,
                             .retention = job.retention,
                             .bfloat16_synapses = job.bfloat16_synapses,
                             .local = local,
                             .spikes = job.spikes});
}

// Ranks that run a model: this thread is rank 0.
class running {
 public:
  // `broken`: what a rank, if it is one of them, says of the model.
  running(const bdh::model& m, bdh::rank_id size, bdh::site_engine_factory make = cpu_sites,
          bdh::rank_id broken = 0)
      : make_(std::move(make)) {
    const auto by = std::make_shared<letters>();
    first = std::make_shared<thread_rank>(by, 0, size);
    const auto same = std::shared_ptr<const bdh::model>(std::shared_ptr<void>(), &m);
    for (bdh::rank_id r = 1; r < size; ++r)
      others_.emplace_back([=, this] {
        const bdh::rank_server_options options{.open =
                                                   [&](const bdh::rank_job& job) {
                                                     if (r == broken)
                                                       throw bdh::input_error(job.model_file,
                                                                              "no such file");
                                                     return same;
                                                   },
                                               .make = make_};
        bdh::serve(std::make_shared<thread_rank>(by, r, size), options);
      });
  }
  ~running() {
    bdh::end_ranks(*first);
    for (std::thread& t : others_) t.join();
  }

  bdh::simulator simulator(const bdh::model& m, const bdh::rank_job& job) const {
    bdh::simulator_options options{.threads = job.sites};
    options.mail =
        std::make_shared<bdh::rank_exchange>(first, bdh::rank_sites{first->size(), job.sites});
    options.totals = std::make_shared<bdh::rank_reduction>(first);
    return {m, bdh::ranked_engine(m, job, first, make_), options};
  }

  std::shared_ptr<bdh::ranks> first;

 private:
  const bdh::site_engine_factory make_;
  std::vector<std::thread> others_;
};

}  // namespace tests
