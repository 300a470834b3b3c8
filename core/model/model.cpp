#include <utility>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "core/model/model_checks.hpp"

namespace bdh {
const char* name(tokenizer t) noexcept {
  switch (t) {
    case tokenizer::bytes:
      return "bytes";
    case tokenizer::byt5:
      return "byt5";
    case tokenizer::characters:
      return "characters";
    case tokenizer::tokenizer_json:
      return "tokenizer.json";
    case tokenizer::sentencepiece:
      return "sentencepiece";
    default:
      return "ids";
  }
}

tokenizer tokenizer_named(std::string_view text) {
  for (tokenizer t : {tokenizer::ids, tokenizer::bytes, tokenizer::byt5, tokenizer::characters,
                      tokenizer::tokenizer_json, tokenizer::sentencepiece})
    if (text == name(t)) return t;
  throw input_error("tokenizer", "'" + std::string(text) + "'",
                    "bytes, byt5, ids, characters, tokenizer.json or sentencepiece");
}

model::model(model_spec spec) : spec_((check_model_spec(spec), std::move(spec))) {
  for (neuron_id i = 0; i < spec_.neuron_names.size(); ++i)
    named_.emplace(spec_.neuron_names[i], i);
}

std::optional<neuron_id> model::neuron_named(std::string_view name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? std::nullopt : std::optional(found->second);
}

std::pair<edge_id, edge_id> model::synapses_of(neuron_id i) const noexcept {
  if (is_direct()) return {direct().gs.indptr()[i], direct().gs.indptr()[i + 1]};
  return {edge_id{i} * hubs(), edge_id{i + 1} * hubs()};
}

std::vector<neuron_id> model::memory_positions() const {
  std::vector<neuron_id> place(spec_.memory_order.size());
  for (neuron_id k = 0; k < place.size(); ++k) place[spec_.memory_order[k]] = k;
  return place;
}

model model::in_memory_order(std::vector<neuron_id> order) && {
  model_spec p = std::move(spec_);
  p.memory_order = std::move(order);
  p.content_sha256.clear();
  return model(std::move(p));
}

model model::with_tokenizer(tokenizer kind, std::shared_ptr<const std::string> definition) && {
  model_spec p = std::move(spec_);
  p.tokens = kind;
  p.tokenizer_definition = std::move(definition);
  p.content_sha256.clear();
  return model(std::move(p));
}

model_spec model::spec_without_circuits() const {
  model_spec p;
  p.rules = spec_.rules;
  p.layers = spec_.layers;
  p.heads = spec_.heads;
  p.rotation = spec_.rotation;
  p.retention = spec_.retention;
  p.original_id = spec_.original_id;
  p.memory_order = spec_.memory_order;
  p.neuron_names = spec_.neuron_names;
  p.tokens = spec_.tokens;
  p.tokenizer_definition = spec_.tokenizer_definition;
  p.training_window = spec_.training_window;
  p.origin = spec_.origin;
  return p;
}

model model::in_bfloat16() && {
  model_spec p = std::move(spec_);
  hub_circuits& c = p.circuits;
  for (projection* weights : {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout})
    *weights = weights->in_bfloat16();
  if (p.direct) {
    direct_circuits& g = *p.direct;
    for (projection* weights :
         {&g.gx_excitatory, &g.gx_inhibitory, &g.gy_excitatory, &g.gy_inhibitory, &g.readout})
      *weights = weights->in_bfloat16();
  }
  return model(std::move(p));
}

bool model::is_bfloat16() const noexcept {
  const hub_circuits& c = circuits();
  if (c.e.is_bfloat16()) return true;
  if (!is_direct()) return false;
  const direct_circuits& g = direct();
  for (const projection* p :
       {&g.gx_excitatory, &g.gx_inhibitory, &g.gy_excitatory, &g.gy_inhibitory, &g.readout})
    if (p->is_bfloat16()) return true;
  return false;
}

std::size_t model::bytes() const noexcept {
  const auto& c = spec_.circuits;
  std::size_t total =
      c.e.bytes() + c.sensory.bytes() + c.dx.bytes() + c.dy.bytes() + c.readout.bytes();
  if (is_direct()) {
    const auto& g = direct();
    for (const projection* p : {&g.gx_excitatory, &g.gx_inhibitory, &g.gy_excitatory,
                                &g.gy_inhibitory, &g.gs, &g.sensory, &g.readout})
      total += p->bytes();
    total += g.retention.bytes();
  }
  return total;
}

std::size_t model::synapse_bytes(std::size_t bytes) const noexcept {
  return layers() * (synapses() * bytes + row_units() * sizeof(std::uint64_t));
}

}  // namespace bdh
