// What all processes of a run agree on at the end of a token: counts added up, the first fault.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/simulation/engine.hpp"

namespace bdh {

class reduction {
 public:
  virtual ~reduction() = default;
  // Every process calls it once a token with what its own sites counted, and has the same result:
  // `counts` added up element by element, and of all faults the one of the lowest step; of several,
  // that of the lowest sites.
  virtual void reduce(std::span<std::uint64_t> counts, std::optional<fault>& first) = 0;
};

// All sites are in this process.
class single_process final : public reduction {
 public:
  void reduce(std::span<std::uint64_t>, std::optional<fault>&) override {}
};

}  // namespace bdh
