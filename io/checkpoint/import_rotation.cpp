// The rotation of an imported model: the file's table of frequencies, or a base theta, and what
// the two say about each other.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include <bdh/error.hpp>

#include "io/checkpoint/file_order.hpp"
#include "io/checkpoint/import_context.hpp"
#include "io/checkpoint/rotation_table.hpp"

namespace bdh {
namespace {

// Where the training window is not known, phases are compared at this token.
constexpr std::uint64_t usual_window = 512;

class table_reader {
 public:
  table_reader(import_context& c, pairing pairs, std::uint64_t window)
      : c_(c),
        table_(*c.match.table),
        pairs_(pairs),
        window_(window != 0 ? window : usual_window) {}

  rotation read() {
    const std::vector<double> frequency = one_for_each_pair();
    if (c_.options.theta) return with_option(frequency);
    c_.note("{} frequencies from the file ({}; the first is {} turns per token)", frequency.size(),
            table_.name, frequency[0]);
    remark_on_precision(frequency);
    compare_with_statements(frequency);
    return rotation(frequency);
  }

 private:
  // In turns per token: the table has one for each neuron of a head, equal within a pair.
  std::vector<double> one_for_each_pair() const {
    const std::uint64_t per_head = c_.match.per_head;
    const array<double> values = c_.file.numbers(table_);
    std::vector<double> frequency(per_head / 2);
    for (std::size_t m = 0; m < frequency.size(); ++m) {
      const auto [first, second] = members(pairs_, m, per_head);
      if (values[first] != values[second])
        throw input_error(c_.file.place(table_),
                          fmt::format("frequencies {} and {} for pair ({}, {})", values[first],
                                      values[second], first, second),
                          fmt::format("equal ones, with {} pairing", name(pairs_)),
                          hint_of_pairing(values));
      if (std::abs(values[first]) > 1e6)
        throw input_error(fmt::format("{}[{}]", c_.file.place(table_), first),
                          fmt::format("{}", values[first]), "turns per token, at most 1e6");
      frequency[m] = values[first];
    }
    return frequency;
  }

  // The other pairing, if the table would fit that.
  std::string hint_of_pairing(const array<double>& table) const {
    const pairing other =
        pairs_ == pairing::interleaved ? pairing::half_split : pairing::interleaved;
    for (std::size_t m = 0; m < c_.match.per_head / 2; ++m) {
      const auto [first, second] = members(other, m, c_.match.per_head);
      if (table[first] != table[second]) return "a damaged or unknown table";
    }
    return fmt::format("the table fits --pairing {}", name(other));
  }

  // The option states again what the table has, or takes the place of one that was rounded.
  rotation with_option(const std::vector<double>& frequency) {
    const double theta = *c_.options.theta;
    rotation exact = rotation::geometric(theta, c_.match.per_head);
    const double error = phase_error(frequency, exact.frequency(), window_);
    switch (fit_of(frequency, exact.frequency())) {
      case table_fit::equal:
        c_.note("{} frequencies from the file ({}; those of theta {}, --theta)", frequency.size(),
                table_.name, theta);
        return rotation(frequency);
      case table_fit::rounded:
        c_.note(
            "theta {} (--theta, in place of {}, which has {} significant bits: {:.2g} turns at "
            "token {})",
            theta, table_.name, rounding_bits(frequency, exact.frequency()), error, window_);
        c_.not_used.push_back("tensor '" + table_.name + "' (rounded frequencies)");
        return exact;
      case table_fit::other:
        break;
    }
    throw input_error(
        "--theta", fmt::format("{}", theta),
        fmt::format("the base of {}, which differs from it by {:.2g} turns at token {}",
                    c_.file.place(table_), error, window_),
        "without the option the file's frequencies are used");
  }

  std::vector<double> stated_thetas() const {
    std::vector<double> result;
    for (const statement& s : c_.known.statements)
      if (s.role == key_role::theta && s.value > 0) result.push_back(s.value);
    result.push_back(c_.match.kind->theta);
    return result;
  }

