// A model under experiment: a simulator, and the history of the tokens that it read and of the
// interventions on it. A replica, a second simulator that replays a part of the history, gives the
// past back: a step before the last one, the values of an earlier moment, or the strength of a
// neuron pair that had no probe at the time. Its bits are those of the first time.
//
//     bdh::experiment e(model, [](const bdh::model& m) { return bdh::cpu_engine(m); });
//     e.read('H');
//     e.intervene(bdh::parse_intervention(model, "silence x:5-9"));
//     e.read('i');
//     e.undo();                                // as before 'i'
//     e.ensure_probed(std::vector<bdh::probe_spec>{{{17, 23}, 2}});
//     e.current().probes().strength(2, {17, 23});
//
// The two or so latest states of the synapses are kept, so that what is replayed is short; each
// takes as much memory as all synapses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <bdh/simulator.hpp>

namespace bdh {

struct experiment_options {
  simulator_options simulator;
  // Called before each event that is replayed; what it throws ends the replay, and nothing has
  // changed.
  std::function<void()> interrupt;
};

class experiment {
 public:
  // `make` gives the engine of every simulator: of the current one, and of each replica. The model
  // outlives the experiment.
  experiment(const model& m, engine_factory make, experiment_options options = {});

  const bdh::model& model() const noexcept { return model_; }
  const simulator& current() const noexcept { return *now_.brain; }

  // Each member below that changes something has done it entirely, or throws and has changed
  // nothing.

  // A token, whole or by rounds: begin(), then advance(), which with the last round ends the token;
  // or finish(), which runs the rounds that are left. Throw as simulator::step(), and input_error
  // where a token is being read, or none is.
  const step_report& read(token_id token);
  void begin(token_id token);
  round_mark advance();
  const step_report& finish();
  // The last round of the token that is being read; layer 0: none yet. Nothing: no token
  // is being read.
  std::optional<round_mark> round() const;
  const std::vector<step_report>& reports() const noexcept { return reports_; }  // complete tokens
  // Since the history began, with the one that is being read.
  std::uint64_t tokens_read() const noexcept { return reports_.size() + (open_ ? 1 : 0); }

  struct active_intervention {
    int number;  // 1, 2, ... in the order of their beginning
    intervention what;
  };
  // Between tokens. intervene() returns the number of the intervention, and probes what it needs,
  // as ensure_probed() does. release() throws input_error where no active one has this number.
  int intervene(const intervention& what);
  void release(int number);
  std::vector<active_intervention> interventions() const;

  // Makes current().probes().strength() of these known: places probes, and replays all tokens where
  // they come too late. Returns the number of tokens replayed; 0 for edges of gs, which are always
  // known. Throws unavailable_error where the history does not begin with strengths of zero.
  std::uint64_t ensure_probed(std::span<const probe_spec> wanted);

  // Takes back the last token, begun or complete, or the last intervention or release. Throws
  // input_error when there is none.
  enum class undone { token, intervention, release };
  undone undo();

  // Begins a new history at these strengths, without interventions and probes. `make`: engines come
  // from it from here on, for example with the retention of the state; null: from the one before.
  void load(run_state state, engine_factory make = nullptr);
  run_state save() const { return now_.brain->save(); }

  // Replays the last `tokens` tokens, and calls `see` after each round, and with nothing at the end
  // of each token, until it returns false.
  using observer = std::function<bool(const simulator&, std::optional<round_mark>)>;
  void replay(std::uint64_t tokens, const observer& see) const;
  std::unique_ptr<simulator> before_last_token() const;  // a replica

 private:
  struct release_of {
    int number;
  };
  using event = std::variant<token_id, intervention, release_of>;
  struct replica {
    std::unique_ptr<simulator> brain;
    // By the experiment's number of an intervention, the simulator's; without those released.
    std::map<int, int> number;
    int interventions = 0;  // so far
  };
  struct snapshot {
    std::size_t events;  // before it
    run_state state;
  };
  struct open_token {
    token_id token;
    std::size_t rounds;  // done
    round_mark last;
  };

  std::unique_ptr<simulator> make_simulator(const engine_factory& make) const;
  replica begin_at(const snapshot* from) const;  // null: where the history begins
  void apply(replica& to, const event& e) const;
  void apply(replica& to, std::size_t first, std::size_t end) const;  // events [first, end)
  void apply_open_token(replica& to) const;
  // After this many events, with the X, Y, A and W of the last token among them.
  replica replay_events(std::size_t events) const;
  replica replay_all(std::deque<snapshot>& snapshots) const;
  const snapshot* snapshot_before(std::size_t at) const;
  // The event of the last token before event `end`; `end` when there is none.
  std::size_t token_before(std::size_t end) const;
  std::size_t event_of_token(std::uint64_t from_the_end) const;
  void add_snapshot_if_due(std::size_t events, const simulator& brain,
                           std::deque<snapshot>& snapshots) const;
  void recover();
  void check_between_tokens() const;
  void interrupt() const {
    if (options_.interrupt) options_.interrupt();
  }

  const bdh::model& model_;
  engine_factory make_;
  experiment_options options_;
  std::optional<run_state> base_;  // where the history begins; nothing: all synapses zero
  std::vector<event> events_;
  std::optional<open_token> open_;
  std::vector<step_report> reports_;
  std::vector<probe_spec> probed_;
  std::deque<snapshot> snapshots_;  // the latest
  replica now_;
};

}  // namespace bdh
