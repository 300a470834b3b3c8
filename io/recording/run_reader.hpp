// A run's folder (io/recording/run_writer.hpp), to read. Nothing in it is changed, and a run that
// still goes on can be read. Folders of format version 1 look like those of version 2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

#include "io/recording/recording_reader.hpp"
#include "io/recording/run_status.hpp"

namespace bdh {

struct listed_recording {
  std::string file, request;
  layer_id layer = 0;  // 0: of no layer
  std::uint64_t every = 1;
};

// summary.csv, of the tokens that all files of a run have.
struct summary_table {
  std::string file;                          // its name in messages
  std::vector<std::string> names;            // of the columns
  std::vector<std::vector<double>> columns;  // [column][row]; NaN where empty
  std::uint64_t rows = 0;

  // Throws input_error where there is none of this name.
  const std::vector<double>& column(std::string_view name) const;
};

struct run_reader {
  // Reads run.json and tokens.csv. Throws input_error when one of them is missing or not one of
  // ours. A torn last line is ignored.
  explicit run_reader(std::filesystem::path folder);

  std::filesystem::path folder;

  // run.json. What may be missing is empty then.
  run_status status = run_status::unknown;  // a run that was killed is interrupted
  std::uint64_t first = 0;                  // position of the first token
  std::string model_sha256;                 // of the model's content
  layer_id layers = 0;
  neuron_id neurons = 0, hubs = 0;
  std::uint32_t summation = 1;  // law of summation (bdh/state.hpp); 1 where run.json has none
  std::map<std::string, std::string> options;  // of the run, each value as JSON
  std::vector<listed_recording> trains;        // of spikes (io/recording/spike_trains.hpp)
  std::vector<listed_recording> recordings;
  std::string creator, started, host;
  std::string json;  // all of it, on one line, with `status` as above

  // tokens.csv, from position `first` on.
  std::vector<token_id> tokens;
  std::vector<std::string> texts;  // of each token, fit for one line: escaped as in tokens.csv;
                                   // empty where tokens are no text
  std::vector<bool> generated;

  std::uint64_t end() const noexcept { return first + tokens.size(); }

  // Throws input_error when it cannot be read, or does not fit the run; with a way out where there
  // is one.
  recording_reader open(const listed_recording& recording) const;

  // Lines and rows up to the last commit that all files of the run agree on. Throws input_error
  // when one is missing, and when a complete run has lost some.
  summary_table summary() const;
};

// Whether a run's folder is locked; true, too, where that cannot be found out.
bool is_being_written(const std::filesystem::path& folder);

// The model of a run, from where it was then. Nothing, and why, when it is not there or has become
// another one.
struct found_model {
  std::optional<model> subject;
  std::string missing;  // "PATH is not there"
};
found_model find_model(const run_reader& run);

}  // namespace bdh
