#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>

#include "core/base/version.hpp"
#include "io/checkpoint/file_order.hpp"
#include "io/checkpoint/layouts.hpp"
#include "io/checkpoint/statements.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/sha256.hpp"

namespace bdh {
namespace {

const char* name(pairing p) noexcept {
  return p == pairing::interleaved ? "interleaved" : "half-split";
}

constexpr std::string_view layer_keys[] = {"n_layer", "num_hidden_layers", "n_layers", "num_layers",
                                           "L"};
constexpr std::string_view head_keys[] = {"n_head", "num_attention_heads", "n_heads", "num_heads",
                                          "H"};
constexpr std::string_view hub_keys[] = {"n_embd", "hidden_size"};
constexpr std::string_view token_keys[] = {"vocab_size"};
constexpr std::string_view theta_keys[] = {"rope_theta"};
constexpr std::string_view rotation_keys[] = {"use_rope"};
constexpr std::string_view tie_keys[] = {"tie_word_embeddings"};
constexpr std::string_view epsilon_keys[] = {"layer_norm_eps", "layer_norm_epsilon", "norm_eps"};

// One import: the recognised tensors, and the lines that state what was inferred.
class importer {
 public:
  importer(const tensor_file& file, const statements& known, const import_options& options)
      : file_(file), known_(known), options_(options), match_(recognise(file)) {}

  model_spec spec() {
    check_statements();
    model_spec p;
    p.heads = static_cast<head_id>(match_.heads);
    note("layout {} (by the names and axes of its tensors)", match_.kind->name);
    note("{} heads (first axis of {})", match_.heads, match_.dx->name);
    p.layers = layers();
    pairs_ = options_.pairs.value_or(match_.kind->pairs);
    order_ = {
        .pairs = pairs_, .heads = match_.heads, .per_head = match_.per_head, .hubs = match_.hubs};
    p.rotation = rotation_table();
    note_pairing();
    p.rules = dynamics::named("gpu-release", epsilon());
    p.tokens = tokens();
    p.training_window = options_.training_window.value_or(0);
    if (options_.training_window)
      note("trained on windows of {} tokens (--training-window)", *options_.training_window);
    p.circuits = circuits();
    if (pairs_ == pairing::half_split) {
      note("neurons renumbered (the pair (m, m + N/2) of a head is stored as (2m, 2m + 1))");
      p.original_id = order_.original_ids();
    }
    p.origin.creator = creator();
    p.origin.layout = match_.kind->name;
    p.origin.inferred = std::move(lines_);
    return p;
  }

 private:
  template <class... A>
  void note(fmt::format_string<A...> format, A&&... arguments) {
    lines_.push_back(fmt::format(format, std::forward<A>(arguments)...));
  }

  // The statement that one of these is false, or nothing.
  const statement* denied(statement_keys wanted) const {
    for (const auto* among : {&known_.inside, &known_.beside})
      if (const statement* const s = find_statement(file_.place(), *among, wanted);
          s != nullptr && s->value == 0)
        return s;
    return nullptr;
  }

  void check_statements() {
    const layout_match& m = match_;
    if (!m.kind->causal && !options_.causal)
      throw unavailable_error(
          file_.place(),
          std::string("a model of the ") + m.kind->name + ", trained without a causal mask",
          "a causal model", "--causal imports it as if it had one");
    if (options_.heads && *options_.heads != m.heads)
      throw input_error("--heads", std::to_string(*options_.heads),
                        fmt::format("{}, the first axis of {}", m.heads, file_.place(*m.dx)));
    cross_check(file_.place(), known_, head_keys, m.heads, "the first axis of " + m.dx->name);
    cross_check(file_.place(), known_, hub_keys, m.hubs, "the second axis of " + m.dx->name);
    cross_check(file_.place(), known_, token_keys, m.tokens, "the rows of " + m.embedding->name);
    if (const statement* const s = denied(rotation_keys))
      throw unavailable_error(
          file_.place(), "a model without rotation (" + s->key + " is false, " + s->where + ")",
          "rotation");
    if (const statement* const s = denied(tie_keys); s != nullptr && m.readout == nullptr)
      throw input_error(
          file_.place(),
          fmt::format("no {}, and {} is false ({})", m.kind->readout, s->key, s->where),
          "a readout of its own");
    if (!m.kind->causal) note("a causal mask, which the model was trained without (--causal)");
  }

  void note_pairing() {
    if (options_.pairs)
      note("pairing {} (--pairing)", name(pairs_));
    else if (match_.table != nullptr)
      note("pairing {} (equal frequencies in {})", name(pairs_), match_.table->name);
    else
      note("pairing {} (assumed, {}; --pairing)", name(pairs_), match_.kind->convention);
  }

  layer_id layers() {
    const auto given = options_.layers ? std::optional<double>(*options_.layers) : std::nullopt;
    const auto found = resolve_statement(file_.place(), known_, layer_keys, "--layers", given);
    if (!found)
      throw input_error(file_.place(), "no number of layers (they share their weights)",
                        "--layers L, or a config.json with n_layer beside the file",
                        "the authors' default is 6: --layers 6");
    if (!(found->value >= 1 && found->value <= 1024) || found->value != std::floor(found->value))
      throw input_error(file_.place(), fmt::format("{} layers ({})", found->value, found->from),
                        "1 to 1024");
    note("{} layers ({})", found->value, found->from);
    return static_cast<layer_id>(found->value);
  }

  double epsilon() {
    const auto found =
        resolve_statement(file_.place(), known_, epsilon_keys, "--eps", options_.epsilon)
            .value_or(resolved_number{1e-5, "assumed, PyTorch's default; --eps"});
    note("epsilon {} ({})", found.value, found.from);
    return found.value;
  }

