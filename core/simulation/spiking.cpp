#include "core/simulation/spiking.hpp"

#include <algorithm>
#include <cmath>

#include <bdh/error.hpp>

#include "core/base/random.hpp"

namespace bdh {
namespace {

constexpr std::string_view source_names[] = {"x", "y", "w", "a", "w_sensory", "a_sensory"};
constexpr layer_id most_layers = 255;  // a layer has 8 bits of the counter

// Bits 16 to 31 of a word of the counter.
std::uint32_t code_of(const model& m, emission e, head_id head) {
  const std::uint32_t hubs = m.is_direct() ? 0 : 2;
  switch (e) {
    case emission::x:
      return 1;
    case emission::y:
      return 2;
    case emission::w_write:
      return 3 + hubs;
    case emission::w_drive:
      return 4 + hubs;
    default:
      return 16 + head;
  }
}

void check_population(const spiking& how, const model& m, spike_source s) {
  const spiking::population& p = how.of(s);
  if (p.bins == 0) return;
  const std::string who(name(s));
  if (p.bins > kernels::most_bins)
    throw input_error("spikes", std::to_string(p.bins) + " bins of " + who, "1 to 1024");
  if (!can_emit(m, s))
    throw unavailable_error("spikes", "spikes of " + who + ", which this model does not have",
                            m.is_direct() ? "x, y with a pool, w, a or sensory" : "x, y or hub");
  if (p.scales.size() != m.layers())
    throw input_error("spikes", std::to_string(p.scales.size()) + " scales of " + who,
                      std::to_string(m.layers()) + ", one for each layer");
  for (layer_id l = 1; l <= m.layers(); ++l) {
    const float scale = p.scales[l - 1];
    if (scale == 0 && (!can_emit(m, s, l) || s == spike_source::a_sensory)) continue;
    if (!(scale > 0) || !std::isfinite(scale))
      throw input_error("spikes",
                        "scale " + shown(scale) + " of " + who + " in layer " + std::to_string(l),
                        "a finite number above 0");
  }
}

}  // namespace

std::string_view name(spike_source s) noexcept { return source_names[static_cast<std::size_t>(s)]; }
std::string_view name(spike_code c) noexcept {
  return c == spike_code::bernoulli ? "bernoulli" : "integrate";
}

int round_of(emission e) noexcept {
  constexpr int rounds[] = {0, 2, 1, 3, 2};
  return rounds[static_cast<int>(e)];
}

bool can_emit(const model& m, spike_source s) noexcept {
  switch (s) {
    case spike_source::y:
      return m.hubs() != 0;  // to the hubs, or to the pool that gives the gains
    case spike_source::w_sensory:
    case spike_source::a_sensory:
      return m.is_direct() && m.sensory_are_sources();
    default:
      return true;
  }
}

bool can_emit(const model& m, spike_source s, layer_id layer) noexcept {
  // There W is the token's sensory node, and only synapses to it are written.
  const bool sensory_alone = layer == 1 && m.is_direct() && m.sensory_are_sources();
  return can_emit(m, s) && !(sensory_alone && (s == spike_source::w || s == spike_source::a));
}

bool is_signed(const model& m, spike_source s) noexcept {
  return s == spike_source::a || s == spike_source::a_sensory ||
         (s == spike_source::w && !m.is_direct());
}

void check(const spiking& how, const model& m) {
  if (m.layers() > most_layers)
    throw unavailable_error("spikes", std::to_string(m.layers()) + " layers",
                            "at most " + std::to_string(most_layers));
  for (std::size_t k = 0; k < spike_sources; ++k)
    check_population(how, m, static_cast<spike_source>(k));
  if (how.half_phase && how.code != spike_code::integrate)
    throw input_error("spikes", "half a phase of code bernoulli", "code integrate");
  const auto x = how.of(spike_source::x).bins;
  for (const spike_source s : {spike_source::w, spike_source::w_sensory})
    if (how.gated() && how.emits(s) && how.of(s).bins != x)
      throw input_error("spikes",
                        "windows of " + std::to_string(x) + " bins of x and " +
                            std::to_string(how.of(s).bins) + " of " + std::string(name(s)),
                        "the same number: a pair of spikes is one of the same bin");
}

kernels::spike_window window_of(const spiking& how, const model& m, std::uint64_t seed,
                                spike_source s, emission e, layer_id layer, head_id head,
                                std::uint64_t token) noexcept {
  return {.key = random_key(seed, purpose::spikes),
          .token = static_cast<std::uint32_t>(token),
          .place = static_cast<std::uint32_t>(token >> 32 & 0xFF) | layer << 8 |
                   code_of(m, e, head) << 16,
          .scale = how.of(s).scales[layer - 1],
          .bins = how.of(s).bins,
          .integrates = how.code == spike_code::integrate,
          .half_phase = how.half_phase};
}

std::vector<std::uint64_t> train_of(const kernels::spike_window& window, bool paired,
                                    std::uint32_t id, float value) {
  const bool below = paired && value < 0;
  const std::uint32_t particle = kernels::spiking_particle(id, paired, below);
  const std::uint64_t rate = kernels::spike_rate(below ? -value : value, window.scale);
  const std::uint64_t phase = window.integrates ? kernels::spike_phase(window, particle) : 0;
  std::vector<std::uint64_t> all(window.words());
  for (kernels::index w = 0; w < window.words(); ++w)
    all[w] = kernels::spike_train(window, particle, rate, phase, 64 * w,
                                  std::min(window.bins - 64 * w, kernels::index{64}));
  return all;
}

std::vector<spike_time> windows_of(const spiking& how, const model& m) {
  using enum spike_source;
  std::vector<spike_time> all;
  std::uint64_t now = 0;
  // Those that are there begin together; the longest ends them.
  const auto add = [&](layer_id layer, emission of, std::initializer_list<spike_source> together) {
    std::uint32_t longest = 0;
    for (const spike_source s : together) {
      if (!how.emits(s) || !can_emit(m, s, layer)) continue;
      all.push_back({s, of, layer, now, how.of(s).bins});
      longest = std::max(longest, how.of(s).bins);
    }
    return longest;
  };
  for (layer_id l = 1; l <= m.layers(); ++l) {
    // Through hubs the token's own node drives layer 1 as it is.
    if (l > 1 || m.is_direct()) now += add(l, emission::w_drive, {w, w_sensory});
    const std::uint32_t read = add(l, emission::x, {x}),
                        written = add(l, emission::w_write, {w, w_sensory});
    now += std::max(read, written);
    now += add(l, emission::a, {a, a_sensory});
    now += add(l, emission::y, {y});
  }
  return all;
}

std::uint64_t bins_of_token(const std::vector<spike_time>& windows) noexcept {
  std::uint64_t end = 0;
  for (const spike_time& w : windows) end = std::max(end, w.first_bin + w.bins);
  return end;
}

}  // namespace bdh
