// What configurations state about a model, against its tensors and against what this program
// computes.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <optional>

#include <bdh/error.hpp>

#include "core/base/rounded.hpp"
#include "io/checkpoint/import_context.hpp"

namespace bdh {
namespace {

// The first of those inside the file, else of those beside it.
const statement* stated(const import_context& c, key_role role) {
  const statement* const inside = find_statement(c.file.place(), c.known, role, true);
  return inside != nullptr ? inside : find_statement(c.file.place(), c.known, role, false);
}

std::string hint_of(const statement& s) {
  return s.inside ? "" : "move config.json away if it belongs to another model";
}

[[noreturn]] void refuse(const import_context& c, const statement& s, const char* expected,
                         std::string hint = {}) {
  throw unavailable_error(c.file.place(),
                          fmt::format("a model with {} {} ({})", s.key, s.shown, s.where), expected,
                          hint.empty() ? hint_of(s) : std::move(hint));
}

// Calls f with every statement of this role.
template <class F>
void each(const import_context& c, key_role role, F&& f) {
  for (const statement& s : c.known.statements)
    if (s.role == role) f(s);
}

void check_sizes(const import_context& c) {
  const layout_match& m = c.match;
  const std::string& place = c.file.place();
  if (c.options.heads && *c.options.heads != m.heads)
    throw input_error("--heads", std::to_string(*c.options.heads),
                      fmt::format("{}, the first axis of {}", m.heads, c.file.place(*m.dx)));
  cross_check(place, c.known, key_role::heads, m.heads, "the first axis of " + m.dx->name);
  cross_check(place, c.known, key_role::hubs, m.hubs, "the second axis of " + m.dx->name);
  cross_check(place, c.known, key_role::vocabulary, m.tokens, "the rows of " + m.embedding->name);
  cross_check(place, c.known, key_role::neurons_per_head, m.per_head,
              "the third axis of " + m.dx->name);
  each(c, key_role::neurons, [&](const statement& s) {
    if (s.value != static_cast<double>(m.heads * m.per_head) &&
        s.value != static_cast<double>(m.per_head))
      throw input_error(place, fmt::format("{} {} ({})", s.key, s.shown, s.where),
                        fmt::format("{}, the rows of {}", m.heads * m.per_head, m.e->name));
  });
  each(c, key_role::neurons_per_hub, [&](const statement& s) {
    const double per_head =
        std::floor(s.value * static_cast<double>(m.hubs) / static_cast<double>(m.heads));
    if (per_head != static_cast<double>(m.per_head))
      throw input_error(
          place, fmt::format("{} {} ({}), {} neurons per head", s.key, s.shown, s.where, per_head),
          fmt::format("{}, the third axis of {}", m.per_head, m.dx->name));
  });
}

// Windows that scores look back: they change nothing in windows of the training that are not
// longer.
void check_sliding_windows(import_context& c) {
  const std::uint64_t window = training_window_of(c);
  each(c, key_role::sliding_window, [&](const statement& s) {
    if (s.value <= 0) return;
    if (window == 0 || s.value < static_cast<double>(window))
      refuse(c, s, "scores that look back without limit",
             "--training-window T, if no window of the training was longer than that");
    c.remark(
        "{} {} ({}) cuts nothing off in windows of up to {} tokens; longer runs look back "
        "without limit",
        s.key, s.shown, s.where, window);
    c.leave(s);
  });
}

// Without a readout the layout, or a configuration, says that it is the embedding.
void check_readout(const import_context& c) {
  const layout_match& m = c.match;
  if (m.readout != nullptr) return;
  const statement* const s = stated(c, key_role::tied);
  if (s != nullptr && s->value == 0)
    throw input_error(c.file.place(),
                      fmt::format("no {}, and {} is false ({})", m.kind->readout, s->key, s->where),
                      "a readout of its own");
  if (s == nullptr && !m.kind->may_be_tied)
    throw input_error(
        c.file.place(),
        fmt::format("an unknown layout: {} without {}", m.kind->name, m.kind->readout), "a readout",
        fmt::format("where it is {}, a config.json beside the file states it: "
                    "{{\"tie_word_embeddings\": true}}",
                    m.embedding->name));
}

}  // namespace

void check_statements(import_context& c) {
  const layout_match& m = c.match;
  if (!m.kind->causal && !c.options.causal)
    throw unavailable_error(
        c.file.place(),
        std::string("a model of the ") + m.kind->name + ", trained without a causal mask",
        "a causal model", "--causal imports it as if it had one");
  check_sizes(c);
  each(c, key_role::causal, [&](const statement& s) {
    if (s.value == 0 && !c.options.causal)
      refuse(c, s, "scores of earlier tokens only", "--causal imports it as if it had them");
    if (s.value == 0 && m.kind->causal)
      c.remark("earlier tokens only, which the model was trained without ({} {}; --causal)", s.key,
               s.shown);
  });
  each(c, key_role::learned_decay, [&](const statement& s) {
    if (s.value != 0) refuse(c, s, "a constant rate, or none");
  });
  each(c, key_role::history_mix, [&](const statement& s) {
    if (s.value != 0) refuse(c, s, "0: activity without a history");
  });
  check_sliding_windows(c);
  check_readout(c);
  if (!m.kind->causal) c.note("a causal mask, which the model was trained without (--causal)");
}

layer_id layers_of(import_context& c) {
  const layout_match& m = c.match;
  const auto given = c.options.layers ? std::optional<double>(*c.options.layers) : std::nullopt;
  auto found = resolve_statement(c.file.place(), c.known, key_role::layers, "--layers", given);
  if (m.layers != 0) {
    const double count = static_cast<double>(m.layers);
    const std::string shown_by = fmt::format("one of {} each, all equal", m.layers_from);
    if (found && found->value != count)
      throw input_error(c.file.place(), fmt::format("{} layers ({})", found->value, found->from),
                        fmt::format("{}, {}", m.layers, shown_by));
    if (!found) found = resolved_number{count, shown_by};
  }
  if (!found)
    throw input_error(c.file.place(), "no number of layers (they share their weights)",
                      "--layers L, or a config.json with n_layer beside the file",
                      "the authors' default is 6: --layers 6");
  if (!(found->value >= 1 && found->value <= 1024) || found->value != std::floor(found->value))
    throw input_error(c.file.place(), fmt::format("{} layers ({})", found->value, found->from),
                      "1 to 1024");
  const statement* const passes = stated(c, key_role::passes);
  if (passes == nullptr || passes->value == 1) {
    c.note("{} layers ({})", found->value, found->from);
    return static_cast<layer_id>(found->value);
  }
  const double all = found->value * passes->value;
  if (!(passes->value >= 1) || passes->value != std::floor(passes->value) || all > 1024)
    throw input_error(c.file.place(),
                      fmt::format("{} {} ({})", passes->key, passes->shown, passes->where),
                      "a whole number, and at most 1024 layers in all passes");
  c.note("{} layers ({}, {} times: {}; {} {} in {})", all, found->value, passes->value, found->from,
         passes->key, passes->shown, passes->where);
  return static_cast<layer_id>(all);
}

void check_shared_layers(const import_context& c, layer_id layers) {
  if (c.match.layers != 0 || layers == 1) return;
  const char* const expected = "one set of weights for all layers, as the file has";
  each(c, key_role::untied_layers, [&](const statement& s) {
    if (s.value != 0) refuse(c, s, expected);
  });
  each(c, key_role::shared_layers, [&](const statement& s) {
    if (s.value == 0) refuse(c, s, expected);
  });
}

double retention_of(import_context& c) {
  std::optional<double> rate;
  const statement* from = nullptr;
  const auto take = [&](const statement& s, double value) {
    if (!(value >= 0) || value > 100)
      throw input_error(c.file.place(), fmt::format("{} {} ({})", s.key, s.shown, s.where),
                        "a rate from 0 to 100 per token");
    if (rate && std::abs(*rate - value) > 1e-6 * std::abs(value))
      throw input_error(c.file.place(),
                        fmt::format("{} {} ({}) and {} {} ({})", from->key, from->shown,
                                    from->where, s.key, s.shown, s.where),
                        "one rate of decay");
    if (!rate) rate = value, from = &s;
  };
  each(c, key_role::score_decay, [&](const statement& s) { take(s, s.value); });
  each(c, key_role::score_half_life, [&](const statement& s) {
    if (s.value != 0) take(s, std::numbers::ln2 / s.value);
  });
  if (!rate || *rate == 0) return 1;
  const double u = rounded::exp(-*rate);
  c.note("retention {} per token ({} {} in {}: scores decay as e^(-rate distance))", u, from->key,
         from->shown, from->where);
  return u;
}

std::uint64_t training_window_of(import_context& c) {
  if (c.options.training_window) return *c.options.training_window;
  // Several are lengths of different things; that of the training's windows is called block_size.
  const statement* found = nullptr;
  each(c, key_role::window, [&](const statement& s) {
    const bool named = s.key.ends_with("block_size");
    if (found == nullptr || (s.inside && !found->inside) ||
        (s.inside == found->inside && named && !found->key.ends_with("block_size")))
      found = &s;
  });
  if (found == nullptr || found->value < 1 || found->value > 1e15 ||
      found->value != std::floor(found->value))
    return 0;
  return static_cast<std::uint64_t>(found->value);
}

pairing pairing_of(const import_context& c) {
  const statement* const s = stated(c, key_role::interleaved);
  if (s == nullptr) return c.options.pairs.value_or(c.match.kind->pairs);
  const pairing found = s->value != 0 ? pairing::interleaved : pairing::half_split;
  if (c.options.pairs && *c.options.pairs != found && s->inside)
    throw input_error(
        "--pairing", name(*c.options.pairs),
        fmt::format("{}, as {} says ({} {})", name(found), s->where, s->key, s->shown));
  return c.options.pairs.value_or(found);
}

}  // namespace bdh
