// What a run leaves behind: a folder that is readable at any moment, also after a kill or a power
// failure.
//
//   run.json      what ran: format "bdh-run", format_version, creator, model (hash, source, sizes),
//   options, host, started,
//                 first_position, reports (file, request, layer, every), status ("running", then
//                 "complete", "interrupted" or "failed"), finished, tokens; while it runs, the
//                 folder is locked (flock)
//   tokens.csv    position,token,text,generated       one line per token
//   summary.csv   position,token,active_x_1..L,active_y_1..L (shares of the
//   neurons),synaptic_events,hebbian_writes,
//                 bytes_exchanged,surprisal_nats (empty where unknown),seconds
//   NAME.h5       the reports (io/recording/recording.hpp), and until the run is complete
//   NAME.h5.journal
//
// Every token reaches the operating system at once, journals before lines; so a kill loses nothing.
// Once a second and at the end everything is flushed and synced; then, last, the stop of
// mapping/time in each report is written. Rows behind it may be torn and are not for readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/model.hpp"
#include "core/simulation/step_report.hpp"
#include "io/recording/recording.hpp"

namespace bdh {

enum class run_status { complete, interrupted, failed };

// Every failed write throws device_error naming the file.
class run_directory {
 public:
  // Makes the folder, which must not exist or be empty (input_error). `position`: of the first
  // token to come.
  static run_directory create(const std::filesystem::path& folder, const model& m,
                              const nlohmann::json& options,
                              std::vector<report_description> reports = {},
                              std::uint64_t position = 0);
  // Goes on after the first `tokens` tokens of a run that did not end complete; later ones are
  // forgotten, each report is made again from its journal. Throws input_error for another model, a
  // complete run, a journal that is missing or has lost tokens before that. A folder of format
  // version 1 becomes one of version 2.
  static run_directory reopen(const std::filesystem::path& folder, const model& m,
                              std::uint64_t tokens);
  run_directory(run_directory&&) noexcept;
  run_directory& operator=(run_directory&&) noexcept;
  // Without finish: as after a kill, all is there up to the last token and the file still says
  // "running".
  ~run_directory();

  std::vector<report_description> reports() const;

  // The next token. The surprisal of the first one is left out: it rests on what was read before
  // the run. `text` is the token's own bytes. `rows`: one for each of reports(), not looked at
  // where none is due. Throws shape_error when they or the report do not fit.
  void append(const step_report& report, std::string_view text, bool generated,
              std::span<const report_row> rows);

  void commit();  // now, for a run that waits for its user, or before a checkpoint
  // Where a write fails, the status becomes "failed", if it can still be written.
  void finish(run_status status);

  std::uint64_t tokens() const noexcept;  // appended, and kept by reopen

 private:
  struct recording;
  explicit run_directory(std::unique_ptr<recording> r);
  std::unique_ptr<recording> recording_;
};

// What can be relied on in a run's folder: lines and rows up to the last commit that all of its
// files agree on.
struct run_record {
  nlohmann::json run;                // run.json
  std::vector<token_id> tokens;      // T
  std::vector<std::string> columns;  // of summary.csv
  std::vector<double> summary;       // T x columns; NaN where empty
  bool logits = false;               // there is a logits.h5 with a row for each token
};

// Throws input_error when run.json or a header is missing or not one of ours. Torn last lines are
// ignored.
run_record read_run(const std::filesystem::path& folder);
// The name of a report in run.json: a file in the run's folder, not a way out of it. Throws
// input_error.
std::string report_name(const nlohmann::json& report, const std::filesystem::path& description);
// run.json alone. The status of a run that says "running" while nobody writes into its folder is
// "interrupted".
nlohmann::json read_run_description(const std::filesystem::path& folder);
// Whether a run's folder is locked; true, too, where that cannot be found out.
bool is_being_written(const std::filesystem::path& folder);

// tokens.csv, whole lines.
struct token_history {
  std::vector<token_id> tokens;
  std::vector<bool> generated;
};
token_history read_token_history(const std::filesystem::path& folder);

// Makes a run's folder again at `target`, a new or empty folder: whole lines, reports rebuilt from
// their journals or, where they have none, copied. The run itself stays as it is.
struct repaired_run {
  std::uint64_t tokens = 0;
  std::vector<rebuilt> reports;
  std::vector<std::string> copied;  // names
  std::vector<std::string> lost;    // why: reports whose journals and files are both damaged
  std::uint64_t left_out = 0;       // tokens that journals have and the csv files do not
};
repaired_run repair_run(const std::filesystem::path& folder, const std::filesystem::path& target);

}  // namespace bdh
