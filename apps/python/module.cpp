#include "apps/python/module.hpp"

#include <nanobind/stl/string.h>

#include "core/base/instruction_set.hpp"
#include "core/base/version.hpp"
#include "graph/structure/optional_igraph.hpp"
#include "io/mpi/mpi_ranks.hpp"

namespace {

nanobind::dict build_info() {
  nanobind::dict d;
  d["version"] = bdh::version();
#ifdef __clang__
  d["compiler"] = "Clang " __clang_version__;
#else
  d["compiler"] = "GNU " __VERSION__;
#endif
  d["instructions"] = bdh::name(bdh::usable(bdh::instruction_set::best));
  d["igraph"] = bdh::has_igraph();
  d["sentencepiece"] = BDH_WITH_SENTENCEPIECE != 0;
  d["cuda"] = BDH_WITH_CUDA != 0;
  d["mpi"] = bdh::mpi_version();
  return d;
}

}  // namespace

NB_MODULE(_core, m) {
  using namespace bdh::python;
  m.attr("version") = bdh::version();
  m.def("build_info", build_info);
  add_errors(m);
  add_model(m);
  add_generators(m);
  add_communities(m);
  add_activity(m);
  add_concepts(m);
  add_state(m);
  add_interventions(m);
  add_simulator(m);
  add_spikes(m);
  add_queries(m);
  add_recordings(m);
  add_ranks(m);
}
