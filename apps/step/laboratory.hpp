// A model under experiment: a simulator and the history of what was done to it. From the history
// the past can be lived through again, in a simulator of its own: to take a step back, to look at
// an earlier moment, or to learn the strength of a neuron pair that nobody probed. The bits are
// those of the first time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "apps/common/options.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh::app {

class laboratory {
 public:
  // The model must outlive it.
  laboratory(const model& m, engine_choice engine);

  const model& subject() const { return model_; }
  const simulator& brain() const { return *now_.brain; }

  // Every change below has happened entirely, or an exception left everything as it was. Long ones
  // throw `stopped` at a signal (apps/common/signals.hpp).

  // A token, whole or by rounds: begin, then advance, which ends the token with its last round; or
  // finish.
  const step_report& read(token_id token);
  void begin(token_id token);
  round_mark advance();
  const step_report& finish();
  std::optional<round_mark> round()
      const;  // the last one done of a token that is being read; layer 0: none yet
  const std::vector<step_report>& reports() const { return reports_; }  // of the tokens read here

  struct intervention_in_force {
    int number;  // 1, 2, ... as they came
    intervention what;
  };
  int perturb(const intervention& p);
  void release(int number);  // throws input_error when none of this number is in force
  std::vector<intervention_in_force> interventions() const;

  // Makes the strengths of these pairs known, by reading all tokens again where that is needed;
  // returns how many it has read. Edges of gs are always known. Throws unavailable_error when the
  // history does not begin with strengths of zero.
  std::uint64_t know(std::span<const probe_spec> wanted);

  // Takes back the last token, begun or complete, or the last intervention or release. Throws
  // input_error when there is none.
  enum class undone { token, intervention, release };
  undone undo();
  // Starts a history at these strengths; interventions, probes and what was read so far are gone.
  void load(synapse_state state);
  synapse_state save() const { return now_.brain->save(); }

  // Reads the last `tokens` tokens again and calls `look` after each round, and with nothing at a
  // token's end, until it returns false.
  using look = std::function<bool(const simulator&, std::optional<round_mark>)>;
  void look_back(std::uint64_t tokens, const look& at) const;
  std::unique_ptr<simulator> before_last_token() const;
  std::uint64_t tokens_read() const {
    return reports_.size() + (open_ ? 1 : 0);
  }  // since the history began

 private:
  struct release_of {
    int number;
  };
  using event = std::variant<token_id, intervention, release_of>;
  struct life {
    std::unique_ptr<simulator> brain;
    std::map<int, int> number;  // of an intervention: the simulator's; those released are gone
    int interventions = 0;      // so far
  };
  struct snapshot {
    std::size_t events;
    synapse_state state;
  };
  struct open_token {
    token_id token;
    std::size_t rounds;  // done
    round_mark last;
  };

  life start(const snapshot* from) const;
  void live(life& l, const event& e) const;
  void open_again(life& l) const;
  life relive(std::size_t events) const;  // with the values of its last token, if there is one
  life relive_all(std::deque<snapshot>& snapshots) const;
  const snapshot* snapshot_before(std::size_t at) const;
  std::size_t token_before(
      std::size_t end) const;  // the last token's event; as many as there are when there is none
  std::size_t event_of_token(std::uint64_t from_the_end) const;
  bool due(const simulator& brain, const std::deque<snapshot>& snapshots) const;
  void recover();
  void check_between_tokens() const;

  const model& model_;
  engine_choice engine_;
  const engine_choice given_;  // by the user; what was left open is as loaded strengths have it
  std::optional<synapse_state> base_;  // where the history begins; nothing: all synapses zero
  std::vector<event> events_;
  std::optional<open_token> open_;
  std::vector<step_report> reports_;
  std::vector<probe_spec> probed_;
  std::deque<snapshot> snapshots_;  // the latest, so that a step back is short
  life now_;
};

}  // namespace bdh::app
