#include "core/ranks/ranked_synapses.hpp"

#include <algorithm>

namespace bdh {

void ranked_synapses::read(layer_id layer, std::span<const edge_id> which,
                           std::span<float> out) const {
  if (model_.is_direct()) return read_edges(layer, which, out);
  const std::vector<rank_id> owner = owners(which);
  for (std::size_t k = 0; k < which.size(); ++k)
    if (owner[k] == 0) own_.read_synapses(layer, which.subspan(k, 1), out.subspan(k, 1));
  if (std::all_of(owner.begin(), owner.end(), [](rank_id r) { return r == 0; })) return;
  request(layer, which);
  commands_.answers([&](rank_id r, byte_reader& in) {
    for (std::size_t k = 0; k < which.size(); ++k)
      if (owner[k] == r) out[k] = in.get<float>();
  });
}

void ranked_synapses::write(layer_id layer, std::span<const edge_id> which,
                            std::span<const float> values, engine& own) const {
  std::vector<std::uint64_t> last_used;
  if (model_.is_direct()) {
    for (const stored_synapse& s : stored(layer, which)) last_used.push_back(s.last_used);
    own.write_stored(layer, which, values, last_used);
  } else {
    const std::vector<rank_id> owner = owners(which);
    for (std::size_t k = 0; k < which.size(); ++k)
      if (owner[k] == 0) own.write_synapses(layer, which.subspan(k, 1), values.subspan(k, 1));
  }
  commands_.say(rank_command::write_synapses, [&](byte_writer& to) {
    to.put(layer);
    to.put_list(which);
    to.put_list(values);
    if (model_.is_direct()) to.put_list(std::span<const std::uint64_t>(last_used));
  });
}

void ranked_synapses::request(layer_id layer, std::span<const edge_id> which) const {
  commands_.say(rank_command::read_synapses, [&](byte_writer& to) {
    to.put(layer);
    to.put_list(which);
  });
}

std::vector<stored_synapse> ranked_synapses::stored(layer_id layer,
                                                    std::span<const edge_id> which) const {
  std::vector<stored_synapse> all(which.size());
  own_.read_stored(layer, which, all);
  request(layer, which);
  commands_.answers([&](rank_id r, byte_reader& in) {
    for (std::size_t k = 0; k < which.size(); ++k) get_stored(in, shares_, r, which[k], all[k]);
  });
  return all;
}

void ranked_synapses::read_edges(layer_id layer, std::span<const edge_id> which,
                                 std::span<float> out) const {
  std::uint64_t clock = 0;
  own_.save_part(layer, {.what = variable::clock, .counts = {&clock, 1}});
  const direct_circuits& c = model_.direct();
  const std::vector<stored_synapse> all = stored(layer, which);
  for (std::size_t k = 0; k < which.size(); ++k)
    out[k] = laboratory_strength(model_, c.gs.row_of(which[k]), all[k], clock,
                                 c.retention.empty() ? own_.retention() : c.retention[which[k]]);
}

std::vector<rank_id> ranked_synapses::owners(std::span<const edge_id> which) const {
  std::vector<rank_id> owner;
  owner.reserve(which.size());
  for (const edge_id e : which)
    owner.push_back(shares_.owner(static_cast<neuron_id>(e / model_.hubs())));
  return owner;
}

}  // namespace bdh
