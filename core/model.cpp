#include "core/model.hpp"

#include <cmath>
#include <utility>

#include "core/base/error.hpp"

namespace bdh {
namespace {

void expect(const projection& p, const char* name, order rows, neuron_id sources, neuron_id targets) {
  if (p.rows_are() != rows || p.source().size != sources || p.target().size != targets)
    throw shape_error(
        std::string("model/") + name, std::to_string(p.source().size) + " sources x " + std::to_string(p.target().size) + " targets",
        std::to_string(sources) + " x " + std::to_string(targets) + (rows == order::by_source ? ", by source" : ", by target"));
}

void check(const model::parts& p) {
  const auto& c = p.circuits;
  const neuron_id n = c.e.source().size, d = c.e.target().size;
  if (n == 0 || d == 0)
    throw shape_error("model/e", std::to_string(n) + " neurons x " + std::to_string(d) + " hubs", "at least one of each");
  if (c.sensory.source().size == 0) throw shape_error("model/sensory", "no sensory nodes", "one for each token of the vocabulary");
  expect(c.e, "e", order::by_source, n, d);
  expect(c.sensory, "sensory", order::by_source, c.sensory.source().size, d);
  expect(c.dx, "dx", order::by_target, d, n);
  expect(c.dy, "dy", order::by_target, d, n);
  expect(c.readout, "readout", order::by_target, d, c.readout.target().size);
  if (p.layers == 0 || p.layers > 1024) throw input_error("model/layers", std::to_string(p.layers), "1 to 1024");
  if (p.heads == 0 || n % p.heads != 0)
    throw shape_error("model/heads", std::to_string(p.heads), "a divisor of the " + std::to_string(n) + " neurons");
  if (p.heads > 1 && !p.rules.heads())
    throw unavailable_error("model/heads", std::to_string(p.heads) + " heads with dynamics " + p.rules.name(), "1 head",
                            "only gpu-release defines several heads");
  if (p.turning.present() && p.turning.frequency().size() * 2 != n / p.heads)
    throw shape_error("model/rotation", std::to_string(p.turning.frequency().size()) + " frequencies",
                      "half of the " + std::to_string(n / p.heads) + " neurons of a head");
  if (!(p.retention > 0 && p.retention <= 1)) throw input_error("model/retention", std::to_string(p.retention), "0 < u <= 1");
  if (!p.original_id.empty()) {
    if (p.original_id.size() != n)
      throw shape_error("model/original_id", std::to_string(p.original_id.size()) + " entries", std::to_string(n) + " neurons");
    std::vector<bool> seen(n);
    for (neuron_id i = 0; i < n; ++i) {
      const neuron_id o = p.original_id[i];
      if (o >= n || seen[o])
        throw input_error("model/original_id[" + std::to_string(i) + "]", std::to_string(o),
                          "each of 0.." + std::to_string(n - 1) + " once");
      seen[o] = true;
    }
  }
  const neuron_id v = c.sensory.source().size;
  if (p.tokens == tokenizer::bytes && v != 256)
    throw shape_error("model/tokenizer", "bytes with a vocabulary of " + std::to_string(v), "256", "use --tokenizer ids");
  if (p.tokens == tokenizer::byt5 && v < 259)
    throw shape_error("model/tokenizer", "byt5 with a vocabulary of " + std::to_string(v), "at least 259", "use --tokenizer ids");
}

}  // namespace

const char* name(tokenizer t) noexcept {
  switch (t) {
    case tokenizer::bytes:
      return "bytes";
    case tokenizer::byt5:
      return "byt5";
    default:
      return "ids";
  }
}

tokenizer tokenizer_named(std::string_view text) {
  for (tokenizer t : {tokenizer::ids, tokenizer::bytes, tokenizer::byt5})
    if (text == name(t)) return t;
  throw input_error("tokenizer", "'" + std::string(text) + "'", "bytes, byt5 or ids");
}

model::model(parts p) : parts_((check(p), std::move(p))) {}

std::size_t model::bytes() const noexcept {
  const auto& c = parts_.circuits;
  return c.e.bytes() + c.sensory.bytes() + c.dx.bytes() + c.dy.bytes() + c.readout.bytes();
}

std::size_t model::synapse_bytes() const noexcept {
  return std::size_t{layers()} * neurons() * (std::size_t{hubs()} * sizeof(float) + sizeof(std::uint64_t));
}

}  // namespace bdh
