// The check of an untrusted file before libhdf5, whose 1.10 reads and frees wild memory on hostile
// structures, opens it: a checksum header (io/files/checksum_header.hpp) can be forged. Every byte
// by which the library finds its way through the file is checked here first.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace bdh::hdf5 {

// Throws input_error unless `image` is HDF5 as our writer makes it behind a user block of 512
// bytes, and nothing else: groups in symbol tables, with hard links only and each object linked
// once; integers, IEEE floats and strings of fixed length, in attributes and in contiguous
// datasets. Every part lies in the file, no two overlap, and all sizes agree. Values are not looked
// at. `shown` is the file in messages.
void validate(std::span<const std::byte> image, const std::string& shown);

}  // namespace bdh::hdf5
