// bdh new: a model with explicit edges, drawn at random and tuned so that it stays active and
// bounded.
#include <fmt/format.h>

#include <algorithm>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/machine/memory.hpp"
#include "apps/models/measured_choice.hpp"
#include "apps/models/tuning_summary.hpp"
#include "core/analysis/random_tuning.hpp"
#include "io/files/atomic_file.hpp"

namespace bdh::app {
namespace {

constexpr const char* families =
    "erdos-renyi, small-world, scale-free, blocks, ring or complete; or measured: degrees, "
    "distance "
    "or populations";
constexpr range<std::uint64_t> neuron_count{2, 0xFFFFFFFEu, "2 to 4294967294"};
constexpr range<std::uint64_t> some{1, 0xFFFFFFFEu, "1 to 4294967294"};
constexpr range<double> share{0, 1, "a share from 0 to 1"};

struct new_options {
  std::string family, model, rotation = "none", readout = "yes", dynamics = "bdh";
  std::optional<std::uint64_t> neurons, degree, inhibitory_degree;
  std::uint64_t vocabulary = 256, seed = 0, layers = 2, heads = 1, communities = 4, threads = 1;
  double inhibitory = 0.2, g = 5, target = 0.05, retention = 0.99, rewired = 0.1;
  bool force = false;
  measured_choice measured;
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

graph_recipe graph_of(const new_options& o) {
  graph_recipe g;
  g.family = graph_family_named(o.family);
  if (!o.neurons) throw usage_error("--neurons", "needed for " + o.family);
  if (!o.degree && g.family != graph_family::complete)
    throw usage_error("--degree", "needed for " + o.family);
  g.neurons = static_cast<neuron_id>(*o.neurons);
  g.degree = static_cast<neuron_id>(o.degree.value_or(*o.neurons - 1));
  g.rewired = o.rewired;
  g.communities = static_cast<neuron_id>(o.communities);
  return g;
}

// What a graph of so many edges takes, three times: the lists that it is drawn into, and synapses.
double bytes_per_edge(layer_id layers) { return 3 * (16 + 4.0 * layers); }

random_model_recipe recipe_of(const new_options& o, std::vector<std::string>& remarks) {
  random_model_recipe r;
  if (measured_choice::is_family(o.family)) {
    o.measured.read(o.family, r, remarks);
    if (const auto memory = memory_of_this_machine(); memory > 0)
      r.most_edges = static_cast<edge_id>(static_cast<double>(memory) /
                                          bytes_per_edge(static_cast<layer_id>(o.layers)));
  } else {
    r.graph = graph_of(o);
  }
  r.inhibitory = o.inhibitory;
  r.inhibitory_degree = static_cast<neuron_id>(o.inhibitory_degree.value_or(0));
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

void expect_memory(const random_model_recipe& r) {
  const double edges = 1.0 * r.graph.neurons * std::min(r.graph.degree, r.graph.neurons),
               bytes = edges * bytes_per_edge(r.layers) + 200.0 * r.graph.neurons;
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

std::string summary(const tuned_random_model& made) {
  const model& m = made.tuned.result;
  const direct_circuits& c = m.direct();
  const random_model_recipe& r = made.recipe;
  const circuit_gains& g = made.tuned.gains;
  std::string text =
      fmt::format("{} neurons, {} of them inhibitory, {} layers, {}\n", edge_count(m.neurons()),
                  edge_count(made.inhibitory_neurons), m.layers(), m.origin().layout);
  text += circuit("Gx", c.gx_excitatory, c.gx_inhibitory) +
          circuit("Gy", c.gy_excitatory, c.gy_inhibitory);
  if (!r.measured && r.inhibitory_degree != 0 && r.inhibitory_degree != r.graph.degree)
    text += fmt::format(
        "inhibition is denser: {} edges leave an inhibitory neuron, {} an excitatory one\n",
        r.inhibitory_degree, r.graph.degree);
  text += fmt::format("Gs {} synapses a layer\n", edge_count(m.synapses()));
  text += fmt::format("a token drives {} excitatory and {} inhibitory neurons\n", g.sensory_edges,
                      g.sensory_inhibitory);
  text += tuning_text(made.tuned);
  return text +
         fmt::format("model {}, synapses {}\n", shown_bytes(m.bytes()),
                     shown_bytes(m.synapse_bytes())) +
         (r.measured ? not_used_line(m.origin().not_used) : "");
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
        .one_of({"erdos-renyi", "small-world", "scale-free", "blocks", "ring", "complete",
                 "degrees", "distance", "populations"});
    c.add("-o", o.model, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    neurons_ = &add_number(c, "--neurons", o.neurons, neuron_count, "number of neurons");
    degree_ = &add_number(c, "--degree", o.degree, some,
                          "mean number of edges that leave a neuron, in Gx, in Gy and in Gs");
    inhibitory_ = &add_number(c, "--inhibitory", o.inhibitory, share,
                              "share of the neurons that inhibit, below 1 [0.2]");
    inhibitory_degree_ = &add_number(
        c, "--inhibitory-degree", o.inhibitory_degree, some,
        "mean number of edges that leave an inhibitory neuron, in Gx and in Gy [as --degree; "
        "2, 4, 8 or 16 times as many where that is needed for the target activity]");
    add_number(
        c, "--g", o.g, g_range,
        "mean weight of an inhibitory edge over that of an excitatory one, as in Brunel 2000 "
        "[5]");
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
    o.measured.add_to(c);
    c.add_flag("--force", o.force, "overwrite MODEL");
  }

  int run() override {
    check_measured();
    if (rewire_->given() && options_.family != "small-world" && options_.family != "blocks")
      throw usage_error("--rewire", "for small-world and blocks");
    if (communities_->given() && options_.family != "blocks")
      throw usage_error("--communities", "for blocks");
    // Refuses before the work, not after it.
    { const atomic_file target(options_.model, options_.force); }
    std::vector<std::string> remarks;
    const random_model_recipe recipe = recipe_of(options_, remarks);
    if (inhibitory_->given() && !recipe.inhibits.empty())
      throw usage_error("--inhibitory", "the file has a sign for each neuron");
    for (const std::string& remark : remarks) note("bdh: " + one_line(remark));
    expect_memory(recipe);
    stop_on_signals();
    try {
      const tuned_random_model made = tune_visibly(recipe);
      print(summary(made));
      const std::string hash = save_model(made.tuned.result, options_.model, options_.force);
      print(fmt::format("wrote {} ({:.12})\n", options_.model, hash));
      return 0;
    } catch (const stopped&) {
      note("bdh: stopped by a signal; nothing was written");
      return 128 + stop_requested();
    }
  }

 private:
  void check_measured() const {
    options_.measured.check(options_.family);
    if (!measured_choice::is_family(options_.family)) return;
    for (const option* of_drawn : {neurons_, degree_, inhibitory_degree_})
      if (of_drawn->given())
        throw usage_error(of_drawn->name(), "is not for " + options_.family + ": it is measured");
  }

  tuned_random_model tune_visibly(const random_model_recipe& recipe) const {
    return with_progress(options_.threads, [&](const tuning_tools& tools) {
      return tune_random(recipe, options_.g, tools.make_engine, {.active_share = options_.target},
                         tools.work);
    });
  }

  new_options options_;
  const option *rewire_ = nullptr, *communities_ = nullptr, *neurons_ = nullptr, *degree_ = nullptr,
               *inhibitory_ = nullptr, *inhibitory_degree_ = nullptr;
};

}  // namespace

std::unique_ptr<command> new_command(command_line& program) {
  return std::make_unique<new_app>(program);
}

}  // namespace bdh::app
