#include "io/recording/nwb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/files/json.hpp"
#include "io/files/sha256.hpp"
#include "io/recording/nwb_detail.hpp"

namespace bdh {
namespace nwb {
namespace {

std::string hex_of(const std::string& text) {
  sha256 sum;
  sum.update(std::as_bytes(std::span(text)));
  return sum.hex();
}

// An object's name of its own (RFC 9562, version 8), the same whenever the run is exported.
std::string uuid_of(const std::string& run, const std::string& path) {
  std::string h = hex_of(run + "\n" + path).substr(0, 32);
  h[12] = '8';
  h[16] = "89ab"[h[16] % 4];
  return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) +
         "-" + h.substr(20);
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+00:00", &parts)};
}

// 2026-01-31T12:00:00+01:00, as run.json has it; readers refuse anything else.
bool is_time(const std::string& text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddsdd:dd";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9', sign = text[i] == '+' || text[i] == '-';
    if (form[i] == 'd' && !digit) return false;
    if (form[i] == 's' && !sign) return false;
    if (form[i] != 'd' && form[i] != 's' && text[i] != form[i]) return false;
  }
  return true;
}

// What run.json says that does not change when the run goes on.
std::string identity_of(const run_reader& run, const nlohmann::json& description) {
  return hex_of(run.started + run.host + json_text(description.at("model")) +
                std::to_string(run.first));
}

hdf5::dataset create_times(hdf5::group& series) {
  hdf5::dataset times = series.create_rows<double>("timestamps", {}, rows_at_once);
  times.set_integer32("interval", 1);
  times.set_string("unit", "seconds");
  return times;
}

std::string stem(const recording_description& d) {
  return d.name.ends_with(".h5") ? d.name.substr(0, d.name.size() - 3) : d.name;
}

}  // namespace

// ---- types

void object_types::set(hdf5::object& o, const char* space, const char* type) const {
  o.set_string("namespace", space);
  o.set_string("neurodata_type", type);
  o.set_string("object_id", uuid_of(identity_, o.place().substr(o.place().rfind(":/") + 1)));
}

void object_types::set_column(hdf5::object& o, const char* description) const {
  set(o, "hdmf-common", "VectorData");
  o.set_string("description", description);
}

void object_types::set_index(hdf5::object& o, const char* description, const char* target) const {
  set(o, "hdmf-common", "VectorIndex");
  o.set_string("description", description);
  o.set_reference("target", target);
}

hdf5::group object_types::create_series(hdf5::group& in, const char* name, const char* type,
                                        const std::string& description) const {
  hdf5::group g = in.create_group(name);
  set(g, "core", type);
  g.set_string("description", description);
  g.set_string("comments", "one token is 1 ms");
  return g;
}

// ---- /acquisition, /stimulus

void acquisition_writer::add_times(hdf5::group& series, std::uint64_t count) const {
  std::vector<double> times;
  for (std::uint64_t i = 0; i < count; ++i)
    times.push_back(static_cast<double>(context_.run.first + i) * seconds_per_token);
  create_times(series).append<double>(times);
}

void acquisition_writer::add_tokens() {
  const run_reader& run = context_.run;
  {
    hdf5::group g = context_.types.create_series(presentation_, "tokens", "AnnotationSeries",
                                                 "what was read, token by token");
    std::vector<std::string> texts = run.texts;
    for (std::size_t i = 0; i < texts.size(); ++i)
      if (texts[i].empty()) texts[i] = std::to_string(run.tokens[i]);
    hdf5::dataset data = g.create_strings("data", texts);
    data.set_string("unit", "n/a");
    data.set_real("resolution", -1);
    add_times(g, texts.size());
  }
  hdf5::group g = context_.types.create_series(acquisition_, "token_ids", "TimeSeries",
                                               "number of each token in the vocabulary");
  hdf5::dataset data = g.create_rows<std::uint32_t>("data", {}, rows_at_once);
  data.set_string("unit", "token");
  data.append<std::uint32_t>(run.tokens);
  add_times(g, run.tokens.size());
}

