// What the keys of configurations mean, in the authors' code, its public forks and ports, and in
// the Hugging Face library. Internal to the importer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bdh {

enum class key_role : std::uint8_t {
  unknown,
  harmless,  // says how the model was trained, or how a program ran: nothing about what it computes
  sampling,  // harmless beside another one; else it may say what is computed
  unclear,   // may say what is computed, unless it is off
  usual,     // changes what the model computes, unless it has one of the usual values
  layers,
  heads,
  hubs,
  neurons,
  neurons_per_head,
  neurons_per_hub,  // a factor: hubs times it are all neurons
  vocabulary,
  theta,
  epsilon,
  tied,             // true: the readout is the embedding
  window,           // tokens of the training's windows
  sliding_window,   // tokens that a score looks back
  passes,           // of the whole stack: as many times the layers
  score_decay,      // scores of tokens k apart times e^(-rate k)
  score_half_life,  // in tokens, of the same
  learned_decay,    // true: the rate is a weight
  interleaved,      // pairs (2m, 2m + 1), not (m, m + N/2)
  causal,
  history_mix,    // 0: the keys of histories have no effect
  untied_layers,  // true: each layer has weights of its own
  shared_layers,  // the opposite
  positions,      // as `usual`; an object may have theta, too
  rotation,       // an object: theta, and a scaling that must be none
  nested,         // an object with keys about the model
  aside           // an object about data, a tokenizer, metrics: nothing about the model
};

struct key_meaning {
  key_role role = key_role::unknown;
  // Of key_role::usual: the values that change nothing, '|' between them, in lower case; an absent
  // value, which Python calls None, is always among them.
  std::string_view usual = {};
};

// In whatever way words are joined: nLayer, n-layer and n_layer are one key.
key_meaning meaning_of_key(std::string_view key);
std::string normalised_key(std::string_view key);
// Without what is between words, in lower case: n_layer, nLayer and n-layer are nlayer.
std::string letters_of_key(std::string_view key);

// Whether the name of an object is that of a configuration ("config", "model_args", "hparams"), or
// of one about the training ("train_config"), where keys that are not known are about that.
enum class object_kind : std::uint8_t { other, configuration, training };
object_kind kind_of_object(std::string_view name);

}  // namespace bdh
