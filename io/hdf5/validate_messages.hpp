// The messages of HDF5's object headers, as io/hdf5/validate.cpp accepts them. Section numbers are
// those of the HDF5 File Format Specification, version 3.0 (2.0 has the same). Internal to it.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/files/byte_cursor.hpp"

namespace bdh::hdf5 {

inline constexpr const char* ours = "HDF5 as bdh writes it";

struct storage {
  std::uint64_t address, bytes;
};

// All of these throw input_error for a message that bdh does not write.

// Text up to its NUL, without characters that mean something else in a path or a terminal.
std::string_view link_name(byte_cursor c);
std::uint64_t element_count(byte_cursor c);  // IV.A.2.b, extents, version 1
std::uint64_t element_size(byte_cursor c);   // IV.A.2.d, type, version 1: bytes
void expect_attribute(byte_cursor c);        // IV.A.2.m, version 1
storage contiguous_storage(byte_cursor c);   // IV.A.2.i, layout, version 3
void expect_no_fill_value(byte_cursor c);    // IV.A.2.f, version 2

}  // namespace bdh::hdf5
