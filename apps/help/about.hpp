// What the program prints about itself: how it was built, and how to cite it.
#pragma once

#include <string>

namespace bdh::app {

std::string version_text();   // lines; the first is "bdh 1.2.3"
std::string citation_text();  // of the program and of the paper, as references and as BibTeX

}  // namespace bdh::app
