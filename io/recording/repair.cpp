#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include <bdh/error.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/errno_error.hpp"
#include "io/recording/run_json_detail.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh {
namespace {

// Calls `line` for each whole line, with its end.
template <class Line>
void for_each_whole_line(const std::filesystem::path& file, Line line) {
  std::ifstream from(file, std::ios::binary);
  if (!from) throw input_error(file.string(), "cannot be read", "a file of a run");
  for (std::string text; std::getline(from, text) && !from.eof();) line(text += '\n');
}

std::uint64_t whole_lines(const std::filesystem::path& file) {
  std::uint64_t lines = 0;
  for_each_whole_line(file, [&](const std::string&) { ++lines; });
  if (lines == 0) throw input_error(file.string(), "no header", "a file of a run");
  return lines - 1;
}

void copy_lines(const std::filesystem::path& from, const std::filesystem::path& to,
                std::uint64_t lines) {
  csv_file copy(to);
  std::uint64_t copied = 0;
  for_each_whole_line(from, [&](const std::string& line) {
    if (copied++ <= lines) copy.write(line);
  });
  copy.close();
}

}  // namespace

repaired_run repair_run(const std::filesystem::path& folder, const std::filesystem::path& target) {
  expect_free_folder(target);
  const std::filesystem::path description = folder / "run.json";
  nlohmann::json run = read_run_json(folder);
  repaired_run made;
  made.tokens = std::min(whole_lines(folder / "tokens.csv"), whole_lines(folder / "summary.csv"));
  try {
    const std::uint64_t until = run.at("first_position").get<std::uint64_t>() + made.tokens;
    claim_folder(target);
    for (const char* lines : {"tokens.csv", "summary.csv"})
      copy_lines(folder / lines, target / lines, made.tokens);
    for (const nlohmann::json& r : run.at("reports")) {
      const std::string name = recording_name(r, description);
      std::string why;
      if (std::error_code ignored; std::filesystem::exists(journal_of(folder / name), ignored))
        try {
          made.recordings.push_back(rebuild(journal_of(folder / name), target / name, until));
          made.left_out = std::max(made.left_out, made.recordings.back().rows_behind *
                                                      made.recordings.back().what.every);
          continue;
        } catch (const input_error& e) {  // the file itself may be whole
          why = e.what();
        }
      try {
        committed_until(folder / name);  // it can be opened
      } catch (const input_error& e) {
        made.lost.push_back(why.empty() ? e.what() : why);
        continue;
      }
      std::error_code failed;
      std::filesystem::copy_file(folder / name, target / name, failed);
      if (failed) throw_errno(target / name, failed.value());
      made.copied.push_back(name);
    }
    if (run.at("status") == name(run_status::running))
      run["status"] = name(run_status::interrupted);
  } catch (const nlohmann::json::exception&) {
    throw input_error(description.string(), "a part is missing", "the description of a run");
  }
  run["tokens"] = made.tokens;
  write_run_json(target, run);
  return made;
}

}  // namespace bdh
