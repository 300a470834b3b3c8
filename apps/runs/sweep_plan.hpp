// The plan of bdh sweep: the runs that it describes.
//
//     {"model": ["a.bdh.h5", "b.bdh.h5"],
//      "options": {"text-file": "text", "record": ["events", "x:0-9"]},       of every run
//      "grid": {"retention": [1, 0.99], "seed": [0, 1, 2]}}                   every combination
//
// or "list": [{"retention": 1, "seed": 0}, ...] in place of the grid. Names are those of the
// options of bdh run; a list as a value repeats the option, true is an option without a value.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bdh::app {

struct sweep_run {
  std::vector<std::string> values;     // of the varied options, as sweep.csv has them
  std::vector<std::string> arguments;  // of bdh run, without -o and --json
};

struct sweep_plan {
  std::vector<std::string> varied;  // names: "model", "retention", ...
  std::vector<sweep_run> runs;
  std::string text;  // of the file: a sweep goes on only with the same plan
};

// Relative file names stay as they are. Throws input_error with the place of what is wrong.
sweep_plan read_sweep_plan(const std::filesystem::path& file);

}  // namespace bdh::app
