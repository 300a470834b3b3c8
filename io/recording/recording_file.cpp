#include "io/recording/recording_file.hpp"

#include <array>
#include <optional>
#include <span>
#include <utility>

namespace bdh {
namespace {

constexpr std::uint64_t chunk_bytes = recording_chunk_bytes;
constexpr std::size_t longest_text = 4096;  // bytes, of what names a model or a run

// A dataset that grows by rows, and those that are not in the file yet.
template <class T>
class column {
 public:
  column() = default;
  explicit column(hdf5::dataset set) : set_(std::move(set)) {}
  void add(std::span<const T> values) {
    pending_.insert(pending_.end(), values.begin(), values.end());
  }
  void add(T value) { pending_.push_back(value); }
  bool is_full() const noexcept { return pending_.size() * sizeof(T) >= chunk_bytes; }
  void write() {
    set_.template append<T>(pending_);
    pending_.clear();
  }

 private:
  hdf5::dataset set_;
  std::vector<T> pending_;
};

// What a dataset holds, for readers of the file.
hdf5::dataset described(hdf5::dataset set, const char* what) {
  set.set_text("description", what);
  return set;
}

template <class T>
column<T> list(hdf5::group& in, const char* name, const char* what) {
  return column<T>(described(in.create_rows<T>(name, {}, chunk_bytes / sizeof(T)), what));
}

template <class T>
column<T> table(hdf5::group& in, const char* name, std::uint64_t width, const char* units,
                quantity of) {
  hdf5::dataset set =
      described(in.create_rows<T>(name, {width}, chunk_bytes / (width * sizeof(T))), meaning(of));
  set.set_text("units", units);
  return column<T>(std::move(set));
}

hdf5::dataset marker(hdf5::group& mapping) {
  hdf5::dataset set = described(
      mapping.create_dataset<double>("time", {3}),
      "start, stop, step: rows are of the positions start, start + step, ... below stop; what is "
      "behind them is not committed. One token is 1 ms");
  set.set_text("units", "ms");
  return set;
}

class frames_file final : public recording_file {
 public:
  frames_file(const std::filesystem::path& path, const recording_description& what,
              const std::string& shown)
      : recording_file(path, what, shown) {
    hdf5::group root = file_.root(),
                population = root.create_group("report").create_group(what.population.c_str());
    population.set_text("variable", name(what.what));
    population.set_number("layer", what.layer);
    if (what.what == quantity::synapses || what.what == quantity::snapshot)
      population.set_text("edge_population", "gs");
    values_ = table<float>(population, "data", what.width, "1", what.what);
    hdf5::group mapping = population.create_group("mapping");
    hdf5::dataset nodes =
        described(mapping.create_dataset<std::uint64_t>("node_ids", {what.node_ids.size()}),
                  "the neurons, or of synapses the postsynaptic nodes, that have columns of data");
    nodes.set_flag("sorted", true);
    nodes.write<std::uint64_t>(what.node_ids);
    described(mapping.create_dataset<std::uint64_t>("index_pointers", {what.index_pointers.size()}),
              "the columns of node_ids[k] are index_pointers[k] to index_pointers[k + 1] - 1")
        .write<std::uint64_t>(what.index_pointers);
    mapping.create_link("index_pointer", "index_pointers");  // as pysonata and bmtk call it
    described(mapping.create_dataset<std::uint32_t>("element_ids", {what.element_ids.size()}),
              "of each column: 0 of a neuron; of a synapse its position in /projections/gs of the "
              "model by rows, behind all of them probes; through hubs hub x neurons + neuron")
        .write<std::uint32_t>(what.element_ids);
    marker_ = marker(mapping);
    root.create_link(
        "mapping",
        ("report/" + what.population + "/mapping").c_str());  // where all our recordings have it
    if (!what.synapses.empty()) write_synapses(root, what);
  }

 private:
  void write_synapses(hdf5::group& root, const recording_description& what) const {
    std::vector<std::uint32_t> pre, post, layer, probe;
    std::vector<std::uint64_t> edge, since;
    for (const recorded_synapse& s : what.synapses) {
      pre.push_back(s.pre);
      post.push_back(s.post);
      layer.push_back(what.layer);
      probe.push_back(s.edge == recorded_synapse::no_edge);
      edge.push_back(s.edge);
      since.push_back(s.since);
    }
    hdf5::group all = root.create_group("synapses");
    all.set_text("factor", what.by_y ? "y" : "w");
    const hdf5::extents shape{pre.size()};
    const auto add = [&]<class T>(const char* name, const std::vector<T>& values,
                                  const char* meaning) {
      described(all.create_dataset<T>(name, shape), meaning).template write<T>(values);
    };
    add("pre", pre, "of each column of data: the presynaptic neuron");
    add("post", post, "the postsynaptic node: a neuron, or neurons + t of token t");
    add("layer", layer, "the layer, from 1");
    add("is_probe", probe, "1: followed by a probe, 0: a synapse of the model");
    add("edge_id", edge, "its position in /projections/gs of the model by rows; 2^64 - 1: none");
    add("since", since, "tokens read before the probe was placed, of which it knows nothing");
  }