// Columns of summary.csv.
void acquisition_writer::add_summary() {
  const summary_table all = context_.run.summary();
  for (const auto& [name, unit, description] :
       {std::tuple{"active_x", "share", "share of the neurons with X > 0, a column a layer"},
        {"active_y", "share", "share of the neurons with Y > 0, a column a layer"},
        {"surprisal_nats", "nat", "surprisal of the token, given those before it"}}) {
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < all.names.size(); ++c)
      if (all.names[c].starts_with(name)) columns.push_back(c);
    if (columns.empty()) continue;
    hdf5::group g = context_.types.create_series(acquisition_, name, "TimeSeries", description);
    const bool one = columns.size() == 1 && all.names[columns[0]] == name;
    const hdf5::extents row = one ? hdf5::extents{} : hdf5::extents{columns.size()};
    hdf5::dataset data = g.create_rows<double>("data", row, rows_at_once);
    data.set_string("unit", unit);
    std::vector<double> values;
    for (std::uint64_t t = 0; t < all.rows; ++t)
      for (std::size_t c : columns) values.push_back(all.columns[c][t]);
    data.append<double>(values);
    add_times(g, all.rows);
  }
}

void acquisition_writer::add_frames(recording_reader& frames, const std::string& name) {
  const recording_description& d = frames.what();
  const bool logits = d.layout == recording_layout::logits;
  const std::string of_layer = d.layer == 0 ? "" : fmt::format(", layer {}", d.layer);
  const std::string columns =
      logits ? "the tokens of the vocabulary" : "/analysis/" + name + "_columns";
  hdf5::group g = context_.types.create_series(
      acquisition_, name.c_str(), "TimeSeries",
      fmt::format("{}{} ({}); columns: {}", bdh::name(d.what), of_layer, d.request, columns));
  const std::uint64_t block =
      std::max<std::uint64_t>(1, recording_chunk_bytes / sizeof(float) / d.width);
  hdf5::dataset data = g.create_rows<float>("data", {d.width}, block), times = create_times(g);
  data.set_string("unit", logits ? "nat" : "a.u.");
  std::vector<float> held;
  std::vector<double> when;
  const auto flush = [&] {
    data.append<float>(held);
    times.append<double>(when);
    held.clear();
    when.clear();
  };
  recording_row row;
  for (std::uint64_t k = 0; frames.next(row); ++k) {
    held.insert(held.end(), row.values.begin(), row.values.end());
    when.push_back(static_cast<double>(frames.position(k)) * seconds_per_token);
    if (when.size() == block) flush();
    context_.after_row();
  }
  flush();
}

// ---- /analysis

void column_writer::add(const recording_description& d, const std::string& name) {
  hdf5::group g = analysis_.create_group(name.c_str());
  context_.types.set(g, "hdmf-common", "DynamicTable");
  g.set_string("description", "the columns of /acquisition/" + name.substr(0, name.rfind('_')));
  std::vector<std::int64_t> ids;
  for (std::uint64_t k = 0; k < d.width; ++k) ids.push_back(static_cast<std::int64_t>(k));
  hdf5::dataset id = g.create_rows<std::int64_t>("id", {}, rows_at_once);
  context_.types.set(id, "hdmf-common", "ElementIdentifiers");
  id.append<std::int64_t>(ids);
  std::vector<std::string> names;
  const auto add = [&](const char* column_name, const char* description,
                       const std::vector<std::uint64_t>& values) {
    hdf5::dataset set = g.create_rows<std::uint64_t>(column_name, {}, rows_at_once);
    context_.types.set_column(set, description);
    set.append<std::uint64_t>(values);
    names.emplace_back(column_name);
  };
  std::vector<std::uint64_t> node, element;
  for (std::size_t k = 0; k < d.node_ids.size(); ++k)
    for (std::uint64_t v = d.index_pointers[k]; v < d.index_pointers[k + 1]; ++v) {
      node.push_back(d.node_ids[k]);
      element.push_back(d.element_ids[v]);
    }
  if (d.what == quantity::x || d.what == quantity::y) {
    add("neuron", "number of the neuron in the model", node);
  } else if (!d.synapses.empty()) {
    std::vector<std::uint64_t> source, target;
    for (const recorded_synapse& s : d.synapses) {
      source.push_back(s.pre);
      target.push_back(s.post);
    }
    add("source", "presynaptic neuron", source);
    add("target", "postsynaptic neuron; from the number of neurons on, a sensory node", target);
  } else {
    add("target", "postsynaptic node", node);
    add("element", "edge id of the synapse; through hubs hub x neurons + neuron", element);
  }
  g.set_strings("colnames", names);
}

