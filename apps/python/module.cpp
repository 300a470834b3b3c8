#include "apps/python/module.hpp"

#include "core/base/version.hpp"

NB_MODULE(_core, m) {
  using namespace bdh::python;
  m.attr("version") = bdh::version();
  add_errors(m);
  add_model(m);
  add_generators(m);
  add_activity(m);
  add_state(m);
  add_interventions(m);
  add_simulator(m);
  add_queries(m);
  add_recordings(m);
}
