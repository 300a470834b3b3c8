// What tokens did, as columns of arrays and as objects.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <vector>

#include <bdh/step_report.hpp>

namespace bdh::python {

// A value for each token; counts of active neurons (tokens, layers).
nanobind::dict columns_of(const std::vector<step_report>& reports, std::size_t layers);
// Adds what each token taught; 0 where it taught nothing.
void add_learned(nanobind::dict& to, const std::vector<step_report>& reports);

void add_report(nanobind::module_& m);  // the class StepReport

}  // namespace bdh::python
