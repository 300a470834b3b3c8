// A checkpoint's own table of rotation frequencies against that of a base theta: whether it is the
// same, the same with fewer significant bits, or another one. Internal to the importer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bdh {

// Of the number that has most: 24 of numbers that were float32, 11 of float16, 8 of bfloat16.
int significant_bits(std::span<const double> values) noexcept;

enum class table_fit : std::uint8_t {
  equal,    // but for the rounding of float32 arithmetic
  rounded,  // to the significant bits that the table has
  other
};

// `table` and `exact` (N/2): turns per token of each pair.
table_fit fit_of(std::span<const double> table, std::span<const double> exact) noexcept;

// To how many significant bits `exact` was rounded where `table` is it, rounded: 8 and 11 where
// bfloat16 and float16 give the table, else those of the table.
int rounding_bits(std::span<const double> table, std::span<const double> exact) noexcept;

// The largest difference of phases after so many tokens, in turns.
double phase_error(std::span<const double> table, std::span<const double> exact,
                   std::uint64_t tokens) noexcept;

// The base whose frequencies the table has, rounded or not: one of `stated`, of those that are
// common, or the round number that fits; nothing where there is none.
std::optional<double> theta_of(std::span<const double> table, std::span<const double> stated);

// The first of these that the table has as its base.
std::optional<double> first_fit(std::span<const double> table, std::span<const double> thetas);

}  // namespace bdh
