// The streams of a batch, of --streams and of trials.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <bdh/bfloat16.hpp>
#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/machine/memory.hpp"
#include "apps/runs/batch.hpp"
#include "io/files/text_start.hpp"

namespace bdh::app {
namespace {

constexpr std::uint64_t usual_streams = 16;  // at a time: more gain little
constexpr std::uint64_t most_streams = std::uint64_t{1} << 20;
constexpr double most_of_memory = 0.9;

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

// `one`: the options of a stream, but for seed and folder; it reads `prompt` tokens.
void add_stream(batch_plan& plan, run_options one, const std::string& folder, std::uint64_t number,
                const std::optional<std::uint64_t>& prompt) {
  const std::uint64_t generated = one.generate;
  if (const std::uint64_t seed = one.seed; __builtin_add_overflow(seed, number, &one.seed))
    throw input_error("--seed", std::to_string(seed),
                      "less: streams have the seeds from it on, all below 2^64");
  if (!one.folder.empty()) one.folder = (std::filesystem::path(one.folder) / folder).string();
  plan.streams.push_back(std::move(one));
  if (!prompt) {
    plan.tokens = plan.longest = std::nullopt;
  } else if (plan.tokens) {
    *plan.tokens += *prompt + generated;
    *plan.longest = std::max(*plan.longest, *prompt + generated);
  }
}

void add_numbered_stream(batch_plan& plan, const run_options& one,
                         const std::optional<std::uint64_t>& prompt) {
  const std::size_t number = plan.streams.size();
  add_stream(plan, one, fmt::format("stream-{:04}", number), number, prompt);
}

// What is no file can be read by one stream alone.
void expect_known_length(const run_options& o, const batch_plan& plan) {
  if (plan.tokens || plan.streams.size() < 2) return;
  throw input_error(o.input.text_file ? "--text-file" : "--tokens-file",
                    fmt::format("no regular file, for {} streams", plan.streams.size()),
                    "a file, which each of them can read");
}

void add_trials(batch_plan& plan, const run_options& o, const protocol& what,
                const std::optional<std::uint64_t>& prompt) {
  const std::uint64_t trials = o.trials.value_or(what.trials.value_or(1));
  if (trials > most_streams / what.conditions.size())
    throw input_error("--trials",
                      fmt::format("{} of {} conditions", trials, what.conditions.size()),
                      fmt::format("at most {} in all", most_streams));
  for (const protocol_condition& c : what.conditions)
    for (std::uint64_t trial = 0; trial < trials; ++trial) {
      run_options one = o;
      one.condition = c.name;
      one.trial = trial;
      one.interventions.insert(one.interventions.end(), c.interventions.begin(),
                               c.interventions.end());
      add_stream(plan, std::move(one),
                 (c.name.empty() ? "" : c.name + "/") + fmt::format("trial-{:04}", trial), trial,
                 prompt);
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

}  // namespace

batch_plan plan_batch(const run_options& o, const model& m, bool rounded_synapses,
                      const std::optional<protocol>& what) {
  batch_plan plan;
  plan.tokens = plan.longest = 0;
  if (what) {
    add_trials(plan, o, *what, o.input.open(m)->total());
    expect_known_length(o, plan);
  } else if (o.batch.empty()) {
    const auto total = o.input.open(m)->total();
    for (std::uint64_t k = 0; k < *o.streams; ++k) add_numbered_stream(plan, o, total);
    expect_known_length(o, plan);
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
      add_numbered_stream(plan, one, tokens);
    }
  }
  plan.at_a_time = streams_at_a_time(o, m, rounded_synapses, plan.streams.size());
  return plan;
}

}  // namespace bdh::app
