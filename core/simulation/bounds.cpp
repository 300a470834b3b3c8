#include "core/simulation/bounds.hpp"

#include <string>

#include <bdh/error.hpp>

namespace bdh {

void expect_in_model(const model& m, layer_id layer, neuron_id neuron) {
  if (layer < 1 || layer > m.layers())
    throw input_error("layer", std::to_string(layer), "1 to " + std::to_string(m.layers()));
  if (neuron >= m.neurons())
    throw input_error("neuron", std::to_string(neuron), "0 to " + std::to_string(m.neurons() - 1));
}

void expect_in_vocabulary(const model& m, token_id token) {
  if (token >= m.sensory_nodes())
    throw input_error("token", std::to_string(token),
                      "< " + std::to_string(m.sensory_nodes()) + ", the vocabulary");
}

void expect_all_sites_local(const char* place, const engine& work) {
  if (!work.has_all_values())
    throw unavailable_error(place, "sites in other processes", "all sites in this process");
}

void throw_fault(const model& m, std::uint64_t token, const fault& f) {
  // Without a pool of hubs nothing normalises activity (Eq. 6, 7).
  const bool graph = m.is_direct() && m.hubs() == 0;
  throw input_error("token " + std::to_string(token) +
                        (f.layer ? ", layer " + std::to_string(f.layer) : "") + ", " + f.what +
                        " " + std::to_string(f.who),
                    shown(f.value), "a finite value",
                    std::string("the activity of this model grows without bound on this input") +
                        (graph ? ": --retention below 1 bounds its synapses, bdh tune finds gains "
                                 "that keep it active and bounded"
                               : ""));
}

}  // namespace bdh
