#include "core/simulation/emitted_spikes.hpp"

namespace bdh {
namespace {

variable variable_of(spike_source s) noexcept {
  switch (s) {
    case spike_source::x:
      return variable::x;
    case spike_source::y:
      return variable::y;
    case spike_source::a:
    case spike_source::a_sensory:
      return variable::a;
    default:
      return variable::w;
  }
}

}  // namespace

moment moment_of(const spike_time& window) noexcept {
  switch (variable_of(window.source)) {
    case variable::a:
      return moment::a_ready;
    case variable::y:
      return moment::y_ready;
    default:
      return moment::x_ready;  // W drives X, and is written after it
  }
}

bool is_of_hubs(const model& m, const spike_time& window) noexcept {
  const variable v = variable_of(window.source);
  return !m.is_direct() && (v == variable::w || v == variable::a);
}

std::vector<emitter> emitters_of(const simulator& brain, const spike_time& window) {
  const model& m = brain.model();
  const variable v = variable_of(window.source);
  const std::vector<float> values = brain.emitted(v);
  const std::size_t width = v == variable::a ? values.size() / m.heads() : values.size();
  const bool sensory =
      window.source == spike_source::w_sensory || window.source == spike_source::a_sensory;
  std::size_t first = 0, last = width;
  if (sensory) first = m.neurons();
  if (!sensory && !is_of_hubs(m, window)) last = m.neurons();
  std::vector<emitter> all;
  for (std::size_t row = 0; row < values.size(); row += width)
    for (std::size_t k = first; k < last; ++k)
      if (values[row + k] != 0)
        all.push_back(
            {static_cast<neuron_id>(k), static_cast<head_id>(row / width), values[row + k]});
  return all;
}

std::vector<std::uint64_t> train_of(const simulator& brain, const spike_time& window,
                                    const emitter& who) {
  const model& m = brain.model();
  const std::uint64_t token = brain.in_token() ? brain.tokens() : brain.tokens() - 1;
  return train_of(window_of(*brain.spikes(), m, brain.drawing_seed(), window.source, window.of,
                            window.layer, who.head, token),
                  is_signed(m, window.source), who.id, who.value);
}

}  // namespace bdh
