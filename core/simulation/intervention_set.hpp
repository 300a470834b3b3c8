// The interventions on a simulator: which there are, and whether one may be added.
//
//     const intervention p = bdh::parse_intervention(model, "silence x:5-9");
//     const int number = brain.interventions().add(p);
//     for (const auto& [number, p] : brain.interventions()) ...
//     brain.interventions().remove(number);
#pragma once

#include <map>
#include <vector>

#include <bdh/intervention.hpp>
#include <bdh/model.hpp>

#include "core/simulation/probe_set.hpp"
#include "core/simulation/source_tracker.hpp"
#include "core/simulation/stream_position.hpp"

namespace bdh {

// Through hubs, synapses of single pairs are known only by probes that have seen every token: what
// must be probed from the first token on so that `p` can act after `tokens` of them. Nothing with
// explicit edges. Throws unavailable_error where these are too many.
std::vector<probe_spec> probes_needed(const model& m, const intervention& p, std::uint64_t tokens);

class intervention_set {
 public:
  // All outlive the set.
  intervention_set(const model& m, const engine& work, probe_set& probes, source_tracker& sources,
                   const stream_position& position) noexcept
      : model_(m), engine_(work), probes_(probes), sources_(sources), position_(position) {}

  // Acts from the next token on; its number, from 1 on. Throws input_error, or unavailable_error
  // when this model or this moment does not allow it.
  int add(const intervention& p);
  void remove(int number);  // from the next token on; no such number: nothing
  std::vector<probe_spec> probes_needed(const intervention& p) const {
    return bdh::probes_needed(model_, p, position_.tokens);
  }

  std::size_t size() const noexcept { return all_.size(); }
  bool empty() const noexcept { return all_.empty(); }
  const intervention& operator[](int number) const { return all_.at(number); }
  // Pairs of a number and its intervention, ascending.
  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

 private:
  void expect_possible(const intervention& p) const;
  void expect_edges(const intervention& p) const;
  void expect_probed(const intervention& p, const std::vector<probe_spec>& needed) const;
  void expect_there(const intervention& set, const intervention& lesion) const;

  const model& model_;
  const engine& engine_;
  probe_set& probes_;
  source_tracker& sources_;
  const stream_position& position_;
  std::map<int, intervention> all_;
  int next_id_ = 1;
};

}  // namespace bdh
