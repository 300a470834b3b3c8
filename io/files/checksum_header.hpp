// The seal of a model or state file: its first 512 bytes, which HDF5 leaves to us (the user block),
// hold the SHA-256 and the length of everything behind them. It is checked before HDF5 sees a byte,
// so a damaged file never reaches the library, and no changed weight is ever taken for a good one;
// of a large model only the length, unless somebody asks. Other programs open a sealed file as any
// HDF5 file. Anybody can make a seal: what a file is made to do to the library is stopped by
// io/hdf5_screen.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace bdh {

enum class sealed { model, state };

inline constexpr std::size_t seal_bytes = 512;

// Seals a finished, closed file whose first seal_bytes bytes are free. Throws device_error.
void seal(const std::filesystem::path& file, sealed what);

// Throws input_error when the file is no such file, was changed or cut after it was sealed, or
// cannot be read. Of a file with more bytes than `largest_read` only the length is compared.
void check_seal(const std::filesystem::path& file, sealed what,
                std::uint64_t largest_read = ~std::uint64_t{0});

// What the first bytes of a file say that it is; nothing for any other file.
std::optional<sealed> sealed_as(std::string_view first_bytes) noexcept;

}  // namespace bdh
