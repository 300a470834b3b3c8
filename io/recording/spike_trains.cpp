#include "io/recording/spike_trains.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include <bdh/error.hpp>

#include "io/hdf5/file.hpp"
#include "io/recording/recording.hpp"
#include "kernels/spikes.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t most_train_bytes = std::uint64_t{4} << 30;

void read_windows(const run_reader& run, spike_trains& to) {
  const std::string place = (run.folder / "run.json").string();
  const auto option = run.options.find("spikes");
  if (option == run.options.end())
    throw input_error(place, "activity that travelled as it is", "a run with --spikes");
  try {
    const nlohmann::json all = nlohmann::json::parse(option->second);
    to.bin_ms = all.at("dt_ms");
    to.seed = all.at("seed");
    for (const auto& [name, layers] : all.at("scales").items())
      to.scales[name] = layers.get<std::vector<double>>();
    for (const nlohmann::json& w : all.at("windows")) {
      to.windows.push_back(
          {w.at("variable"), w.at("layer"), w.at("round"), w.at("first_bin"), w.at("bins")});
      to.token_bins = std::max(to.token_bins, to.windows.back().first_bin + to.windows.back().bins);
    }
  } catch (const nlohmann::json::exception&) {
    throw input_error(place, "windows of another kind", "those that bdh run wrote");
  }
  // One behind the other, or together: none begins where all before it cannot have ended.
  std::uint64_t longest = 0;
  for (const recorded_window& w : to.windows) {
    longest += kernels::most_bins;
    if (w.bins < 1 || w.bins > kernels::most_bins || w.first_bin > longest)
      throw input_error(place,
                        "a window of " + std::to_string(w.bins) + " bins from bin " +
                            std::to_string(w.first_bin) + " on",
                        "1 to " + std::to_string(kernels::most_bins) + " bins, in a token");
  }
  if (to.windows.empty() || !(to.bin_ms > 0))
    throw input_error(place, "windows of another kind", "those that bdh run wrote");
}

// The first `count` spikes of a population, by time.
std::vector<recorded_spike> read_population(const hdf5::group& population, std::uint64_t count,
                                            double bin_ms) {
  const auto times = population.open_dataset("timestamps").read_list<double>();
  const auto nodes = population.open_dataset("node_ids").read_list<std::uint64_t>();
  const auto variables = population.open_dataset("variable").read_list<std::uint32_t>();
  if (count > times.size() || count > nodes.size() || count > variables.size())
    throw input_error(population.place(), std::to_string(times.size()) + " spikes",
                      std::to_string(count) + ", as /mapping/events says");
  std::vector<recorded_spike> all;
  for (std::uint64_t k = 0; k < count; ++k) {
    const double bin = std::round(times[k] / bin_ms) - 1;
    if (!(bin >= 0 && bin < 1e15) || variables[k] >= std::size(spike_variables) ||
        nodes[k] > 0xffffffffu || (k != 0 && static_cast<double>(all.back().bin) > bin))
      throw input_error(population.place(),
                        "spike " + std::to_string(k) + " at " + shown(times[k]) + " ms of node " +
                            std::to_string(nodes[k]),
                        "one at a multiple of the bin, behind the one before");
    all.push_back(
        {static_cast<std::uint64_t>(bin), static_cast<std::uint32_t>(nodes[k]), variables[k]});
  }
  return all;
}

// `read`: tokens of the run.
void read_spikes(const std::filesystem::path& file, std::uint64_t read, spike_trains& to) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  const hdf5::file f = hdf5::file::open(
      file, {failed ? 0 : std::min<std::uint64_t>(most_train_bytes, size * 64), false});
  const hdf5::group population = f.root().open_group("spikes").open_group("neurons");
  const auto listed =
      f.root().open_group("recorded").open_dataset("neurons").read_list<std::uint64_t>();
  for (const std::uint64_t i : listed) {
    if (i > 0xffffffffu || (!to.neurons.empty() && i <= to.neurons.back()))
      throw input_error(file.string() + ":/recorded/neurons", "neuron " + std::to_string(i),
                        "neurons in ascending order");
    to.neurons.push_back(static_cast<std::uint32_t>(i));
  }
  const array<double> time = f.root().open_group("mapping").open_dataset("time").read<double>({3});
  const auto events =
      f.root().open_group("mapping").open_dataset("events").read<std::uint64_t>({2});
  if (!(time[0] >= 0 && time[1] >= time[0] && time[1] - time[0] <= static_cast<double>(read) &&
        time[1] < 1e15))
    throw input_error(file.string() + ":/mapping/time", shown(time[1]),
                      "the end of a recording of " + std::to_string(read) + " tokens");
  to.first_token = static_cast<std::uint64_t>(time[0]);
  to.tokens = static_cast<std::uint64_t>(time[1] - time[0]);
  to.spikes = read_population(population, events[0], to.bin_ms);
  for (const recorded_spike& spike : to.spikes)
    if (!std::binary_search(to.neurons.begin(), to.neurons.end(), spike.node))
      throw input_error(file.string(), "a spike of node " + std::to_string(spike.node),
                        "a neuron of /recorded/neurons");
  const hdf5::group all = f.root().open_group("spikes");
  for (const char* paired : {"hubs", "axons"})
    if (all.has(paired)) to.hubs = read_population(all.open_group(paired), events[1], to.bin_ms);
}

}  // namespace

spike_trains read_spike_trains(const run_reader& run) {
  spike_trains all;
  read_windows(run, all);
  if (run.trains.empty())
    throw input_error(run.folder.string(), "no spikes.h5", "a run with --record spikes:NEURONS");
  read_spikes(run.folder / run.trains.front().file, run.tokens.size(), all);
  return all;
}

}  // namespace bdh
