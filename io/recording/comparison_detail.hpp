// What the comparisons of two runs share; nobody else includes this.
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

// The first position of both reports that is not below this one.
inline std::optional<std::uint64_t> common_from(const report_reader& a, const report_reader& b,
                                                std::uint64_t position) {
  for (;;) {
    const auto at_a = a.row_from(position), at_b = b.row_from(position);
    if (!at_a || !at_b) return std::nullopt;
    position = std::max(a.position(*at_a), b.position(*at_b));
    if (a.position(*at_a) == b.position(*at_b)) return position;
  }
}

inline std::optional<std::uint64_t> last_common(const report_reader& a, const report_reader& b,
                                                std::uint64_t first, std::uint64_t until) {
  std::optional<std::uint64_t> last;
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1))
    last = at;
  return last;
}

inline report_row row_at(report_reader& from, std::uint64_t position) {
  report_row row;
  from.seek(*from.row_from(position));
  from.next(row);
  return row;
}

// Calls use(position, row of a, row of b) for each position of both in [first, until), ascending,
// until it says false.
template <class Use>
void for_each_common(report_reader& a, report_reader& b, std::uint64_t first, std::uint64_t until,
                     Use use) {
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1))
    if (!use(*at, row_at(a, *at), row_at(b, *at))) return;
}

// Calls use(reader of a, reader of b) for each pair of reports, one of each run, that start so and
// are of the same layer.
template <class Use>
void for_each_pair(const recorded_run& a, const recorded_run& b,
                   std::initializer_list<const char*> kinds, Use use) {
  const auto is_one = [&](const listed_report& r) {
    return std::any_of(kinds.begin(), kinds.end(),
                       [&](const char* kind) { return r.request.starts_with(kind); });
  };
  for (const listed_report& of_a : a.reports)
    for (const listed_report& of_b : b.reports) {
      if (!is_one(of_a) || !is_one(of_b) || of_a.layer != of_b.layer) continue;
      report_reader reader_a = a.open(of_a), reader_b = b.open(of_b);
      if (reader_a.what().what == reader_b.what().what) use(reader_a, reader_b);
    }
}

synapse_comparison compare_synapses(const recorded_run& a, const recorded_run& b,
                                    std::uint64_t first, std::uint64_t until, double tolerance,
                                    std::uint64_t top);

}  // namespace bdh
