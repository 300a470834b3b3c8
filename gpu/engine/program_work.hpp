// What the programs of a token touch and wait for, from their arguments: see token_work.hpp. It
// goes through the operations of a token in order, for lists and activity are made by one and used
// by another.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>

#include "gpu/engine/counting_device.hpp"
#include "gpu/engine/token_work.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {

class program_accounts {
 public:
  program_accounts(const counting_device& on, const expected_activity& activity)
      : on_(on), activity_(activity) {}
  launch_work of(const operation& o);

 private:
  // Elements of a chunk that a thread takes one after the other: loads are not put before the
  // stores of the one before.
  static constexpr double turns = chunk / 8.0;
  static constexpr double lanes = slice;
  static constexpr double near = 40;        // cycles until what lies beside the processor is there
  static constexpr double sum = 5 * 30;     // cycles of a butterfly
  static constexpr double loads_ahead = 4;  // of a sum, turns of all lanes

  static double turns_of(double n, double each) { return std::ceil(n / each); }
  // Of a row of `of` places, those of `count` strewn ones and those next to them.
  static double with_next(double count, double of) {
    const double none = 1 - std::min(1.0, count / of);
    return of * (1 - none * none) + 1;
  }

  void add(const list_starts& p);
  void add(const gather_list& p);
  void add(const push_blocks& p);
  void add(const reduce_block_sums& p);
  void add(const update_hub_w& p);
  void add(const normalise_a& p);
  void add(const compute_a_gain& p);
  void add(const pull_rows& p);
  void add(const pull_long_rows& p) { add(p.rows); }
  void add(const pull_targets& p);
  void add(const pull_long_targets& p);
  void add(const fire_x& p);
  void add(const fire_y& p);
  void add(const check_values& p);
  void add(const net_drive_block& p);
  void add(const update_sources& p);
  void add(const sense_sources& p);
  void add(const tally_edges& p);
  void add(const tally_active& p);
  void add(const turn_angles& p);
  void add(const use_rows& p);
  void add(const reweight_rows& p);
  void add(const use_units& p);
  void add(const reweight_units& p);
  void add(const reweight_long_units& p) { add(p.units); }
  void add(const total_counts& p);
  // Interventions, reads, choices: no part of a token that is only read. std::logic_error.
  template <class Program>
  void add(const Program& p);
  void add(const compaction& c);

  template <class... Programs>
  void add_program(program_set<Programs...>, const operation& o);

  // Adds an array: `bytes` of it, for which an item waits so often.
  void read(const void* array, double bytes, double waits = 0);
  void write(const void* array, double bytes, double waits = 0);
  // The same of `count` elements of T, strewn over an array.
  template <class T>
  void read_some(const T* array, double count, double waits = 0);
  template <class T>
  void write_some(const T* array, double count, double waits = 0);
  void add_weights(const stored_weights& of, double count, double waits);
  void normalise(const float* z, double n, int sums, int passes);

  double count_of(const index* count) const { return at(counts_, count, 0.0); }
  double share_of(const void* activity) const { return at(shares_, activity, 1.0); }
  template <class Program>
  void read_angles(const Program& p, double units);
  double elements(const void* array, std::size_t size) const {
    return static_cast<double>(on_.bytes_of(array)) / static_cast<double>(size);
  }
  struct edge_count {
    double rows = 0, edges = 0;
  };
  // Of rows, all or the listed ones, whose number of edges is one of these.
  edge_count edges_of(const std::uint64_t* indptr, const index* rows, double count,
                      const lengths& of) const;
  template <class Key, class Value>
  static Value at(const std::map<Key, Value>& in, const Key& key, Value otherwise) {
    const auto found = in.find(key);
    return found == in.end() ? otherwise : found->second;
  }

  const counting_device& on_;
  const expected_activity activity_;
  launch_work now_;
  std::map<const index*, double> counts_;  // expected lengths of lists, by where they are written
  std::map<const void*, double> shares_;   // of an array that are not zero
  std::map<const index*, double> listed_;  // lengths of lists, by their starts
};

template <class T>
void program_accounts::read_some(const T* array, double count, double waits) {
  read(array, count * sizeof(T), waits);
  if (!array) return;
  touched_array& a = now_.arrays.back();
  a.element = sizeof(T);
  a.spread_over = std::max(a.bytes, static_cast<double>(on_.bytes_of(array)));
}
template <class T>
void program_accounts::write_some(const T* array, double count, double waits) {
  read_some(array, count, waits);
  if (array) now_.arrays.back().written = true;
}
}  // namespace bdh::gpu
