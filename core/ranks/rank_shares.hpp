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

  // Appends the rank's values of `all`, which has those of every particle, in ascending order.
  template <class T>
  void pick(variable v, rank_id of, std::span<const T> all, std::vector<T>& to) const {
    for_ranges(v, of, [&](std::size_t begin, std::size_t end) {
      to.insert(to.end(), all.begin() + static_cast<std::ptrdiff_t>(begin),
                all.begin() + static_cast<std::ptrdiff_t>(end));
    });
  }
  // The reverse. Throws length_error unless `some` has as many.
  template <class T>
  void place(variable v, rank_id of, std::span<const T> some, std::span<T> all) const {
    std::size_t at = 0;
    for_ranges(v, of, [&](std::size_t begin, std::size_t end) {
      if (end - begin > some.size() - at) throw std::length_error("a message is too short");
      std::copy_n(some.begin() + static_cast<std::ptrdiff_t>(at), end - begin,
                  all.begin() + static_cast<std::ptrdiff_t>(begin));
      at += end - begin;
    });
    if (at != some.size()) throw std::length_error("a message is too long");
  }

 private:
  // Calls f(begin, end) for ranges of indices of the variable, ascending.
  template <class F>
  void for_ranges(variable v, rank_id of, F f) const;
  template <class F>
  void for_synapses(rank_id of, F f) const;
  // Of sources: neurons, and sensory nodes after them.
  bool has_source(rank_id of, neuron_id source) const {
    return neurons_[of].contains(source) || sensory_[of].contains(source);
  }

  const model& model_;
  std::vector<id_range> neurons_, sensory_;  // by rank; sensory nodes as sources, if they are any
};

template <class F>
void rank_shares::for_ranges(variable v, rank_id of, F f) const {
  const id_range own = neurons_[of], sensory = sensory_[of];
  const std::size_t unit = model_.rotation().present() ? 2 : 1;
  const auto sources = [&](std::size_t first) {
    f(first + own.begin, first + own.end);
    if (sensory.size() != 0) f(first + sensory.begin, first + sensory.end);
  };
  switch (v) {
    case variable::x:
    case variable::y:
      return f(own.begin, own.end);
    case variable::w:
      if (model_.is_direct()) return sources(0);
      return of == 0 ? f(0, model_.hubs()) : void();  // every rank has them
    case variable::a:
      for (std::size_t h = 0; h < model_.heads(); ++h)
        if (model_.is_direct())
          sources(h * model_.sources());
        else if (of == 0)
          f(h * model_.hubs(), (h + 1) * model_.hubs());
      return;
    case variable::clock:
      return of == 0 ? f(0, 1) : void();
    case variable::last_used:
      return f(own.begin / unit, own.end / unit);
    case variable::synapses:
      return for_synapses(of, f);
  }
}

// Through hubs those of its neurons, of explicit edges those that end in its particles.
template <class F>
void rank_shares::for_synapses(rank_id of, F f) const {
  if (!model_.is_direct()) {
    const std::size_t d = model_.hubs();
    return f(neurons_[of].begin * d, neurons_[of].end * d);
  }
  const auto targets = model_.direct().gs.indices();
  for (std::size_t begin = 0, end = 0; begin < targets.size(); begin = end) {
    const bool own = has_source(of, targets[begin]);
    for (end = begin + 1; end < targets.size() && has_source(of, targets[end]) == own;) ++end;
    if (own) f(begin, end);
  }
}

}  // namespace bdh
