// Commands for the packagers and the shells, not for people: in no help.
#pragma once

#include <string>
#include <vector>

#include "apps/common/command_line.hpp"

namespace bdh::app {

// bdh complete WORDS...: prints what could stand where the last word is. The words are not read as
// options of this command.
int complete_words(const command_line& program, const std::vector<std::string>& words);

}  // namespace bdh::app
