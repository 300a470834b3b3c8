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
  if (work.local().size() != work.sites())
    throw unavailable_error(place, "sites in other processes", "all sites in this process");
}

void throw_fault(std::uint64_t token, const fault& f) {
  throw input_error("token " + std::to_string(token) +
                        (f.layer ? ", layer " + std::to_string(f.layer) : "") + ", " + f.what +
                        " " + std::to_string(f.who),
                    shown(f.value), "a finite value",
                    "the activity of this model grows without bound on this input");
}

}  // namespace bdh
