#include "core/simulation/plasticity.hpp"

namespace bdh {

plasticity plasticity_of(const model& m, double retention, const neuron_pair& pair) {
  plasticity p{.retention = retention};
  if (!m.is_direct()) return p;
  const direct_circuits& c = m.direct();
  const auto edge = c.gs.find(pair.pre, pair.post);
  if (!edge) return p;
  p.rate = c.gs.weight(*edge);
  if (!c.retention.empty()) p.retention = c.retention[*edge];
  if (const auto other = m.rotation().present() ? c.gs.find(pair.pre ^ 1, pair.post) : std::nullopt)
    p.partner_rate = c.gs.weight(*other);
  return p;
}

}  // namespace bdh
