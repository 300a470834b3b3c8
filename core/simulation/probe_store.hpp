// What probes carry from token to token, and the rule by which they are written.
//
//     sigma(i->j) <- (sigma(i->j) + f(j) X(i)) U
//
// where f is W (what acts), or Y of the layer before (the paper's Eq. 16).
//
// An edge of gs has its own plasticity rate and retention u; any other pair has rate 1 and the
// model's u. Both members of a rotation pair are carried, in double precision, in the laboratory
// frame.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/probe.hpp>

#include "core/base/sincos.hpp"

namespace bdh {

class probe_store {
 public:
  probe_store(const model& m, double retention);

  // Its number; the same spec again gives the same number. Throws input_error for a neuron, source
  // or layer out of range.
  std::size_t place(const probe_spec& what, std::uint64_t since);
  std::optional<std::size_t> find(const probe_spec& what) const;
  std::size_t size() const noexcept { return spec_.size(); }
  const probe_spec& what(std::size_t p) const noexcept { return spec_[p]; }
  std::uint64_t since(std::size_t p) const noexcept { return since_[p]; }
  // What the next token will read. (+ 0.0: a zero that was turned may have a sign.)
  double strength(std::size_t p) const noexcept { return at(p).strength + 0.0; }

  // Has the layer a probe by Y?
  bool reads_y(layer_id layer) const noexcept { return of_layer_[layer - 1].some_by_y; }

  // A layer's round 1: write, then decay; one of `parts` parts of the layer's probes, which can be
  // done at the same time.
  struct activity {
    std::span<const float> x, w, y;  // (n); of every source; (n), or empty unless reads_y(layer)
    bool frozen;                     // decay only
  };
  void write(layer_id layer, const activity& of, std::size_t part, std::size_t parts) noexcept;
  // By neuron: to be done before write() where probes were placed. Parts are then as far apart as
  // sites are.
  void sort();

  // The strength of a pair was set: its probe, if there is one, and that of its rotation partner,
  // which knows both, follow.
  void set(const probe_spec& what, double strength) noexcept;
  void clear(layer_id layer) noexcept;  // the strengths of a layer were set to zero
  void clear_synapses() noexcept;       // strengths to zero, known from token 0
  std::vector<probe_record> save() const;
  // Places those that are missing. The others have seen nothing of the first `tokens` tokens.
  void restore(std::span<const probe_record> from, std::uint64_t tokens);

 private:
  // Every token turns all synapses, and writes to those whose X is not 0: what turning takes is 32
  // bytes, the rest lies apart.
  struct synapse {
    double strength = 0, partner = 0, retention;  // u
    neuron_id pre;
    std::uint32_t turn;  // in turns_
  };
  struct hebbian {
    neuron_id post;
    float rate, partner_rate;
    bool by_y;
  };
  struct layer_probes {
    std::vector<synapse> synapses;
    std::vector<hebbian> writes;
    std::vector<std::size_t> number;  // of the probe
    bool sorted = true;
    bool some_by_y = false;
  };
  const synapse& at(std::size_t p) const noexcept {
    return of_layer_[spec_[p].layer - 1].synapses[index_[p]];
  }
  synapse& at(std::size_t p) noexcept { return of_layer_[spec_[p].layer - 1].synapses[index_[p]]; }

  const model& model_;
  double retention_;
  std::vector<probe_spec> spec_;
  std::vector<std::uint64_t> since_;
  std::vector<std::size_t> index_;  // in its layer
  std::map<probe_spec, std::size_t> number_;
  std::vector<layer_probes> of_layer_;  // layer l at [l - 1]
  std::vector<cos_sin> turns_;  // of each neuron of a head, per token; an odd member's sine has its
                                // sign changed. None: one of 0
};

}  // namespace bdh
