// NumPy arrays from values of the library: copies that own their memory, or read-only views that
// keep their owner alive.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh::python {

namespace nb = nanobind;

template <class T>
using numpy_array = nb::ndarray<nb::numpy, T>;

// What a caller gives: contiguous, converted where that loses nothing.
template <class T>
using given_array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<const T> span_of(const given_array<T>& values) {
  return {values.data(), values.shape(0)};
}

// Values, row by row, of this shape.
template <class T, std::size_t Axes>
numpy_array<T> as_numpy(std::vector<T> values, const std::array<std::size_t, Axes>& shape) {
  auto* const kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  static T nothing{};
  return numpy_array<T>(kept->empty() ? &nothing : kept->data(), Axes, shape.data(), owner);
}
template <class T>
numpy_array<T> as_numpy(std::vector<T> values) {
  const std::array<std::size_t, 1> shape{values.size()};
  return as_numpy(std::move(values), shape);
}

// A view of memory that belongs to `owner`, which it keeps.
template <class T, class Owner, std::size_t Axes>
numpy_array<const T> view_of(const T* values, const std::array<std::size_t, Axes>& shape,
                             std::shared_ptr<Owner> owner) {
  auto* const kept = new std::shared_ptr<Owner>(std::move(owner));
  nb::capsule keeper(kept,
                     [](void* p) noexcept { delete static_cast<std::shared_ptr<Owner>*>(p); });
  static const T nothing{};
  return numpy_array<const T>(values == nullptr ? &nothing : values, Axes, shape.data(), keeper);
}

}  // namespace bdh::python
