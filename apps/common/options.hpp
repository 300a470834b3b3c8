// Pieces of the command line that several commands share.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

#include "apps/common/command_line.hpp"
#include "apps/common/learning.hpp"
#include "apps/common/ranks.hpp"
#include "apps/common/spikes.hpp"

namespace bdh {
class engine;
class model;
class simulator;
struct rank_job;
struct run_state;
struct simulator_options;
}  // namespace bdh

namespace bdh::app {

// A command of the program: adds itself to the command line when it is made, and holds its
// options.
class command {
 public:
  command(command_line& program, const std::string& name, const std::string& help)
      : arguments_(program.add_command(name, help)) {}
  command(const command&) = delete;
  command& operator=(const command&) = delete;
  virtual ~command() = default;

  bool chosen() const { return arguments_.chosen(); }
  virtual int run() = 0;  // the exit code

 protected:
  command_line& arguments_;
};

std::unique_ptr<command> import_command(command_line& program);
std::unique_ptr<command> new_command(command_line& program);
std::unique_ptr<command> run_command(command_line& program);
std::unique_ptr<command> evaluate_command(command_line& program);
std::unique_ptr<command> learn_command(command_line& program);
std::unique_ptr<command> info_command(command_line& program);
std::unique_ptr<command> verify_command(command_line& program);
std::unique_ptr<command> resume_command(command_line& program);
std::unique_ptr<command> repair_command(command_line& program);
std::unique_ptr<command> stepping_command(command_line& program);
std::unique_ptr<command> inspect_command(command_line& program);
std::unique_ptr<command> diff_command(command_line& program);
std::unique_ptr<command> devices_command(command_line& program);
std::unique_ptr<command> selftest_command(command_line& program);
std::unique_ptr<command> plan_command(command_line& program);
std::unique_ptr<command> stats_command(command_line& program);
std::unique_ptr<command> concepts_command(command_line& program);
std::unique_ptr<command> spike_scales_command(command_line& program);
std::unique_ptr<command> spike_stats_command(command_line& program);
std::unique_ptr<command> psth_command(command_line& program);
std::unique_ptr<command> compare_command(command_line& program);
std::unique_ptr<command> correlate_command(command_line& program);
std::unique_ptr<command> scan_command(command_line& program);
std::unique_ptr<command> sweep_command(command_line& program);
std::unique_ptr<command> activity_command(command_line& program);
std::unique_ptr<command> merge_command(command_line& program);
std::unique_ptr<command> slice_command(command_line& program);
std::unique_ptr<command> export_command(command_line& program);
std::unique_ptr<command> plot_command(command_line& program);
std::unique_ptr<command> report_command(command_line& program);
std::unique_ptr<command> tune_command(command_line& program);
std::unique_ptr<command> reorder_command(command_line& program);
std::unique_ptr<command> commands_command(command_line& program);
std::unique_ptr<command> manual_command(command_line& program);

inline constexpr range<double> retention_range{std::numeric_limits<double>::min(), 1.0,
                                               "0 < u <= 1"};
inline constexpr range<double> scale_range{1e-6, 1e6, "a factor from 1e-6 to 1e6"};

// How the work is done; none of it changes a bit of the result, but for the retention, the weights
// and the synapses.
struct engine_choice {
  std::uint64_t threads = 1;
  std::optional<std::uint64_t> sites;  // as many as threads
  std::string instructions = "best";
  std::string device = "cpu";
  std::string weights = "float32";  // or bf16
  std::optional<std::string>
      synapses;            // float32 or bf16 [as a state that the run begins from, else float32]
  std::uint64_t seed = 0;  // of what rounds them
  std::optional<double> retention;
  spike_choice spikes;       // of commands that add its options
  learning_choice learning;  // likewise
  bool quiet = false;        // no line about the memory of a device
  ranks_choice processes;    // several: main starts them

  bool rounds_synapses() const { return synapses == "bf16"; }
  // `initial_synapses`: --synapses may be a file, too, which the command takes out.
  void add_to(command_line& command, bool changing_results, bool initial_synapses = false);
  model open(const std::string& file) const;  // open_model, with the chosen weights
  std::unique_ptr<bdh::engine> make_engine(const model& m) const;
  simulator_options simulation() const;
  simulator make(const model& m) const;
  site_id site_count() const {
    return static_cast<site_id>(sites.value_or(device == "cpu" ? threads : 1));
  }
};

// Refuses, before anything runs, a model without readout nodes for `purpose`, which needs logits.
// Throws unavailable_error.
void expect_logits(const model& m, const std::string& file, const std::string& purpose);

// "computed by law of summation 1, ..." of a state by another law than this program's; else empty.
std::string other_summation(const run_state& s);

// Throws input_error where nothing is at `path`, of which `expected` may be several things.
void expect_there(const std::string& path, const char* expected);

// Loads the model file. Throws input_error where it is another kind of file, with what to do.
model open_model(const std::string& file);

}  // namespace bdh::app
