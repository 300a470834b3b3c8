#include "apps/runs/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/machine/memory.hpp"
#include "apps/runs/session.hpp"
#include "apps/runs/stream.hpp"
#include "core/base/version.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

// A number, a tab, what was generated: ids separated by commas, or text with backslashes, line
// ends, tabs and what is no text escaped.
std::string generated_line(const model& m, const stream& of) {
  std::string line = std::to_string(of.number()) + "\t";
  if (m.tokens() == tokenizer::ids)
    return line + fmt::format("{}\n", fmt::join(of.generated().tokens(), ","));
  std::string text;
  for (const char c : of.generated().text()) {
    static constexpr std::string_view plain = "\\\n\t", escaped = "\\nt";
    const std::size_t at = plain.find(c);
    text += at == plain.npos ? std::string(1, c) : std::string{'\\', escaped[at]};
  }
  terminal_text shown;
  return line + shown.add(text) + shown.finish() + "\n";
}

class batch {
 public:
  batch(const run_options& o, const batch_plan& plan, std::unique_ptr<simulator> first,
        const std::optional<first_state>& state,
        const std::vector<recording_description>& recordings)
      : options_(o),
        plan_(plan),
        model_(first->model()),
        state_(state),
        recordings_(recordings),
        next_(std::move(first)),
        ended_(plan.streams.size()),
        all_(model_),
        progress_(!o.quiet, plan.tokens) {
    // What is wrong with one is refused here, before anything is written.
    for (std::size_t k = 0; k < plan.streams.size(); ++k)
      if (k == 0 || plan.streams[k].condition != plan.streams[k - 1].condition)
        expect_interventions(*next_, plan.streams[k], plan.longest);
    intervene(*next_, plan.streams.front(), next_->tokens(), plan.longest);
    if (plan.longest && leaves_window(*next_, next_->tokens() + *plan.longest) && !o.json &&
        !o.quiet)
      note_window(model_);
    synapse_bytes_ = next_->state_bytes() * plan.at_a_time;
    retention_ = next_->retention();
    rounded_ = next_->rounds_synapses();
  }

