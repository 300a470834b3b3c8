#include "core/base/version.hpp"

namespace bdh {

const char* version() noexcept { return BDH_VERSION; }

std::string creator() { return std::string("bdh ") + version(); }

}  // namespace bdh
