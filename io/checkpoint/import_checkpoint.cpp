#include <algorithm>
#include <iterator>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>

#include "core/base/version.hpp"
#include "io/checkpoint/checkpoint_folder.hpp"
#include "io/checkpoint/file_order.hpp"
#include "io/checkpoint/import_context.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/sha256.hpp"

namespace bdh {
namespace {

class importer {
 public:
  explicit importer(import_context& context)
      : c_(context), file_(context.file), match_(context.match) {}

  model_spec spec() {
    check_statements(c_);
    model_spec p;
    p.heads = static_cast<head_id>(match_.heads);
    c_.note("layout {} (by the names and axes of its tensors)", match_.kind->name);
    c_.note("{} heads (first axis of {})", match_.heads, match_.dx->name);
    p.layers = layers_of(c_);
    check_shared_layers(c_, p.layers);
    pairs_ = pairing_of(c_);
    order_ = {
        .pairs = pairs_, .heads = match_.heads, .per_head = match_.per_head, .hubs = match_.hubs};
    p.training_window = training_window_of(c_);
    p.rotation = rotation_of(c_, pairs_, p.training_window);
    note_pairing();
    p.retention = retention_of(c_);
    p.rules = dynamics::named("gpu-release", epsilon());
    chosen_tokenizer text = tokenizer_of(c_);
    p.tokens = text.kind;
    p.tokenizer_definition = std::move(text.definition);
    note_window(p.training_window);
    p.circuits = circuits();
    if (pairs_ == pairing::half_split) {
      c_.note("neurons renumbered (the pair (m, m + N/2) of a head is stored as (2m, 2m + 1))");
      p.original_id = order_.original_ids();
    }
    p.origin.creator = creator();
    p.origin.layout = match_.kind->name;
    return p;
  }

 private:
  void note_pairing() {
    const bool stated =
        std::any_of(c_.known.statements.begin(), c_.known.statements.end(),
                    [](const statement& s) { return s.role == key_role::interleaved; });
    if (c_.options.pairs)
      c_.note("pairing {} (--pairing)", name(pairs_));
    else if (match_.table != nullptr)
      c_.note("pairing {} (equal frequencies in {})", name(pairs_), match_.table->name);
    else if (stated)
      c_.note("pairing {} (as the configuration states)", name(pairs_));
    else
      c_.note("pairing {} (assumed, {}; --pairing)", name(pairs_), match_.kind->convention);
  }

  void note_window(std::uint64_t window) {
    if (c_.options.training_window)
      c_.note("trained on windows of {} tokens (--training-window)", window);
    else if (window != 0)
      c_.note("trained on windows of {} tokens (as the configuration states)", window);
    for (const statement& s : c_.known.statements)
      if (s.role == key_role::window && s.value != static_cast<double>(window)) c_.leave(s);
  }

  double epsilon() {
    const auto found =
        resolve_statement(file_.place(), c_.known, key_role::epsilon, "--eps", c_.options.epsilon)
            .value_or(resolved_number{1e-5, "assumed, PyTorch's default; --eps"});
    c_.note("epsilon {} ({})", found.value, found.from);
    return found.value;
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
      c_.note("float32 weights (converted from {})", match_.dx->type);
    return c;
  }

  array<float> readout_weights() {
    if (match_.readout == nullptr) {
      c_.note("readout tied to {} (there is no {})", match_.embedding->name, match_.kind->readout);
      return file_.weights(*match_.embedding);
    }
    array<float> weights = file_.weights(*match_.readout);
    if (!match_.readout_by_token) weights = transposed(weights, match_.hubs, match_.tokens);
    expect_tied(weights);
    return weights;
  }

  // Where configurations state that the readout is the embedding, it is.
  void expect_tied(const array<float>& readout) const {
    for (const statement& s : c_.known.statements) {
      if (s.role != key_role::tied || s.value == 0) continue;
      const array<float> embedding = file_.weights(*match_.embedding);
      if (!std::equal(readout.begin(), readout.end(), embedding.begin(), embedding.end()))
        throw input_error(file_.place(*match_.readout),
                          "other weights than " + match_.embedding->name,
                          "the same, as " + s.key + " states (" + s.where + ")");
    }
  }

  import_context& c_;
  const tensor_file& file_;
  const layout_match& match_;
  pairing pairs_ = pairing::interleaved;
  file_order order_;
};

void remark_on_unknown_keys(import_context& c) {
  if (c.known.unknown_keys == 0) return;
  const bool one = c.known.unknown_keys == 1;
  c.remark(
      "{} key{} of the configuration {} not known here: what {} may change what the model "
      "computes; compare with bdh verify",
      c.known.unknown_keys, one ? "" : "s", one ? "is" : "are", one ? "it states" : "they state");
}

// Of a line of configuration::not_used, which may have a type behind the name: a part of the import
// has used it.
bool is_used(const import_context& c, const std::string& line) {
  return std::any_of(c.used.begin(), c.used.end(), [&](const std::string& used) {
    const std::size_t name = used.find("' (") + 1;
    return line.starts_with(used.substr(0, name)) && line.ends_with(used.substr(name));
  });
}

}  // namespace

imported_checkpoint read_checkpoint(const std::filesystem::path& file,
                                    const import_options& options) {
  expect_no_folder(file);
  expect_no_shard(file.string());
  const mapped_file mapped(file);
  const std::unique_ptr<tensor_file> tensors = read_tensor_file(mapped.bytes(), file.string());
  const layout_match match = recognise(*tensors);
  const configuration known = read_configuration(*tensors);
  import_context context{.file = *tensors, .known = known, .options = options, .match = match};
  model_spec spec = importer(context).spec();
  for (const std::string& off : known.switched_off) context.note("{}", off);
  for (const std::string& remark : match.remarks) context.remark("{}", remark);
  remark_on_unknown_keys(context);
  spec.origin.inferred = std::move(context.lines);
  std::vector<std::string>& not_used = spec.origin.not_used;
  not_used = match.not_used;
  std::copy_if(known.not_used.begin(), known.not_used.end(), std::back_inserter(not_used),
               [&](const std::string& line) { return !is_used(context, line); });
  not_used.insert(not_used.end(), context.not_used.begin(), context.not_used.end());
  if (const tensor* const t = match.tokenizer; t != nullptr)
    if (!is_used(context, "'" + t->name + "' (a tensor of the file)"))
      not_used.push_back("tensor '" + t->name + "' (bytes of a tokenizer)");
  sha256 digest;
  digest.update(mapped.bytes());
  for (const std::span<const std::byte> part : tensors->parts()) digest.update(part);
  spec.origin.source = file.filename().string();
  spec.origin.source_sha256 = digest.hex();
  return {model(std::move(spec)), std::move(context.remarks)};
}

model import_checkpoint(const std::filesystem::path& file, const import_options& options) {
  return read_checkpoint(file, options).result;
}

}  // namespace bdh
