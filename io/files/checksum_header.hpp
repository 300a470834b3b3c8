// The checksum header of a model or state file: its first 512 bytes, which HDF5 leaves to programs
// (the user block), hold the SHA-256 and the length of everything behind them. It is checked before
// HDF5 sees a byte, so a damaged file never reaches the library, and no changed weight is ever
// taken for a good one; of a large model only the length, unless a full check is wanted. Other
// programs open such a file as any HDF5 file. A header can be forged: hostile structures behind one
// are stopped by io/hdf5/validate.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace bdh {

enum class checksummed { model, state };

inline constexpr std::size_t checksum_header_bytes = 512;

// Writes the header of a finished, closed file whose first checksum_header_bytes bytes are free.
// Throws device_error.
void write_checksum_header(const std::filesystem::path& file, checksummed what);

// Throws input_error when the file is no such file, was changed or cut after its header was
// written, or cannot be read. Of a file with more bytes than `largest_read` only the length is
// compared.
void verify_checksum_header(const std::filesystem::path& file, checksummed what,
                            std::uint64_t largest_read = ~std::uint64_t{0});

// By the first bytes of a file, what it holds; nothing for any other file.
std::optional<checksummed> checksummed_as(std::string_view first_bytes) noexcept;

}  // namespace bdh
