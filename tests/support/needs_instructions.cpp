// needs_instructions SET COMMAND [ARGUMENT...]: becomes the command where the instruction set can
// be used; otherwise prints the reason and ends with 77, skipped. For programs that are compiled
// for the set as a whole: even what they do before main() may need it.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "core/base/instruction_set.hpp"

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "needs_instructions: found too little, expected SET COMMAND [ARGUMENT...]\n";
    return 2;
  }
  if (const std::string why = bdh::why_not(bdh::instruction_set_named(argv[1])); !why.empty()) {
    std::cout << "skipped: a program compiled for " << argv[1] << ": " << why << '\n';
    return 77;
  }
  ::execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
