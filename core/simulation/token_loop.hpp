// The loop of one token: begin, what happens at every moment, end. It drives the scheduler, and
// after it, in this order, what follows the token: W of the sources, cut edges, probes, observers.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <bdh/step_report.hpp>

#include "core/simulation/intervention_applier.hpp"
#include "core/simulation/prediction.hpp"
#include "core/simulation/reduction.hpp"
#include "core/simulation/scheduler.hpp"
#include "core/simulation/stream_position.hpp"

namespace bdh {

// What the loop of a stream drives and changes.
struct token_loop_parts {
  const model& subject;
  engine& work;
  exchange& mail;
  reduction& totals;
  executor& threads;
  stream_position& position;
  prediction& next;
  probe_store& probes;
  source_tracker& sources;
  const intervention_set& interventions;
  intervention_applier& applier;
};

class token_loop {
 public:
  // The parts are those of one stream; they and their list outlive the loop.
  token_loop(const token_loop_parts& parts, const round_table& table, bool surprisals);
  token_loop(const token_loop&) = delete;
  token_loop& operator=(const token_loop&) = delete;

  using observer = std::function<void(layer_id layer, moment at)>;
  int observe(observer call, observation sees);
  void stop_observing(int number) { observers_.erase(number); }
  bool observed() const noexcept { return !observers_.empty(); }
  // The least that a token must stop for.
  observation sees() const noexcept;
  bool published() const noexcept { return published_; }  // the round table is
  const round_table& table() const noexcept { return table_; }
  bool surprisals() const noexcept { return surprisals_; }  // reports have them
  // Whether a token of both can be run together.
  bool can_run_with(const token_loop& other) const;

  void begin(token_id token, observation sees);
  std::optional<round_mark> advance();
  step_report finish();

  // The rounds in which the token that was read last learns.
  void learn(const token_plan& rounds) { scheduler_.learn(rounds); }

  // The same for several streams, which have begun alike and none of which comes twice: `failed`
  // has, for each, what an observer threw; those streams go on to the end of the token without.
  struct stream {
    token_loop* loop;
    std::exception_ptr failed = nullptr;
  };
  static void run_together(std::span<stream> streams);
  step_report end();  // after it, of a stream that has not failed
  void give_up();     // of one that has

 private:
  bool tracks() const noexcept { return p_.sources.following() || p_.probes.size() != 0; }
  void reached(const round_mark& done, bool shared);
  void track(const round_mark& done);
  void track_w(bool of_token);
  void track_x(layer_id layer);
  void write_probes(std::size_t part, std::size_t parts) noexcept;
  step_report report();

  const token_loop_parts& p_;
  const round_table table_;
  const bool published_, surprisals_;
  scheduler scheduler_;
  struct observing {
    observer call;
    observation sees;
  };
  std::map<int, observing> observers_;
  int next_id_ = 1;

  // Of the token that is being read.
  token_id token_ = 0;
  observation sees_ = observation::none;
  std::optional<double> surprisal_;
  std::chrono::steady_clock::time_point step_start_;
  layer_id pending_probe_layer_ = 0;  // its probes are to be written from these; 0: none
  std::vector<float> x_, y_;
};

}  // namespace bdh
