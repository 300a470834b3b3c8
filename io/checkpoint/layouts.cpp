#include "io/checkpoint/layouts.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include <bdh/error.hpp>

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

layout_match match(const layout& l, const names& all) {
  layout_match m;
  m.e = look_up(all, l.e, 2);
  m.dx = look_up(all, l.dx, 3);
  m.dy = look_up(all, l.dy, 3);
  m.embedding = look_up(all, l.embedding, 2);
  m.readout = look_up(all, l.readout, 2);
  const bool tied = l.may_be_tied && m.readout == nullptr && m.embedding != nullptr &&
                    m.embedding->name.find("backbone.") != std::string::npos;
  if (m.e != nullptr && m.dx != nullptr && m.dy != nullptr && m.embedding != nullptr &&
      (m.readout != nullptr || tied))
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

// Every tensor has a role, or is known not to matter: a model run without one of its parts gives
// wrong numbers.
void assign_rest(const tensor_file& file, layout_match& m) {
  for (const tensor& t : file.tensors()) {
    if (&t == m.e || &t == m.dx || &t == m.dy || &t == m.embedding || &t == m.readout) continue;
    const std::string_view name = without_prefixes(t.name);
    if (name == "lm_gate" || name.ends_with("_cos_cached") || name.ends_with("_sin_cached"))
      continue;
    if (name.ends_with("freqs") && m.table == nullptr)
      m.table = &t;
    else if (name.ends_with("inv_freq") && m.inverse_frequency == nullptr)
      m.inverse_frequency = &t;
    else
      throw input_error(file.place(t),
                        "a tensor " + shape_text(t.shape) + " that the layout '" + m.kind->name +
                            "' does not have",
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
  expect_shape(file, *m.dy, {m.heads, m.hubs, m.per_head},
               (std::string("as ") + m.kind->dx).c_str());
  expect_shape(file, *m.e, {*neurons, m.hubs}, "one row per neuron, one column per hub");
  expect_shape(file, *m.embedding, {m.tokens, m.hubs}, "one row per token, one column per hub");
  if (m.readout != nullptr && m.kind->readout_by_token)
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

}  // namespace

std::string_view without_prefixes(std::string_view name) noexcept {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : {"_orig_mod.", "module.", "model.", "backbone."})
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        again = true;
      }
  }
  return name;
}

layout_match recognise(const tensor_file& file) {
  names all;
  for (const tensor& t : file.tensors())
    if (const auto [place, fresh] = all.emplace(without_prefixes(t.name), &t); !fresh)
      throw input_error(file.place(t),
                        "the same name as " + place->second->name + " but for the prefix",
                        "one tensor of each name");
  for (const layout* l : {&released, &listing, &educational, &hugging_face})
    if (layout_match m = match(*l, all); m.kind != nullptr) {
      assign_rest(file, m);
      check_sizes(file, m);
      return m;
    }
  refuse_layout(file);
}

}  // namespace bdh
