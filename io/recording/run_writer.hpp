// What a run leaves behind: a folder that is readable at any moment, also after a kill or a power
// failure.
//
//   run.json      what ran: format "bdh-run", format_version, creator, model (hash, source, sizes),
//                 options, host, started, first_position, reports (file, request, layer, every),
//                 status ("running", then "complete", "interrupted" or "failed"), finished, tokens;
//                 while it runs, the folder is locked (flock)
//   tokens.csv    position,token,text,generated, one line per token
//   summary.csv   position,token,active_x_1..L,active_y_1..L (shares of the neurons),
//                 synaptic_events,hebbian_writes,bytes_exchanged,
//                 surprisal_nats (empty where unknown),seconds; of a run that learns also
//                 error,rows_changed,weight_change (empty where nothing was learned); of spikes
//                 also
//                 spikes_x,spikes_y,spikes_w,spikes_a,coincidences,clipped,
//                 spiking_x_1..L,spiking_y_1..L (shares of the neurons)
//   NAME.h5       the recordings (io/recording/recording.hpp), and until the run is complete
//                 NAME.h5.journal
//
// Format version 2; in version 1, summary.csv has the surprisal of a token one line earlier, as
// loss_nats.
//
// Every token reaches the operating system at once, journals before lines; so a kill loses nothing.
// Once a second and at the end everything is flushed and synced; then, last, the stop of
// mapping/time in each recording is written. Rows behind it may be torn and are not for readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/step_report.hpp>

#include "io/recording/recording.hpp"
#include "io/recording/run_status.hpp"

namespace bdh {

// Every failed write throws device_error naming the file.
class run_writer {
 public:
  // Makes the folder, which must not exist or be empty (input_error). `options`: of the run, a
  // JSON object. `position`: of the first token to come.
  static run_writer create(const std::filesystem::path& folder, const model& m,
                           const std::string& options,
                           std::vector<recording_description> recordings = {},
                           std::uint64_t position = 0);
  // Goes on after the first `tokens` tokens of a run that did not end complete; later ones are
  // forgotten, each recording is made again from its journal. Throws input_error for another model,
  // a complete run, a journal that is missing or has lost tokens before that. A folder of format
  // version 1 becomes one of version 2.
  static run_writer reopen(const std::filesystem::path& folder, const model& m,
                           std::uint64_t tokens);
  run_writer(run_writer&&) noexcept;
  run_writer& operator=(run_writer&&) noexcept;
  // Without finish: as after a kill, all is there up to the last token and the file still says
  // "running".
  ~run_writer();

  std::vector<recording_description> recordings() const;

  // The next token. The surprisal of the first one is left out: it rests on what was read before
  // the run. `text` is the token's own bytes. `rows`: one for each of
  // recordings(), not looked at where none is due. Throws shape_error when they or the report do
  // not fit.
  void append(const step_report& report, std::string_view text, bool generated,
              std::span<const recording_row> rows);

  void commit();  // now, for a run that waits for its user, or before a checkpoint
  // Where a write fails, the status becomes "failed", if it can still be written.
  void finish(run_status status);

  std::uint64_t tokens() const noexcept;  // appended, and kept by reopen

 private:
  struct impl;
  explicit run_writer(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

// Makes a run's folder again at `target`, a new or empty folder: whole lines, recordings rebuilt
// from their journals or, where they have none, copied. The run itself stays as it is.
struct repaired_run {
  std::uint64_t tokens = 0;
  std::vector<rebuilt> recordings;
  std::vector<std::string> copied;  // names
  std::vector<std::string> lost;    // why: recordings whose journals and files are both damaged
  std::uint64_t left_out = 0;       // tokens that journals have and the csv files do not
};
repaired_run repair_run(const std::filesystem::path& folder, const std::filesystem::path& target);

}  // namespace bdh