  int run() {
    if (!options_.folder.empty()) {
      claim_folder(options_.folder);
      for (const run_options& one : plan_.streams)
        std::filesystem::create_directories(std::filesystem::path(one.folder).parent_path());
      write_index();
    }
    stop_on_signals();
    const auto begin = std::chrono::steady_clock::now();
    try {
      for (;;) {
        while (active_.size() < plan_.at_a_time && begun_ < ended_.size() && stop_requested() == 0)
          start();
        if (active_.empty()) break;
        step();
      }
    } catch (const broken_pipe&) {
      for (const auto& one : active_) one->end();
      throw;
    }
    progress_.clear();
    print_summary(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    if (const int signal = stop_requested()) return 128 + signal;
    return exit_code_;
  }

 private:
  // Which stream is where: each folder is a run of its own and says the rest.
  void write_index() const {
    nlohmann::ordered_json all{
        {"format", "bdh-streams"}, {"format_version", 1}, {"creator", creator()}};
    if (!options_.batch.empty()) all["batch"] = options_.batch;
    all["streams"] = nlohmann::json::array();
    for (std::size_t k = 0; k < ended_.size(); ++k) {
      const run_options& o = plan_.streams[k];
      nlohmann::ordered_json one{
          {"folder", std::filesystem::path(o.folder).lexically_relative(options_.folder).string()}};
      one.update(origin(k));
      all["streams"].push_back(std::move(one));
    }
    write_text(std::filesystem::path(options_.folder) / "streams.json", json_text(all, 1) + "\n");
  }

  // Of stream k: its seed, and the line, or the condition and trial, that it is.
  nlohmann::ordered_json origin(std::size_t k) const {
    const run_options& o = plan_.streams[k];
    nlohmann::ordered_json of{{"seed", o.seed}};
    if (!options_.batch.empty()) of["line"] = k + 1;
    if (!o.condition.empty()) of["condition"] = o.condition;
    if (o.trial) of["trial"] = *o.trial;
    return of;
  }

  std::string shown_origin(std::size_t k) const {
    const run_options& o = plan_.streams[k];
    if (!options_.batch.empty()) return fmt::format(" (line {})", k + 1);
    if (!o.trial) return "";
    return o.condition.empty() ? fmt::format(" (trial {})", *o.trial)
                               : fmt::format(" ({}, trial {})", o.condition, *o.trial);
  }

  void start() {
    const std::size_t number = begun_++;
    const run_options& o = plan_.streams[number];
    try {
      auto brain = next_ ? std::move(next_) : active_.front()->brain().new_stream();
      brain->seed_draws(o.seed);
      if (number != 0) {
        if (state_) state_->restore_to(*brain);
        intervene(*brain, o, brain->tokens(), plan_.longest);
      }
      auto input = options_.batch.empty()
                       ? o.input.open(model_)
                       : open_line("", o.input.text.value_or(o.input.tokens.value_or("")), model_);
      active_.push_back(
          std::make_unique<stream>(number, o, std::move(brain), std::move(input), recordings_));
    } catch (const error& e) {
      if (active_.empty()) throw;  // of which no other could be made
      fail(number, e);
      print_lines();
    }
  }

  // One token in each stream that has one.
  void step() {
    std::vector<stream_step> steps;
    for (const auto& one : active_) {
      try {
        if (const auto token = one->next())
          steps.push_back({&one->brain(), *token});
        else
          end(*one, nullptr);
      } catch (const error& e) {
        end(*one, &e);
      }
    }
    remove_ended();
    step_streams(steps);
    for (std::size_t k = 0; k < steps.size(); ++k) {
      try {
        if (steps[k].failed) std::rethrow_exception(steps[k].failed);
        active_[k]->add(steps[k].report);
      } catch (const error& e) {
        end(*active_[k], &e);
      }
    }
    remove_ended();
    progress_.at(tokens_ += steps.size());
  }

  void end(stream& one, const error* why) {
    if (why)
      one.fail();
    else
      one.end();
    result& r = ended_[one.number()];
    r.status = one.status();
    if (options_.generate != 0 && !options_.json) r.line = generated_line(model_, one);
    if (options_.json) r.about = about(one);
    all_.add(one.totals());
    if (why) fail(one.number(), *why);
  }

  void fail(std::size_t number, const error& why) {
    exit_code_ = std::max(exit_code_, dynamic_cast<const device_error*>(&why) != nullptr ? 3 : 1);
    ended_[number].status = run_status::failed;
    ended_[number].error = why.what();
    progress_.clear();
    note(fmt::format("bdh: stream {}{}: {}", number, shown_origin(number), why.what()));
  }

  // Another one can be made of the last stream only while it is there.
  void remove_ended() {
    const auto has_ended = [&](const std::unique_ptr<stream>& one) {
      return ended_[one->number()].status.has_value();
    };
    if (!active_.empty() && std::all_of(active_.begin(), active_.end(), has_ended) &&
        begun_ < ended_.size() && stop_requested() == 0)
      next_ = active_.front()->brain().new_stream();
    std::erase_if(active_, has_ended);
    print_lines();
  }

  // In the order of their numbers, whichever ends first.
  void print_lines() {
    for (; printed_ < begun_ && ended_[printed_].status; ++printed_) {
      if (!ended_[printed_].line.empty()) progress_.clear();
      print(std::exchange(ended_[printed_].line, {}));
    }
  }

  nlohmann::ordered_json about(const stream& one) const {
    nlohmann::ordered_json all = one.totals().json();
    all["generated"] = one.generated().json();
    return all;
  }

  void print_summary(double seconds) const {
    const int signal = stop_requested();
    if (options_.json) {
      nlohmann::ordered_json all{{"streams", nlohmann::json::array()}};
      for (std::size_t k = 0; k < ended_.size(); ++k) {
        const result& r = ended_[k];
        nlohmann::ordered_json one{{"stream", k},
                                   {"status", r.status ? name(*r.status) : "not begun"}};
        one.update(origin(k));
        if (!r.error.empty()) one["error"] = r.error;
        one.update(r.about);
        all["streams"].push_back(std::move(one));
      }
      all["tokens"] = all_.tokens();
      all["seconds"] = seconds;
      all["tokens_per_second"] = seconds > 0 ? static_cast<double>(all_.tokens()) / seconds : 0.0;
      all["at_a_time"] = plan_.at_a_time;
      all["retention"] = retention_;
      all["threads"] = options_.engine.threads;
      all["sites"] = options_.engine.site_count();
      all["model_bytes"] = model_.bytes();
      all["weights"] = model_.is_bfloat16() ? "bf16" : "float32";
      all["synapses"] = rounded_ ? "bf16" : "float32";
      all["synapse_bytes"] = synapse_bytes_;
      all["peak_memory_bytes"] = peak_memory_bytes();
      all["interrupted"] = signal != 0;
      print(json_text(all, 1) + "\n");
    } else if (!options_.quiet) {
      all_.print_streams(begun_, seconds, synapse_bytes_, rounded_);
    }
    if (signal == 0) return;
    std::string line =
        fmt::format("bdh: stopped by a signal after {} tokens in {} of {} streams",
                    shown_count(static_cast<double>(all_.tokens())), begun_, ended_.size());
    if (!options_.folder.empty())
      line += fmt::format("; all of them are recorded, bdh resume {} goes on with one",
                          plan_.streams.front().folder);
    note(line);
  }

  struct result {
    std::optional<run_status> status;  // nothing: it has not ended
    std::string error, line;
    nlohmann::ordered_json about = nlohmann::ordered_json::object();
  };

  const run_options& options_;
  const batch_plan& plan_;
  const model& model_;
  const std::optional<first_state>& state_;
  const std::vector<recording_description>& recordings_;
  std::unique_ptr<simulator> next_;  // for the next stream, where there is no other to make it of
  std::vector<std::unique_ptr<stream>> active_;
  std::vector<result> ended_;  // by number
  std::size_t begun_ = 0, printed_ = 0;
  std::uint64_t tokens_ = 0, synapse_bytes_ = 0;
  double retention_ = 1;
  bool rounded_ = false;  // the synapses are
  int exit_code_ = 0;     // 1: a stream failed, 3: one because of the disk or the memory
  statistics all_;
  progress_meter progress_;
};

}  // namespace

int run_batch(const run_options& o, const batch_plan& plan, std::unique_ptr<simulator> first,
              const std::optional<first_state>& state,
              const std::vector<recording_description>& recordings) {
  return batch(o, plan, std::move(first), state, recordings).run();
}

}  // namespace bdh::app
