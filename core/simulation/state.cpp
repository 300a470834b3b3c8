#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include <bdh/bfloat16.hpp>
#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/state.hpp>

namespace bdh {
namespace {

// A checked state has all that the model's list has: every variable is there.
template <class T, class Entries>
auto& values_of(Entries& entries, variable v) noexcept {
  const auto at = std::find_if(entries.begin(), entries.end(),
                               [&](const auto& entry) { return entry.what == v; });
  return *std::get_if<array<T>>(&at->values);
}

// What a value of the variable is called, for "3 synapses a layer".
std::string plural(variable v) {
  if (v == variable::last_used) return "time stamps";
  return std::string(v == variable::synapses ? "synapses" : "values of ") +
         std::string(v == variable::synapses ? "" : name(v));
}

void check_values(const state_arrays::entry& e) {
  if (const auto* reals = std::get_if<array<float>>(&e.values))
    if (!std::all_of(reals->begin(), reals->end(), [](float f) { return std::isfinite(f); }))
      throw input_error("state",
                        e.what == variable::synapses
                            ? "a strength that is not finite"
                            : "a value of " + std::string(name(e.what)) + " that is not",
                        e.what == variable::synapses ? "finite strengths" : "finite values");
}

void check_shapes(const state_arrays& arrays, std::span<const variable_info> list, bool per_layer) {
  for (const variable_info& v : list) {
    if (!v.kept || v.per_layer != per_layer) continue;
    const state_arrays::entry* const e = arrays.find(v.what);
    const bool real = e && std::holds_alternative<array<float>>(e->values);
    const bool fits = e && real == (v.kind == value_kind::real);
    const std::size_t size = fits ? size_of(*e) : 0;
    if (!fits || size != v.size)
      throw shape_error("state",
                        std::to_string(size) + " " + plural(v.what) + (per_layer ? " a layer" : ""),
                        std::to_string(v.size));
  }
}

void check_clocks(const state_arrays& layer) {
  const std::uint64_t clock = layer.clock();
  const array<std::uint64_t>& last_used = layer.last_used();
  if (clock > std::uint64_t{1} << 62 ||
      std::any_of(last_used.begin(), last_used.end(), [&](std::uint64_t t) { return t > clock; }))
    throw input_error("state", "a time stamp later than the clock", "last_used <= clock <= 2^62");
}

}  // namespace

state_arrays::state_arrays(std::span<const variable_info> list, bool per_layer) {
  for (const variable_info& v : list) {
    if (!v.kept || v.per_layer != per_layer) continue;
    if (v.kind == value_kind::real)
      entries_.push_back({v.what, array<float>(v.size)});
    else
      entries_.push_back({v.what, array<std::uint64_t>(v.size)});
  }
}

const state_arrays::entry* state_arrays::find(variable v) const noexcept {
  const auto at =
      std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return e.what == v; });
  return at == entries_.end() ? nullptr : &*at;
}

array<float>& state_arrays::reals(variable v) noexcept { return values_of<float>(entries_, v); }
const array<float>& state_arrays::reals(variable v) const noexcept {
  return values_of<float>(entries_, v);
}
array<std::uint64_t>& state_arrays::counts(variable v) noexcept {
  return values_of<std::uint64_t>(entries_, v);
}
const array<std::uint64_t>& state_arrays::counts(variable v) const noexcept {
  return values_of<std::uint64_t>(entries_, v);
}

std::size_t size_of(const state_arrays::entry& e) noexcept {
  return std::visit([](const auto& values) { return values.size(); }, e.values);
}

void fill_part(const state_arrays& from, const kept_part& part) {
  const auto first = static_cast<std::ptrdiff_t>(part.first);
  std::visit(
      [&]<class T>(const array<T>& values) {
        if constexpr (std::is_same_v<T, float>)
          std::copy_n(values.begin() + first, part.reals.size(), part.reals.begin());
        else
          std::copy_n(values.begin() + first, part.counts.size(), part.counts.begin());
      },
      from.find(part.what)->values);
}

void take_part(state_arrays& to, const kept_part& part) {
  if (part.counts.empty())
    std::copy(part.reals.begin(), part.reals.end(), to.reals(part.what).begin() + part.first);
  else
    std::copy(part.counts.begin(), part.counts.end(), to.counts(part.what).begin() + part.first);
}

void check_arrays(const run_state& state, const model& m) {
  const std::vector<variable_info> list = variables_of(m);
  if (state.layers.size() != m.layers())
    throw shape_error("state", std::to_string(state.layers.size()) + " layers",
                      std::to_string(m.layers()));
  check_shapes(state.network, list, false);
  for (const state_arrays::entry& e : state.network.all()) check_values(e);
  for (const state_arrays& layer : state.layers) {
    check_shapes(layer, list, true);
    check_clocks(layer);
    for (const state_arrays::entry& e : layer.all()) check_values(e);
    const array<float>& strengths = layer.strengths();
    if (state.rounded && !std::all_of(strengths.begin(), strengths.end(), is_bfloat16))
      throw input_error("state", "a strength that is no bfloat16", "strengths in bfloat16");
  }
}

}  // namespace bdh
