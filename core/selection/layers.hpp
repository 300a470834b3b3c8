// Layers as users write them, without a model.
#pragma once

#include <string_view>
#include <vector>

#include <bdh/ids.hpp>

namespace bdh {

// "1-3,5", within 1 to `count`; ascending, each once. Throws input_error with what is valid.
std::vector<layer_id> layers_within(layer_id count, std::string_view text);

}  // namespace bdh
