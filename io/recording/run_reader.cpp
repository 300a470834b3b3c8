#include "io/recording/run_reader.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/files/whole_file.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"
#include "io/recording/run_json_detail.hpp"

namespace bdh {
namespace {

constexpr const char* token_header = "position,token,text,generated";
constexpr double no_value = std::numeric_limits<double>::quiet_NaN();
constexpr std::uintmax_t largest_json = std::uintmax_t{1} << 30;  // bytes
constexpr std::uint64_t most_tokens = std::uint64_t{1} << 30;
constexpr std::uint32_t most_layers = 1u << 20;

// Calls use(line) for each whole line and stops where it returns false; what follows the last line
// end was torn.
template <class Use>
void for_each_line(const std::filesystem::path& file, Use use) {
  std::ifstream from(file, std::ios::binary);
  if (!from) throw input_error(file.string(), "cannot be read", "a file of a run");
  std::string line;
  while (std::getline(from, line) && !from.eof())
    if (!use(std::string_view(line))) return;
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

// ---- tokens.csv

// `field` as csv_field wrote it, without its quotes.
std::string unquoted(std::string_view field) {
  std::string text;
  if (field.size() < 2) return text;
  field = field.substr(1, field.size() - 2);
  for (std::size_t k = 0; k < field.size(); ++k) {
    text += field[k];
    if (field[k] == '"' && k + 1 < field.size() && field[k + 1] == '"') ++k;
  }
  return text;
}

// position,token,"text",generated: the text may hold commas, the others do not.
bool add_token(std::string_view line, run_reader& to) {
  const std::size_t comma = line.find(','), next = line.find(',', comma + 1),
                    last = line.rfind(',');
  if (comma == line.npos || next == line.npos || last <= next) return false;
  token_id token = 0;
  if (!parse(line.substr(comma + 1, next - comma - 1), token)) return false;
  to.tokens.push_back(token);
  to.texts.push_back(unquoted(line.substr(next + 1, last - next - 1)));
  to.generated.push_back(line.substr(last + 1) == "1");
  return true;
}

void read_tokens(run_reader& to) {
  const std::filesystem::path file = to.folder / "tokens.csv";
  bool header = false;
  for_each_line(file, [&](std::string_view line) {
    if (header) return to.tokens.size() < most_tokens && add_token(line, to);
    header = line == token_header;
    return header;
  });
  if (!header) throw input_error(file.string() + ":1", "another header", token_header);
}

// ---- summary.csv

// Format version 1 has the loss of predicting the next token: its surprisal, one line before.
void upgrade(summary_table& s) {
  const auto loss = std::find(s.names.begin(), s.names.end(), "loss_nats");
  if (loss == s.names.end()) return;
  *loss = "surprisal_nats";
  auto& values = s.columns[static_cast<std::size_t>(loss - s.names.begin())];
  if (values.empty()) return;
  values.insert(values.begin(), no_value);
  values.pop_back();
}

summary_table read_summary(const std::filesystem::path& file) {
  summary_table s;
  s.file = file.string();
  std::vector<double> row;
  for_each_line(file, [&](std::string_view line) {
    const auto fields = split(line);
    if (s.names.empty()) {
      s.names.assign(fields.begin(), fields.end());
      s.columns.resize(fields.size());
      if (fields.size() < 7 || fields[0] != "position" || fields[1] != "token")
        throw input_error(s.file + ":1", "another header", "position,token,...");
      return true;
    }
    if (fields.size() != s.names.size()) return false;
    row.assign(fields.size(), no_value);
    for (std::size_t c = 0; c < row.size(); ++c)
      if (!fields[c].empty() && !parse(fields[c], row[c])) return false;
    for (std::size_t c = 0; c < row.size(); ++c) s.columns[c].push_back(row[c]);
    return ++s.rows < most_tokens;
  });
  if (s.names.empty()) throw input_error(s.file, "no header", "position,token,...");
  upgrade(s);
  return s;
}

// ---- run.json

std::string text_of(const nlohmann::json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string dumped(const nlohmann::json& value) { return json_text(value); }

void read_description(run_reader& to) {
  const nlohmann::json run = read_run_json(to.folder);
  const std::filesystem::path place = to.folder / "run.json";
  try {
    to.first = run.at("first_position");
    const nlohmann::json& m = run.at("model");
    to.layers = m.at("layers");
    to.neurons = m.at("neurons");
    to.hubs = m.at("hubs");
    to.model_sha256 = text_of(m, "content_sha256");
    to.summation = run.value("summation", 1U);
    for (const nlohmann::json& r : run.at("reports")) {
      listed_recording one{recording_name(r, place), r.at("request"), r.at("layer"), r.at("every")};
      (one.request.starts_with("spikes:") ? to.trains : to.recordings).push_back(std::move(one));
    }
  } catch (const nlohmann::json::exception&) {
    throw input_error(place.string(), "a part is missing or of another type",
                      "the description of a run");
  }
  if (to.layers == 0 || to.layers > most_layers)
    throw input_error(place.string(), std::to_string(to.layers) + " layers", "1 or more");
  if (to.neurons == 0) throw input_error(place.string(), "0 neurons", "1 or more");
  to.status = run_status_named(text_of(run, "status"));
  if (const auto options = run.find("options"); options != run.end() && options->is_object())
    for (const auto& [name, value] : options->items()) to.options[name] = dumped(value);
  to.creator = text_of(run, "creator");
  to.started = text_of(run, "started");
  to.host = text_of(run, "host");
  to.json = dumped(run);
}

// Calls open(), and names bdh repair where that fails and there is a journal.
template <class Open>
auto or_repair(const std::filesystem::path& file, Open open) {
  try {
    return open();
  } catch (const input_error& e) {
    std::error_code ignored;
    if (!std::filesystem::exists(journal_of(file), ignored)) throw;
    throw input_error(e.place(), e.found(), e.expected(), "bdh repair makes it again");
  }
}

// Of the run's positions, from its first one on.
std::uint64_t committed_rows(const run_reader& run, const listed_recording& r) {
  const std::filesystem::path file = run.folder / r.file;
  const std::uint64_t until = or_repair(file, [&] { return committed_until(file); });
  return until < run.first ? 0 : until - run.first;
}

// A complete run has as many tokens as run.json says; one that goes on may end in the middle of a
// line.
void expect_all(const run_reader& run, const summary_table& s) {
  const nlohmann::json description = nlohmann::json::parse(run.json);
  const auto tokens = description.find("tokens");
  if (run.status != run_status::complete || tokens == description.end() ||
      !tokens->is_number_unsigned())
    return;
  const std::uint64_t all = *tokens;
  const auto expect = [&](const std::string& file, std::uint64_t found) {
    if (found < all)
      throw input_error(file, std::to_string(found) + " tokens",
                        std::to_string(all) + ", as run.json says of a complete run");
  };
  expect((run.folder / "tokens.csv").string(), run.tokens.size());
  expect(s.file, s.rows);
}

}  // namespace

const char* name(run_status s) noexcept {
  switch (s) {
    case run_status::running:
      return "running";
    case run_status::complete:
      return "complete";
    case run_status::interrupted:
      return "interrupted";
    case run_status::failed:
      return "failed";
    default:
      return "unknown";
  }
}

run_status run_status_named(std::string_view s) noexcept {
  using enum run_status;
  for (run_status one : {running, complete, interrupted, failed})
    if (s == name(one)) return one;
  return unknown;
}

nlohmann::json read_run_json(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "run.json";
  if (!std::filesystem::exists(file) && std::filesystem::exists(folder / "streams.json"))
    throw input_error(folder.string(), "a folder of several streams", "a run",
                      "each stream is one: " + (folder / "stream-0000").string());
  nlohmann::json run;
  try {
    run = parse_json(read_whole_file(file, largest_json, "a file of a run"), {.depth = 32});
  } catch (const json_error& e) {
    if (e.fault() == json_fault::depth)
      throw input_error(file.string(), "nested deeper than 32 levels", "the description of a run");
  }
  if (!run.is_object() || run.value("format", nlohmann::json()) != "bdh-run")
    throw input_error(file.string(), "not the description of a run", "a folder made by bdh run");
  const auto version = run.value("format_version", nlohmann::json());
  if (version != 1 && version != 2)
    throw unavailable_error(file.string(), "another format_version", "1 or 2",
                            "a newer bdh may read it");
  if (run.value("status", nlohmann::json()) == "running" && !is_being_written(folder))
    run["status"] = "interrupted";
  return run;
}

void write_run_json(const std::filesystem::path& folder, const nlohmann::json& run) {
  write_text(folder / "run.json", json_text(run, 1) + "\n");
}

std::string recording_name(const nlohmann::json& listed, const std::filesystem::path& run_json) {
  const std::string name = listed.at("file");
  if (name.empty() || std::filesystem::path(name).filename() != name)
    throw input_error(run_json.string(), "report '" + name + "'", "the name of a file");
  return name;
}

bool is_being_written(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool free = descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (descriptor >= 0) ::close(descriptor);
  return !free;
}

const std::vector<double>& summary_table::column(std::string_view name) const {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) throw input_error(file + ":1", "no column " + std::string(name), "one");
  return columns[static_cast<std::size_t>(at - names.begin())];
}

run_reader::run_reader(std::filesystem::path from) : folder(std::move(from)) {
  read_description(*this);
  read_tokens(*this);
}

recording_reader run_reader::open(const listed_recording& recording) const {
  const std::filesystem::path file = folder / recording.file;
  return or_repair(file, [&] {
    recording_reader reader(file);
    const std::uint64_t rows = reader.rows();
    if (rows != 0 && (reader.position(0) < first || reader.position(rows - 1) >= end()))
      throw input_error(file.string(),
                        "positions " + std::to_string(reader.position(0)) + " to " +
                            std::to_string(reader.position(rows - 1)),
                        "positions of the " + std::to_string(tokens.size()) + " tokens from " +
                            std::to_string(first) + " on that tokens.csv has");
    return reader;
  });
}

summary_table run_reader::summary() const {
  summary_table s = read_summary(folder / "summary.csv");
  expect_all(*this, s);
  s.rows = std::min<std::uint64_t>(s.rows, tokens.size());
  for (const listed_recording& r : recordings) s.rows = std::min(s.rows, committed_rows(*this, r));
  for (std::vector<double>& column : s.columns) column.resize(s.rows);
  return s;
}

found_model find_model(const run_reader& run) {
  const auto option = run.options.find("model");
  const nlohmann::json path =
      option == run.options.end() ? nlohmann::json() : nlohmann::json::parse(option->second);
  if (!path.is_string() || run.model_sha256.empty())
    return {std::nullopt, "run.json does not say where it was"};
  const std::string file = path;
  if (identify(file) != file_kind::model) return {std::nullopt, file + " is not there"};
  try {
    // Before all of it is read: is it the one?
    if (hdf5::file::open(file, {std::filesystem::file_size(file), true})
            .root()
            .text("content_sha256") != run.model_sha256)
      return {std::nullopt, file + " has become another model"};
    return {load_model(file), {}};
  } catch (const error& e) {
    return {std::nullopt, e.what()};
  }
}

}  // namespace bdh
