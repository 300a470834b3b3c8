// The manual as pages for man(1), written from the command line's own description: bdh(1), and
// bdh-run(1) and its like for each command.
#pragma once

#include <string>
#include <vector>

#include "apps/common/command_line.hpp"

namespace bdh::app {

struct manual_page {
  std::string file;  // bdh-run.1
  std::string text;  // roff, with the macros of man(7)
};

std::vector<manual_page> manual(const command_description& program);

}  // namespace bdh::app
