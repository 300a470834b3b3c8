#include "ptx/operations.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_map>

namespace tests::ptx {
namespace {

using s16 = std::int16_t;
using u16 = std::uint16_t;
using s32 = std::int32_t;
using u32 = std::uint32_t;
using s64 = std::int64_t;
using u64 = std::uint64_t;
using f32 = float;
using f64 = double;

template <class T>
T value(word bits) {
  if constexpr (std::is_same_v<T, f32>)
    return std::bit_cast<f32>(static_cast<u32>(bits));
  else if constexpr (std::is_same_v<T, f64>)
    return std::bit_cast<f64>(bits);
  else
    return static_cast<T>(bits);
}
template <class T>
word bits(T value) {
  if constexpr (std::is_same_v<T, f32>)
    return std::bit_cast<u32>(value);
  else if constexpr (std::is_same_v<T, f64>)
    return std::bit_cast<u64>(value);
  else if constexpr (std::is_same_v<T, bool>)
    return value ? 1 : 0;
  else
    return static_cast<std::make_unsigned_t<T>>(value);
}

// to = F(from) and so on: operands are T, the result is To.
template <class To, class T, class F>
void unary(word* r, const instruction& i) {
  r[i.to[0]] = bits<To>(static_cast<To>(F{}(value<T>(r[i.from[0]]))));
}
template <class To, class T, class F>
void binary(word* r, const instruction& i) {
  r[i.to[0]] = bits<To>(static_cast<To>(F{}(value<T>(r[i.from[0]]), value<T>(r[i.from[1]]))));
}

struct same {
  template <class T>
  T operator()(T a) const {
    return a;
  }
};
struct lesser {
  template <class T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct greater {
  template <class T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};
// Shifts by the width or more leave nothing.
struct shifted_left {
  template <class T>
  T operator()(T a, u32 by) const {
    return by < 8 * sizeof(T) ? static_cast<T>(a << by) : T{0};
  }
};
struct shifted_right {
  template <class T>
  T operator()(T a, u32 by) const {
    if (by < 8 * sizeof(T)) return static_cast<T>(a >> by);
    return a < 0 ? static_cast<T>(-1) : T{0};
  }
};
template <class T, class F>
void shift(word* r, const instruction& i) {  // the distance has 32 bits
  r[i.to[0]] = bits<T>(F{}(value<T>(r[i.from[0]]), value<u32>(r[i.from[1]])));
}
struct square_root {
  template <class T>
  T operator()(T a) const {
    return std::sqrt(a);
  }
};
struct reciprocal {
  template <class T>
  T operator()(T a) const {
    return T{1} / a;
  }
};
struct rounded_down {
  f64 operator()(f64 a) const { return std::floor(a); }
};
struct bits_set {
  u32 operator()(u64 a) const { return static_cast<u32>(std::popcount(a)); }
};
// Towards zero; what is too large becomes the largest, a NaN zero.
template <class To>
struct truncated {
  To operator()(f64 a) const {
    if (std::isnan(a)) return 0;
    if (a <= static_cast<f64>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    if (a >= static_cast<f64>(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
    return static_cast<To>(a);
  }
};
// Comparisons that a NaN makes true.
template <class F>
struct or_unordered {
  template <class T>
  bool operator()(T a, T b) const {
    return std::isnan(a) || std::isnan(b) || F{}(a, b);
  }
};
struct unequal_and_ordered {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b || a > b;
  }
};
template <class To, class T>
void multiply_wide(word* r, const instruction& i) {
  r[i.to[0]] =
      bits<To>(static_cast<To>(value<T>(r[i.from[0]])) * static_cast<To>(value<T>(r[i.from[1]])));
}
template <class T>
void multiply_add(word* r, const instruction& i) {
  r[i.to[0]] = bits<T>(
      static_cast<T>(value<T>(r[i.from[0]]) * value<T>(r[i.from[1]]) + value<T>(r[i.from[2]])));
}
template <class T>
void select(word* r, const instruction& i) {
  r[i.to[0]] = bits<T>(value<T>(r[r[i.from[2]] ? i.from[0] : i.from[1]]));
}
void pack(word* r, const instruction& i) {
  r[i.to[0]] = value<u32>(r[i.from[0]]) | word{value<u32>(r[i.from[1]])} << 32;
}
// The low bits of a are put into b, from a position on, as many as the last operand says.
void insert_bits(word* r, const instruction& i) {
  const u64 position = r[i.from[2]] & 255, length = r[i.from[3]] & 255;
  const u64 ones = length < 32 ? (u64{1} << length) - 1 : ~u64{0};
  const u64 field = position < 32 ? ones << position : 0;
  const u64 moved = position < 32 ? r[i.from[0]] << position : 0;
  r[i.to[0]] = value<u32>((r[i.from[1]] & ~field) | (moved & field));
}
void unpack(word* r, const instruction& i) {
  const word whole = r[i.from[0]];
  r[i.to[0]] = value<u32>(whole);
  r[i.to[1]] = whole >> 32;
}
template <class T, class F>
void divide(word* r, const instruction& i) {
  if (value<T>(r[i.from[1]]) == 0) throw fault("a division by zero");
  binary<T, T, F>(r, i);
}

using table = std::unordered_map<std::string, known_operation>;

template <class T>
void add_comparisons(table& all, const std::string& type) {
  all["setp.eq." + type] = {binary<bool, T, std::equal_to<>>, 2};
  all["setp.ne." + type] = {binary<bool, T, std::not_equal_to<>>, 2};
  all["setp.lt." + type] = {binary<bool, T, std::less<>>, 2};
  all["setp.le." + type] = {binary<bool, T, std::less_equal<>>, 2};
  all["setp.gt." + type] = {binary<bool, T, std::greater<>>, 2};
  all["setp.ge." + type] = {binary<bool, T, std::greater_equal<>>, 2};
}

template <class T>
void add_values(table& all, const std::string& type) {
  all["mov." + type] = {unary<T, T, same>, 1};
  all["selp." + type] = {select<T>, 3};
}

template <class T>
void add_numbers(table& all, const std::string& type) {
  add_values<T>(all, type);
  add_comparisons<T>(all, type);
}

template <class T>
void add_floats(table& all, const std::string& type) {
  add_numbers<T>(all, type);
  all["setp.ne." + type] = {binary<bool, T, unequal_and_ordered>, 2};
  all["setp.equ." + type] = {binary<bool, T, or_unordered<std::equal_to<>>>, 2};
  all["setp.neu." + type] = {binary<bool, T, std::not_equal_to<>>, 2};
  all["setp.ltu." + type] = {binary<bool, T, or_unordered<std::less<>>>, 2};
  all["setp.leu." + type] = {binary<bool, T, or_unordered<std::less_equal<>>>, 2};
  all["setp.gtu." + type] = {binary<bool, T, or_unordered<std::greater<>>>, 2};
  all["setp.geu." + type] = {binary<bool, T, or_unordered<std::greater_equal<>>>, 2};
  all["add.rn." + type] = {binary<T, T, std::plus<>>, 2};
  all["sub.rn." + type] = {binary<T, T, std::minus<>>, 2};
  all["mul.rn." + type] = {binary<T, T, std::multiplies<>>, 2};
  all["div.rn." + type] = {binary<T, T, std::divides<>>, 2};
  all["rcp.rn." + type] = {unary<T, T, reciprocal>, 1};
  all["sqrt.rn." + type] = {unary<T, T, square_root>, 1};
  all["neg." + type] = {unary<T, T, std::negate<>>, 1};
}

// T without sign, S with: where the sign does not matter to the bits, both are computed without
// one, and may overflow.
template <class T, class S>
void add_integers(table& all, const std::string& width) {
  add_numbers<T>(all, "u" + width);
  add_numbers<S>(all, "s" + width);
  for (const std::string& type : {"u" + width, "s" + width}) {
    all["add." + type] = {binary<T, T, std::plus<>>, 2};
    all["sub." + type] = {binary<T, T, std::minus<>>, 2};
    all["mul.lo." + type] = {binary<T, T, std::multiplies<>>, 2};
    all["mad.lo." + type] = {multiply_add<T>, 3};
    all["neg." + type] = {unary<T, T, std::negate<>>, 1};
  }
  all["min.u" + width] = {binary<T, T, lesser>, 2};
  all["max.u" + width] = {binary<T, T, greater>, 2};
  all["min.s" + width] = {binary<S, S, lesser>, 2};
  all["max.s" + width] = {binary<S, S, greater>, 2};
  all["div.u" + width] = {divide<T, std::divides<>>, 2};
  all["rem.u" + width] = {divide<T, std::modulus<>>, 2};
  all["shr.u" + width] = {shift<T, shifted_right>, 2};
  all["shr.s" + width] = {shift<S, shifted_right>, 2};
}

template <class T>
void add_bits(table& all, const std::string& type) {
  add_values<T>(all, type);
  all["setp.eq." + type] = {binary<bool, T, std::equal_to<>>, 2};
  all["setp.ne." + type] = {binary<bool, T, std::not_equal_to<>>, 2};
  all["and." + type] = {binary<T, T, std::bit_and<>>, 2};
  all["or." + type] = {binary<T, T, std::bit_or<>>, 2};
  all["xor." + type] = {binary<T, T, std::bit_xor<>>, 2};
  all["not." + type] = {unary<T, T, std::bit_not<>>, 1};
  all["shl." + type] = {shift<T, shifted_left>, 2};
  all["shr." + type] = {shift<T, shifted_right>, 2};
}

void add_conversions(table& all) {
  all["popc.b64"] = {unary<u32, u64, bits_set>, 1};
  all["mul.wide.u32"] = {multiply_wide<u64, u32>, 2};
  all["mul.wide.s32"] = {multiply_wide<s64, s32>, 2};
  all["cvt.u16.u32"] = {unary<u16, u32, same>, 1};
  all["cvt.u32.u16"] = {unary<u32, u16, same>, 1};
  all["cvt.u32.u64"] = {unary<u32, u64, same>, 1};
  all["cvt.u64.u32"] = {unary<u64, u32, same>, 1};
  all["cvt.s64.s32"] = {unary<s64, s32, same>, 1};
  all["cvt.rn.f32.f64"] = {unary<f32, f64, same>, 1};
  all["cvt.f64.f32"] = {unary<f64, f32, same>, 1};
  all["cvt.rn.f32.u32"] = {unary<f32, u32, same>, 1};
  all["cvt.rn.f64.u32"] = {unary<f64, u32, same>, 1};
  all["cvt.rn.f64.s32"] = {unary<f64, s32, same>, 1};
  all["cvt.rn.f64.u64"] = {unary<f64, u64, same>, 1};
  all["cvt.rmi.f64.f64"] = {unary<f64, f64, rounded_down>, 1};
  all["cvt.rzi.s32.f64"] = {unary<s32, f64, truncated<s32>>, 1};
  all["cvt.rzi.s64.f64"] = {unary<s64, f64, truncated<s64>>, 1};
  all["cvt.rzi.u64.f64"] = {unary<u64, f64, truncated<u64>>, 1};
  // One address space: the generic one, in which a global address is what it is.
  all["cvta.to.global.u64"] = {unary<u64, u64, same>, 1};
}

table all_operations() {
  table all;
  add_numbers<u16>(all, "u16");
  add_numbers<s16>(all, "s16");
  add_integers<u32, s32>(all, "32");
  add_integers<u64, s64>(all, "64");
  add_bits<u16>(all, "b16");
  add_bits<u32>(all, "b32");
  add_bits<u64>(all, "b64");
  add_floats<f32>(all, "f32");
  add_floats<f64>(all, "f64");
  add_conversions(all);
  all["and.pred"] = {binary<bool, bool, std::logical_and<>>, 2};
  all["or.pred"] = {binary<bool, bool, std::logical_or<>>, 2};
  all["xor.pred"] = {binary<bool, bool, std::not_equal_to<>>, 2};
  all["not.pred"] = {unary<bool, bool, std::logical_not<>>, 1};
  all["bfi.b32"] = {insert_bits, 4};
  all["mov.b64 {}"] = {pack, 2};
  all["{} mov.b64"] = {unpack, 1};
  return all;
}

}  // namespace

known_operation find_operation(const std::string& name) {
  static const table all = all_operations();
  const auto found = all.find(name);
  return found == all.end() ? known_operation{} : found->second;
}

}  // namespace tests::ptx
