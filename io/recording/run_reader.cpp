#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "io/files/json.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh {
namespace {

constexpr std::uintmax_t largest_text = std::uintmax_t{1}
                                        << 30;  // bytes of a file that is read whole

std::string read_text(const std::filesystem::path& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  if (failed)
    throw input_error(file.string(), "cannot be read: " + failed.message(), "a file of a run");
  if (size > largest_text)
    throw input_error(file.string(), std::to_string(size) + " bytes",
                      "at most " + std::to_string(largest_text));
  std::ifstream stream(file, std::ios::binary);
  std::string text(size, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(size));
  if (!stream.eof() && !stream)
    throw input_error(file.string(), "cannot be read", "a file of a run");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// Calls `line` for each whole line and stops where it says false; what follows the last line end
// was torn.
template <class Line>
void for_each_line(std::string_view text, Line line) {
  for (std::size_t end; (end = text.find('\n')) != std::string_view::npos;
       text.remove_prefix(end + 1))
    if (!line(text.substr(0, end))) return;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t end; (end = line.find(',')) != std::string_view::npos;
       line.remove_prefix(end + 1))
    fields.push_back(line.substr(0, end));
  fields.push_back(line);
  return fields;
}

template <class T>
bool parse(std::string_view text, T& to) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), to);
  return failed == std::errc() && end == text.data() + text.size();
}

token_history read_tokens(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  token_history all;
  bool first = true;
  for_each_line(text, [&](std::string_view line) {
    if (std::exchange(first, false)) {
      if (line != "position,token,text,generated")
        throw input_error(file.string() + ":1", "another header", "position,token,text,generated");
      return true;
    }
    // The text may hold commas; position and token come before it.
    const std::size_t comma = line.find(','), next = line.find(',', comma + 1);
    token_id token = 0;
    if (comma == line.npos || next == line.npos ||
        !parse(line.substr(comma + 1, next - comma - 1), token))
      return false;
    all.tokens.push_back(token);
    all.generated.push_back(line.ends_with(",1"));
    return true;
  });
  return all;
}

// Format version 1 has, one line before, the loss of predicting the next token.
void upgrade_summary(run_record& r) {
  const auto loss = std::find(r.columns.begin(), r.columns.end(), "loss_nats");
  if (loss == r.columns.end()) return;
  *loss = "surprisal_nats";
  const auto at = static_cast<std::size_t>(loss - r.columns.begin());
  double before = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t k = at; k < r.summary.size(); k += r.columns.size())
    std::swap(r.summary[k], before);
}

void read_summary(const std::filesystem::path& file, run_record& to) {
  const std::string text = read_text(file);
  for_each_line(text, [&](std::string_view line) {
    const auto fields = split(line);
    if (to.columns.empty()) {
      to.columns.assign(fields.begin(), fields.end());
      if (fields.size() < 7 || fields[0] != "position" || fields[1] != "token")
        throw input_error(file.string() + ":1", "another header", "position,token,...");
      return true;
    }
    if (fields.size() != to.columns.size()) return false;
    std::vector<double> row(fields.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < row.size(); ++i)
      if (!fields[i].empty() && !parse(fields[i], row[i])) return false;
    to.summary.insert(to.summary.end(), row.begin(), row.end());
    return true;
  });
  if (to.columns.empty()) throw input_error(file.string(), "no header", "position,token,...");
  upgrade_summary(to);
}

std::uint64_t vouched_until(const std::filesystem::path& report) {
  try {
    return committed_until(report);
  } catch (const input_error& e) {
    std::error_code ignored;
    if (!std::filesystem::exists(journal_of(report), ignored)) throw;
    throw input_error(e.place(), e.found(), e.expected(), "bdh repair makes it again");
  }
}

}  // namespace

// A file's name in a run's folder; not a way out of it.
std::string report_name(const nlohmann::json& report, const std::filesystem::path& description) {
  const std::string name = report.at("file");
  if (name.empty() || std::filesystem::path(name).filename() != name)
    throw input_error(description.string(), "report '" + name + "'", "the name of a file");
  return name;
}

nlohmann::json read_run_description(const std::filesystem::path& folder) {
  const std::filesystem::path description = folder / "run.json";
  if (!std::filesystem::exists(description) && std::filesystem::exists(folder / "streams.json"))
    throw input_error(folder.string(), "a folder of several streams", "a run",
                      "each stream is one: " + (folder / "stream-0000").string());
  nlohmann::json run;
  try {
    run = parse_json(read_text(description), {.depth = 32});
  } catch (const json_error& e) {
    if (e.fault() == json_fault::depth)
      throw input_error(description.string(), "nested deeper than 32 levels",
                        "the description of a run");
  }
  if (!run.is_object() || run.value("format", nlohmann::json()) != "bdh-run")
    throw input_error(description.string(), "not the description of a run",
                      "a folder made by bdh run");
  if (const auto version = run.value("format_version", nlohmann::json());
      version != 1 && version != 2)
    throw unavailable_error(description.string(), "another format_version", "1 or 2",
                            "a newer bdh may read it");
  if (run.value("status", nlohmann::json()) == "running" && !is_being_written(folder))
    run["status"] = "interrupted";
  return run;
}

token_history read_token_history(const std::filesystem::path& folder) {
  return read_tokens(folder / "tokens.csv");
}

run_record read_run(const std::filesystem::path& folder) {
  run_record r;
  r.run = read_run_description(folder);
  r.tokens = read_tokens(folder / "tokens.csv").tokens;
  read_summary(folder / "summary.csv", r);
  // A run that is over has told how many tokens it has; one that still goes on may end in the
  // middle of a line.
  if (r.run.value("status", nlohmann::json()) == "complete" &&
      r.run.value("tokens", nlohmann::json()).is_number_unsigned()) {
    const std::uint64_t all = r.run["tokens"];
    const auto expect_all = [&](const char* file, std::uint64_t found) {
      if (found < all)
        throw input_error((folder / file).string(), std::to_string(found) + " tokens",
                          std::to_string(all) + ", as run.json tells of a complete run");
    };
    expect_all("tokens.csv", r.tokens.size());
    expect_all("summary.csv", r.summary.size() / r.columns.size());
  }
  std::uint64_t rows =
      std::min<std::uint64_t>(r.tokens.size(), r.summary.size() / r.columns.size());
  try {
    const std::uint64_t first = r.run.at("first_position");
    for (const nlohmann::json& part : r.run.at("reports")) {
      const std::string file = report_name(part, folder / "run.json");
      const std::uint64_t until = vouched_until(folder / file);
      rows = std::min(rows, until < first ? 0 : until - first);
      r.logits = r.logits || file == "logits.h5";
    }
  } catch (const nlohmann::json::exception&) {
    throw input_error((folder / "run.json").string(), "a part is missing",
                      "the description of a run");
  }
  r.tokens.resize(rows);
  r.summary.resize(rows * r.columns.size());
  return r;
}

}  // namespace bdh
