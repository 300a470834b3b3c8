#include "io/checkpoint/layouts.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include <bdh/error.hpp>

#include "io/checkpoint/causal_masks.hpp"
#include "io/checkpoint/named_vocabularies.hpp"

namespace bdh {
namespace {

constexpr const char* authors = "as the authors' released code";
constexpr const char* port = "as the educational port's code";

constexpr layout released{.name = "released code",
                          .e = "decoder",
                          .dx = "encoder",
                          .dy = "encoder_v",
                          .embedding = "embed.weight",
                          .readout = "lm_head",
                          .readout_by_token = false,
                          .may_be_tied = false,
                          .pairs = pairing::interleaved,
                          .theta = 65536.0,
                          .causal = true,
                          .convention = authors};
constexpr layout listing{.name = "paper listing",
                         .e = "encoder",
                         .dx = "decoder_x",
                         .dy = "decoder_y",
                         .embedding = "wte.weight",
                         .readout = "readout",
                         .readout_by_token = false,
                         .may_be_tied = false,
                         .pairs = pairing::interleaved,
                         .theta = 65536.0,
                         .causal = true,
                         .convention = authors};
constexpr layout educational{.name = "educational port",
                             .e = "E",
                             .dx = "Dx",
                             .dy = "Dy",
                             .embedding = "emb.weight",
                             .readout = "readout",
                             .readout_by_token = false,
                             .may_be_tied = false,
                             .pairs = pairing::half_split,
                             .theta = 10000.0,
                             .causal = false,
                             .convention = port};
constexpr layout hugging_face{.name = "Hugging Face port",
                              .e = "decoder",
                              .dx = "encoder",
                              .dy = "encoder_v",
                              .embedding = "embed.weight",
                              .readout = "lm_head.weight",
                              .readout_by_token = true,
                              .may_be_tied = true,
                              .pairs = pairing::interleaved,
                              .theta = 65536.0,
                              .causal = true,
                              .convention = authors};

// Names of several layouts, distinguished by their shapes; the rotation is that of the released
// code, or the educational port's where its matrices are.
constexpr layout mixed{.name = "mixed names",
                       .e = "decoder, encoder or E",
                       .dx = "encoder, decoder_x or Dx",
                       .dy = "encoder_v, decoder_y or Dy",
                       .embedding = "embed.weight or wte.weight",
                       .readout = "lm_head or readout",
                       .readout_by_token = false,
                       .may_be_tied = false,
                       .pairs = pairing::interleaved,
                       .theta = 65536.0,
                       .causal = true,
                       .convention = authors};
constexpr layout mixed_educational{.name = "mixed names",
                                   .e = "E",
                                   .dx = "Dx",
                                   .dy = "Dy",
                                   .embedding = "emb.weight",
                                   .readout = "readout",
                                   .readout_by_token = false,
                                   .may_be_tied = false,
                                   .pairs = pairing::half_split,
                                   .theta = 10000.0,
                                   .causal = false,
                                   .convention = port};

constexpr const char* needed =
    "released code: encoder and encoder_v (h,d,N), decoder (h*N,d), embed.weight (V,d), lm_head "
    "(d,V) | "
    "paper listing: encoder (n,d), decoder_x and decoder_y (h,d,N), wte.weight (V,d), readout "
    "(d,V) | "
    "educational port: E (n,d), Dx and Dy (h,d,N), emb.weight (V,d), readout (d,V) | "
    "Hugging Face port: backbone.encoder and .encoder_v (h,d,N), .decoder (h*N,d), .embed.weight "
    "(V,d), lm_head.weight (V,d) or none";

using names = std::unordered_map<std::string_view, const tensor*>;

const tensor* look_up(const names& all, std::string_view name, std::size_t axes) {
  const auto found = all.find(name);
  return found != all.end() && found->second->shape.size() == axes ? found->second : nullptr;
}

// `without_readout`: there is none by any name.
layout_match match(const layout& l, const names& all, bool without_readout = false) {
  layout_match m;
  m.e = look_up(all, l.e, 2);
  m.dx = look_up(all, l.dx, 3);
  m.dy = look_up(all, l.dy, 3);
  m.embedding = look_up(all, l.embedding, 2);
  m.readout = look_up(all, l.readout, 2);
  m.readout_by_token = l.readout_by_token;
  const bool tied = l.may_be_tied && m.readout == nullptr && m.embedding != nullptr &&
                    m.embedding->name.find("backbone.") != std::string::npos;
  if (m.e != nullptr && m.dx != nullptr && m.dy != nullptr && m.embedding != nullptr &&
      (m.readout != nullptr || tied || without_readout))
    m.kind = &l;
  return m;
}

[[noreturn]] void refuse_layout(const tensor_file& file) {
  constexpr std::size_t shown = 20;
  const auto& tensors = file.tensors();
  std::string found = "an unknown layout of " + std::to_string(tensors.size()) + " tensors";
  for (std::size_t i = 0; i < std::min(shown, tensors.size()); ++i)
    found +=
        (i > 0 ? ", " : ": ") + tensors[i].name.substr(0, 80) + " " + shape_text(tensors[i].shape);
  if (tensors.size() > shown) found += " and " + std::to_string(tensors.size() - shown) + " more";
  throw input_error(file.place(), found, "a known layout", needed);
}

bool is_role(const layout_match& m, const tensor* t) {
  return t == m.e || t == m.dx || t == m.dy || t == m.embedding || t == m.readout;
}

// Of the tensors that have no role: unused ones of the released code, and what programs keep of the
// rotation.
bool is_without_meaning(std::string_view name) {
  return name == "lm_gate" || name.ends_with("_cos_cached") || name.ends_with("_sin_cached");
}

bool is_rotation(std::string_view name) {
  return name.ends_with("freqs") || name.ends_with("inv_freq");
}

// Bytes of a tokenizer's file, kept as a tensor.
bool is_tokenizer(std::string_view name, const tensor& t) {
  return t.kind == element::other && t.width == 1 && t.shape.size() == 1 &&
         is_about_tokens(std::string(name.substr(name.rfind('.') + 1)));
}

// A mask of what the released code computes anyway is not used; any other is refused.
void take_mask(const tensor_file& file, const tensor& t, layout_match& m) {
  const auto mask = causal_mask_of(file, t);
  const std::string what = "a tensor " + shape_text(t.shape) + " of " + t.type;
  if (!mask)
    throw input_error(file.place(t), what + " that is no causal mask",
                      "ones for the tokens before and zeros for those behind, or 0 and -inf",
                      "a model that reads other tokens would compute something else");
  m.not_used.push_back("tensor '" + t.name + "' (a causal mask)");
  if (mask->with_itself || mask->added)
    m.remarks.push_back(
        t.name + ": a causal mask " + shape_text(t.shape) + " is not used" +
        (mask->with_itself ? "; in it a token reads itself, too" : "") +
        (mask->added ? "; it is made for a softmax" : "") +
        ". Here scores are those of the tokens before, without a softmax, as in the released "
        "code: bdh verify shows whether the model was trained so");
}

// A layout whose readout alone is missing; configurations may state that it is the embedding.
layout_match without_readout(const names& all) {
  for (const layout* l : {&released, &listing, &educational}) {
    layout_match m = match(*l, all, true);
    const bool whole =
        m.kind != nullptr && std::all_of(all.begin(), all.end(), [&](const auto& item) {
          return is_role(m, item.second) || is_without_meaning(item.first) ||
                 is_rotation(item.first) || may_be_mask(item.first, *item.second) ||
                 is_tokenizer(item.first, *item.second);
        });
    if (whole) return m;
  }
  return {};
}

// Every tensor has a role, or is known not to matter: a model run without one of its parts gives
// wrong numbers.
void assign_rest(const tensor_file& file, const tensor_names& all, layout_match& m) {
  for (const auto& [name, t] : all.tensors) {
    if (is_role(m, t) || is_without_meaning(name)) continue;
    if (may_be_mask(name, *t)) {
      take_mask(file, *t, m);
      continue;
    }
    if (is_tokenizer(name, *t) && m.tokenizer == nullptr) {
      m.tokenizer = t;
      continue;
    }
    if (is_decay_name(name))
      throw unavailable_error(file.place(*t),
                              "decays of scores " + shape_text(t->shape) + " of " + t->type,
                              "one retention for all heads",
                              R"({"attention_decay": RATE} in its configuration states one)");
    if (name.ends_with("freqs") && m.table == nullptr)
      m.table = t;
    else if (name.ends_with("freqs") && file.equal(*m.table, *t))
      continue;
    else if (name.ends_with("inv_freq") && m.inverse_frequency == nullptr)
      m.inverse_frequency = t;
    else
      throw input_error(file.place(*t),
                        "a tensor " + shape_text(t->shape) + " of " + t->type +
                            " that the layout '" + m.kind->name + "' does not have",
                        "none of this name", "without it the model would compute something else");
  }
}

void expect_shape(const tensor_file& file, const tensor& t,
                  std::initializer_list<std::uint64_t> shape, const char* meaning) {
  if (!std::equal(shape.begin(), shape.end(), t.shape.begin(), t.shape.end()))
    throw input_error(file.place(t), "shape " + shape_text(t.shape),
                      shape_text(std::vector(shape)) + ", " + meaning);
}

void check_sizes(const tensor_file& file, layout_match& m) {
  constexpr std::uint64_t most = std::numeric_limits<neuron_id>::max();
  m.heads = m.dx->shape[0];
  m.hubs = m.dx->shape[1];
  m.per_head = m.dx->shape[2];
  m.tokens = m.embedding->shape[0];
  const std::uint64_t head_sizes[] = {m.heads, m.per_head};
  const auto neurons = product_within(head_sizes, most);
  if (!neurons || *neurons == 0 || m.hubs == 0 || m.hubs > most)
    throw input_error(file.place(*m.dx), "shape " + shape_text(m.dx->shape),
                      "(heads, hubs, neurons per head), none of them zero");
  if (m.per_head % 2 != 0)
    throw input_error(file.place(*m.dx), std::to_string(m.per_head) + " neurons per head",
                      "an even number: rotation turns pairs");
  if (m.tokens == 0 || m.tokens > most)
    throw input_error(file.place(*m.embedding), "shape " + shape_text(m.embedding->shape),
                      "(vocabulary, hubs), none of them zero");
  expect_shape(file, *m.dy, {m.heads, m.hubs, m.per_head}, ("as " + m.dx->name).c_str());
  expect_shape(file, *m.e, {*neurons, m.hubs}, "one row per neuron, one column per hub");
  expect_shape(file, *m.embedding, {m.tokens, m.hubs}, "one row per token, one column per hub");
  if (m.readout != nullptr && m.readout_by_token)
    expect_shape(file, *m.readout, {m.tokens, m.hubs}, "one row per token, one column per hub");
  else if (m.readout != nullptr)
    expect_shape(file, *m.readout, {m.hubs, m.tokens}, "one row per hub, one column per token");
  if (m.table != nullptr && m.table->elements() != m.per_head)
    throw input_error(file.place(*m.table), "shape " + shape_text(m.table->shape),
                      std::to_string(m.per_head) + " frequencies, one per neuron of a head");
  if (m.inverse_frequency != nullptr && m.inverse_frequency->elements() != m.per_head / 2)
    throw input_error(file.place(*m.inverse_frequency),
                      "shape " + shape_text(m.inverse_frequency->shape),
                      std::to_string(m.per_head / 2) + " frequencies, one per pair");
}

// ---- names of several layouts

constexpr std::string_view e_names[] = {"decoder", "encoder", "E", "decoders", "encoders"},
                           dx_names[] = {"encoder", "decoder_x", "Dx", "encoder_x", "encoders"},
                           dy_names[] = {"encoder_v", "decoder_y", "Dy", "encoder_y", "encoders_v"},
                           embedding_names[] = {"embed.weight",
                                                "wte.weight",
                                                "emb.weight",
                                                "embedding.weight",
                                                "embeddings.weight",
                                                "token_embedding.weight",
                                                "token_embed.weight",
                                                "tok_emb.weight",
                                                "embed_tokens.weight",
                                                "embed",
                                                "embedding",
                                                "wte",
                                                "emb"},
                           readout_names[] = {"lm_head",        "readout",        "lm_head.weight",
                                              "readout.weight", "head",           "head.weight",
                                              "unembed",        "unembed.weight", "output.weight"};

template <std::size_t N>
std::vector<const tensor*> candidates(const names& all, const std::string_view (&known)[N],
                                      std::size_t axes) {
  std::vector<const tensor*> result;
  for (const std::string_view name : known)
    if (const tensor* const t = look_up(all, name, axes)) result.push_back(t);
  return result;
}

using sizes = std::vector<std::uint64_t>;

// Whether the shapes of e, dx, dy and the embedding fit each other.
bool fits(const layout_match& m) {
  const sizes& s = m.dx->shape;
  const auto neurons =
      product_within(std::array{s[0], s[2]}, std::numeric_limits<neuron_id>::max());
  return m.e != m.dx && m.e != m.dy && m.dx != m.dy && m.dy->shape == s && neurons &&
         m.e->shape == sizes{*neurons, s[1]} && m.embedding->shape[1] == s[1];
}

// Its axes are by token where these fit only so, or where they fit both ways and its name is that
// of a layer's weights.
bool readout_fits(layout_match& m) {
  const sizes by_hub{m.embedding->shape[1], m.embedding->shape[0]};
  const bool hubs_first = m.readout->shape == by_hub,
             tokens_first = m.readout->shape == m.embedding->shape;
  m.readout_by_token = tokens_first && (!hubs_first || m.readout->name.ends_with(".weight"));
  return m.readout != m.embedding && (hubs_first || tokens_first);
}

layout_match only_reading(const tensor_file& file, const names& all) {
  std::vector<layout_match> readings;
  for (const tensor* const e : candidates(all, e_names, 2))
    for (const tensor* const dx : candidates(all, dx_names, 3))
      for (const tensor* const dy : candidates(all, dy_names, 3))
        for (const tensor* const embedding : candidates(all, embedding_names, 2)) {
          layout_match m;
          m.e = e, m.dx = dx, m.dy = dy, m.embedding = embedding;
          if (!fits(m)) continue;
          for (const tensor* const readout : candidates(all, readout_names, 2)) {
            m.readout = readout;
            if (readout_fits(m)) readings.push_back(m);
          }
        }
  if (readings.empty()) return {};
  layout_match& m = readings.front();
  if (readings.size() > 1)
    throw input_error(file.place(),
                      std::to_string(readings.size()) + " ways to read " + m.e->name + ", " +
                          m.dx->name + ", " + m.dy->name,
                      "names and shapes that leave one", needed);
  const auto is_educational = [](const tensor* t, const char* name) {
    return without_prefixes(t->name).ends_with(name);
  };
  const bool port_matrices = is_educational(m.dx, "Dx") && is_educational(m.dy, "Dy");
  m.kind = port_matrices ? &mixed_educational : &mixed;
  return m;
}

}  // namespace

layout_match recognise(const tensor_file& file) {
  const tensor_names named = names_of(file);
  names all;
  for (const auto& [name, t] : named.tensors) all.emplace(name, t);
  layout_match m;
  for (const layout* l : {&released, &listing, &educational, &hugging_face})
    if (m.kind == nullptr) m = match(*l, all);
  if (m.kind == nullptr) m = only_reading(file, all);
  if (m.kind == nullptr) m = without_readout(all);
  if (m.kind == nullptr) refuse_layout(file);
  assign_rest(file, named, m);
  check_sizes(file, m);
  m.layers = named.layers;
  m.layers_from = named.layers_from;
  m.not_used.insert(m.not_used.begin(), named.not_used.begin(), named.not_used.end());
  return m;
}

}  // namespace bdh
