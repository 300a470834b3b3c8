#include "apps/runs/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/bfloat16.hpp>
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
#include "io/files/text_start.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t usual_streams = 16;  // at a time: more gain little
constexpr double most_of_memory = 0.9;

// ---- what is to be done

std::string all_of(const std::string& file) {
  if (file != "-") {
    std::ifstream stream(file, std::ios::binary);
    if (!stream || std::filesystem::is_directory(file))
      throw input_error(file, "no file that can be read", "one prompt a line");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::string text;
  for (char piece[65536];;) {
    const std::ptrdiff_t got =
        read_unless_stopped(STDIN_FILENO, std::as_writable_bytes(std::span(piece)), {});
    if (got < 0) throw input_error("standard input", "cannot be read", "one prompt a line");
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
  }
}

// Lines end with LF or CR LF; the last one need not.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.emplace_back(text.substr(at, end - at));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    at = end + 1;
  }
  return lines;
}

void add_stream(batch_plan& plan, const run_options& o,
                const std::optional<std::uint64_t>& prompt) {
  run_options one = o;
  if (__builtin_add_overflow(one.seed, plan.streams.size(), &one.seed))
    throw input_error("--seed", std::to_string(o.seed),
                      "less: streams have the seeds from it on, all below 2^64");
  if (!o.folder.empty())
    one.folder =
        (std::filesystem::path(o.folder) / fmt::format("stream-{:04}", plan.streams.size()))
            .string();
  plan.streams.push_back(std::move(one));
  if (!prompt) {
    plan.tokens = plan.longest = std::nullopt;
  } else if (plan.tokens) {
    *plan.tokens += *prompt + o.generate;
    *plan.longest = std::max(*plan.longest, *prompt + o.generate);
  }
}

// How many streams run at the same time. Throws input_error when the options want more than
// fit.
std::size_t streams_at_a_time(const run_options& o, const model& m, bool rounded_synapses,
                              std::size_t streams) {
  const std::uint64_t each = std::max<std::uint64_t>(
      m.synapse_bytes(rounded_synapses ? sizeof(bfloat16) : sizeof(float)), 1);
  std::uint64_t wanted = std::min<std::uint64_t>(o.streams.value_or(usual_streams), streams);
  if (o.engine.device == "cpu") {
    const std::uint64_t fit =
        static_cast<std::uint64_t>(most_of_memory * static_cast<double>(free_memory())) / each;
    if (!o.streams) wanted = std::clamp<std::uint64_t>(fit, 1, wanted);
    if (wanted > fit)
      throw input_error(
          "--streams",
          fmt::format("{} at a time with {} of synapses each", wanted, shown_bytes(each)),
          fmt::format("at most {}, which fit into 90 % of the {} of free memory", fit,
                      shown_bytes(free_memory())));
  }
  if (!o.quiet && !o.json)
    note(fmt::format("{} stream{}, {} at a time: {} of synapses each, {} in all", streams,
                     streams == 1 ? "" : "s", wanted, shown_bytes(each),
                     shown_bytes(each * wanted)));
  return wanted;
}

// ---- doing it

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
        const std::optional<run_state>& state, const std::vector<recording_description>& recordings)
      : options_(o),
        plan_(plan),
        model_(first->model()),
        state_(state),
        recordings_(recordings),
        next_(std::move(first)),
        ended_(plan.streams.size()),
        all_(model_),
        progress_(!o.quiet, plan.tokens) {
    intervene(*next_, o, next_->tokens(),
              plan.longest);  // refused here, before anything is written
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
      nlohmann::ordered_json one{
          {"folder", std::filesystem::path(plan_.streams[k].folder).filename().string()},
          {"seed", plan_.streams[k].seed}};
      if (!options_.batch.empty()) one["line"] = k + 1;
      all["streams"].push_back(std::move(one));
    }
    write_text(std::filesystem::path(options_.folder) / "streams.json", json_text(all, 1) + "\n");
  }

  void start() {
    const std::size_t number = begun_++;
    const run_options& o = plan_.streams[number];
    try {
      auto brain = next_ ? std::move(next_) : active_.front()->brain().new_stream();
      brain->seed_rounding(o.seed);
      if (number != 0) {
        if (state_) brain->restore(*state_);
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
    note(fmt::format("bdh: stream {}{}: {}", number,
                     options_.batch.empty() ? "" : fmt::format(" (line {})", number + 1),
                     why.what()));
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
                                   {"seed", plan_.streams[k].seed},
                                   {"status", r.status ? name(*r.status) : "not begun"}};
        if (!options_.batch.empty()) one["line"] = k + 1;
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
      line += fmt::format("; all of them are recorded, bdh resume {}/stream-NNNN goes on with one",
                          options_.folder);
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
  const std::optional<run_state>& state_;
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

batch_plan plan_batch(const run_options& o, const model& m, bool rounded_synapses) {
  batch_plan plan;
  plan.tokens = plan.longest = 0;
  if (o.batch.empty()) {
    const auto total = o.input.open(m)->total();
    for (std::uint64_t k = 0; k < *o.streams; ++k) add_stream(plan, o, total);
  } else {
    const std::string place = o.batch == "-" ? "standard input" : o.batch;
    const std::string text = all_of(o.batch);
    const std::vector<std::string> lines = lines_of(without_byte_order_mark(text, place));
    if (lines.empty()) throw input_error(place, "no lines", "one prompt a line");
    for (const std::string& line : lines) {
      const auto prompt = open_line(fmt::format("{}:{}", place, plan.streams.size() + 1), line, m);
      std::uint64_t tokens = 0;
      while (prompt->next()) ++tokens;
      run_options one = o;
      (m.tokens() == tokenizer::ids ? one.input.tokens : one.input.text) = line;
      add_stream(plan, one, tokens);
    }
  }
  plan.at_a_time = streams_at_a_time(o, m, rounded_synapses, plan.streams.size());
  return plan;
}

int run_batch(const run_options& o, const batch_plan& plan, std::unique_ptr<simulator> first,
              const std::optional<run_state>& state,
              const std::vector<recording_description>& recordings) {
  return batch(o, plan, std::move(first), state, recordings).run();
}

}  // namespace bdh::app
