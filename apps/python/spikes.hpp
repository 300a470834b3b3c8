// Spikes in Python: how activity travels, and what was sent.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/step_report.hpp>

#include "apps/python/brain.hpp"

namespace bdh::python {

// From what Simulator() was given, into the options of a brain; nothing where there is no "spikes".
// What does not fit is named as an argument of Python: spike_pair, not --spike-pair.
void set_spikes(const nanobind::dict& given, const model& m, brain_options& to);

// Counts by population, None where activity travelled as it was.
nanobind::object spike_counts_of(const step_report& report);
// The same of several tokens: arrays (tokens), and (tokens, layers).
nanobind::object spike_table_of(const std::vector<step_report>& reports, std::size_t layers);
nanobind::dict as_dict(kept_trains trains);

}  // namespace bdh::python
