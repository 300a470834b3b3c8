// Text within XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace bdh {

// As text of an element and as the value of an attribute: &, <, > and both quotes as references.
// Characters that XML cannot hold stay: control characters.
std::string xml_escaped(std::string_view text);

}  // namespace bdh
