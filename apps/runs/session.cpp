#include "apps/runs/session.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/ranks.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/token_printer.hpp"
#include "core/ranks/ranked_engine.hpp"
#include "core/simulation/prefill_reader.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t long_text = 256;  // tokens

// The tokens of the input, one by one or in blocks, and then those that are generated: each is read
// by the simulator and recorded.
class prompt_reader {
 public:
  prompt_reader(const run_options& o, simulator& brain, token_source& input, run_recorder& to,
                token_printer& printer, const std::optional<resumed_run>& resumed)
      : options_(o),
        brain_(brain),
        input_(input),
        recorder_(to),
        printer_(printer),
        resumed_(resumed),
        total_(input.total() ? std::optional(*input.total() + o.generate) : std::nullopt),
        progress_(!o.quiet, total_ && resumed
                                ? std::optional(*total_ - std::min(*total_, resumed->rows))
                                : total_) {}

  // The first token that is to be read. Throws input_error for an input without any.
  std::optional<token_id> first() {
    const auto token = resumed_ ? next_after_resuming() : input_.next();
    if (!token && !resumed_ && stop_requested() == 0)
      throw input_error("input", "no tokens", "at least one");
    return token;
  }

  void read_all(std::optional<token_id> first) {
    if (total_) note_window_before(recorder_.first() + *total_);
    if (options_.prefill.blocks())
      read_blocks(first);
    else
      for (auto token = first; token && stop_requested() == 0; token = input_.next())
        read(*token, false), ++one_by_one_;
    if (printer_.is_terminal()) progress_.clear();
    for (std::uint64_t k = resumed_ ? resumed_->generated : 0;
         k < options_.generate && stop_requested() == 0; ++k) {
      const token_id next = brain_.choose(sampling_of(options_));
      printer_.write(next);
      read(next, true);
    }
  }

  std::uint64_t one_by_one() const noexcept { return one_by_one_; }  // tokens of the input
  void clear_progress() { progress_.clear(); }

 private:
  // The input begins with what was read already; it must still be that.
  std::optional<token_id> next_after_resuming() {
    for (std::size_t k = 0; k < resumed_->to_skip.size(); ++k) {
      const auto token = input_.next();
      if (!token && stop_requested() != 0) return std::nullopt;
      if (token != resumed_->to_skip[k])
        throw input_error(
            fmt::format("input[{}]", k), token ? fmt::format("token {}", *token) : "its end",
            fmt::format("token {}, which the run has read there", resumed_->to_skip[k]),
            "the text has changed since the run began");
    }
    return resumed_->generated == 0 ? input_.next() : std::nullopt;
  }

  void read(token_id token, bool generated) {
    recorder_.before_token();
    if (!generated && brain_.learns_by()) brain_.learn(token);
    note_window_before(brain_.tokens() + 1);
    recorder_.add(brain_.step(token), generated);
    if (!(generated && printer_.is_terminal())) progress_.at(recorder_.totals().tokens());
  }

  // A block is read when it is full, or when the input has ended: how the text arrives, and when a
  // stop comes, changes no bit.
  void read_blocks(std::optional<token_id> token) {
    while (token && stop_requested() == 0) {
      const std::uint64_t at = brain_.tokens(), end = end_of_blocks(at);
      const std::vector<token_id> piece = take(input_, *token, at, end);
      const bool whole = at + piece.size() == end;
      if (!whole && stop_requested() != 0) return;
      recorder_.before_block();
      note_window_before(at + piece.size());
      brain_.prefill().read(piece,
                            [&](const step_report& report) { recorder_.add(report, false); });
      progress_.at(recorder_.totals().tokens());
      token = whole ? input_.next() : std::nullopt;
    }
  }

  // A checkpoint can be made only between blocks: at the first end of a block where one is due.
  std::uint64_t end_of_blocks(std::uint64_t at) const {
    const auto next = [&](std::uint64_t unit) { return at / unit * unit + unit; };
    const std::uint64_t end = next(block_span), every = options_.checkpoint_every;
    if (every == 0 || every > end) return end;
    return std::min(end, (next(every) + block_length - 1) / block_length * block_length);
  }

  void note_window_before(std::uint64_t tokens) {
    if (window_noted_ || !leaves_window(brain_, tokens)) return;
    window_noted_ = true;
    progress_.clear();
    note_window(brain_.model());
  }

  const run_options& options_;
  simulator& brain_;
  token_source& input_;
  run_recorder& recorder_;
  token_printer& printer_;
  const std::optional<resumed_run>& resumed_;
  const std::optional<std::uint64_t> total_;
  progress_meter progress_;
  bool window_noted_ = false;
  std::uint64_t one_by_one_ = 0;
};

void print_json(const run_options& o, const simulator& brain, const run_recorder& recorder,
                const token_printer& printer, bool interrupted) {
  nlohmann::ordered_json all = recorder.totals().json(brain);
  all["retention"] = brain.retention();
  all["threads"] = o.engine.threads;
  all["sites"] = o.engine.site_count();
  all["interrupted"] = interrupted;
  all["generated"] = printer.json();
  if (together())
    for (const rank_usage& r : usage_of(*together()))
      all["ranks"].push_back({{"host", r.host},
                              {"peak_memory_bytes", r.peak_memory},
                              {"exchanges", r.exchanges},
                              {"bytes_sent", r.bytes_sent},
                              {"seconds_waiting", r.seconds_waiting}});
  // Generated bytes need not be UTF-8; `tokens` has them exactly.
  print(json_text(all, 1) + "\n");
}

