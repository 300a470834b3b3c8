// What the sources of io/hdf5/file.hpp share. Internal to them.
#pragma once

#include <hdf5.h>

#include <string>

#include "io/hdf5/file.hpp"

namespace bdh::hdf5 {

// While one lives, HDF5 prints nothing.
class silence {
 public:
  silence() noexcept {
    H5Eget_auto2(H5E_DEFAULT, &print_, &to_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;
  ~silence() { H5Eset_auto2(H5E_DEFAULT, print_, to_); }

 private:
  H5E_auto2_t print_ = nullptr;
  void* to_ = nullptr;
};

// Both add HDF5's innermost reason for the call that just failed.
[[noreturn]] void unreadable(const std::string& place, const char* what);  // input_error
[[noreturn]] void unwritable(const std::string& place, const char* what);  // device_error

inline handle readable(hid_t id, const std::string& place, const char* what) {
  if (id < 0) unreadable(place, what);
  return handle(id);
}
inline handle writable(hid_t id, const std::string& place, const char* what) {
  if (id < 0) unwritable(place, what);
  return handle(id);
}

bool equal_types(hid_t a, hid_t b) noexcept;
bool is_integer(hid_t type) noexcept;  // of 1, 2, 4 or 8 bytes, without padding
bool is_signed(hid_t type) noexcept;
std::string shown(const extents& shape);  // "64 x 8", "one value"
// `factor` times all extents. Saturates: a product that does not fit is larger than any limit.
std::uint64_t product(const extents& shape, std::uint64_t factor);

// Ours in memory and in a file, and the same in the other byte order.
struct types {
  hid_t memory, file, swapped;
  const char* name;
};
template <element T>
types types_of() {
  if constexpr (std::same_as<T, float>)
    return {H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, H5T_IEEE_F32BE, "float32"};
  if constexpr (std::same_as<T, double>)
    return {H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, "float64"};
  if constexpr (std::same_as<T, std::uint8_t>)
    return {H5T_NATIVE_UINT8, H5T_STD_U8LE, H5T_STD_U8BE, "uint8"};
  if constexpr (std::same_as<T, std::uint32_t>)
    return {H5T_NATIVE_UINT32, H5T_STD_U32LE, H5T_STD_U32BE, "uint32"};
  if constexpr (std::same_as<T, std::uint64_t>)
    return {H5T_NATIVE_UINT64, H5T_STD_U64LE, H5T_STD_U64BE, "uint64"};
  if constexpr (std::same_as<T, std::int64_t>)
    return {H5T_NATIVE_INT64, H5T_STD_I64LE, H5T_STD_I64BE, "int64"};
}

}  // namespace bdh::hdf5