  void add(std::uint64_t, token_id, const recording_row& row) override {
    values_.add(row.values);
    if (values_.is_full()) values_.write();
  }
  void write() override { values_.write(); }
  void release() override { values_ = {}; }

  column<float> values_;
};

class events_file final : public recording_file {
 public:
  events_file(const std::filesystem::path& path, const recording_description& what,
              const std::string& shown)
      : recording_file(path, what, shown) {
    static constexpr const char* sortings[] = {"none", "by_id", "by_time"};
    hdf5::group root = file_.root(),
                population = root.create_group("spikes").create_group(what.population.c_str());
    population.set_choice("sorting", sortings, 2);
    population.set_text("variable", name(what.what));
    population.set_number("layer", what.layer);
    {
      hdf5::dataset times =
          population.create_rows<double>("timestamps", {}, chunk_bytes / sizeof(double));
      times.set_text("units", "ms");
      times.set_text("description", "the position of the token; one token is 1 ms");
      times_ = column<double>(std::move(times));
    }
    nodes_ = list<std::uint64_t>(population, "node_ids",
                                 "the neuron, or of a synapse the postsynaptic node");
    hdf5::dataset values =
        described(population.create_rows<float>("values", {}, chunk_bytes / sizeof(float)),
                  meaning(what.what));
    values.set_text("units", "1");
    values_ = column<float>(std::move(values));
    if (what.what == quantity::synapses) {
      population.set_text("edge_population", "gs");
      edges_ =
          list<std::uint64_t>(population, "edge_ids",
                              "the synapse: its position in /projections/gs of the model by rows");
    }
    if (what.what == quantity::pairs) {
      population.set_text("factor", what.by_y ? "y" : "w");
      edges_ = list<std::uint64_t>(population, "pre_ids", "the presynaptic neuron");
    }
    has_edges_ = has_edges(what.what);
    hdf5::group mapping = root.create_group("mapping");
    marker_ = marker(mapping);
    count_ = described(mapping.create_dataset<std::uint64_t>("events", {1}),
                       "how many events are committed");
  }

 private:
  void add(std::uint64_t position, token_id, const recording_row& row) override {
    for (std::size_t k = 0; k < row.values.size(); ++k) times_.add(static_cast<double>(position));
    nodes_.add(row.nodes);
    if (has_edges_) edges_.add(row.edges);
    values_.add(row.values);
    events_ += row.values.size();
    if (times_.is_full()) write();
  }
  void write() override {
    times_.write();
    nodes_.write();
    if (has_edges_) edges_.write();
    values_.write();
  }
  void mark_more() override {
    const std::uint64_t events[] = {events_};
    count_.write<std::uint64_t>(events);
  }
  void release() override {
    times_ = {};
    nodes_ = {};
    edges_ = {};
    values_ = {};
    count_ = {};
  }

  column<double> times_;
  column<std::uint64_t> nodes_, edges_;
  column<float> values_;
  hdf5::dataset count_;  // events committed
  std::uint64_t events_ = 0;
  bool has_edges_ = false;
};

// The trains of one population.
class trains_of_population {
 public:
  trains_of_population(hdf5::group& spikes, const char* name, const char* nodes) {
    static constexpr const char* sortings[] = {"none", "by_id", "by_time"};
    hdf5::group population = spikes.create_group(name);
    population.set_choice("sorting", sortings, 2);
    hdf5::dataset times =
        described(population.create_rows<double>("timestamps", {}, chunk_bytes / sizeof(double)),
                  "the end of the bin, from the beginning of the stream of tokens");
    times.set_text("units", "ms");
    times_ = column<double>(std::move(times));
    nodes_ = list<std::uint64_t>(population, "node_ids", nodes);
    variable_ = list<std::uint32_t>(population, "variable", "what sent it: 0 X, 1 Y, 2 W, 3 A");
  }
  void add(double time, std::uint64_t node, std::uint32_t variable) {
    times_.add(time);
    nodes_.add(node);
    variable_.add(variable);
    ++count_;
  }
  bool is_full() const noexcept { return times_.is_full(); }
  void write() {
    times_.write();
    nodes_.write();
    variable_.write();
  }
  std::uint64_t count() const noexcept { return count_; }

