// bdh new: a model with explicit edges, drawn at random and tuned so that it stays active and
// bounded.
#include <fmt/format.h>

#include <algorithm>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/machine/memory.hpp"
#include "core/analysis/tuning.hpp"
#include "core/model/random_model.hpp"
#include "io/files/atomic_file.hpp"

namespace bdh::app {
namespace {

constexpr const char* families = "erdos-renyi, small-world, scale-free, blocks, ring or complete";
constexpr range<std::uint64_t> neuron_count{2, 0xFFFFFFFEu, "2 to 4294967294"};
constexpr range<std::uint64_t> some{1, 0xFFFFFFFEu, "1 to 4294967294"};
constexpr range<double> share{0, 1, "a share from 0 to 1"};

struct new_options {
  std::string family, model, rotation = "none", readout = "yes", dynamics = "bdh";
  std::optional<std::uint64_t> degree;
  std::uint64_t neurons = 0, vocabulary = 256, seed = 0, layers = 2, heads = 1, communities = 4,
                threads = 1;
  double inhibitory = 0.2, target = 0.05, retention = 0.99, rewired = 0.1;
  bool force = false;
};

std::optional<double> rotation_of(const std::string& rotation) {
  if (rotation == "none") return std::nullopt;
  constexpr std::string_view prefix = "theta=";
  const std::string_view text = rotation;
  const auto theta =
      text.starts_with(prefix)
          ? parse_number<double>(text.substr(prefix.size()),
                                 {std::numeric_limits<double>::min(), 1e30, "a number > 0"})
          : std::nullopt;
  if (!theta)
    throw usage_error("--rotation", "'" + rotation + "', expected theta=T with T > 0, or none");
  return theta;
}

random_model_recipe recipe_of(const new_options& o) {
  random_model_recipe r;
  r.graph.family = graph_family_named(o.family);
  if (!o.degree && r.graph.family != graph_family::complete)
    throw usage_error("--degree", "needed for " + o.family);
  r.graph.neurons = static_cast<neuron_id>(o.neurons);
  r.graph.degree = static_cast<neuron_id>(o.degree.value_or(o.neurons - 1));
  r.graph.rewired = o.rewired;
  r.graph.communities = static_cast<neuron_id>(o.communities);
  r.inhibitory = o.inhibitory;
  r.vocabulary = static_cast<neuron_id>(o.vocabulary);
  r.seed = o.seed;
  r.layers = static_cast<layer_id>(o.layers);
  r.heads = static_cast<head_id>(o.heads);
  r.dynamics = o.dynamics;
  r.retention = o.retention;
  r.theta = rotation_of(o.rotation);
  r.readout = o.readout == "yes";
  return r;
}

// Edges of three graphs, and the lists that they are drawn into.
void expect_memory(const random_model_recipe& r) {
  const double edges = 3.0 * r.graph.neurons * std::min(r.graph.degree, r.graph.neurons),
               bytes = edges * (16 + 4.0 * r.layers) + 200.0 * r.graph.neurons;
  const auto memory = static_cast<double>(memory_of_this_machine());
  if (memory > 0 && bytes > memory)
    throw input_error(
        "--neurons and --degree",
        fmt::format("a model that takes about {}",
                    shown_bytes(static_cast<std::uint64_t>(std::min(bytes, 1e19)))),
        "at most the memory of this machine, " + shown_bytes(static_cast<std::uint64_t>(memory)));
}

std::string edge_count(edge_id n) { return shown_count(static_cast<double>(n)); }

std::string circuit(const char* name, const projection& excitatory, const projection& inhibitory) {
  return fmt::format("{} {} excitatory and {} inhibitory edges\n", name,
                     edge_count(excitatory.edges()), edge_count(inhibitory.edges()));
}

std::string summary(const random_circuits& drawn, const tuned_model& t) {
  const model& m = t.result;
  const direct_circuits& c = m.direct();
  const circuit_gains& g = t.gains;
  std::string text =
      fmt::format("{} neurons, {} of them inhibitory, {} layers, {}\n", edge_count(m.neurons()),
                  edge_count(drawn.inhibitory_neurons()), m.layers(), m.origin().layout);
  text += circuit("Gx", c.gx_excitatory, c.gx_inhibitory) +
          circuit("Gy", c.gy_excitatory, c.gy_inhibitory);
  text += fmt::format("Gs {} synapses a layer\n", edge_count(m.synapses()));
  text += fmt::format("a token drives {} excitatory and {} inhibitory neurons\n", g.sensory_edges,
                      drawn.driven_inhibitory());
  text += fmt::format("gains: Gx {:.4g}, Gy {:.4g}; inhibition: Gx {:.4g}, Gy {:.4g}\n", g.gx, g.gy,
                      g.inhibition_x, g.inhibition_y);
  text += "over the last 200 of 1,000 random tokens:\n";
  for (std::size_t l = 0; l < t.measured.layers.size(); ++l)
    text += fmt::format("  layer {}: {:.1f} % of X active, {:.1f} % of Y\n", l + 1,
                        100 * t.measured.layers[l].x, 100 * t.measured.layers[l].y);
  text += fmt::format("  mean {:.1f} % of X, {:.1f} % of Y; largest Y {:.3g}\n",
                      100 * t.measured.mean_x, 100 * t.measured.mean_y, t.measured.largest_y);
  return text + fmt::format("model {}, synapses {}\n", shown_bytes(m.bytes()),
                            shown_bytes(m.synapse_bytes()));
}

class new_app final : public command {
 public:
  explicit new_app(command_line& program)
      : command(program, "new",
                "Make a model of random graphs, with gains found for a given activity.") {
    command_line& c = arguments_;
    new_options& o = options_;
    c.before_words([](std::size_t words) {
      if (words == 0) throw usage_error("FAMILY", std::string("missing, expected ") + families);
    });
    c.add("FAMILY", o.family, families)
        .required()
        .type_name("")
        .one_of({"erdos-renyi", "small-world", "scale-free", "blocks", "ring", "complete"});
    c.add("-o", o.model, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    add_number(c, "--neurons", o.neurons, neuron_count, "number of neurons").required();
    add_number(c, "--degree", o.degree, some,
               "mean number of edges that leave a neuron, in Gx, in Gy and in Gs");
    add_number(c, "--inhibitory", o.inhibitory, share,
               "share of the neurons that inhibit, below 1 [0.2]");
    add_number(c, "--vocabulary", o.vocabulary, some, "tokens; 256: bytes [256]");
    add_number(c, "--seed", o.seed, any_count, "of everything random [0]");
    add_number(c, "--target-activity", o.target, share,
               "active share of X, mean over layers [0.05]");
    add_number<std::uint64_t>(c, "--layers", o.layers, {1, 1024, "1 to 1024"}, "layers [2]");
    add_number<std::uint64_t>(c, "--heads", o.heads, {1, 1 << 20, "1 to 1048576"}, "heads [1]");
    c.add("--dynamics", o.dynamics, "bdh or normfree [bdh]")
        .type_name("NAME")
        .one_of({"bdh", "normfree"});
    add_number(c, "--retention", o.retention, retention_range,
               "factor u on every synapse per token, 0 < u <= 1 [0.99]");
    c.add("--rotation", o.rotation,
          "theta=T: synapses turn, with a geometric table; or none [none]")
        .type_name("HOW");
    communities_ = &add_number(c, "--communities", o.communities, some, "of blocks [4]");
    rewire_ = &add_number(c, "--rewire", o.rewired, share,
                          "share of edges: small-world: moved; blocks: between communities [0.1]");
    c.add("--readout", o.readout, "random edges to readout nodes: yes, or no: no logits [yes]")
        .type_name("yes|no")
        .one_of({"yes", "no"});
    add_number<std::uint64_t>(c, "--threads", o.threads, {1, 1024, "1 to 1024"},
                              "threads that compute; they change no bit [1]");
    c.add_flag("--force", o.force, "overwrite MODEL");
  }

  int run() override {
    if (rewire_->given() && options_.family != "small-world" && options_.family != "blocks")
      throw usage_error("--rewire", "for small-world and blocks");
    if (communities_->given() && options_.family != "blocks")
      throw usage_error("--communities", "for blocks");
    // Refuses before the work, not after it.
    { const atomic_file target(options_.model, options_.force); }
    const random_model_recipe recipe = recipe_of(options_);
    expect_memory(recipe);
    stop_on_signals();
    try {
      const random_circuits drawn(recipe);
      const tuned_model tuned = tune_visibly(drawn);
      print(summary(drawn, tuned));
      const std::string hash = save_model(tuned.result, options_.model, options_.force);
      print(fmt::format("wrote {} ({:.12})\n", options_.model, hash));
      return 0;
    } catch (const stopped&) {
      note("bdh: stopped by a signal; nothing was written");
      return 128 + stop_requested();
    }
  }

 private:
  tuned_model tune_visibly(const random_circuits& drawn) const {
    tuning_goal goal;
    goal.active_share = options_.target;
    progress_meter progress(true, std::nullopt);
    std::uint64_t tokens = 0;
    const auto make_engine = [threads = options_.threads](const model& m) {
      return cpu_engine(m, {.sites = static_cast<site_id>(threads), .retention = {}});
    };
    return tune(drawn, make_engine, goal, {.threads = options_.threads, .before_token = [&] {
                                             stop_if_requested();
                                             progress.at(tokens++);
                                           }});
  }

  new_options options_;
  const option *rewire_ = nullptr, *communities_ = nullptr;
};

}  // namespace

std::unique_ptr<command> new_command(command_line& program) {
  return std::make_unique<new_app>(program);
}

}  // namespace bdh::app