namespace {

struct root_groups {
  hdf5::group root, acquisition, analysis, presentation;
};

root_groups create_root(hdf5::file& file, const run_reader& run, const object_types& types,
                        const nlohmann::json& description) {
  hdf5::group root = file.root();
  types.set(root, "core", "NWBFile");
  root.set_string("nwb_version", "2.8.0");
  if (!is_time(run.started))
    throw input_error((run.folder / "run.json").string(), "started '" + run.started + "'",
                      "a time with its zone");
  root.create_string("identifier", types.identity());
  root.create_string(
      "session_description",
      fmt::format("A run of the Dragon Hatchling (BDH), {} neurons, {} layers: {} tokens from "
                  "position {} on. One token is 1 ms.",
                  run.neurons, run.layers, run.tokens.size(), run.first));
  root.create_string("session_start_time", run.started);
  root.create_string("timestamps_reference_time", run.started);
  root.create_strings("file_create_date", {now()});
  hdf5::group acquisition = root.create_group("acquisition"),
              analysis = root.create_group("analysis");
  root.create_group("processing");
  hdf5::group stimulus = root.create_group("stimulus");
  hdf5::group presentation = stimulus.create_group("presentation");
  stimulus.create_group("templates");
  root.create_group("general").create_string("notes",
                                             "run.json: " + json_text(description, -1, true));
  return {std::move(root), std::move(acquisition), std::move(analysis), std::move(presentation)};
}

nwb_summary write(const run_reader& run, const std::filesystem::path& to,
                  const std::function<void()>& after_row) {
  const nlohmann::json description = nlohmann::json::parse(run.json);
  const object_types types(identity_of(run, description));
  const context c{run, types, after_row};
  hdf5::file file = hdf5::file::create(to);
  nwb_summary made;
  {
    root_groups groups = create_root(file, run, types, description);
    acquisition_writer acquisition(c, std::move(groups.acquisition),
                                   std::move(groups.presentation));
    column_writer columns(c, std::move(groups.analysis));
    unit_writer units(c, groups.root);
    acquisition.add_tokens();
    acquisition.add_summary();
    for (const listed_recording& r : run.recordings) {
      recording_reader reader = run.open(r);
      const recording_description& d = reader.what();
      if (d.layout != recording_layout::events) {
        acquisition.add_frames(reader, stem(d));
        if (d.layout == recording_layout::frames) columns.add(d, stem(d) + "_columns");
        made.series.push_back(stem(d));
      } else if (d.top != 0 || (d.what != quantity::x && d.what != quantity::y)) {
        made.left_out.push_back(r.file);
      } else {
        units.add(reader);
      }
    }
    units.close();
    made.units = units.units();
    made.events = units.events();
  }
  file.close();
  return made;
}

}  // namespace
}  // namespace nwb

nwb_summary export_nwb(const run_reader& run, const std::filesystem::path& target, bool overwrite,
                       const std::function<void()>& after_row) {
  atomic_file whole(target, overwrite);
  nwb_summary made = with_file_name(whole.temporary().string(), target.string(), [&] {
    try {
      return nwb::write(run, whole.temporary(), after_row);
    } catch (const nlohmann::json::exception&) {
      throw input_error((run.folder / "run.json").string(), "a part is missing or of another type",
                        "the description of a run");
    }
  });
  whole.publish();
  return made;
}

}  // namespace bdh
