// What the comparisons of two runs share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "io/recording/comparison.hpp"

namespace bdh {

inline bool same(double a, double b, double tolerance) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance;
}

// NaN is larger than every difference.
inline bool larger(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }

// The first position of both recordings that is not below this one.
inline std::optional<std::uint64_t> common_from(const recording_reader& a,
                                                const recording_reader& b, std::uint64_t position) {
  for (;;) {
    const auto at_a = a.row_from(position), at_b = b.row_from(position);
    if (!at_a || !at_b) return std::nullopt;
    position = std::max(a.position(*at_a), b.position(*at_b));
    if (a.position(*at_a) == b.position(*at_b)) return position;
  }
}

inline std::optional<std::uint64_t> last_common(const recording_reader& a,
                                                const recording_reader& b, std::uint64_t first,
                                                std::uint64_t until) {
  std::optional<std::uint64_t> last;
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1))
    last = at;
  return last;
}

inline recording_row row_at(recording_reader& from, std::uint64_t position) {
  recording_row row;
  from.seek(*from.row_from(position));
  from.next(row);
  return row;
}

// Calls use(position, row of a, row of b) for each position of both in [first, until), ascending,
// until it says false.
template <class Use>
void for_each_common(recording_reader& a, recording_reader& b, std::uint64_t first,
                     std::uint64_t until, Use use) {
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1))
    if (!use(*at, row_at(a, *at), row_at(b, *at))) return;
}

// Calls use(reader of a, reader of b) for each pair of recordings, one of each run, that start so
// and are of the same layer.
template <class Use>
void for_each_pair(const run_reader& a, const run_reader& b,
                   std::initializer_list<const char*> kinds, Use use) {
  const auto is_one = [&](const listed_recording& r) {
    return std::any_of(kinds.begin(), kinds.end(),
                       [&](const char* kind) { return r.request.starts_with(kind); });
  };
  for (const listed_recording& of_a : a.recordings)
    for (const listed_recording& of_b : b.recordings) {
      if (!is_one(of_a) || !is_one(of_b) || of_a.layer != of_b.layer) continue;
      recording_reader reader_a = a.open(of_a), reader_b = b.open(of_b);
      if (reader_a.what().what == reader_b.what().what) use(reader_a, reader_b);
    }
}

synapse_comparison compare_synapses(const run_reader& a, const run_reader& b, std::uint64_t first,
                                    std::uint64_t until, double tolerance, std::uint64_t top);

}  // namespace bdh
