#include "apps/help/about.hpp"

#include <fmt/format.h>

#include <string_view>

#include <bdh/error.hpp>

#include "apps/help/build_facts.hpp"
#include "core/base/instruction_set.hpp"
#include "core/base/version.hpp"
#include "io/mpi/mpi_ranks.hpp"

namespace bdh::app {
namespace {

#if defined(__x86_64__)
constexpr const char* compiled_sets = "plain, avx2, avx512";
#else
constexpr const char* compiled_sets = "plain";
#endif

constexpr const char* citation = R"(Please cite the program and the paper whose model it runs.

The bdh authors ({year}). bdh: the Dragon Hatchling as a graph of neurons (version {version}).

A. Kosowski, P. Uznański, J. Chorowski, Z. Stamirowska, M. Bartoszkiewicz (2025). The Dragon Hatchling: The Missing Link between the
Transformer and Models of the Brain. arXiv preprint 2509.26507. https://doi.org/10.48550/arXiv.2509.26507

@software{{bdh,
  author = {{{{The bdh authors}}}},
  title = {{{{bdh: the Dragon Hatchling as a graph of neurons}}}},
  version = {{{version}}},
  year = {{{year}}}
}}

@misc{{kosowski2025dragon,
  author = {{Kosowski, Adrian and Uzna{{\'n}}ski, Przemys{{\l}}aw and Chorowski, Jan and Stamirowska, Zuzanna and Bartoszkiewicz, Micha{{\l}}}},
  title = {{{{The Dragon Hatchling}}: The Missing Link between the {{Transformer}} and Models of the Brain}},
  year = {{2025}},
  eprint = {{2509.26507}},
  archivePrefix = {{arXiv}},
  doi = {{10.48550/arXiv.2509.26507}}
}})";

// The version is printed in any environment.
std::string best_set() {
  try {
    return name(usable(instruction_set::best));
  } catch (const error& e) {
    return e.what();
  }
}

}  // namespace

std::string version_text() {
  std::string text = creator();
  const auto add = [&text](std::string_view what, std::string_view fact) {
    text += fmt::format("\n{:<14}{}", what, fact);
  };
  add("compiler", facts.compiler);
  add("build", facts.build);
  add("target", facts.target);
  add("instructions", fmt::format("{}; best here: {}", compiled_sets, best_set()));
  add("built with", facts.libraries);
  add("CUDA", facts.cuda);
  add("MPI", mpi_version().empty() ? "no" : mpi_version());
  if (*facts.commit) add("commit", facts.commit);
  return text;
}

std::string citation_text() {
  return fmt::format(fmt::runtime(citation),
                     fmt::arg("year", std::string_view(facts.released).substr(0, 4)),
                     fmt::arg("version", version()));
}

}  // namespace bdh::app