  void remark_on_precision(const std::vector<double>& frequency) {
    const bool narrow = table_.kind == element::f16 || table_.kind == element::bf16;
    const auto theta = theta_of(frequency, stated_thetas());
    if (!theta) {
      remark_on_radians(frequency);
      const int bits = table_.kind == element::bf16 ? 8 : 11;
      if (narrow)
        c_.remark(
            "the frequencies have {} significant bits ({}): phases are uncertain by {:.2g} "
            "turns at token {}",
            bits, table_.type,
            std::ldexp(*std::max_element(frequency.begin(), frequency.end()), -bits) *
                static_cast<double>(window_),
            window_);
      return;
    }
    const rotation exact = rotation::geometric(*theta, c_.match.per_head);
    if (fit_of(frequency, exact.frequency()) != table_fit::rounded) return;
    c_.remark(
        "the frequencies have {} significant bits: those of theta {} differ from them by {:.2g} "
        "turns at token {}; --theta {} takes these",
        rounding_bits(frequency, exact.frequency()), *theta,
        phase_error(frequency, exact.frequency(), window_), window_, *theta);
  }

  // Frequencies in radians are 2 pi times those in turns.
  void remark_on_radians(const std::vector<double>& frequency) {
    std::vector<double> turns(frequency);
    for (double& f : turns) f /= 2 * std::numbers::pi;
    if (const auto theta = first_fit(turns, stated_thetas()))
      c_.remark(
          "the frequencies are those of theta {} in radians per token, and are read as turns "
          "per token, as the released code does; compare with bdh verify",
          *theta);
  }

  // The table is what the program that trained the model computed with.
  void compare_with_statements(const std::vector<double>& frequency) {
    for (const statement& s : c_.known.statements) {
      if (s.role != key_role::theta) continue;
      const bool usable = s.value > 0 && std::isfinite(s.value);
      const rotation exact =
          usable ? rotation::geometric(s.value, c_.match.per_head) : rotation(frequency);
      if (usable && fit_of(frequency, exact.frequency()) != table_fit::other) continue;
      c_.remark("{} {} ({}) contradicts {}, which is used: {:.2g} turns apart at token {}", s.key,
                s.shown, s.where, table_.name, phase_error(frequency, exact.frequency(), window_),
                window_);
      c_.leave(s);
    }
  }

  import_context& c_;
  const tensor& table_;
  pairing pairs_;
  std::uint64_t window_;  // tokens
};

// A saved buffer of angular frequencies must agree with the rotation, as far as its precision goes
// (bfloat16: 3 digits).
void check_inverse(const import_context& c, const rotation& expected) {
  const tensor& inverse = *c.match.inverse_frequency;
  const array<double> values = c.file.numbers(inverse);
  for (std::size_t m = 0; m < values.size(); ++m) {
    const double radians = expected.frequency()[m] * 2 * std::numbers::pi;
    if (!(std::abs(values[m] - radians) <= 0.01 * radians + 1e-6))
      throw input_error(fmt::format("{}[{}]", c.file.place(inverse), m),
                        fmt::format("{}", values[m]), fmt::format("{} radians per token", radians),
                        "--theta states another base");
  }
}

}  // namespace

rotation rotation_of(import_context& c, pairing pairs, std::uint64_t window) {
  if (c.match.table != nullptr) return table_reader(c, pairs, window).read();
  const auto found =
      resolve_statement(c.file.place(), c.known, key_role::theta, "--theta", c.options.theta);
  const double theta = found ? found->value : c.match.kind->theta;
  rotation result = rotation::geometric(theta, c.match.per_head);
  if (c.match.inverse_frequency != nullptr) check_inverse(c, result);
  c.note("theta {} ({})", theta,
         found ? found->from : fmt::format("assumed, {}; --theta", c.match.kind->convention));
  return result;
}

}  // namespace bdh
