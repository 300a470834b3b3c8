#include "apps/machine/reference_models.hpp"

#include <algorithm>

namespace bdh::app {

std::vector<std::filesystem::path> reference_models() {
  std::error_code failed;  // whatever it is: there are none
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::vector<std::filesystem::path> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(program.parent_path() / BDH_MODELS_FROM_PROGRAM, failed))
    if (auto file = entry.path() / "model.safetensors"; std::filesystem::exists(file, failed))
      found.push_back(file.lexically_normal());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace bdh::app
