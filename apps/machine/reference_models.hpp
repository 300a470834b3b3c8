// The trained models that come with the program.
#pragma once

#include <filesystem>
#include <vector>

namespace bdh::app {

// Checkpoints NAME/model.safetensors in the program's share folder, by name; none where it is not
// there.
std::vector<std::filesystem::path> reference_models();

}  // namespace bdh::app
