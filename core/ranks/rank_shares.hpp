// Which values of a variable which rank has, and how they are put together from all ranks.
#pragma once

#include <algorithm>
#include <span>
#include <stdexcept>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/state.hpp>

#include "core/ranks/ranks.hpp"
#include "core/simulation/partition.hpp"

namespace bdh {

class rank_shares {
 public:
  // The model outlives it.
  rank_shares(const model& m, rank_sites sites);

  rank_id owner(neuron_id neuron) const;  // of its activity, and through hubs of its synapses
  // Of explicit edges: whether a rank has the target of a synapse, with its strength; or its
  // neuron.
  bool has_end(rank_id of, edge_id synapse) const {
    return has_source(of, model_.direct().gs.indices()[synapse]);
  }
  bool has_begin(rank_id of, edge_id synapse) const {
    return neurons_[of].contains(model_.direct().gs.row_of(synapse));
  }

  // Appends the rank's values of a part, which has those of every particle from `first` on, in
  // ascending order.
  template <class T>
  void pick(variable v, rank_id of, std::uint64_t first, std::span<const T> part,
            std::vector<T>& to) const {
    for_ranges(v, of, first, first + part.size(), [&](std::size_t begin, std::size_t end) {
      to.insert(to.end(), part.begin() + static_cast<std::ptrdiff_t>(begin - first),
                part.begin() + static_cast<std::ptrdiff_t>(end - first));
    });
  }
  // The reverse. Throws length_error unless `some` has as many.
  template <class T>
  void place(variable v, rank_id of, std::uint64_t first, std::span<const T> some,
             std::span<T> part) const {
    std::size_t at = 0;
    for_ranges(v, of, first, first + part.size(), [&](std::size_t begin, std::size_t end) {
      if (end - begin > some.size() - at) throw std::length_error("a message is too short");
      std::copy_n(some.begin() + static_cast<std::ptrdiff_t>(at), end - begin,
                  part.begin() + static_cast<std::ptrdiff_t>(begin - first));
      at += end - begin;
    });
    if (at != some.size()) throw std::length_error("a message is too long");
  }

 private:
  // Calls f(begin, end) for ranges of indices of the variable, ascending, in [first, last).
  template <class F>
  void for_ranges(variable v, rank_id of, std::uint64_t first, std::uint64_t last, F f) const;
  template <class F>
  void for_synapses(rank_id of, std::uint64_t first, std::uint64_t last, F f) const;
  // Of sources: neurons, and sensory nodes after them.
  bool has_source(rank_id of, neuron_id source) const {
    return neurons_[of].contains(source) || sensory_[of].contains(source);
  }

  const model& model_;
  std::vector<id_range> neurons_, sensory_;  // by rank; sensory nodes as sources, if they are any
};

template <class F>
void rank_shares::for_ranges(variable v, rank_id of, std::uint64_t first, std::uint64_t last,
                             F f) const {
  const id_range own = neurons_[of], sensory = sensory_[of];
  const std::size_t unit = model_.rotation().present() ? 2 : 1;
  const auto in_part = [&](std::uint64_t begin, std::uint64_t end) {
    begin = std::max(begin, first);
    end = std::min(end, last);
    if (begin < end) f(begin, end);
  };
  const auto sources = [&](std::size_t from) {
    in_part(from + own.begin, from + own.end);
    if (sensory.size() != 0) in_part(from + sensory.begin, from + sensory.end);
  };
  switch (v) {
    case variable::x:
    case variable::y:
      return in_part(own.begin, own.end);
    case variable::w:
      if (model_.is_direct()) return sources(0);
      return of == 0 ? in_part(0, model_.hubs()) : void();  // every rank has them
    case variable::a:
      for (std::size_t h = 0; h < model_.heads(); ++h)
        if (model_.is_direct())
          sources(h * model_.sources());
        else if (of == 0)
          in_part(h * model_.hubs(), (h + 1) * model_.hubs());
      return;
    case variable::clock:
      return of == 0 ? in_part(0, 1) : void();
    case variable::last_used:
      return in_part(own.begin / unit, own.end / unit);
    case variable::synapses:
      if (model_.is_direct()) return for_synapses(of, first, last, f);
      return in_part(std::uint64_t{own.begin} * model_.hubs(),
                     std::uint64_t{own.end} * model_.hubs());
  }
}

// Of explicit edges: those that end in the rank's particles.
template <class F>
void rank_shares::for_synapses(rank_id of, std::uint64_t first, std::uint64_t last, F f) const {
  const projection& gs = model_.direct().gs;
  const auto targets = gs.indices();
  for (std::uint64_t begin = first, end = first; begin < last; begin = end) {
    const bool own = has_source(of, targets[begin]);
    for (end = begin + 1; end < last && has_source(of, targets[end]) == own;) ++end;
    if (own) f(begin, end);
  }
  gs.give_back(first, last);
}

}  // namespace bdh
