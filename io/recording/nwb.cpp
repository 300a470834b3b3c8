#include "io/recording/nwb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <span>

#include "core/base/error.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/error_context.hpp"
#include "io/files/sha256.hpp"
#include "io/hdf5/file.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh {
namespace {

constexpr double seconds_per_token = 0.001;
constexpr std::uint64_t most_events_held = std::uint64_t{1} << 22;
constexpr std::uint64_t rows_at_once = 1024;

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
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd'   ? !digit
        : form[i] == 's' ? text[i] != '+' && text[i] != '-'
                         : text[i] != form[i])
      return false;
  }
  return true;
}

class nwb_file {
 public:
  nwb_file(const recorded_run& run, const std::filesystem::path& to,
           const std::function<void()>& after_row)
      : run_(run), after_row_(after_row), file_(hdf5::file::create(to)), root_(file_.root()) {
    identity_ = hex_of(run.run.value("started", "") + run.run.value("host", "") +
                       run.run.at("model").dump() + std::to_string(run.first));
  }

  nwb_summary write() {
    header();
    tokens();
    summary();
    for (const listed_report& r : run_.reports) {
      report_reader reader = run_.open(r);
      const report_description& d = reader.what();
      if (d.layout != report_layout::events)
        frames(reader);
      else if (d.top != 0 || (d.what != quantity::x && d.what != quantity::y))
        told_.left_out.push_back(r.file);
      else
        events(reader);
    }
    if (units_) units_->close();
    units_.reset();
    for (hdf5::group* g : {&acquisition_, &analysis_, &presentation_, &root_}) *g = {};
    file_.close();
    return std::move(told_);
  }

 private:
  // The table of /units, which grows neuron by neuron.
  struct unit_table {
    explicit unit_table(nwb_file& to)
        : file(to),
          group(to.root_.create_group("units")),
          times(group.create_rows<double>("spike_times", {}, 8192)),
          values(group.create_rows<float>("values", {}, 8192)),
          times_end(group.create_rows<std::uint64_t>("spike_times_index", {}, 1024)),
          values_end(group.create_rows<std::uint64_t>("values_index", {}, 1024)),
          neuron(group.create_rows<std::uint64_t>("neuron", {}, 1024)),
          layer(group.create_rows<std::uint64_t>("layer", {}, 1024)),
          id(group.create_rows<std::int64_t>("id", {}, 1024)) {
      to.typed(group, "core", "Units");
      group.set_string("description",
                       "neurons and their events: tokens in which X or Y was above 0");
      group.set_strings("colnames", {"spike_times", "values", "neuron", "layer", "variable"});
      to.typed(id, "hdmf-common", "ElementIdentifiers");
      to.column(times, "times of the tokens, in seconds");
      to.column(values, "X or Y of each event");
      to.column(neuron, "number of the neuron in the model");
      to.column(layer, "layer of the model, from 1");
      to.index(times_end, "index for spike_times", "/units/spike_times");
      to.index(values_end, "index for values", "/units/values");
    }
    void close() {
      hdf5::dataset set = group.create_strings("variable", variable);
      file.column(set, "x: presynaptic activation; y: conclusions of the layer");
    }
    nwb_file& file;
    hdf5::group group;
    hdf5::dataset times, values, times_end, values_end, neuron, layer, id;
    std::vector<std::string> variable;
    std::uint64_t events = 0;
  };

  void typed(hdf5::object& o, const char* space, const char* type) {
    o.set_string("namespace", space);
    o.set_string("neurodata_type", type);
    o.set_string("object_id", uuid_of(identity_, o.place().substr(o.place().rfind(":/") + 1)));
  }
  void column(hdf5::object& o, const char* description) {
    typed(o, "hdmf-common", "VectorData");
    o.set_string("description", description);
  }
  void index(hdf5::object& o, const char* description, const char* target) {
    typed(o, "hdmf-common", "VectorIndex");
    o.set_string("description", description);
    o.set_reference("target", target);
  }

