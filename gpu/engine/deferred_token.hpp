// The steps of a token on a device, deferred until a result is needed: then a token of which
// nothing is done yet is replayed from a recording, or recorded first; one of which something is
// done, since values were read or interventions acted between its rounds, is finished step by step.
// Streams that read their tokens together are a group: those of them whose whole token is deferred
// are replayed as one.
//
//     begin()      no steps
//     add()        one more deferred step
//     flush()      all steps launched; results are not there
//     fetch()      token ended, results fetched
//
// What fails where nothing may be thrown is captured, and keeps all that follows from being done.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <bdh/round_table.hpp>

#include "gpu/engine/batched_launch.hpp"
#include "gpu/engine/device_site.hpp"

namespace bdh::gpu {

// The first error of what must not throw.
class captured_error {
 public:
  template <class Work>
  void capture(Work work) noexcept {
    if (error_) return;
    try {
      work();
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }
  void set(std::exception_ptr e) noexcept { error_ = std::move(e); }
  bool failed() const noexcept { return error_ != nullptr; }

 private:
  std::exception_ptr error_;
};

class deferred_token {
 public:
  deferred_token(device& on, device_site& site);
  deferred_token(const deferred_token&) = delete;
  deferred_token& operator=(const deferred_token&) = delete;
  ~deferred_token();

  void begin();
  void add(action what, layer_id layer);
  void flush();
  void fetch();
  void abandon();  // all of the token, and the error

  bool in_group() const noexcept { return group_ != nullptr; }
  // One group for tokens of several streams.
  static void group(const std::vector<deferred_token*>& members);

  captured_error errors;

 private:
  void leave_group();

  using steps = std::vector<std::pair<action, layer_id>>;
  struct stream_group {
    std::vector<deferred_token*> members;
  };
  // What a recording holds for: the steps, and what launches depend on beside them.
  struct recorded {
    steps of;
    std::vector<std::uint64_t> key;
    bool operator==(const recorded&) const = default;
  };

  bool is_deferred() const;
  void run(std::size_t first, std::size_t last);
  void finish();
  void replay();
  void replay_host_side();                 // the host's books of a whole token
  void gather_launches(operations& into);  // the same, and what it launches
  void end_host_side();
  void run_group();
  void run_together(const std::vector<deferred_token*>& waiting);
  recorded key_of(const std::vector<deferred_token*>& waiting) const;

  device& device_;
  device_site& site_;
  const std::uint64_t number_;  // no other token has, or had
  steps steps_;
  std::size_t done_ = 0;  // steps that were launched
  bool begun_ = false, ended_ = false, fetched_ = true;
  std::unique_ptr<recording> recording_;
  recorded recorded_;
  std::shared_ptr<stream_group> group_;
  std::unique_ptr<batched_graph> batch_;
  recorded batch_key_;
};

}  // namespace bdh::gpu
