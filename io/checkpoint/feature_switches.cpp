#include "io/checkpoint/feature_switches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/stated_value.hpp"

namespace bdh {
namespace {

struct feature_keys {
  feature of;
  std::string_view switches;  // what is between use_ and the end; a space between them
  std::string_view values;
};

constexpr feature_keys by_feature[] = {
    {feature::alibi, "alibi alibi_bias alibi_slope alibi_slopes alibi_positions",
     "alibi_slope alibi_slopes"},
    {feature::decay,
     "decay attention_decay attn_decay score_decay attention_decay_rate decaying_attention",
     "attention_decay score_decay attn_decay attention_decay_rate learned_attention_decay "
     "learn_attention_decay learnable_decay"},
    {feature::half_life,
     "half_life attention_half_life attention_half_life_tokens half_life_tokens",
     "attention_half_life_tokens attention_half_life half_life_tokens"},
    {feature::sliding_window,
     "sliding_window sliding_attention sliding_window_attention local_attention attn_window "
     "attention_window local_window local_attention_window window_attention window attention_span",
     "sliding_window attn_window attention_window window_size local_window window "
     "local_attention_window attention_span max_distance"},
    {feature::passes, "compute_ticks ticks n_ticks", "compute_ticks n_ticks ticks"},
    {feature::history, "activation_history activation_history_mix history",
     "activation_history_mix learned_activation_history"},
    {feature::rope_scaling, "rope_scaling rotary_scaling rope_scale scaled_rope ntk yarn",
     "rope_scaling rope_scaling_type rope_factor rope_scaling_factor rope_scale rope_scale_factor "
     "ntk_alpha ntk_factor"},
    {feature::experts, "moe experts n_experts mixture_of_experts",
     "moe n_expert n_experts num_experts num_local_experts num_experts_per_tok experts"},
    {feature::low_rank, "lora", "lora_r lora_rank"},
    {feature::adapters, "adapter adapters", "adapter_dim"},
    {feature::memory, "memory session_memory memory_slots", "n_memory memory_slots"},
    {feature::registers, "register registers", "n_registers num_registers"},
    {feature::sparse, "k_sparse k_sparse_ratio sparsity top_k_sparsity topk_activation kwta",
     "k_sparse_ratio top_k_sparsity k_sparse topk_activation sparsity_k sparse_k activation_topk "
     "top_k_neurons kwta"},
    {feature::threshold, "relu_threshold activation_threshold",
     "relu_threshold activation_threshold"},
    {feature::score_softcap, "attn_logit_softcap attn_logit_softcapping attn_softcap",
     "attn_logit_softcapping attn_logit_softcap"},
    {feature::logit_softcap, "logit_softcap final_logit_softcapping logits_soft_cap logit_cap",
     "logit_softcap final_logit_softcapping logits_soft_cap logit_cap"},
    {feature::adaptive_depth, "adaptive_compute act adaptive_computation",
     "adaptive_compute adaptive_computation"},
    {feature::early_exit, "early_exit", "early_exit_threshold early_exit"},
    {feature::loops, "loops recurrence recurrences n_loops",
     "n_loops num_loops loops n_recurrences num_recurrences recurrences recurrence_steps "
     "recurrent_steps max_loops n_cycles num_cycles"},
    {feature::retention, "retention retention_factor", "retention retention_factor"},
    {feature::damping, "damping", "damping"},
    {feature::forgetting, "forgetting forget_rate", "forget_rate forgetting_rate"},
    {feature::state_decay, "state_decay memory_decay synaptic_decay trace_decay",
     "state_decay memory_decay synaptic_decay trace_decay"},
    {feature::quantization, "quantization quantisation quantize", "quantization_config"}};

// Without use_ before them; the others are no switches then.
constexpr std::string_view bare_switches = "alibi decay";

struct affix {
  std::string_view before, after;
  bool inverted;
};
constexpr affix affixes[] = {{"use", "", false},     {"uses", "", false},    {"using", "", false},
                             {"enable", "", false},  {"enabled", "", false}, {"with", "", false},
                             {"has", "", false},     {"", "enabled", false}, {"", "enable", false},
                             {"", "on", false},      {"", "active", false},  {"no", "", true},
                             {"without", "", true},  {"disable", "", true},  {"disabled", "", true},
                             {"", "disabled", true}, {"", "disable", true},  {"", "off", true}};

template <class F>
void each_word(std::string_view words, F&& f) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (end > 0) f(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

const std::unordered_map<std::string, feature_switch>& all_switches() {
  static const auto made = [] {
    std::unordered_map<std::string, feature_switch> keys;
    for (const feature_keys& f : by_feature)
      each_word(f.switches, [&](std::string_view word) {
        const std::string base = letters_of_key(word);
        for (const affix& a : affixes)
          keys.try_emplace(std::string(a.before) + base + std::string(a.after),
                           feature_switch{f.of, a.inverted});
      });
    each_word(bare_switches, [&](std::string_view word) {
      keys.emplace(word, keys.at("use" + std::string(word)));
    });
    return keys;
  }();
  return made;
}

const std::unordered_map<std::string, feature>& all_values() {
  static const auto made = [] {
    std::unordered_map<std::string, feature> keys;
    for (const feature_keys& f : by_feature)
      each_word(f.values, [&](std::string_view word) { keys.emplace(letters_of_key(word), f.of); });
    return keys;
  }();
  return made;
}

// Of those that are on: which values are computed here.
std::string value_keys(feature f) {
  switch (f) {
    case feature::alibi:
      return "alibi_slope, or alibi_slopes that are equal";
    case feature::decay:
      return "attention_decay or attention_half_life_tokens";
    case feature::half_life:
      return "attention_half_life_tokens";
    case feature::sliding_window:
      return "sliding_window";
    case feature::passes:
      return "compute_ticks";
    case feature::history:
      return "activation_history_mix";
    default:
      return {};
  }
}

// A half-life and slopes are ways to state a decay.
bool is_kind_of(feature value, feature of) {
  return value == of || (of == feature::decay && value == feature::half_life);
}
bool is_related(feature value, feature of) {
  return is_kind_of(value, of) || (of == feature::decay && value == feature::alibi);
}

bool changes_something(const statement& s) {
  return s.value != (s.role == key_role::passes ? 1.0 : 0.0);
}

std::string shown_switch(const switch_statement& s) {
  return fmt::format("{} {} ({})", s.key, s.shown, s.where);
}

std::string shown_statement(const statement& s) {
  return fmt::format("{} {} ({})", s.key, s.shown, s.where);
}

void note(configuration& to, const std::string& what, const switch_statement& off) {
  to.switched_off.push_back(fmt::format("{} is off: {} {}", what, off.key, off.shown));
}

std::string hint_of_switch(const switch_statement& s) {
  return s.inside ? "" : "move config.json away if it belongs to another model";
}

}  // namespace

feature feature_of_key(std::string_view key) {
  const auto found = all_values().find(letters_of_key(key));
  return found == all_values().end() ? feature::none : found->second;
}

feature_switch switch_of_key(std::string_view key) {
  const auto found = all_switches().find(letters_of_key(key));
  return found == all_switches().end() ? feature_switch{} : found->second;
}

std::optional<switch_statement> switch_with_value(const std::string& key, const plain_value& v) {
  const feature_switch found = switch_of_key(key);
  if (found.of == feature::none) return std::nullopt;
  const std::optional<bool> flag = is_absent(v) ? std::optional(false) : flag_of(v);
  if (!flag) return std::nullopt;
  switch_statement s;
  s.of = found.of;
  s.on = *flag != (found.inverted && !is_absent(v));
  s.shown = shown_value(v);
  return s;
}

void switch_board::add(switch_statement s) {
  constexpr std::size_t most = 1000;
  if (switches_.size() == most)
    throw input_error(place_, fmt::format("more than {} switches ({})", most, s.where), "fewer");
  switches_.push_back(std::move(s));
}

void switch_board::apply(configuration& to) const {
  expect_agreement();
  for (const held_refusal& h : held_) {
    const switch_statement* const off = off_switch(h.of, h.where, h.path);
    if (off == nullptr) std::rethrow_exception(h.why);
    note(to, fmt::format("{} {} ({})", h.key, h.shown, h.where), *off);
  }
  take_away(to);
  for (const switch_statement& s : switches_) {
    if (s.on)
      expect_value(s, to);
    else
      expect_none(s, to);
  }
}

const switch_statement* switch_board::off_switch(feature of, const std::string& where,
                                                 const std::string& path) const {
  for (const switch_statement& s : switches_)
    if (!s.on && is_kind_of(of, s.of) && s.where == where && path.starts_with(s.path)) return &s;
  return nullptr;
}

void switch_board::expect_agreement() const {
  std::map<feature, const switch_statement*> first;
  for (const switch_statement& s : switches_) {
    const switch_statement& other = *first.emplace(s.of, &s).first->second;
    if (other.on != s.on)
      throw input_error(place_, shown_switch(other) + " and " + shown_switch(s), "one of the two");
  }
}

void switch_board::take_away(configuration& from) const {
  std::vector<statement> kept;
  for (statement& s : from.statements) {
    const switch_statement* const off = off_switch(s.of, s.where, s.path);
    if (off == nullptr)
      kept.push_back(std::move(s));
    else if (changes_something(s))
      note(from, shown_statement(s), *off);
  }
  from.statements = std::move(kept);
}

// A value elsewhere, which the switch may be about.
void switch_board::expect_none(const switch_statement& off, const configuration& known) const {
  for (const statement& s : known.statements) {
    if (!is_related(s.of, off.of) || !changes_something(s)) continue;
    const bool own_switch =
        std::any_of(switches_.begin(), switches_.end(),
                    [&](const switch_statement& other) { return other.on && other.of == s.of; });
    if (!own_switch)
      throw input_error(place_, shown_switch(off) + " and " + shown_statement(s),
                        "a value that is switched on, or none", hint_of_switch(off));
  }
}

void switch_board::expect_value(const switch_statement& on, const configuration& known) const {
  const std::string keys = value_keys(on.of);
  if (keys.empty())
    throw unavailable_error(place_, "a model with " + shown_switch(on),
                            "the released code's computation (false, 0, none, off, no, disabled)",
                            hint_of_switch(on));
  const bool found =
      std::any_of(known.statements.begin(), known.statements.end(), [&](const statement& s) {
        return is_related(s.of, on.of) && s.role != key_role::learned_decay;
      });
  if (!found)
    throw unavailable_error(place_, "a model with " + shown_switch(on),
                            "the value that is switched on, too: " + keys, hint_of_switch(on));
}

}  // namespace bdh
