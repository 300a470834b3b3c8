// How the program was built. CMake fills in the values: build_facts.cpp.in.
#pragma once

namespace bdh::app {

struct build_facts {
  const char* compiler;
  const char* build;      // its kind, and the compiler's flags
  const char* target;     // system and processor
  const char* libraries;  // with their versions
  const char* cuda;       // "no", or the toolkit's version
  const char* commit;     // empty: unknown
  const char* released;   // the day of this version, "2026-11-29"
};

extern const build_facts facts;

}  // namespace bdh::app
