// A run's folder (io/recording/run_writer.hpp), to look into. Nothing in it is changed, and a run
// that still goes on can be looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/model.hpp"
#include "io/recording/recording_reader.hpp"

namespace bdh {

struct listed_report {
  std::string file, request;
  layer_id layer = 0;  // 0: of no layer
  std::uint64_t every = 1;
};

struct recorded_run {
  std::filesystem::path folder;
  nlohmann::json run;  // run.json
  std::uint64_t first = 0;
  layer_id layers = 0;
  neuron_id neurons = 0, hubs = 0;
  std::vector<listed_report> reports;
  std::vector<token_id> tokens;    // of position `first` on
  std::vector<std::string> texts;  // of each token, fit for one line: escaped as in tokens.csv;
                                   // empty where tokens are no text

  std::uint64_t end() const noexcept { return first + tokens.size(); }
  std::string status() const;

  // Throws input_error when it cannot be read, or does not fit the run; with a way out where there
  // is one.
  report_reader open(const listed_report& report) const;
};

// Throws input_error when run.json or tokens.csv is missing or not one of ours. A torn last line is
// ignored.
recorded_run open_run(const std::filesystem::path& folder);

// The model of a run, from where it was then. Nothing, and why, when it is not there or has become
// another one.
struct found_model {
  std::optional<model> subject;
  std::string missing;  // "PATH is not there"
};
found_model find_model(const recorded_run& run);

}  // namespace bdh
