// Model files that lie in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <bdh/model.hpp>

namespace bdh {

// Reads the image of a model file without comparing its checksum, which the fuzzer would never get
// right.
model load_model_image(std::span<const std::byte> image, const std::string& shown);

}  // namespace bdh
