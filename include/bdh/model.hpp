// A BDH model as a graph: populations, projections between them, the dynamics they follow and the
// conventions they need. Built only through the checking constructor, immutable afterwards. There
// are two kinds of circuits:
//
//   through hubs   sensory nodes (V) --sensory--> hubs (d)
//                  hubs --dx, dy--> neurons (n) --e--> hubs --readout--> readout nodes (V)
//                  synapses: neuron -> hub, every pair
//   direct         sources --gx, gy--> neurons, excitatory and inhibitory
//                  synapses: neuron -> source, those of gs
//                  sources are the neurons and, in models imported from BDH-GPU, the sensory nodes
//                  after them
//
// Synapses have one strength per layer: state, not part of the model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <bdh/dynamics.hpp>
#include <bdh/ids.hpp>
#include <bdh/projection.hpp>

namespace bdh {

// How text becomes tokens: not at all, byte b -> b, byte b -> b + 3 (ByT5's special tokens come
// first), or as a definition says that the model has: a list of characters, Hugging Face's
// tokenizer.json, or a model of SentencePiece.
enum class tokenizer { ids, bytes, byt5, characters, tokenizer_json, sentencepiece };

constexpr bool has_definition(tokenizer t) noexcept { return t >= tokenizer::characters; }
const char* name(tokenizer) noexcept;
tokenizer tokenizer_named(std::string_view name);  // throws input_error

// Where a model came from and what the importer had to infer; shown, never used by the dynamics.
struct provenance {
  std::string creator;                // program and version that made the model
  std::string source, source_sha256;  // name and SHA-256 of the imported file
  std::string layout;                 // "released code", "paper listing", ...
  std::vector<std::string> inferred;  // one line per convention that was inferred or assumed
  // What the imported files have beside it, and the model does not take into account: keys,
  // columns, attributes, objects, each with its place.
  std::vector<std::string> not_used;
  struct entry {
    std::string name, value;
    bool operator==(const entry&) const = default;
  };
  std::vector<entry> recipe;    // of a generated graph: with what it was drawn
  std::vector<entry> tuning;    // where gains were searched: bounds, what was found and measured
  std::vector<entry> learning;  // where weights changed while it read: of which model, by what
};

// Circuits through hubs (the paper's sparse linear circuit): Gx = dx (C) [e | sensory], Gy = dy (C)
// [e | sensory].
struct hub_circuits {
  projection e;        // neurons -> hubs,   by source
  projection sensory;  // sensory -> hubs,   by source
  projection dx, dy;   // hubs -> neurons,   by target
  projection readout;  // hubs -> readout,   by target
};

// Explicit edges (the paper's BDH). Weights are >= 0; inhibition is subtracted.
struct direct_circuits {
  projection gx_excitatory, gx_inhibitory;  // sources -> neurons, by source
  projection gy_excitatory, gy_inhibitory;  // sources -> neurons, by target
  projection gs;           // neurons -> sources, by source: the plasticity rate of each synapse
  array<float> retention;  // u of each synapse, 0 < u <= 1; empty: the model's uniform one
  // Sensory nodes -> neurons, by source: W of a token; empty where sensory nodes are sources.
  projection sensory;
  // Sources -> readout nodes, by target; empty: read out through the hubs, or not at all.
  projection readout;
};

// All that a model is made from.
struct model_spec {
  dynamics rules = dynamics::named("gpu-release");
  layer_id layers = 0;
  head_id heads = 1;
  // Of a direct model: e, sensory, readout of the pool that gives its gains, or nothing.
  hub_circuits circuits;
  std::optional<direct_circuits> direct;  // present: circuits are direct
  bdh::rotation rotation;
  double retention = 1.0;  // uniform factor per token, 0 < u <= 1
  // Neuron -> its position in the imported file; empty: the same.
  std::vector<neuron_id> original_id;
  // Of explicit edges: in which engines keep the neurons; empty: as they are numbered.
  std::vector<neuron_id> memory_order;
  // 1 to 255 bytes each, all different; empty: neurons have numbers only.
  std::vector<std::string> neuron_names;
  tokenizer tokens = tokenizer::ids;
  // Its definition, up to 64 MiB, where it has one. Models that are made from each other share it,
  // and a reader of it is known by it.
  std::shared_ptr<const std::string> tokenizer_definition;
  std::uint64_t training_window = 0;  // tokens; 0: not known
  provenance origin;
  // Of everything above that the dynamics depends on; set by the file layer, empty before.
  std::string content_sha256;
};

class model {
 public:
  // Throws shape_error or input_error naming the part of the spec that does not fit the others.
  explicit model(model_spec spec);

