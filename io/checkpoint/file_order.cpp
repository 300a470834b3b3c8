#include "io/checkpoint/file_order.hpp"

#include <algorithm>

namespace bdh {
namespace {

// from (rows, columns) -> to (columns, rows); column k becomes row where(k). In strips, so that a
// strip of rows stays in cache.
template <class F>
void transpose(const float* from, std::size_t rows, std::size_t columns, float* to, F where) {
  constexpr std::size_t strip = 64;
  for (std::size_t begin = 0; begin < columns; begin += strip)
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t k = begin; k < std::min(begin + strip, columns); ++k)
        to[where(k) * rows + r] = from[r * columns + k];
}

}  // namespace

std::pair<std::size_t, std::size_t> members(pairing pairs, std::size_t m,
                                            std::size_t per_head) noexcept {
  if (pairs == pairing::interleaved) return {2 * m, 2 * m + 1};
  return {m, m + per_head / 2};
}

array<float> transposed(const array<float>& from, std::size_t rows, std::size_t columns) {
  array<float> to(from.size());
  transpose(from.data(), rows, columns, to.data(), [](std::size_t k) { return k; });
  return to;
}

std::size_t file_order::position(std::size_t k) const noexcept {
  if (pairs == pairing::interleaved) return k;
  const std::size_t half = per_head / 2;
  return k < half ? 2 * k : 2 * (k - half) + 1;
}

std::vector<neuron_id> file_order::original_ids() const {
  std::vector<neuron_id> result(heads * per_head);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::size_t k = i % per_head;
    result[i - k + position(k)] = static_cast<neuron_id>(i);
  }
  return result;
}

array<float> file_order::rows_by_neuron(array<float> from) const {
  if (pairs == pairing::interleaved) return from;
  array<float> to(from.size());
  for (std::size_t i = 0; i < heads * per_head; ++i) {
    const std::size_t k = i % per_head;
    std::copy_n(from.data() + i * hubs, hubs, to.data() + (i - k + position(k)) * hubs);
  }
  return to;
}

array<float> file_order::transposed_by_head(const array<float>& from) const {
  array<float> to(from.size());
  for (std::size_t head = 0; head < heads; ++head)
    transpose(from.data() + head * hubs * per_head, hubs, per_head,
              to.data() + head * per_head * hubs, [this](std::size_t k) { return position(k); });
  return to;
}

}  // namespace bdh
