#include "apps/plot/figure/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/plot/figure/text.hpp"

namespace bdh::figure {
namespace {

constexpr double largest_plain = 1e6,
                 smallest_plain = 1e-3;  // beyond these a power of ten is taken out

// The smallest of 1, 2, 5 times a power of ten with at most `count` steps in `span`.
double round_step(double span, int count) {
  const double raw = span / count, power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

int decade(double value) { return static_cast<int>(std::floor(std::log10(value) + 1e-9)); }

std::string with_separators(double value) {
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return (value < 0 ? "−" : "") + digits;
}

std::string label_of(double value, int decimals) {
  if (decimals == 0) return with_separators(value == 0 ? 0 : value);
  std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  return (value < 0 && text.find_first_not_of("0.") != text.npos ? "−" : "") + text;
}

tick_list linear_ticks(double least, double most, int count, bool whole) {
  const double step = std::max(round_step(most - least, count), whole ? 1.0 : 0.0),
               largest = std::max(std::abs(least), std::abs(most));
  tick_list list;
  if (largest >= largest_plain || largest < smallest_plain) list.exponent = decade(largest);
  const double unit = std::pow(10.0, list.exponent);
  const int decimals = std::clamp(list.exponent - decade(step), 0, 15);
  for (double k = std::ceil(least / step - 1e-9); k * step <= most + 1e-9 * step; ++k)
    list.ticks.push_back({k * step, label_of(k * step / unit, decimals)});
  return list;
}

// Where less than two powers of ten are inside: 1, 2, 5 times such, or as on a linear axis.
tick_list narrow_ticks(double least, double most, int count, bool whole) {
  tick_list list;
  for (int e = decade(least); e <= decade(most); ++e)
    for (double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, e);
      if (value < least * (1 - 1e-9) || value > most * (1 + 1e-9) || (whole && e < 0)) continue;
      list.ticks.push_back({value, e >= -4 && e < 6 ? label_of(value, std::max(0, -e))
                                                    : number(factor) + "×" + power_of_ten(e)});
    }
  const auto labelled = static_cast<int>(list.ticks.size());
  return labelled >= 2 && labelled <= count ? list : linear_ticks(least, most, count, whole);
}

tick_list decade_ticks(double least, double most, int count, bool whole) {
  if (whole) least = std::max(least, std::min(1.0, most));
  const int first = static_cast<int>(std::ceil(std::log10(least) - 1e-9)), last = decade(most);
  if (last - first < 1) return narrow_ticks(least, most, count, whole);
  const int every = 1 + (last - first) / (count + 1);
  const bool plain = first >= -3 && last <= 4;
  tick_list list;
  for (int e = first - 1; e <= last; ++e) {
    const double value = std::pow(10.0, e);
    if (e >= first) {
      std::string label = plain ? label_of(value, std::max(0, -e)) : power_of_ten(e);
      if ((e - first) % every != 0) label.clear();
      list.ticks.push_back({value, label});
    }
    for (int factor = 2; every == 1 && last - first <= 8 && factor < 10; ++factor)
      if (factor * value >= least && factor * value <= most)
        list.ticks.push_back({factor * value, {}});
  }
  return list;
}

}  // namespace

scale::scale(spacing kind, double least, double most) : kind_(kind), least_(least), most_(most) {
  if (kind == spacing::logarithmic) {
    if (most / least < 1 + 1e-9) {
      least_ = least / 2;
      most_ = most * 2;
    }
  } else if (most - least <= 1e-9 * std::max(std::abs(least), std::abs(most))) {
    const double more =
        least == 0 && most == 0 ? 1 : 0.1 * std::max(std::abs(least), std::abs(most));
    least_ = least - more;
    most_ = most + more;
  }
}

bool scale::shows(double value) const noexcept {
  return std::isfinite(value) && (kind_ == spacing::linear || value > 0);
}

double scale::place(double value) const noexcept {
  if (kind_ == spacing::linear) return (value - least_) / (most_ - least_);
  return std::log(value / least_) / std::log(most_ / least_);
}

tick_list scale::ticks(int count, bool whole) const {
  return kind_ == spacing::linear ? linear_ticks(least_, most_, std::max(count, 1), whole)
                                  : decade_ticks(least_, most_, std::max(count, 1), whole);
}

scale scale::rounded(int count) const {
  if (kind_ == spacing::logarithmic) {
    const double decades = std::log10(most_ / least_);
    if (decades >= 2)
      return {kind_, std::pow(10.0, decade(least_)),
              std::pow(10.0, std::ceil(std::log10(most_) - 1e-9))};
    const double more = std::pow(10.0, 0.06 * decades);
    return {kind_, least_ / more, most_ * more};
  }
  const double step = round_step(most_ - least_, std::max(count, 1));
  return {kind_, std::floor(least_ / step + 1e-9) * step, std::ceil(most_ / step - 1e-9) * step};
}

}  // namespace bdh::figure
