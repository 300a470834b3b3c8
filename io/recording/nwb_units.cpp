#include <bdh/error.hpp>

#include "io/recording/nwb_detail.hpp"

namespace bdh::nwb {
namespace {

constexpr std::uint64_t most_events_held = std::uint64_t{1} << 22;

}  // namespace

struct unit_writer::table {
  table(const object_types& types, hdf5::group& root)
      : group(root.create_group("units")),
        times(group.create_rows<double>("spike_times", {}, 8192)),
        values(group.create_rows<float>("values", {}, 8192)),
        times_end(group.create_rows<std::uint64_t>("spike_times_index", {}, 1024)),
        values_end(group.create_rows<std::uint64_t>("values_index", {}, 1024)),
        neuron(group.create_rows<std::uint64_t>("neuron", {}, 1024)),
        layer(group.create_rows<std::uint64_t>("layer", {}, 1024)),
        id(group.create_rows<std::int64_t>("id", {}, 1024)) {
    types.set(group, "core", "Units");
    group.set_string("description", "neurons and their events: tokens in which X or Y was above 0");
    group.set_strings("colnames", {"spike_times", "values", "neuron", "layer", "variable"});
    types.set(id, "hdmf-common", "ElementIdentifiers");
    types.set_column(times, "times of the tokens, in seconds");
    types.set_column(values, "X or Y of each event");
    types.set_column(neuron, "number of the neuron in the model");
    types.set_column(layer, "layer of the model, from 1");
    types.set_index(times_end, "index for spike_times", "/units/spike_times");
    types.set_index(values_end, "index for values", "/units/values");
  }

  hdf5::group group;
  hdf5::dataset times, values, times_end, values_end, neuron, layer, id;
  std::vector<std::string> variable;
};

unit_writer::unit_writer(const context& c, hdf5::group& root) : context_(c), root_(root) {}
unit_writer::~unit_writer() = default;

// Events come token by token and are written neuron by neuron: as many neurons at once as memory
// allows, from the file again each time.
void unit_writer::add(recording_reader& events) {
  const run_reader& run = context_.run;
  std::vector<std::uint64_t> count(run.neurons);
  recording_row row;
  while (events.next(row)) {
    for (std::uint64_t i : row.nodes) {
      if (i >= run.neurons)
        throw input_error((run.folder / events.what().name).string(), "neuron " + std::to_string(i),
                          "below " + std::to_string(run.neurons));
      ++count[i];
    }
    context_.after_row();
  }
  for (neuron_id first = 0, last; first < run.neurons; first = last) {
    std::uint64_t held = 0;
    for (last = first;
         last < run.neurons && (last == first || held + count[last] <= most_events_held); ++last)
      held += count[last];
    if (held != 0) add_neurons(events, count, first, last, held);
  }
}

void unit_writer::add_neurons(recording_reader& from, const std::vector<std::uint64_t>& count,
                              neuron_id first, neuron_id last, std::uint64_t held) {
  std::vector<std::uint64_t> next(last - first);
  for (std::size_t i = 1; i < next.size(); ++i) next[i] = next[i - 1] + count[first + i - 1];
  std::vector<double> times(held);
  std::vector<float> values(held);
  from.seek(0);
  recording_row row;
  for (std::uint64_t k = 0; from.next(row); ++k) {
    for (std::size_t e = 0; e < row.nodes.size(); ++e) {
      if (row.nodes[e] < first || row.nodes[e] >= last) continue;
      const std::uint64_t at = next[row.nodes[e] - first]++;
      times.at(at) = static_cast<double>(from.position(k)) * seconds_per_token;
      values[at] = row.values[e];
    }
    context_.after_row();
  }
  if (!table_) table_ = std::make_unique<table>(context_.types, root_);
  table& t = *table_;
  t.times.append<double>(times);
  t.values.append<float>(values);
  std::vector<std::uint64_t> ends, neurons, layers;
  std::vector<std::int64_t> ids;
  for (neuron_id i = first; i < last; ++i) {
    if (count[i] == 0) continue;
    ends.push_back(events_ += count[i]);
    neurons.push_back(i);
    layers.push_back(from.what().layer);
    ids.push_back(static_cast<std::int64_t>(units_++));
    t.variable.emplace_back(name(from.what().what));
  }
  for (hdf5::dataset* set : {&t.times_end, &t.values_end}) set->append<std::uint64_t>(ends);
  t.neuron.append<std::uint64_t>(neurons);
  t.layer.append<std::uint64_t>(layers);
  t.id.append<std::int64_t>(ids);
}

void unit_writer::close() {
  if (!table_) return;
  {
    hdf5::dataset set = table_->group.create_strings("variable", table_->variable);
    context_.types.set_column(set, "x: presynaptic activation; y: conclusions of the layer");
  }
  table_.reset();
}

}  // namespace bdh::nwb
