// The parts of the extension module bdhsim._core, each of which adds its classes and functions.
#pragma once

#include <nanobind/nanobind.h>

namespace bdh::python {

void add_errors(nanobind::module_& m);         // the library's errors become those of bdhsim
void add_model(nanobind::module_& m);          // models, and what is selected in them
void add_generators(nanobind::module_& m);     // models that are drawn, gains that are found
void add_communities(nanobind::module_& m);    // of neurons, in a graph of a model
void add_activity(nanobind::module_& m);       // who was active over a text
void add_concepts(nanobind::module_& m);       // what separates two sets of texts
void add_state(nanobind::module_& m);          // saved states
void add_interventions(nanobind::module_& m);  // what is done to a running model
void add_simulator(nanobind::module_& m);      // simulators: tokens, values, probes, recordings
void add_spikes(nanobind::module_& m);         // activity that travels as spikes
void add_queries(nanobind::module_& m);        // what a history shows: why, changed synapses
void add_recordings(nanobind::module_& m);     // the folders of runs, to read
void add_ranks(nanobind::module_& m);          // several processes that run one model

}  // namespace bdh::python