  tokenizer tokens() {
    if (options_.tokens) {
      note("tokenizer {} (--tokenizer)", bdh::name(*options_.tokens));
      return *options_.tokens;
    }
    const tokenizer guess = match_.tokens == 256 ? tokenizer::bytes : tokenizer::ids;
    note("tokenizer {} (assumed, a vocabulary of {}; --tokenizer)", bdh::name(guess),
         match_.tokens);
    return guess;
  }

  rotation rotation_table() {
    if (match_.table != nullptr) return table();
    const auto found =
        resolve_statement(file_.place(), known_, theta_keys, "--theta", options_.theta);
    const double theta = found ? found->value : match_.kind->theta;
    rotation result = rotation::geometric(theta, match_.per_head);
    if (match_.inverse_frequency != nullptr) check_inverse(result);
    note("theta {} ({})", theta,
         found ? found->from : fmt::format("assumed, {}; --theta", match_.kind->convention));
    return result;
  }

  // The file's own frequencies, in turns per token: one per neuron, equal within a pair.
  rotation table() {
    const tensor& t = *match_.table;
    if (options_.theta)
      throw input_error("--theta", fmt::format("{}", *options_.theta),
                        "no option: " + file_.place(t) + " holds the frequencies");
    const array<double> values = file_.numbers(t);
    std::vector<double> frequency(match_.per_head / 2);
    for (std::size_t m = 0; m < frequency.size(); ++m) {
      const auto [first, second] = members(pairs_, m, match_.per_head);
      if (values[first] != values[second])
        throw input_error(file_.place(t),
                          fmt::format("frequencies {} and {} for pair ({}, {})", values[first],
                                      values[second], first, second),
                          fmt::format("equal ones, with {} pairing", name(pairs_)),
                          hint_of_pairing(values));
      if (std::abs(values[first]) > 1e6)
        throw input_error(fmt::format("{}[{}]", file_.place(t), first),
                          fmt::format("{}", values[first]), "turns per token, at most 1e6");
      frequency[m] = values[first];
    }
    note("{} frequencies from the file ({}; the first is {} turns per token)", frequency.size(),
         t.name, frequency[0]);
    return rotation(frequency);
  }

  // A saved buffer of angular frequencies must agree with the rotation, as far as its precision
  // goes (bfloat16: 3 digits).
  void check_inverse(const rotation& expected) const {
    const array<double> values = file_.numbers(*match_.inverse_frequency);
    for (std::size_t m = 0; m < values.size(); ++m) {
      const double radians = expected.frequency()[m] * 2 * std::numbers::pi;
      if (!(std::abs(values[m] - radians) <= 0.01 * radians + 1e-6))
        throw input_error(fmt::format("{}[{}]", file_.place(*match_.inverse_frequency), m),
                          fmt::format("{}", values[m]),
                          fmt::format("{} radians per token", radians),
                          "--theta states another base");
    }
  }

  // The other pairing, if the table would fit that.
  std::string hint_of_pairing(const array<double>& table) const {
    const pairing other =
        pairs_ == pairing::interleaved ? pairing::half_split : pairing::interleaved;
    for (std::size_t m = 0; m < match_.per_head / 2; ++m) {
      const auto [first, second] = members(other, m, match_.per_head);
      if (table[first] != table[second]) return "a damaged or unknown table";
    }
    return fmt::format("the table fits --pairing {}", name(other));
  }

  hub_circuits circuits() {
    const population neurons{"neurons", static_cast<neuron_id>(match_.heads * match_.per_head)};
    const population hubs{"hubs", static_cast<neuron_id>(match_.hubs)};
    const population sensory{"sensory", static_cast<neuron_id>(match_.tokens)},
        readout{"readout", sensory.size};
    hub_circuits c;
    c.e = projection::dense("e", neurons, hubs, major::source,
                            order_.rows_by_neuron(file_.weights(*match_.e)));
    c.sensory = projection::dense("sensory", sensory, hubs, major::source,
                                  file_.weights(*match_.embedding));
    c.dx = projection::dense("dx", hubs, neurons, major::target,
                             order_.transposed_by_head(file_.weights(*match_.dx)));
    c.dy = projection::dense("dy", hubs, neurons, major::target,
                             order_.transposed_by_head(file_.weights(*match_.dy)));
    c.readout = projection::dense("readout", hubs, readout, major::target, readout_weights());
    if (match_.dx->kind != element::f32)
      note("float32 weights (converted from {})", match_.dx->type);
    return c;
  }

  array<float> readout_weights() {
    if (match_.readout == nullptr)
      note("readout tied to {} (there is no {})", match_.embedding->name, match_.kind->readout);
    if (match_.readout == nullptr) return file_.weights(*match_.embedding);
    array<float> from = file_.weights(*match_.readout);
    if (match_.kind->readout_by_token) return from;
    return transposed(from, match_.hubs, match_.tokens);
  }

  const tensor_file& file_;
  const statements& known_;
  const import_options& options_;
  layout_match match_;
  pairing pairs_ = pairing::interleaved;
  file_order order_;
  std::vector<std::string> lines_;
};

}  // namespace

model import_checkpoint(const std::filesystem::path& file, const import_options& options) {
  const mapped_file mapped(file);
  const std::unique_ptr<tensor_file> tensors = read_tensor_file(mapped.bytes(), file.string());
  const statements known{tensors->statements(), read_config(file)};
  model_spec spec = importer(*tensors, known, options).spec();
  sha256 digest;
  digest.update(mapped.bytes());
  spec.origin.source = file.filename().string();
  spec.origin.source_sha256 = digest.hex();
  return model(std::move(spec));
}

}  // namespace bdh