  void header() {
    typed(root_, "core", "NWBFile");
    root_.set_string("nwb_version", "2.8.0");
    const std::string started = run_.run.value("started", "");
    if (!is_time(started))
      throw input_error((run_.folder / "run.json").string(), "started '" + started + "'",
                        "a time with its zone");
    root_.create_string("identifier", identity_);
    root_.create_string(
        "session_description",
        fmt::format(
            "A run of the Dragon Hatchling (BDH), {} neurons, {} layers: {} tokens from position "
            "{} on. One token is 1 ms.",
            run_.neurons, run_.layers, run_.tokens.size(), run_.first));
    root_.create_string("session_start_time", started);
    root_.create_string("timestamps_reference_time", started);
    root_.create_strings("file_create_date", {now()});
    acquisition_ = root_.create_group("acquisition");
    analysis_ = root_.create_group("analysis");
    root_.create_group("processing");
    hdf5::group stimulus = root_.create_group("stimulus");
    presentation_ = stimulus.create_group("presentation");
    stimulus.create_group("templates");
    root_.create_group("general").create_string(
        "notes",
        "run.json: " + run_.run.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  }

  // A time series; its data are made by the caller.
  hdf5::group series(hdf5::group& in, const char* name, const char* type,
                     const std::string& description) {
    hdf5::group g = in.create_group(name);
    typed(g, "core", type);
    g.set_string("description", description);
    g.set_string("comments", "one token is 1 ms");
    return g;
  }

  hdf5::dataset timestamps(hdf5::group& series) {
    hdf5::dataset times = series.create_rows<double>("timestamps", {}, rows_at_once);
    times.set_integer32("interval", 1);
    times.set_string("unit", "seconds");
    return times;
  }

  void add_times(hdf5::dataset& to, std::uint64_t count) const {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < count; ++i)
      times.push_back(static_cast<double>(run_.first + i) * seconds_per_token);
    to.append<double>(times);
  }

  void tokens() {
    {
      hdf5::group g =
          series(presentation_, "tokens", "AnnotationSeries", "what was read, token by token");
      std::vector<std::string> texts = run_.texts;
      for (std::size_t i = 0; i < texts.size(); ++i)
        if (texts[i].empty()) texts[i] = std::to_string(run_.tokens[i]);
      hdf5::dataset data = g.create_strings("data", texts), times = timestamps(g);
      data.set_string("unit", "n/a");
      data.set_real("resolution", -1);
      add_times(times, texts.size());
    }
    hdf5::group g =
        series(acquisition_, "token_ids", "TimeSeries", "number of each token in the vocabulary");
    hdf5::dataset data = g.create_rows<std::uint32_t>("data", {}, rows_at_once),
                  times = timestamps(g);
    data.set_string("unit", "token");
    data.append<std::uint32_t>(run_.tokens);
    add_times(times, run_.tokens.size());
  }

  // Columns of summary.csv.
  void summary() {
    const run_record all = read_run(run_.folder);
    for (const auto& [name, unit, description] :
         {std::tuple{"active_x", "share", "share of the neurons with X > 0, a column a layer"},
          {"active_y", "share", "share of the neurons with Y > 0, a column a layer"},
          {"surprisal_nats", "nat", "surprisal of the token, given those before it"}}) {
      std::vector<std::size_t> columns;
      for (std::size_t c = 0; c < all.columns.size(); ++c)
        if (all.columns[c].starts_with(name)) columns.push_back(c);
      if (columns.empty()) continue;
      hdf5::group g = series(acquisition_, name, "TimeSeries", description);
      const bool one = columns.size() == 1 && all.columns[columns[0]] == name;
      hdf5::dataset data = g.create_rows<double>(
                        "data", one ? hdf5::extents{} : hdf5::extents{columns.size()},
                        rows_at_once),
                    times = timestamps(g);
      data.set_string("unit", unit);
      std::vector<double> values;
      for (std::size_t t = 0; t < all.tokens.size(); ++t)
        for (std::size_t c : columns) values.push_back(all.summary[t * all.columns.size() + c]);
      data.append<double>(values);
      add_times(times, all.tokens.size());
    }
  }

  void frames(report_reader& reader) {
    const report_description& d = reader.what();
    const std::string name = d.name.ends_with(".h5") ? d.name.substr(0, d.name.size() - 3) : d.name;
    const bool logits = d.layout == report_layout::logits;
    {
      const std::string of_layer = d.layer == 0 ? "" : fmt::format(", layer {}", d.layer);
      hdf5::group g = series(
          acquisition_, name.c_str(), "TimeSeries",
          fmt::format("{}{} ({}); columns: {}", bdh::name(d.what), of_layer, d.request,
                      logits ? "the tokens of the vocabulary" : "/analysis/" + name + "_columns"));
      const std::uint64_t block =
          std::max<std::uint64_t>(1, report_chunk_bytes / sizeof(float) / d.width);
      hdf5::dataset data = g.create_rows<float>("data", {d.width}, block), times = timestamps(g);
      data.set_string("unit", logits ? "nat" : "a.u.");
      std::vector<float> held;
      std::vector<double> when;
      const auto flush = [&] {
        data.append<float>(held);
        times.append<double>(when);
        held.clear();
        when.clear();
      };
      report_row row;
      for (std::uint64_t k = 0; reader.next(row); ++k) {
        held.insert(held.end(), row.values.begin(), row.values.end());
        when.push_back(static_cast<double>(reader.position(k)) * seconds_per_token);
        if (when.size() == block) flush();
        after_row_();
      }
      flush();
    }
    if (!logits) columns(d, name + "_columns");
    told_.series.push_back(name);
  }

