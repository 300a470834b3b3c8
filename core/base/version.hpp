// Which version of bdh this is. CMakeLists.txt is where it is set.
#pragma once

#include <string>

namespace bdh {

const char* version() noexcept;  // "1.2.3"
std::string creator();           // "bdh 1.2.3", as files name the program that made them

}  // namespace bdh
