#include "io/checkpoint/causal_masks.hpp"

#include <algorithm>
#include <iterator>

namespace bdh {
namespace {

// What is so small is left out by a softmax.
constexpr double nothing_left = -1e4;

std::string_view last_name(std::string_view name) { return name.substr(name.rfind('.') + 1); }

bool is_called(std::string_view name, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), last_name(name)) != all.end();
}

bool is_square(const tensor& t) {
  const std::size_t axes = t.shape.size();
  return axes >= 2 && t.shape[axes - 1] == t.shape[axes - 2] && t.shape[axes - 1] >= 2 &&
         std::all_of(t.shape.begin(), t.shape.end() - 2, [](std::uint64_t n) { return n == 1; });
}

// One value below the diagonal, one on it, one above.
struct three_values {
  std::optional<double> below, on, above;

  bool take(std::uint64_t row, std::uint64_t column, double value) {
    std::optional<double>& known = at(row, column);
    if (!known) known = value;
    return *known == value;
  }
  std::optional<double>& at(std::uint64_t row, std::uint64_t column) {
    if (row == column) return on;
    return column < row ? below : above;
  }
};

}  // namespace

bool may_be_mask(std::string_view name, const tensor& t) {
  if (is_called(name, {"masked_bias"}) && t.elements() == 1) return true;
  return is_square(t) &&
         is_called(name, {"mask", "bias", "tril", "triu", "causal_mask", "attn_mask",
                          "attention_mask", "attn_bias", "causal", "causal_bias"});
}

std::optional<causal_mask> causal_mask_of(const tensor_file& file, const tensor& t) {
  if (!is_square(t)) return causal_mask{.added = true};  // the number that stands for infinity
  const std::uint64_t size = t.shape.back();
  three_values found;
  const bool regular = file.all_of(t, [&](std::uint64_t place, double value) {
    return found.take(place / size, place % size, value);
  });
  if (!regular || *found.below == *found.above ||
      (*found.on != *found.below && *found.on != *found.above))
    return std::nullopt;
  causal_mask mask{.with_itself = *found.on == *found.below};
  const bool ones = *found.below == 1 && *found.above == 0,
             left_out = *found.below == 0 && *found.above == 1;
  mask.added = *found.below == 0 && *found.above <= nothing_left;
  if (!ones && !left_out && !mask.added) return std::nullopt;
  return mask;
}

bool is_decay_name(std::string_view name) {
  return is_called(name, {"alibi", "alibi_slope", "alibi_slopes", "slope", "slopes", "alibi_bias",
                          "decay", "decays", "log_decay", "decay_rate", "decay_rates"});
}

}  // namespace bdh
