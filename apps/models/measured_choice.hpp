// The families of bdh new that are drawn after measurements: their options, and the recipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/options.hpp"
#include "core/model/random_model.hpp"

namespace bdh::app {

struct measured_choice {
  std::optional<std::string> degrees, positions, populations, probabilities;
  std::string kernel;
  std::optional<double> length, probability;

  void add_to(command_line& command);
  static bool is_family(const std::string& family);
  // Throws usage_error where files and options are not those of the family.
  void check(const std::string& family) const;
  // Reads the files into `to`: the graph, signs and names. Remarks: what should be known.
  void read(const std::string& family, random_model_recipe& to,
            std::vector<std::string>& remarks) const;
};

}  // namespace bdh::app
