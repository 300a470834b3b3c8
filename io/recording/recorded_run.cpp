#include "io/recording/recorded_run.hpp"

#include <charconv>
#include <fstream>
#include <string_view>
#include <system_error>

#include "core/base/error.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"
#include "io/model/model_file.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh {
namespace {

constexpr const char* token_header = "position,token,text,generated";
constexpr std::uint64_t most_tokens = std::uint64_t{1} << 30;
constexpr std::uint32_t most_layers = 1u << 20;

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
bool add_token(std::string_view line, recorded_run& to) {
  const std::size_t comma = line.find(','), next = line.find(',', comma + 1),
                    last = line.rfind(',');
  if (comma == line.npos || next == line.npos || last <= next) return false;
  token_id token = 0;
  const auto [end, failed] = std::from_chars(line.data() + comma + 1, line.data() + next, token);
  if (failed != std::errc() || end != line.data() + next) return false;
  to.tokens.push_back(token);
  to.texts.push_back(unquoted(line.substr(next + 1, last - next - 1)));
  return true;
}

void read_tokens(recorded_run& to) {
  const std::filesystem::path file = to.folder / "tokens.csv";
  std::ifstream from(file, std::ios::binary);
  if (!from) throw input_error(file.string(), "cannot be read", "a file of a run");
  std::string line;
  if (!std::getline(from, line) || line != token_header)
    throw input_error(file.string() + ":1", "another header", token_header);
  while (std::getline(from, line) && !from.eof())  // a last line without its end was torn
    if (to.tokens.size() == most_tokens || !add_token(line, to)) break;
}

std::vector<listed_report> reports_of(const nlohmann::json& run, const std::string& place) {
  std::vector<listed_report> all;
  for (const nlohmann::json& r : run.at("reports")) {
    listed_report report{r.at("file"), r.at("request"), r.at("layer"), r.at("every")};
    if (report.file.empty() || std::filesystem::path(report.file).filename() != report.file)
      throw input_error(place, "report '" + report.file + "'", "the name of a file");
    all.push_back(std::move(report));
  }
  return all;
}

}  // namespace

std::string recorded_run::status() const {
  const auto found = run.find("status");
  return found != run.end() && found->is_string() ? found->get<std::string>() : "unknown";
}

report_reader recorded_run::open(const listed_report& report) const {
  const std::filesystem::path file = folder / report.file;
  try {
    report_reader reader(file);
    const std::uint64_t rows = reader.rows();
    if (rows != 0 && (reader.position(0) < first || reader.position(rows - 1) >= end()))
      throw input_error(file.string(),
                        "positions " + std::to_string(reader.position(0)) + " to " +
                            std::to_string(reader.position(rows - 1)),
                        "some of " + std::to_string(first) + " to " + std::to_string(end()) +
                            ", those of tokens.csv");
    return reader;
  } catch (const input_error& e) {
    std::error_code ignored;
    if (!std::filesystem::exists(journal_of(file), ignored)) throw;
    throw input_error(e.place(), e.found(), e.expected(), "bdh repair makes it again");
  }
}

recorded_run open_run(const std::filesystem::path& folder) {
  recorded_run r;
  r.folder = folder;
  r.run = read_run_description(folder);
  const std::string place = (folder / "run.json").string();
  try {
    r.first = r.run.at("first_position");
    const nlohmann::json& m = r.run.at("model");
    r.layers = m.at("layers");
    r.neurons = m.at("neurons");
    r.hubs = m.at("hubs");
    r.reports = reports_of(r.run, place);
  } catch (const nlohmann::json::exception&) {
    throw input_error(place, "a part is missing or of another type", "the description of a run");
  }
  if (r.layers == 0 || r.layers > most_layers)
    throw input_error(place, std::to_string(r.layers) + " layers", "1 or more");
  if (r.neurons == 0) throw input_error(place, "0 neurons", "1 or more");
  read_tokens(r);
  return r;
}

found_model find_model(const recorded_run& run) {
  std::string file, hash;
  try {
    file = run.run.at("options").at("model");
    hash = run.run.at("model").at("content_sha256");
  } catch (const nlohmann::json::exception&) {
    return {std::nullopt, "run.json does not tell where it was"};
  }
  if (identify(file) != file_kind::model) return {std::nullopt, file + " is not there"};
  try {
    // Before all of it is read: is it the one?
    if (hdf5::file::open(file, {std::filesystem::file_size(file), true})
            .root()
            .text("content_sha256") != hash)
      return {std::nullopt, file + " has become another model"};
    return {load_model(file), {}};
  } catch (const error& e) {
    return {std::nullopt, e.what()};
  }
}

}  // namespace bdh
