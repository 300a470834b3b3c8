// Pieces of the command line that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "core/simulator.hpp"

namespace bdh::app {

// A command of the program: adds itself to the command line when it is made, and holds what the user asked for.
class command {
 public:
  command(CLI::App& program, const std::string& name, const std::string& help) : arguments_(*program.add_subcommand(name, help)) {}
  command(const command&) = delete;
  command& operator=(const command&) = delete;
  virtual ~command() = default;

  bool chosen() const { return arguments_.parsed(); }
  virtual int run() = 0;  // the exit code

 protected:
  CLI::App& arguments_;
};

std::unique_ptr<command> import_command(CLI::App& program);
std::unique_ptr<command> new_command(CLI::App& program);
std::unique_ptr<command> run_command(CLI::App& program);
std::unique_ptr<command> evaluate_command(CLI::App& program);
std::unique_ptr<command> info_command(CLI::App& program);
std::unique_ptr<command> verify_command(CLI::App& program);
std::unique_ptr<command> resume_command(CLI::App& program);
std::unique_ptr<command> repair_command(CLI::App& program);
std::unique_ptr<command> stepping_command(CLI::App& program);
std::unique_ptr<command> inspect_command(CLI::App& program);
std::unique_ptr<command> diff_command(CLI::App& program);
std::unique_ptr<command> devices_command(CLI::App& program);
std::unique_ptr<command> selftest_command(CLI::App& program);
std::unique_ptr<command> plan_command(CLI::App& program);
std::unique_ptr<command> stats_command(CLI::App& program);
std::unique_ptr<command> concepts_command(CLI::App& program);
std::unique_ptr<command> activity_command(CLI::App& program);
std::unique_ptr<command> merge_command(CLI::App& program);
std::unique_ptr<command> slice_command(CLI::App& program);
std::unique_ptr<command> export_command(CLI::App& program);
std::unique_ptr<command> plot_command(CLI::App& program);
std::unique_ptr<command> report_command(CLI::App& program);
std::unique_ptr<command> reorder_command(CLI::App& program);
std::unique_ptr<command> plot_command(CLI::App& program);
std::unique_ptr<command> report_command(CLI::App& program);
std::unique_ptr<command> stats_command(CLI::App& program);

// Legal values of a number; `text` is for the message.
template <class T>
struct range {
  T least, most;
  const char* text;
};

inline constexpr range<double> retention_range{std::numeric_limits<double>::min(), 1.0, "0 < u <= 1"};
inline constexpr range<double> scale_range{1e-6, 1e6, "a factor from 1e-6 to 1e6"};
inline constexpr range<std::uint64_t> any_count{0, std::numeric_limits<std::uint64_t>::max(), "an integer >= 0"};
inline constexpr range<std::uint64_t> positive_count{1, std::numeric_limits<std::uint64_t>::max(), "an integer >= 1"};

// Decimal digits to the end of the text, inside the range: no octal, no "nan", no blanks, as CLI11's own conversion takes them.
template <class T>
std::optional<T> parse_number(std::string_view text, const range<T>& legal) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !(value >= legal.least && value <= legal.most)) return std::nullopt;
  return value;
}

// Target is T or optional<T>.
template <class T, class Target>
CLI::Option* add_number(CLI::App& to, const std::string& name, Target& target, range<T> legal, const std::string& help) {
  const auto take = [&target, name, legal](const std::string& text) {
    const auto value = parse_number(text, legal);
    if (!value) throw CLI::ValidationError(name, "'" + text + "', expected " + legal.text);
    target = *value;
  };
  return to.add_option_function<std::string>(name, take, help)->type_name("N");
}

// How the work is done; none of it changes a bit of the result, but for the retention, the weights and the synapses.
struct engine_choice {
  std::uint64_t threads = 1;
  std::optional<std::uint64_t> sites;  // as many as threads
  std::string instructions = "best";
  std::string device = "cpu";
  std::string weights = "float32";      // or bf16
  std::optional<std::string> synapses;  // float32 or bf16 [as a state that the run begins from, else float32]
  std::uint64_t seed = 0;               // of what rounds them
  std::optional<double> retention;

  bool rounds_synapses() const { return synapses == "bf16"; }
  void add_to(CLI::App& command, bool changing_results);
  model open(const std::string& file) const;  // open_model, with the weights asked for
  simulator make(const model& m) const;
  site_id site_count() const { return static_cast<site_id>(sites.value_or(device == "cpu" ? threads : 1)); }
};

// Refuses, before anything runs, a model without readout nodes for `purpose`, which needs logits. Throws unavailable_error.
void expect_logits(const model& m, const std::string& file, const std::string& purpose);

// Throws input_error where nothing is at `path`, of which `expected` may be several things.
void expect_there(const std::string& path, const char* expected);

// Loads the model file, or tells that the file is something else and what to do with it.
model open_model(const std::string& file);

}  // namespace bdh::app