  // Whose values the columns of frames are.
  void columns(const report_description& d, const std::string& name) {
    hdf5::group g = analysis_.create_group(name.c_str());
    typed(g, "hdmf-common", "DynamicTable");
    g.set_string("description", "the columns of /acquisition/" + name.substr(0, name.rfind('_')));
    std::vector<std::int64_t> ids;
    for (std::uint64_t k = 0; k < d.width; ++k) ids.push_back(static_cast<std::int64_t>(k));
    hdf5::dataset id = g.create_rows<std::int64_t>("id", {}, rows_at_once);
    typed(id, "hdmf-common", "ElementIdentifiers");
    id.append<std::int64_t>(ids);
    std::vector<std::string> names;
    const auto add = [&](const char* column_name, const char* description,
                         const std::vector<std::uint64_t>& values) {
      hdf5::dataset set = g.create_rows<std::uint64_t>(column_name, {}, rows_at_once);
      column(set, description);
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

  // Events come token by token and are wanted neuron by neuron: as many neurons at once as memory
  // allows, from the file again each time.
  void events(report_reader& reader) {
    const report_description d = reader.what();
    std::vector<std::uint64_t> count(run_.neurons);
    report_row row;
    while (reader.next(row)) {
      for (std::uint64_t i : row.nodes) ++count.at(checked(i, d));
      after_row_();
    }
    for (neuron_id first = 0, last; first < run_.neurons; first = last) {
      std::uint64_t held = 0;
      for (last = first;
           last < run_.neurons && (last == first || held + count[last] <= most_events_held); ++last)
        held += count[last];
      if (held != 0) some_events(reader, d, count, first, last, held);
    }
  }

  std::uint64_t checked(std::uint64_t neuron, const report_description& d) const {
    if (neuron >= run_.neurons)
      throw input_error((run_.folder / d.name).string(), "neuron " + std::to_string(neuron),
                        "below " + std::to_string(run_.neurons));
    return neuron;
  }

  void some_events(report_reader& reader, const report_description& d,
                   const std::vector<std::uint64_t>& count, neuron_id first, neuron_id last,
                   std::uint64_t held) {
    std::vector<std::uint64_t> next(last - first);
    for (std::size_t i = 1; i < next.size(); ++i) next[i] = next[i - 1] + count[first + i - 1];
    std::vector<double> times(held);
    std::vector<float> values(held);
    reader.seek(0);
    report_row row;
    for (std::uint64_t k = 0; reader.next(row); ++k) {
      for (std::size_t e = 0; e < row.nodes.size(); ++e) {
        if (row.nodes[e] < first || row.nodes[e] >= last) continue;
        const std::uint64_t at = next[row.nodes[e] - first]++;
        times.at(at) = static_cast<double>(reader.position(k)) * seconds_per_token;
        values[at] = row.values[e];
      }
      after_row_();
    }
    if (!units_) units_.emplace(*this);
    unit_table& t = *units_;
    t.times.append<double>(times);
    t.values.append<float>(values);
    std::vector<std::uint64_t> ends, neurons, layers;
    std::vector<std::int64_t> ids;
    for (neuron_id i = first; i < last; ++i) {
      if (count[i] == 0) continue;
      ends.push_back(t.events += count[i]);
      neurons.push_back(i);
      layers.push_back(d.layer);
      ids.push_back(static_cast<std::int64_t>(t.variable.size()));
      t.variable.emplace_back(name(d.what));
    }
    for (hdf5::dataset* set : {&t.times_end, &t.values_end}) set->append<std::uint64_t>(ends);
    t.neuron.append<std::uint64_t>(neurons);
    t.layer.append<std::uint64_t>(layers);
    t.id.append<std::int64_t>(ids);
    told_.units = t.variable.size();
    told_.events = t.events;
  }

  const recorded_run& run_;
  const std::function<void()>& after_row_;
  std::string identity_;
  hdf5::file file_;
  hdf5::group root_, acquisition_, analysis_, presentation_;
  std::optional<unit_table> units_;
  nwb_summary told_;
};

}  // namespace

nwb_summary export_nwb(const recorded_run& run, const std::filesystem::path& target, bool overwrite,
                       const std::function<void()>& after_row) {
  atomic_file whole(target, overwrite);
  nwb_summary told = with_file_name(whole.temporary().string(), target.string(), [&] {
    try {
      return nwb_file(run, whole.temporary(), after_row).write();
    } catch (const nlohmann::json::exception&) {
      throw input_error((run.folder / "run.json").string(), "a part is missing or of another type",
                        "the description of a run");
    }
  });
  whole.publish();
  return told;
}

}  // namespace bdh
