#include "graph/structure/rewiring.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace bdh {
namespace {

constexpr std::uint64_t tries_of_an_edge = 20, least_tries = 4000;
// One try in so many is of three edges: it succeeds where these are a cycle, which only small and
// dense graphs need.
constexpr std::uint32_t tries_of_two = 8;

struct arrow {
  neuron_id from = 0, to = 0;
  std::uint64_t key() const noexcept { return std::uint64_t{from} << 32 | to; }
};

// Which pairs have an edge: a table of keys with open addressing, at most half full.
class pair_table {
 public:
  explicit pair_table(std::size_t pairs)
      : keys_(std::bit_ceil(std::max<std::size_t>(16, 2 * pairs + 2)), none) {}

  bool has(std::uint64_t key) const noexcept { return keys_[slot(key)] == key; }
  void add(std::uint64_t key) noexcept { keys_[slot(key)] = key; }
  // The keys behind it move up, so that none is cut off from its place.
  void remove(std::uint64_t key) noexcept {
    std::size_t hole = slot(key);
    keys_[hole] = none;
    for (std::size_t at = next(hole); keys_[at] != none; at = next(at)) {
      const std::size_t home = place(keys_[at]);
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      keys_[hole] = keys_[at];
      keys_[at] = none;
      hole = at;
    }
  }

 private:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  std::size_t mask() const noexcept { return keys_.size() - 1; }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & mask(); }
  std::size_t place(std::uint64_t key) const noexcept {
    return (key * 0x9E3779B97F4A7C15u >> 20) & mask();
  }
  std::size_t slot(std::uint64_t key) const noexcept {
    std::size_t at = place(key);
    while (keys_[at] != none && keys_[at] != key) at = next(at);
    return at;
  }

  std::vector<std::uint64_t> keys_;
};

class rewiring {
 public:
  rewiring(const std::vector<edge_set>& sets, random_stream random)
      : sets_(sets), random_(random), there_(edges_of(sets)) {
    for (const edge_set& set : sets) {
      std::vector<arrow>& all = arrows_.emplace_back();
      for (neuron_id i = 0; i < set.neurons(); ++i)
        for (const neuron_id j : set.row(i)) {
          all.push_back({i, j});
          there_.add(all.back().key());
        }
    }
  }

  void run(const std::function<void()>& interrupt) {
    // In turns, for what one set leaves free is what another may take.
    std::size_t fewest = least_tries;
    for (const auto& all : arrows_)
      if (!all.empty()) fewest = std::min(fewest, all.size());
    const std::uint64_t rounds = std::max<std::uint64_t>(tries_of_an_edge, least_tries / fewest);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (auto& all : arrows_) {
        if (interrupt) interrupt();
        for (std::size_t k = 0; k < all.size(); ++k) try_once(all);
      }
    }
  }

  std::vector<edge_set> take() {
    std::vector<edge_set> made;
    for (std::size_t k = 0; k < sets_.size(); ++k) {
      std::ranges::sort(arrows_[k], {}, &arrow::key);
      edge_set& set = made.emplace_back();
      set.indptr = sets_[k].indptr;  // out-degrees are as before
      for (const arrow& e : arrows_[k]) set.targets.push_back(e.to);
    }
    return made;
  }

 private:
  static std::size_t edges_of(const std::vector<edge_set>& sets) {
    std::size_t all = 0;
    for (const edge_set& set : sets) all += set.edges();
    return all;
  }

  arrow& drawn(std::vector<arrow>& all) {
    return all[random_.below(static_cast<std::uint32_t>(all.size()))];
  }

  void try_once(std::vector<arrow>& all) {
    arrow &a = drawn(all), &b = drawn(all);
    if (random_.below(tries_of_two) == 0)
      turn(a, b, drawn(all));
    else if (a.from != b.from && a.to != b.to && a.from != b.to && b.from != a.to)
      exchange(std::array{&a, &b}, std::array{arrow{a.from, b.to}, arrow{b.from, a.to}});
  }

  // i->j, j->k, k->i become j->i, k->j, i->k.
  void turn(arrow& a, arrow& b, arrow& c) {
    if (a.to != b.from || b.to != c.from || c.to != a.from || a.from == b.from ||
        b.from == c.from || c.from == a.from)
      return;
    exchange(std::array{&a, &b, &c},
             std::array{arrow{a.to, a.from}, arrow{b.to, b.from}, arrow{c.to, c.from}});
  }

  template <std::size_t N>
  void exchange(const std::array<arrow*, N>& old, const std::array<arrow, N>& by) {
    if (std::ranges::any_of(by, [&](const arrow& e) { return there_.has(e.key()); })) return;
    for (std::size_t k = 0; k < N; ++k) {
      there_.remove(old[k]->key());
      there_.add(by[k].key());
    }
    for (std::size_t k = 0; k < N; ++k) *old[k] = by[k];
  }

  const std::vector<edge_set>& sets_;
  random_stream random_;
  std::vector<std::vector<arrow>> arrows_;  // of each set
  pair_table there_;                        // of all sets
};

}  // namespace

std::vector<edge_set> rewired_keeping_degrees(const std::vector<edge_set>& sets,
                                              random_stream random,
                                              const std::function<void()>& interrupt) {
  rewiring all(sets, random);
  all.run(interrupt);
  return all.take();
}

}  // namespace bdh
