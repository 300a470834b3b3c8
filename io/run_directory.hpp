// What a run leaves behind: a folder that is readable at any moment, also after a kill or a power failure.
//
//   run.json      what ran: format "bdh-run", format_version, creator, model (hash, source, sizes), options, host, started,
//                 status ("running", then "complete", "interrupted" or "failed"), finished, tokens
//   tokens.csv    position,token,text,generated       one line per token
//   summary.csv   position,token,active_x_1..L,active_y_1..L (shares of the neurons),synaptic_events,hebbian_writes,
//                 bytes_exchanged,loss_nats (empty where unknown),seconds
//   logits.h5     where asked for: /tokens u32 (T), /logits f32 (T x V), /mapping/time f64 {0, T, 1} in "ms" (one token = 1 ms)
//
// Once a second, every 256 tokens and at the end everything is flushed and synced; then, last, the T of mapping/time is. Rows
// behind it may be torn and are not for readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.hpp"
#include "core/token_report.hpp"

namespace bdh {

enum class run_status { complete, interrupted, failed };

// Every failed write throws device_error naming the file.
class run_directory {
 public:
  // Creates the folder, which must not exist or be empty (input_error).
  run_directory(const std::filesystem::path& folder, const model& m, const nlohmann::json& options, bool record_logits);
  run_directory(run_directory&&) noexcept;
  run_directory& operator=(run_directory&&) noexcept;
  // Without finish: as after a kill, all up to the last commit is there and the status is still "running".
  ~run_directory();

  // The next token. report.loss is that of predicting its successor, where known. `text` is the token's own bytes.
  // `logits` (V) are not looked at where they are not recorded. Throws shape_error when they or the report do not fit the model.
  void append(const token_report& report, std::string_view text, bool generated, std::span<const float> logits);

  void commit();  // now, for a run that waits for its user
  void finish(run_status status);

  std::uint64_t tokens() const noexcept;  // appended

 private:
  struct recording;
  std::unique_ptr<recording> recording_;
};

// What can be relied on in a run's folder: lines and rows up to the last commit that all of its files agree on.
struct run_record {
  nlohmann::json run;                // run.json
  std::vector<token_id> tokens;      // T
  std::vector<std::string> columns;  // of summary.csv
  std::vector<double> summary;       // T x columns; NaN where empty
  bool logits = false;               // there is a logits.h5, with T rows at least
};

// Throws input_error when run.json or a header is missing or not one of ours. Torn last lines are ignored.
run_record read_run(const std::filesystem::path& folder);

}  // namespace bdh
