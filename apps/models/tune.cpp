// bdh tune: the same graph with other gains, for a given activity.
#include <optional>
#include <string>

#include <bdh/model.hpp>

#include "apps/common/options.hpp"
#include "apps/models/tuning_summary.hpp"
#include "apps/models/write_model.hpp"
#include "core/analysis/model_tuning.hpp"

namespace bdh::app {
namespace {

constexpr range<double> target_range{0, 1, "a share from 0 to 1"};

struct tune_options {
  std::string from, to, sensory = "keep";
  std::optional<double> g;
  double target = 0.05;
  std::uint64_t seed = 0, threads = 1;
  bool force = false, json = false;
};

class tune_app final : public command {
 public:
  explicit tune_app(command_line& program)
      : command(program, "tune",
                "Give a graph the gains and the ratio of inhibition for a given activity.") {
    command_line& c = arguments_;
    tune_options& o = options_;
    c.add("MODEL", o.from, "a model of graph files, or of bdh new").required().type_name("");
    c.add("-o", o.to, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    add_number(c, "--target-activity", o.target, target_range,
               "active share of X, mean over layers [0.05]");
    add_number(c, "--g", o.g, g_range,
               "mean weight of an inhibitory edge over that of an excitatory one, in Gx and in Gy "
               "[searched from 0.1 to 20; 5 with --sensory random]");
    c.add("--sensory", o.sensory,
          "which neurons a token drives: keep, or random: as many as the target needs [keep]")
        .type_name("HOW")
        .one_of({"keep", "random"});
    seed_ = &add_number(c, "--seed", o.seed, any_count, "of --sensory random [0]");
    add_number<std::uint64_t>(c, "--threads", o.threads, {1, 1024, "1 to 1024"},
                              "threads that compute; they change no bit [1]");
    c.add_flag("--force", o.force, "overwrite the file of -o");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }

  int run() override {
    if (seed_->given() && options_.sensory != "random")
      throw usage_error("--seed", "is for --sensory random");
    const model_target target{.file = options_.to, .force = options_.force, .json = options_.json};
    return write_model(target, [this] {
      model_tuning how{.place = options_.from, .g = options_.g, .new_sensory = {}};
      how.other_sensory = options_.seed;
      if (options_.sensory == "random") how.new_sensory = options_.seed;
      return tuned_of(open_model(options_.from), how, options_.target, options_.threads);
    });
  }

 private:
  tune_options options_;
  const option* seed_ = nullptr;
};

}  // namespace

std::unique_ptr<command> tune_command(command_line& program) {
  return std::make_unique<tune_app>(program);
}

}  // namespace bdh::app
