#include "io/model/state_values.hpp"

#include <algorithm>
#include <cmath>

#include <bdh/bfloat16.hpp>
#include <bdh/error.hpp>

#include "io/model/state_learning.hpp"

namespace bdh {
namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 20;

// f(first, count) for parts of `size` values, each of them whole rows.
template <class F>
void for_ranges(std::uint64_t size, std::size_t bytes, std::uint64_t row, F f) {
  const std::uint64_t at_a_time = std::max<std::uint64_t>(1, most_bytes / bytes / row) * row;
  std::uint64_t first = 0;
  do f(first, std::min(at_a_time, size - first));
  while ((first += at_a_time) < size);
}

}  // namespace

void for_kept_parts(const model& m, const part_function& use) {
  std::vector<float> reals;
  std::vector<std::uint64_t> counts;
  const std::vector<variable_info> list = variables_of(m);
  const auto of_layer = [&](layer_id layer) {
    for (const variable_info& v : list) {
      if (!v.kept || v.per_layer != (layer != 0)) continue;
      const std::uint64_t row = v.of == domain::synapses && !m.is_direct() ? m.hubs() : 1;
      if (v.kind == value_kind::real)
        for_ranges(v.size, sizeof(float), row, [&](std::uint64_t first, std::uint64_t count) {
          reals.resize(count);
          use(layer, {.what = v.what, .first = first, .reals = reals});
        });
      else
        for_ranges(v.size, sizeof(std::uint64_t), row,
                   [&](std::uint64_t first, std::uint64_t count) {
                     counts.resize(count);
                     use(layer, {.what = v.what, .first = first, .counts = counts});
                   });
    }
  };
  for (layer_id l = 1; l <= m.layers(); ++l) of_layer(l);
  of_layer(0);
}

std::string dataset_name(variable v, std::uint64_t version) {
  return version == 1 && v == variable::synapses ? "stored" : std::string(name(v));
}

std::string place_of(const std::string& place, layer_id layer) {
  return place + (layer == 0 ? "network/" : "layers/" + std::to_string(layer) + "/");
}

std::string entry_of(const std::string& place, const char* what, std::size_t i) {
  return place + what + "[" + std::to_string(i) + "]";
}

void state_checks::add(layer_id layer, const kept_part& part) {
  const auto here = [&](std::size_t i) {
    return entry_of(place_of(place_, layer) + dataset_name(part.what, version_), "",
                    part.first + i);
  };
  for (std::size_t i = 0; i < part.reals.size(); ++i) {
    if (!std::isfinite(part.reals[i]))
      throw input_error(here(i), std::to_string(part.reals[i]), "a finite value");
    if (rounded_ && part.what == variable::synapses && !is_bfloat16(part.reals[i]))
      throw input_error(here(i), shown(part.reals[i]), "a bfloat16, as @synapses says");
  }
  if (part.what == variable::clock) {
    clock_ = part.counts[0];
    if (clock_ > std::uint64_t{1} << 62)
      throw input_error(place_of(place_, layer) + "clock", std::to_string(clock_), "at most 2^62");
  }
  if (part.what != variable::last_used) return;
  for (std::size_t i = 0; i < part.counts.size(); ++i)
    if (part.counts[i] > clock_)
      throw input_error(here(i), std::to_string(part.counts[i]),
                        "at most the clock, " + std::to_string(clock_));
}

state_hash::state_hash(const run_state& head, const model& m, std::uint64_t version)
    : version_(version), list_(variables_of(m)) {
  add_text("bdh-state " + std::to_string(version) + "\n");
  add_text(head.model_sha256);
  add_value(head.tokens);
  add_value(head.retention);
  if (head.rounded) add_text("bf16");
}

void state_hash::add(layer_id, const kept_part& part) {
  if (part.first == 0 && version_ != 1) {
    add_text(name(part.what));
    add_value(std::uint64_t{info(list_, part.what).size});
  }
  sum_.update(std::as_bytes(part.reals));
  sum_.update(std::as_bytes(part.counts));
}

std::string state_hash::finish(const run_state& head) {
  for (const probe_record& r : head.probes) {
    add_value(r.what.pair);
    add_value(r.what.layer);
    add_value(r.what.factor);
    add_value(r.since);
    add_value(r.strength);
    add_value(r.partner);
  }
  sum_.update(std::as_bytes(std::span(head.logits)));
  if (head.learning) hash_learning(sum_, *head.learning);
  return sum_.hex();
}

}  // namespace bdh
