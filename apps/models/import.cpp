// bdh import: a trained checkpoint, or graph files, become a graph model.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/models/direct_choice.hpp"
#include "apps/models/import_graph.hpp"
#include "apps/models/tuning_summary.hpp"
#include "apps/models/write_model.hpp"
#include "io/checkpoint/tokenizer_file.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {
namespace {

struct import_command_options {
  std::string checkpoint, model;
  std::optional<std::uint64_t> layers, heads, training_window;
  std::optional<double> theta, epsilon, target_activity, g;
  std::string pairing, tokenizer;
  bool causal = false, force = false, json = false;
  direct_choice direct;
  graph_file_choice graph;
};

// A word, or the name of a file.
bool is_word(const std::string& tokenizer) {
  return tokenizer == "bytes" || tokenizer == "byt5" || tokenizer == "ids";
}

import_options options_of(const import_command_options& o) {
  import_options to;
  if (o.layers) to.layers = static_cast<layer_id>(*o.layers);
  if (o.heads) to.heads = static_cast<head_id>(*o.heads);
  if (!o.pairing.empty())
    to.pairs = o.pairing == "interleaved" ? pairing::interleaved : pairing::half_split;
  to.theta = o.theta;
  to.epsilon = o.epsilon;
  if (is_word(o.tokenizer))
    to.tokens = tokenizer_named(o.tokenizer);
  else if (!o.tokenizer.empty())
    to.tokenizer_file = o.tokenizer;
  to.causal = o.causal;
  to.training_window = o.training_window;
  return to;
}

// A model file is taken too, to give it other circuits; what is only said about checkpoints then
// has no meaning.
imported_checkpoint open_source(const import_command_options& o) {
  if (identify(o.checkpoint) != file_kind::model)
    return read_checkpoint(o.checkpoint, options_of(o));
  if (!o.direct.wanted())
    throw input_error(o.checkpoint, "a bdh model already", "a checkpoint of another program",
                      "--circuit direct gives it explicit edges, --tokenizer another tokenizer");
  if (o.layers || o.heads || o.training_window || o.theta || o.epsilon || !o.pairing.empty() ||
      !o.tokenizer.empty() || o.causal)
    throw input_error(o.checkpoint, "a model, with options that only a checkpoint leaves open",
                      "--circuit, --keep-..., --calibrate",
                      "give them when the checkpoint is imported");
  model m = load_model(o.checkpoint);
  if (m.is_direct())
    throw input_error(o.checkpoint, "a model with direct circuits",
                      "a checkpoint, or a model with circuits through hubs");
  return {std::move(m), {}};
}

// Of a model: nothing else changes.
bool only_tokenizer(const import_command_options& o) {
  return !o.tokenizer.empty() && !o.direct.wanted() && !o.graph.chosen() && !o.layers && !o.heads &&
         !o.training_window && !o.theta && !o.epsilon && o.pairing.empty() && !o.causal &&
         identify(o.checkpoint) == file_kind::model;
}

// A checkpoint and a graph know different options; one that would mean nothing is refused.
void check(const import_command_options& o) {
  o.graph.check();
  o.direct.check();
  if (o.g && !o.target_activity) throw usage_error("--g", "needs --target-activity");
  if (!o.graph.chosen()) {
    if (o.target_activity)
      throw usage_error("--target-activity", "is for graph files: a checkpoint has its gains");
    if (o.checkpoint.empty())
      throw usage_error("nothing to import", "expected CHECKPOINT or --gx FILE");
    return;
  }
  if (!o.checkpoint.empty()) throw usage_error("CHECKPOINT and --gx", "one of the two");
  if (o.direct.circuit)
    throw usage_error("--circuit", "is for checkpoints and models: graph files are direct already");
  if (!o.layers) throw usage_error("--gx", "needs --layers");
  for (const auto& [name, given] : {std::pair{"--pairing", !o.pairing.empty()},
                                    {"--theta", o.theta.has_value()},
                                    {"--eps", o.epsilon.has_value()},
                                    {"--training-window", o.training_window.has_value()},
                                    {"--causal", o.causal}})
    if (given) throw usage_error(name, "is for checkpoints, not for graph files");
}

// Without the remarks, which are printed apart.
std::string summary(const model& m, const std::vector<std::string>& remarks) {
  std::string text = fmt::format("{} (SHA-256 {:.12}): {}\n", one_line(m.origin().source),
                                 m.origin().source_sha256, m.origin().layout);
  for (const std::string& line : m.origin().inferred)
    if (std::find(remarks.begin(), remarks.end(), line) == remarks.end())
      text += "  " + one_line(line) + "\n";
  text += fmt::format(
      "{} neurons in {} head{}, {} hubs, {} sensory nodes, {} readout nodes, {} layers\n",
      m.neurons(), m.heads(), m.heads() == 1 ? "" : "s", m.hubs(), m.sensory_nodes(),
      m.readout_nodes(), m.layers());
  return text +
         fmt::format("model {}, synapses {}\n", shown_bytes(m.bytes()),
                     shown_bytes(m.synapse_bytes())) +
         not_used_line(m.origin().not_used);
}

std::optional<found_tokenizer> tokenizer_given(const import_command_options& o) {
  if (o.tokenizer.empty()) return std::nullopt;
  if (!is_word(o.tokenizer)) return read_tokenizer_file(o.tokenizer);
  found_tokenizer word;
  word.kind = tokenizer_named(o.tokenizer);
  return word;
}

void expect_fit(const found_tokenizer& given, const model& m) {
  if (given.definition && given.largest >= m.sensory_nodes())
    throw shape_error(given.from, fmt::format("a token {}", given.largest),
                      fmt::format("below {}, the tokens of the model", m.sensory_nodes()));
}

class import_app final : public command {
 public:
  explicit import_app(command_line& program)
      : command(program, "import",
                "Make a graph model from a trained BDH-GPU checkpoint, or from graph files.") {
    command_line& c = arguments_;
    import_command_options& o = options_;
    c.add("CHECKPOINT", o.checkpoint,
          "weights: safetensors (of several files their .index.json), or PyTorch .pt or .pth; with "
          "--circuit direct also a model")
        .type_name("");
    c.add("-o", o.model, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    add_number<std::uint64_t>(c, "--layers", o.layers, {1, 1024, "1 to 1024"},
                              "layers, where the file does not have them");
    add_number<std::uint64_t>(c, "--heads", o.heads, {1, 1 << 20, "1 to 1048576"},
                              "heads, where the file does not have them");
    c.add("--pairing", o.pairing,
          "which neurons of a head turn together: interleaved (2m, 2m+1) or half-split (m, m+N/2)")
        .type_name("HOW")
        .expects({"interleaved", "half-split"});
    add_number<double>(
        c, "--theta", o.theta, {std::numeric_limits<double>::min(), 1e30, "a number > 0"},
        "base of the rotation frequencies, where the file has no table or one that was rounded "
        "[the layout's]");
    add_number<double>(c, "--eps", o.epsilon,
                       {std::numeric_limits<double>::min(), 1, "0 < eps <= 1"},
                       "constant under the root of the gain [1e-5]");
    c.add("--tokenizer", o.tokenizer,
          "how text becomes tokens: a tokenizer.json, a tokenizer.model of SentencePiece, a table "
          "of "
          "characters; or bytes, byt5 (byte + 3), ids [what comes with the checkpoint, else bytes "
          "if V = 256 and no other is named]; also for a model that exists")
        .type_name("HOW|FILE");
    add_number<std::uint64_t>(c, "--training-window", o.training_window, positive_count,
                              "tokens in a window of the training [unknown]");
    c.add_flag("--causal", o.causal, "accept a layout trained without a causal mask");
    o.direct.add_to(c);
    o.graph.add_to(c);
    constexpr const char* gains = "Gains of graph files (as bdh tune finds them)";
    add_number<double>(c, "--target-activity", o.target_activity, {0, 1, "a share from 0 to 1"},
                       "active share of X, mean over layers: gains, g and, without --sensory, how "
                       "many neurons a token drives are found for it [weights stay as they are]")
        .group(gains);
    add_number(c, "--g", o.g, g_range,
               "mean weight of an inhibitory edge over that of an excitatory one [without "
               "--sensory 5, else searched from 0.1 to 20]")
        .group(gains);
    c.add_flag("--force", o.force, "overwrite MODEL");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }

  int run() override {
    check(options_);
    const model_target target{
        .file = options_.model, .force = options_.force, .json = options_.json};
    return write_model(target, [this] {
      if (options_.graph.chosen()) return from_graph();
      if (only_tokenizer(options_)) return from_model();
      return options_.direct.wanted() ? from_hubs() : from_checkpoint();
    });
  }

 private:
  // A model that exists, with another tokenizer.
  made_model from_model() const {
    const auto given = tokenizer_given(options_);
    model m = load_model(options_.checkpoint);
    expect_fit(*given, m);
    m = std::move(m).with_tokenizer(given->kind, given->definition);
    return {std::move(m),
            fmt::format("tokenizer {}: {}\n", name(given->kind), one_line(options_.tokenizer))};
  }

  made_model from_checkpoint() const {
    imported_checkpoint made = open_source(options_);
    std::string lines = summary(made.result, made.remarks);
    return {std::move(made.result), std::move(lines), std::move(made.remarks)};
  }

  made_model from_hubs() const {
    imported_checkpoint source = open_source(options_);
    direct_result made = options_.direct.make(std::move(source.result));
    std::string lines = made.summary + summary(made.graph, source.remarks);
    return {std::move(made.graph), std::move(lines), std::move(source.remarks)};
  }

  made_model from_graph() const {
    graph_import_options o = options_.graph.options();
    o.layers = static_cast<layer_id>(*options_.layers);
    if (options_.heads) o.heads = static_cast<head_id>(*options_.heads);
    const auto given = tokenizer_given(options_);
    if (given) {
      o.tokens = given->kind;
      o.tokenizer_definition = given->definition;
    }
    imported_graph made = import_graph(o);
    stop_if_requested();
    if (given) expect_fit(*given, made.result);
    std::string gains;
    if (options_.target_activity) {
      model_tuning how{.place = options_.model, .g = options_.g, .new_sensory = {}};
      if (o.sensory.empty()) how.new_sensory = 0;
      made_model tuned = tuned_of(made.result, how, *options_.target_activity, 1);
      made.result = std::move(tuned.result);
      gains = std::move(tuned.summary);
    }
    std::string lines = graph_summary(made) + gains;
    return {std::move(made.result), std::move(lines), std::move(made.remarks)};
  }

  import_command_options options_;
};

}  // namespace

std::unique_ptr<command> import_command(command_line& program) {
  return std::make_unique<import_app>(program);
}

}  // namespace bdh::app
