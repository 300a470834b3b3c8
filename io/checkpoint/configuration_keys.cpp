#include "io/checkpoint/configuration_keys.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <span>
#include <unordered_map>
#include <vector>

namespace bdh {
namespace {

using enum key_role;

struct role_keys {
  key_role role;
  std::string_view keys;  // a space between them
};

// Letters alone are the educational port's.
constexpr role_keys by_role[] = {
    {layers, "L n_layer n_layers num_layers num_hidden_layers layers num_layer nlayers"},
    {heads, "H n_head n_heads num_heads num_attention_heads heads nhead nheads nh"},
    {hubs, "D n_embd n_embed embed_dim d_model hidden_size embedding_dim n_hubs"},
    {neurons, "N n_neurons num_neurons n_neuron neurons"},
    {neurons_per_head, "neurons_per_head latent_per_head head_neurons"},
    {neurons_per_hub, "mlp_internal_dim_multiplier mlp_dim_mult mlp_multiplier"},
    {vocabulary, "V vocab_size vocabulary_size n_vocab"},
    {theta,
     "theta rope_theta rope_base rotary_base rotary_emb_base rotary_theta "
     "rotary_embedding_base base_theta rope_freq_base"},
    {epsilon, "layer_norm_eps layer_norm_epsilon norm_eps ln_eps layernorm_eps norm_epsilon"},
    {tied,
     "tie_word_embeddings tie_weights tie_embeddings tied_embeddings weight_tying tied "
     "tie_lm_head share_embeddings"},
    {window,
     "T block_size context_length max_seq_len max_seq_length seq_len seq_length "
     "sequence_length context_size ctx_len n_ctx max_position_embeddings n_positions "
     "max_sequence_length context_window"},
    {sliding_window,
     "sliding_window attn_window attention_window window_size local_window "
     "window local_attention_window attention_span max_distance"},
    {passes, "compute_ticks n_ticks ticks"},
    {score_decay,
     "attention_decay alibi_slope alibi_slopes score_decay attn_decay "
     "attention_decay_rate"},
    {score_half_life, "attention_half_life_tokens attention_half_life half_life_tokens"},
    {learned_decay, "learned_attention_decay learn_attention_decay learnable_decay"},
    {interleaved,
     "rope_interleaved rotary_interleaved interleaved rope_interleave "
     "interleaved_rope rotary_emb_interleaved"},
    {causal, "causal is_causal use_causal_mask causal_mask strict_causal autoregressive"},
    {history_mix, "activation_history_mix"},
    {untied_layers,
     "per_layer_weights untied_layers untie_layers layerwise_weights "
     "depth_untied untied"},
    {shared_layers,
     "share_layers shared_layers tie_layers shared_weights share_weights "
     "weight_sharing tied_layers universal"},
    {rotation, "rope_scaling rope_parameters rope_config rotary_config rope_kwargs"},
    {nested,
     "model config configuration overrides architecture arch network net bdh backbone "
     "attention attn decoder text_config model_config model_args model_kwargs kwargs "
     "init_args hparams params fused_kernels language_model"},
    {aside,
     "data dataset datasets data_config dataset_config tokenizer tokenizer_config vocab "
     "stoi itos chars characters metrics history losses evaluation eval generation "
     "sampling corpus features"},
};

// What the forward pass of some fork or port reads, with the values that leave it as the released
// code's.
struct usual_key {
  std::string_view keys, values;
};
constexpr std::string_view off = "false|0|none|off|no|disabled";
constexpr std::string_view rotary =
    "true|rope|rotary|roformer|rope_interleaved|1|yes|on|default|interleaved";
constexpr std::string_view one = "1|false|none";
constexpr usual_key by_value[] = {
    {"use_alibi alibi use_abs_pos abs_pos absolute_positions learned_positions use_pos_emb "
     "learned_pos_emb use_position_embeddings pope use_pope",
     off},
    {"architecture_variant", "bdh_v1|temporal_decay|ctm_lite|bdh|default"},
    {"layer_types", "full_attention|linear_attention"},
    {"rope_type rotary_type", "default|interleaved|standard|rope|none"},
    {"rope_scaling_type", "default|none"},
    {"rope_factor rope_scaling_factor rope_scale rope_scale_factor ntk_alpha ntk_factor "
     "partial_rotary_factor rotary_pct rotary_percentage rotary_fraction rotary_percent "
     "rope_fraction "
     "position_scale",
     "1"},
    {"attention_type attn_type attention_kind attention_mode attention_variant",
     "linear|linear_attention|bdh|causal|default|none|raw|hebbian|standard|parallel|recurrent"},
    {"softmax use_softmax softmax_attention attn_softmax normalize_attention normalize_scores "
     "attention_normalization score_normalization use_denominator normalise_scores",
     off},
    {"attention_scale attn_scale score_scale scale_scores scale_attention scale_attn softmax_scale "
     "qk_scale attention_multiplier",
     one},
    {"qk_norm use_qk_norm use_qk_layernorm differential_attention differential_heads "
     "use_differential attention_gate gated_attention output_gate attention_sink attention_sinks "
     "use_gate gating",
     off},
    {"attend_self include_self include_diagonal attend_to_self mask_includes_self bidirectional "
     "is_encoder use_bidirectional_attention non_causal",
     off},
    {"mask mask_type attention_mask_type", "causal|strict|strict_causal|strictly_causal|tril|true"},
    {"mask_diagonal tril_diagonal", "-1"},
    {"adaptive_compute use_act adaptive_computation early_exit early_exit_threshold", off},
    {"n_loops num_loops loops n_recurrences num_recurrences recurrences recurrence_steps "
     "recurrent_steps n_iterations num_iterations repeats n_repeats depth_multiplier max_loops "
     "n_cycles num_cycles",
     "1|0|none"},
    {"learned_activation_history", off},
    {"k_sparse_ratio relu_threshold activation_threshold top_k_sparsity k_sparse topk_activation "
     "sparsity_k sparse_k activation_topk top_k_neurons kwta",
     off},
    {"activation activation_function hidden_act act_fn act nonlinearity hidden_activation",
     "relu|torch.nn.functional.relu|torch.relu|torch.nn.modules.activation.relu|f.relu"},
    {"n_expert n_experts num_experts num_local_experts num_experts_per_tok experts", "1|0|none"},
    {"use_moe moe use_session_memory use_conditional_attention use_fast_weights learned_triggers "
     "use_memory use_adapter use_lora use_forget_gate forget_gate use_forgetting "
     "lambda_gate use_register coord_enabled",
     off},
    {"lora_r lora_rank adapter_dim n_registers num_registers n_memory memory_slots", "0"},
    {"ternary quantize quantized quantization quantization_config binary_weights bitlinear "
     "use_ternary qat weight_quantization load_in_8bit load_in_4bit",
     off},
    {"norm norm_type normalization layer_norm_type", "layernorm|layer_norm|ln|layer"},
    {"use_rmsnorm rms_norm use_rms_norm elementwise_affine ln_affine norm_affine affine_norm "
     "use_bias_in_norm",
     off},
    {"residual_scale residual_multiplier embedding_scale embed_scale embedding_multiplier "
     "scale_embeddings scale_embedding logit_scale logits_scaling logit_multiplier output_scale "
     "scale_depth",
     one},
    {"logit_softcap final_logit_softcapping attn_logit_softcapping logits_soft_cap "
     "attn_logit_softcap logit_cap",
     off},
    {"cross_attention add_cross_attention is_encoder_decoder", off},
    {"retention retention_factor decay_factor", one},
    {"damping forget_rate forgetting_rate state_decay memory_decay synaptic_decay trace_decay "
     "lambda_decay use_decay use_retention use_damping data_dependent_decay learned_damping "
     "learned_retention",
     off},
};

// Of a program that writes text, among others of these; top_k alone may be a choice of neurons.
constexpr std::string_view sampling_keys =
    "temperature top_k top_p do_sample num_beams max_new_tokens repetition_penalty";
// Of a program's speed, or of what is computed.
constexpr std::string_view unclear_keys = "block_sparse";

constexpr std::string_view position_keys =
    "rotary_embedding use_rope rope use_rotary rotary use_rotary_embedding pos_encoding "
    "positional_encoding position_encoding position_embedding_type pos_emb_type pos_embedding "
    "positional_embedding position_embedding pos_emb positional position_encoding_type";
// Of scalings of the rotation.
constexpr std::string_view unscaled = "default|none|false|1";

constexpr std::string_view harmless_keys =
    // the forks' own, without effect where the keys that switch them are off
    "activation_history_decay activation_history_target activation_history_max_mix "
    "adaptive_min_ticks adaptive_max_ticks adaptive_logit_delta_threshold no_bptt "
    "moe_capacity_factor moe_routing moe_fallback_threshold "
    "moe_balanced_init moe_router_noise moe_aux_weight moe_z_weight trigger_threshold "
    "trigger_aux_weight trigger_mode trigger_fraction "
    // training
    "dropout dropout_rate drop_rate embd_dropout attn_dropout resid_dropout hidden_dropout "
    "attention_dropout hidden_dropout_prob attention_probs_dropout_prob embd_pdrop attn_pdrop "
    "resid_pdrop classifier_dropout summary_first_dropout "
    "lr learning_rate min_lr max_lr lr_min base_lr lr_schedule lr_decay lr_decay_iters decay_lr "
    "min_lr_ratio warmup warmup_steps warmup_iters warmup_ratio weight_decay wd beta1 beta2 betas "
    "adam_beta1 adam_beta2 adam_eps grad_clip clip_grad gradient_clip max_grad_norm momentum "
    "batch_size micro_batch_size global_batch_size batch per_device_train_batch_size "
    "gradient_accumulation_steps grad_accum grad_accum_steps accumulation_steps "
    "max_iters max_steps max_epochs num_epochs epochs epoch_cnt n_epochs num_steps steps "
    "total_steps train_steps eval_interval eval_iters eval_every eval_steps eval_only log_interval "
    "log_every save_every save_interval checkpoint_every checkpoint_interval save_steps "
    "always_save_checkpoint init_from optimizer optim scheduler lr_scheduler fused seed "
    "random_seed use_amp amp autocast mixed_precision precision dtype torch_dtype param_dtype "
    "compute_dtype device device_type backend compile use_compile num_workers workers "
    "pin_memory gradient_checkpointing use_grad_checkpoint ddp world_size rank local_rank "
    "label_smoothing ema_decay use_ema ema amsgrad nesterov detach_state carry_state tbptt "
    // bookkeeping
    "epoch step global_step iter iteration iter_num step_num current_step tokens_seen "
    "n_params num_params parameters total_params version format framework name run_name "
    "experiment exp_name model_name description comment notes date timestamp created created_at "
    "author git_hash git_commit commit hostname user project wandb wandb_project wandb_run_name "
    "wandb_log wandb_entity out_dir output_dir save_dir log_dir data_dir checkpoint_dir path "
    "data_path dataset dataset_name train_file resume resume_from "
    "pytorch_lightning_version loops callbacks optimizer_states lr_schedulers hparams_name "
    "hparams_type datamodule_hparams_name datamodule_hyper_parameters "
    // the Hugging Face library's
    "architectures is_decoder model_type transformers_version use_cache bos_token_id eos_token_id "
    "pad_token_id sep_token_id unk_token_id decoder_start_token_id initializer_range init_std "
    "auto_map attn_implementation name_or_path return_dict output_attentions "
    "output_hidden_states torchscript use_bfloat16 pruned_heads id2label label2id problem_type "
    "finetuning_task task_specific_params tokenizer_class prefix chunk_size "
    "chunk_size_feed_forward return_dict_in_generate bias use_bias";

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
char lower(char c) { return static_cast<char>(is_upper(c) ? c - 'A' + 'a' : c); }

void add_keys(std::unordered_map<std::string, key_meaning>& to, std::string_view keys,
              key_meaning meaning) {
  while (!keys.empty()) {
    const std::size_t end = std::min(keys.find(' '), keys.size());
    const std::string_view key = keys.substr(0, end);
    if (end > 0) to.emplace(end == 1 ? std::string(key) : letters_of_key(key), meaning);
    keys.remove_prefix(std::min(end + 1, keys.size()));
  }
}

const std::unordered_map<std::string, key_meaning>& all_keys() {
  static const auto made = [] {
    std::unordered_map<std::string, key_meaning> keys;
    for (const role_keys& r : by_role)
      add_keys(keys, r.keys, {r.role, r.role == rotation ? unscaled : ""});
    add_keys(keys, position_keys, {positions, rotary});
    for (const usual_key& u : by_value) add_keys(keys, u.keys, {usual, u.values});
    add_keys(keys, harmless_keys, {harmless});
    add_keys(keys, sampling_keys, {sampling});
    add_keys(keys, unclear_keys, {unclear});
    return keys;
  }();
  return made;
}

bool is_flag_of_computation(const key_meaning& m) {
  return m.role == positions || m.role == causal || (m.role == usual && m.usual == off);
}

// rope_enabled, enable_rope: as use_rope; and of no_rope and the like, which say the opposite, only
// false leaves the released code's computation.
key_meaning meaning_of_switch(std::string_view letters) {
  const auto& keys = all_keys();
  const auto look_up = [&](std::string_view base) {
    for (const std::string& name : {"use" + std::string(base), std::string(base)})
      if (const auto found = keys.find(name); found != keys.end())
        if (is_flag_of_computation(found->second)) return found->second;
    return key_meaning{};
  };
  for (const std::string_view end : {"enabled", "enable"}) {
    if (letters.ends_with(end)) return look_up(letters.substr(0, letters.size() - end.size()));
    if (letters.starts_with(end)) return look_up(letters.substr(end.size()));
  }
  for (const std::string_view start : {"disable", "without", "no"}) {
    if (!letters.starts_with(start)) continue;
    const key_role role = look_up(letters.substr(start.size())).role;
    return role == positions || role == causal ? key_meaning{usual, off} : key_meaning{};
  }
  return {};
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : normalised_key(name)) {
    if (c == '_' || c == '.')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

bool has_word(const std::vector<std::string>& words, std::span<const std::string_view> among) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::find(among.begin(), among.end(), word) != among.end();
  });
}

}  // namespace