void note_stop(const run_options& o, std::uint64_t tokens) {
  const std::string recorded =
      o.folder.empty() || tokens == 0
          ? ""
          : fmt::format("; all of them are recorded, bdh resume {} goes on", o.folder);
  note(fmt::format("bdh: stopped by a signal after {} tokens{}",
                   shown_count(static_cast<double>(tokens)), recorded));
}

// The interventions of the options, checked against the tokens of the run. `use` gets each, and
// its place for messages.
template <class Use>
void for_each_intervention(const model& m, const run_options& o, std::uint64_t first,
                           std::optional<std::uint64_t> total, Use use) {
  std::uint32_t noises = 0;
  for (const std::string& text : o.interventions) {
    const auto named = [&](const std::string& place) { return "--do '" + text + "', " + place; };
    intervention p = with_context(named, [&] { return parse_intervention(m, text, first); });
    p.always = p.first == 0 && first == 0 && !p.pulses();
    if (p.what == intervention_kind::noise) {
      ++noises;
      if (!p.noise.seed) p.noise.seed = o.seed;
      if (p.noise.stream == 0) p.noise.stream = noises;
    }
    expect_within_run("--do '" + text + "'", p, first, total);
    with_context(named, [&] { use(p); });
  }
}

// Finds out before a long run, not after it, that its synapses cannot be saved.
void check_target(const std::string& file) {
  check_state_target(file);
  const atomic_file target(file, true);
}

}  // namespace

void expect_within_run(const std::string& place, const intervention& p, std::uint64_t first,
                       std::optional<std::uint64_t> total) {
  // Of pulses at given positions, and of what acts once, none may be lost.
  const bool each = p.acts_once() || !p.onsets.empty();
  const std::uint64_t begin = p.first_position(), end = p.last_position();
  const bool past = each ? begin < first : end < first;
  const std::uint64_t furthest = p.onsets.empty() ? begin : p.onsets.back();
  if (!past && (!total || *total == 0 || furthest < first + *total)) return;
  std::uint64_t found = furthest;
  if (past) found = each ? begin : end;
  throw input_error(place, fmt::format("token {}", found),
                    total && *total != 0
                        ? fmt::format("{} to {}, the tokens of this run", first, first + *total - 1)
                        : fmt::format("{} or later, the tokens of this run", first));
}

bool leaves_window(const simulator& brain, std::uint64_t tokens) {
  const std::uint64_t window = brain.model().training_window();
  return window != 0 && tokens > window && brain.retention() == 1;
}

void note_window(const model& m) {
  note(
      fmt::format("note: past token {}, the window that this model was trained on, its predictions "
                  "get worse; --retention 0.995 prevents it",
                  shown_count(static_cast<double>(m.training_window()))));
}

void note_learning(const simulator& brain, const run_options& o) {
  if (!brain.learns_by() || o.quiet || o.json) return;
  const std::size_t bytes = brain.model().bytes();
  note(fmt::format(
      "weights learn: {} for copies of them{}", shown_bytes(bytes),
      o.folder.empty() ? "" : fmt::format(", and {} more in each checkpoint", shown_bytes(bytes))));
}

void intervene(simulator& brain, const run_options& o, std::uint64_t first,
               std::optional<std::uint64_t> total) {
  for_each_intervention(brain.model(), o, first, total, [&](const intervention& p) {
    const bool done = p.acts_once() && p.last_position() < brain.tokens();
    if (!done) brain.interventions().add(p);
  });
}

void expect_interventions(const simulator& brain, const run_options& o,
                          std::optional<std::uint64_t> total) {
  for_each_intervention(brain.model(), o, brain.tokens(), total, [](const intervention&) {});
}

int run_session(const run_options& o, simulator& brain, token_source& input,
                std::vector<recording_description> recordings,
                const std::optional<resumed_run>& resumed) {
  if (!o.save_state.empty()) check_target(o.save_state);
  if (!o.engine.learning.save_model.empty())
    const atomic_file whole(o.engine.learning.save_model, resumed.has_value());
  run_recorder recorder(o, brain, std::move(recordings));
  token_printer printer(brain.model(),
                        o.json ? token_printer::output::keep : token_printer::output::print);
  prompt_reader reader(o, brain, input, recorder, printer, resumed);
  const std::optional<token_id> first = reader.first();
  try {
    recorder.open(resumed);
  } catch (const stopped&) {
    note_stop(o, recorder.totals().tokens());
    return 128 + stop_requested();
  }
  // The recording may be read while the input is waited for.
  if (!o.folder.empty()) input.on_wait([&] { recorder.commit(); });
  try {
    reader.read_all(first);
    printer.finish();
  } catch (const broken_pipe&) {
    reader.clear_progress();
    recorder.finish(run_status::interrupted);
    throw;
  } catch (const error&) {
    reader.clear_progress();
    recorder.fail();
    throw;
  }
  const int signal = stop_requested();
  reader.clear_progress();
  recorder.end(signal == 0 ? run_status::complete : run_status::interrupted);
  if (o.json)
    print_json(o, brain, recorder, printer, signal != 0);
  else if (!o.quiet)
    recorder.totals().print_summary(brain, o.engine.site_count());
  if (!o.json && !o.quiet && reader.one_by_one() >= long_text &&
      !blocks_refused(brain, recorder.recordings()))
    note(
        "a text of this length is read several times faster with --prefill blocks; the results "
        "are equal up to rounding");
  if (!o.engine.learning.save_model.empty() && !recorder.saves_model(signal != 0) && !o.quiet)
    note("the model that learned is not written: the run goes on");
  if (signal != 0) note_stop(o, recorder.totals().tokens());
  return signal == 0 ? 0 : 128 + signal;
}

}  // namespace bdh::app
