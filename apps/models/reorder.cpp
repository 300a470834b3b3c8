// bdh reorder: the same model with explicit edges, its neurons kept in an order in which connected
// ones lie near each other.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "core/model/memory_order.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr const char* by_number = "none";

class reorder_app final : public command {
 public:
  explicit reorder_app(command_line& program)
      : command(program, "reorder",
                "Keep the neurons of a model with explicit edges in an order that is faster to "
                "run; their numbers stay.") {
    arguments_.add("MODEL", model_, "a model with explicit edges, NAME.bdh.h5")
        .required()
        .type_name("");
    arguments_.add("-o", target_, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    arguments_
        .add("--by", by_,
             "rcm (reverse Cuthill-McKee), degree (most edges first), community (Leiden, the "
             "largest first; in each, rcm), or none: "
             "the order of their numbers [rcm]")
        .type_name("ORDER")
        .one_of({"rcm", "degree", "community", by_number});
    add_number(arguments_, "--seed", seed_, any_count, "of the search for communities [0]");
    arguments_.add_flag("--force", force_, "overwrite MODEL");
    arguments_.add_flag("--json", json_, "one JSON object on standard output");
  }

  int run() override {
    if (seed_ && by_ != "community") throw usage_error("--seed", "is for --by community");
    stop_on_signals();  // a signal must not leave a temporary file behind
    { const atomic_file target(target_, force_); }  // refuses before the work, not after it
    try {
      model m = open_model(model_);
      const double before = mean_distance(m);
      stop_if_requested();
      std::vector<neuron_id> order;
      if (by_ != by_number)
        order = memory_order(m, node_order_named(by_), seed_.value_or(0), stop_if_requested);
      stop_if_requested();
      m = std::move(m).in_memory_order(std::move(order));
      const double after = mean_distance(m);
      const std::string hash = save_model(m, target_, force_);
      if (json_)
        print(json_text(
                  nlohmann::ordered_json{{"by", by_},
                                         {"mean_distance", {{"before", before}, {"after", after}}},
                                         {"content_sha256", hash}},
                  1) +
              "\n");
      else
        print(
            fmt::format("{} neurons, {} synapses: the ends of an edge are {} neurons apart in the "
                        "mean, before {}\nwrote {} ({:.12})\n",
                        shown_count(m.neurons()), shown_count(static_cast<double>(m.synapses())),
                        shown_distance(after), shown_distance(before), target_, hash));
      if (after > before)
        note(
            "bdh: connected neurons are further apart than before; another order (--by), or none, "
            "may be faster");
      return 0;
    } catch (const stopped&) {
      note("bdh: stopped by a signal, nothing was written");
      return 128 + stop_requested();
    }
  }

 private:
  static std::string shown_distance(double d) {
    return d < 100 ? fmt::format("{:.3g}", d) : shown_count(std::round(d));
  }

  std::string model_, target_, by_ = "rcm";
  std::optional<std::uint64_t> seed_;
  bool force_ = false, json_ = false;
};

}  // namespace

std::unique_ptr<command> reorder_command(command_line& program) {
  return std::make_unique<reorder_app>(program);
}

}  // namespace bdh::app
