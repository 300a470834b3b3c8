#include "support/instruction_sets.hpp"

#include <iostream>
#include <string>

namespace tests {

std::vector<bdh::instruction_set> instruction_sets() {
  static const std::vector<bdh::instruction_set> usable = [] {
    std::vector<bdh::instruction_set> all;
    for (auto set :
         {bdh::instruction_set::plain, bdh::instruction_set::avx2, bdh::instruction_set::avx512}) {
      const std::string why = bdh::why_not(set);
      if (why.empty())
        all.push_back(set);
      else
        std::cout << "skipped: comparison with " << bdh::name(set) << ": " << why << std::endl;
    }
    return all;
  }();
  return usable;
}

}  // namespace tests
