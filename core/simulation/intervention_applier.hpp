// What the interventions of a simulator mean for the token to come: what is done once before it,
// and the controls that the engine has while it reads it.
#pragma once

#include <span>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/applied_controls.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/probe_store.hpp"

namespace bdh {

class intervention_applier {
 public:
  // All outlive the applier.
  intervention_applier(const model& m, engine& work, probe_store& probes,
                       const intervention_set& set) noexcept
      : model_(m), engine_(work), probes_(probes), set_(set) {}

  // Before the token that comes after `tokens` others. Throws unavailable_error where the strengths
  // of cut synapses are not known.
  void apply(std::uint64_t tokens);
  // As W changes within the token, so does what cut edges through hubs would carry. (sources)
  void carry(std::span<const float> w);
  bool frozen(layer_id layer) const noexcept {
    return !in_force_.empty() && controls_.layers[layer - 1].frozen;
  }
  // What the probes know has been replaced.
  void invalidate() noexcept { valid_ = false; }

 private:
  void build(const std::vector<int>& now);
  void find_cut_probes();
  void add(const intervention& p);
  void add_noise(const intervention& p);
  void add_edges(const intervention& p);
  void act_once(const intervention& p);
  void set_synapse(const intervention& p, layer_id layer, const neuron_pair& pair);

  const model& model_;
  engine& engine_;
  probe_store& probes_;
  const intervention_set& set_;
  applied_controls controls_;
  std::uint64_t position_ = 0;  // of the token to come
  std::vector<int> in_force_;   // numbers of the interventions in controls_
  bool valid_ = true;           // controls_ are those of in_force_
  // As cut_synapses of controls_, by layer: the probes that know the strengths.
  std::vector<std::vector<std::size_t>> cut_probes_;
};

}  // namespace bdh