  const dynamics& rules() const noexcept { return spec_.rules; }
  layer_id layers() const noexcept { return spec_.layers; }
  head_id heads() const noexcept { return spec_.heads; }
  const hub_circuits& circuits() const noexcept { return spec_.circuits; }
  bool is_direct() const noexcept { return spec_.direct.has_value(); }
  const direct_circuits& direct() const noexcept { return *spec_.direct; }  // of a direct model
  const bdh::rotation& rotation() const noexcept { return spec_.rotation; }
  double retention() const noexcept { return spec_.retention; }
  tokenizer tokens() const noexcept { return spec_.tokens; }
  const std::shared_ptr<const std::string>& tokenizer_definition() const noexcept {
    return spec_.tokenizer_definition;
  }
  std::uint64_t training_window() const noexcept { return spec_.training_window; }
  const provenance& origin() const noexcept { return spec_.origin; }
  const std::string& content_sha256() const noexcept { return spec_.content_sha256; }

  neuron_id neurons() const noexcept {
    return is_direct() ? direct().gs.source().size : spec_.circuits.e.source().size;
  }
  // 0: a direct model without a pool.
  neuron_id hubs() const noexcept { return spec_.circuits.e.target().size; }
  neuron_id sources() const noexcept {
    return is_direct() ? direct().gs.target().size : neurons() + sensory_nodes();
  }
  bool sensory_are_sources() const noexcept { return sources() != neurons(); }
  neuron_id sensory_nodes() const noexcept {
    return is_direct() && direct().sensory.edges() != 0 ? direct().sensory.source().size
                                                        : spec_.circuits.sensory.source().size;
  }
  // 0: activity and synapses, but no logits.
  neuron_id readout_nodes() const noexcept {
    return is_direct() && direct().readout.edges() != 0 ? direct().readout.target().size
                                                        : spec_.circuits.readout.target().size;
  }
  // Of a layer.
  edge_id synapses() const noexcept {
    return is_direct() ? direct().gs.edges() : edge_id{neurons()} * hubs();
  }
  // The synapses of a neuron: ids [first, second) into the strengths of a layer; its targets are
  // hubs or sources.
  std::pair<edge_id, edge_id> synapses_of(neuron_id i) const noexcept;
  // Rotation pairs, or neurons.
  neuron_id row_units() const noexcept { return neurons() / (rotation().present() ? 2 : 1); }
  neuron_id neurons_per_head() const noexcept { return neurons() / heads(); }
  neuron_id original_id(neuron_id i) const noexcept {
    return spec_.original_id.empty() ? i : spec_.original_id[i];
  }
  bool renumbered() const noexcept { return !spec_.original_id.empty(); }
  // How engines keep the neurons in memory: memory_order()[k] is the k-th. It changes nothing but
  // the rounding of sums (core/simulation/permuted_engine.hpp).
  std::span<const neuron_id> memory_order() const noexcept { return spec_.memory_order; }
  // Its inverse: where a neuron is kept; empty: at the position of its number.
  std::vector<neuron_id> memory_positions() const;
  // One for each neuron, or none.
  const std::vector<std::string>& neuron_names() const noexcept { return spec_.neuron_names; }
  // Nothing: no neuron has this name.
  std::optional<neuron_id> neuron_named(std::string_view name) const;

  // The same model, the weights of its circuits rounded to bfloat16 and stored as such; plasticity
  // rates and W of a token stay float32. Throws input_error naming a weight that is too large for
  // it.
  model in_bfloat16() &&;
  bool is_bfloat16() const noexcept;

  // The same model, to be kept in this order. Throws input_error unless the order has every neuron
  // once, in its head, and keeps rotation pairs together; of several heads that rotate all are
  // ordered alike.
  model in_memory_order(std::vector<neuron_id> order) &&;

  // The same model, its tokens read by another tokenizer. Throws shape_error where that does not
  // fit.
  model with_tokenizer(tokenizer kind, std::shared_ptr<const std::string> definition) &&;

  // Everything but the projections, to make another model of the same dynamics from.
  model_spec spec_without_circuits() const;

  std::size_t bytes() const noexcept;  // of all projections
  // Of the state: a strength per synapse and layer, float32 unless they take other `bytes`, and a
  // time stamp per row unit and layer.
  std::size_t synapse_bytes(std::size_t bytes = sizeof(float)) const noexcept;

 private:
  model_spec spec_;
  std::unordered_map<std::string_view, neuron_id> named_;  // views of spec_.neuron_names
};

}  // namespace bdh
