#include "io/recording/trials.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include <bdh/error.hpp>

#include "io/files/json.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

constexpr std::uintmax_t largest_index = std::uintmax_t{256} << 20;  // bytes

// A folder below the experiment's: no file elsewhere is read because an index says so.
bool is_below(const std::filesystem::path& folder) {
  return !folder.empty() && folder.is_relative() &&
         std::ranges::none_of(folder, [](const auto& part) { return part == ".."; });
}

trial_run trial_of(const nlohmann::json& stream, const std::filesystem::path& folder,
                   const std::string& place) {
  if (!stream.is_object() || !stream.value("folder", nlohmann::json()).is_string())
    throw input_error(place, "no stream with a folder", "what bdh run --trials writes");
  trial_run one;
  const std::filesystem::path relative = stream["folder"].get<std::string>();
  if (!is_below(relative))
    throw input_error(place, "folder '" + relative.string() + "'", "a folder below that of trials");
  one.folder = folder / relative;
  if (stream.contains("condition") && stream["condition"].is_string())
    one.condition = stream["condition"].get<std::string>();
  if (stream.contains("trial") && stream["trial"].is_number_unsigned())
    one.number = stream["trial"].get<std::uint64_t>();
  return one;
}

// Where each of the neurons is among the values of a row of frames; nothing, where one is missing.
std::optional<std::vector<std::size_t>> columns_of(const recording_description& d,
                                                   const std::vector<neuron_id>& neurons) {
  std::map<std::uint64_t, std::size_t> at;
  for (std::size_t k = 0; k < d.node_ids.size() && k + 1 < d.index_pointers.size(); ++k)
    at[d.node_ids[k]] = d.index_pointers[k];
  std::vector<std::size_t> columns;
  for (const neuron_id i : neurons) {
    const auto found = at.find(i);
    if (found == at.end() || found->second >= d.width) return std::nullopt;
    columns.push_back(found->second);
  }
  return columns;
}

std::vector<std::vector<double>> from_frames(recording_reader& from,
                                             const std::vector<std::size_t>& columns) {
  std::vector<std::vector<double>> all(columns.size());
  recording_row row;
  while (from.next(row))
    for (std::size_t k = 0; k < columns.size(); ++k) all[k].push_back(row.values[columns[k]]);
  return all;
}

std::vector<std::vector<double>> from_events(recording_reader& from,
                                             const std::vector<neuron_id>& neurons) {
  std::vector<std::vector<double>> all(neurons.size());
  std::map<std::uint64_t, std::size_t> place;
  for (std::size_t k = 0; k < neurons.size(); ++k) place[neurons[k]] = k;
  recording_row row;
  while (from.next(row)) {
    for (auto& course : all) course.push_back(0);
    for (std::size_t e = 0; e < row.nodes.size(); ++e)
      if (const auto at = place.find(row.nodes[e]); at != place.end())
        all[at->second].back() = row.values[e];
  }
  return all;
}

}  // namespace

std::vector<trial_run> list_trials(const std::filesystem::path& folder) {
  const std::filesystem::path index = folder / "streams.json";
  std::error_code ignored;
  if (!std::filesystem::exists(index, ignored)) {
    run_reader{folder};  // says what is wrong with it
    return {{"", 0, folder}};
  }
  const std::string place = index.string();
  nlohmann::json all;
  try {
    all = parse_json(read_whole_file(index, largest_index, "an index of streams"), {.depth = 6});
  } catch (const json_error& e) {
    throw input_error(place, std::string("no JSON: ") + e.what(), "an index of streams");
  }
  if (!all.is_object() || all.value("format", nlohmann::json()) != "bdh-streams" ||
      !all.value("streams", nlohmann::json()).is_array() || all["streams"].empty())
    throw input_error(place, "something else", "an index of streams, as bdh run writes it");
  std::vector<trial_run> trials;
  for (const nlohmann::json& stream : all["streams"]) {
    trials.push_back(trial_of(stream, folder, place));
    if (!stream.contains("trial")) trials.back().number = trials.size() - 1;
  }
  return trials;
}

std::vector<std::vector<double>> neuron_courses(const run_reader& run, quantity what,
                                                layer_id layer,
                                                const std::vector<neuron_id>& neurons) {
  std::string others;
  for (const listed_recording& listed : run.recordings) {
    if (listed.layer != layer || listed.every != 1) continue;
    recording_reader from = run.open(listed);
    const recording_description& d = from.what();
    // Of the largest values alone, those that are missing are not known.
    if (d.what != what || listed.request.find("top:") != std::string::npos) continue;
    others = "; recorded are " + listed.request + ", which --neurons can choose";
    if (d.layout == recording_layout::events) return from_events(from, neurons);
    if (d.layout != recording_layout::frames) continue;
    if (const auto columns = columns_of(d, neurons)) return from_frames(from, *columns);
  }
  throw input_error(run.folder.string(),
                    std::string("no ") + name(what) + " of these neurons at every token of layer " +
                        std::to_string(layer),
                    std::string("a recording of them"),
                    std::string("bdh run --record ") + name(what) + ":NEURONS, or events" + others);
}

}  // namespace bdh