// A word begins at a capital after a small letter, and at the last of several capitals that a small
// letter follows: BDHConfig is bdh_config.
std::string normalised_key(std::string_view key) {
  std::string result;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const bool after_small = i > 0 && !is_upper(key[i - 1]) && key[i - 1] != '_';
    const bool before_small =
        i > 0 && key[i - 1] != '_' && i + 1 < key.size() && is_lower(key[i + 1]);
    if (is_upper(key[i]) && (after_small || before_small)) result += '_';
    result += key[i] == '-' || key[i] == ' ' ? '_' : lower(key[i]);
  }
  const std::size_t first = result.find_first_not_of('_');
  return first == std::string::npos ? result : result.substr(first);
}

std::string letters_of_key(std::string_view key) {
  std::string result;
  for (const char c : key)
    if (c != '_' && c != '-' && c != ' ') result += lower(c);
  return result;
}

key_meaning meaning_of_key(std::string_view key) {
  const auto& keys = all_keys();
  // A letter alone means what it is as a capital.
  const std::string letters = key.size() == 1 ? std::string(key) : letters_of_key(key);
  const auto found = keys.find(letters);
  return found == keys.end() ? meaning_of_switch(letters) : found->second;
}

object_kind kind_of_object(std::string_view name) {
  static constexpr std::string_view configurations[] = {
      "config",      "configs",   "configuration", "cfg",        "conf",      "args",
      "argv",        "arguments", "params",        "parameters", "hparams",   "hyperparameters",
      "hyperparams", "hyper",     "settings",      "options",    "opts",      "opt",
      "kwargs",      "arch",      "architecture",  "spec",       "namespace", "flags"};
  static constexpr std::string_view others[] = {
      "data",  "dataset",   "datasets", "datamodule", "tokenizer", "token",   "tokens",
      "vocab", "optimizer", "optim",    "scheduler",  "lr",        "eval",    "evaluation",
      "log",   "logging",   "wandb",    "generation", "sampling",  "metrics", "test",
      "val",   "git",       "env",      "system",     "callbacks", "loss",    "quantization"};
  static constexpr std::string_view training[] = {"train", "training", "trainer"};
  const std::vector<std::string> words = words_of(name);
  if (has_word(words, others)) return object_kind::other;
  if (has_word(words, training)) return object_kind::training;
  return has_word(words, configurations) ? object_kind::configuration : object_kind::other;
}

}  // namespace bdh