 private:
  column<double> times_;
  column<std::uint64_t> nodes_;
  column<std::uint32_t> variable_;
  std::uint64_t count_ = 0;
};

class trains_file final : public recording_file {
 public:
  trains_file(const std::filesystem::path& path, const recording_description& what,
              const std::string& shown)
      : recording_file(path, what, shown), bin_ms_(what.bin_ms) {
    hdf5::group root = file_.root(), spikes = root.create_group("spikes"),
                recorded = root.create_group("recorded"), mapping = root.create_group("mapping");
    neurons_.emplace(spikes, "neurons", "the neuron");
    if (what.of_hubs)
      hubs_.emplace(spikes, "hubs",
                    "2 hub where its value is above zero, 2 hub + 1 where it is below; of A, hub + "
                    "head x hubs in place of hub");
    if (what.of_a)
      hubs_.emplace(spikes, "axons",
                    "2 (neuron + head x sources), and 1 more where its A is below zero");
    described(recorded.create_dataset<std::uint64_t>("neurons", {what.node_ids.size()}),
              "the neurons whose trains are here, whether they have a spike or not")
        .write<std::uint64_t>(what.node_ids);
    marker_ = marker(mapping);
    count_ = described(mapping.create_dataset<std::uint64_t>("events", {2}),
                       "how many spikes of neurons, and of hubs or axons, are committed");
  }

 private:
  void add(std::uint64_t, token_id, const recording_row& row) override {
    for (std::size_t k = 0; k < row.values.size(); ++k) {
      const bool hub = hubs_ && row.values[k] >= spike_of_hub;
      (hub ? *hubs_ : *neurons_)
          .add(static_cast<double>(row.edges[k] + 1) * bin_ms_, row.nodes[k],
               static_cast<std::uint32_t>(row.values[k] - (hub ? spike_of_hub : 0)));
    }
    if (neurons_->is_full() || (hubs_ && hubs_->is_full())) write();
  }
  void write() override {
    neurons_->write();
    if (hubs_) hubs_->write();
  }
  void mark_more() override {
    const std::uint64_t events[] = {neurons_->count(), hubs_ ? hubs_->count() : 0};
    count_.write<std::uint64_t>(events);
  }
  void release() override {
    neurons_.reset();
    hubs_.reset();
    count_ = {};
  }

  const double bin_ms_;
  std::optional<trains_of_population> neurons_, hubs_;
  hdf5::dataset count_;
};

class logits_file final : public recording_file {
 public:
  logits_file(const std::filesystem::path& path, const recording_description& what,
              const std::string& shown)
      : recording_file(path, what, shown) {
    hdf5::group root = file_.root();
    tokens_ = list<token_id>(root, "tokens", "the token that was read, of each row");
    logits_ = table<float>(root, "logits", what.width, "nats", what.what);
    hdf5::group mapping = root.create_group("mapping");
    marker_ = marker(mapping);
  }

 private:
  void add(std::uint64_t, token_id token, const recording_row& row) override {
    tokens_.add(token);
    logits_.add(row.values);
    if (logits_.is_full()) write();
  }
  void write() override {
    tokens_.write();
    logits_.write();
  }
  void release() override {
    tokens_ = {};
    logits_ = {};
  }

  column<token_id> tokens_;
  column<float> logits_;
};

std::unique_ptr<recording_file> empty_file(const std::filesystem::path& path,
                                           const recording_description& what,
                                           const std::string& shown) {
  switch (what.layout) {
    case recording_layout::frames:
      return std::make_unique<frames_file>(path, what, shown);
    case recording_layout::events:
      return std::make_unique<events_file>(path, what, shown);
    case recording_layout::trains:
      return std::make_unique<trains_file>(path, what, shown);
    default:
      return std::make_unique<logits_file>(path, what, shown);
  }
}

}  // namespace

recording_file::recording_file(const std::filesystem::path& path, const recording_description& what,
                               const std::string& shown)
    : file_(hdf5::file::create(path, 0, shown)), start_(what.start), every_(what.every) {
  static constexpr std::uint32_t version[] = {0, 1};
  hdf5::group root = file_.root();
  root.set_number32("magic", 0x0A7A);
  root.set_numbers32("version", version);
  root.set_text("format", what.layout == recording_layout::logits ? "bdh-logits" : "bdh-report");
  root.set_text("request", what.request);
  root.set_text("description", meaning(what.what));
  // Nothing that differs between runs that give the same values: their files are the same bytes.
  root.set_text("run", "run.json in the same folder: what ran, its options, start and end");
  for (const auto& [name, value] : {std::pair("creator", &what.origin.creator),
                                    {"model_sha256", &what.origin.model_sha256},
                                    {"model", &what.origin.model}})
    if (!value->empty()) root.set_text(name, value->substr(0, longest_text));
}

std::unique_ptr<recording_file> recording_file::create(const std::filesystem::path& path,
                                                       const recording_description& what,
                                                       const std::string& shown) {
  auto made = empty_file(path, what, shown);
  made->sync();
  made->mark();
  return made;
}

void recording_file::append(std::uint64_t position, token_id token, const recording_row& row) {
  add(position, token, row);
  ++rows_;
}

void recording_file::sync() {
  write();
  file_.sync();
  synced_ = rows_;
}

void recording_file::mark() {
  const double time[] = {static_cast<double>(start_),
                         static_cast<double>(start_ + synced_ * every_),
                         static_cast<double>(every_)};
  mark_more();
  marker_.write<double>(time);
  file_.flush();
}

void recording_file::close() {
  release();
  marker_ = {};
  file_.close();
}

}  // namespace bdh
