// Names between double quotes, in what users write to choose neurons and synapses
// (bdh/selection.hpp).
#pragma once

#include <cstddef>
#include <string_view>

namespace bdh {

// Where `what` comes first in `text` outside of such names; npos: nowhere. A quote opens where a
// name may begin, and only if it is closed: names may hold quotes of their own.
std::size_t find_unquoted(std::string_view text, std::string_view what) noexcept;

}  // namespace bdh
