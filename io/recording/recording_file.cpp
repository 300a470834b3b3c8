#include "io/recording/recording_file.hpp"

#include <array>
#include <span>

namespace bdh {
namespace {

constexpr std::uint64_t chunk_bytes = recording_chunk_bytes;

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

template <class T>
column<T> list(hdf5::group& in, const char* name) {
  return column<T>(in.create_rows<T>(name, {}, chunk_bytes / sizeof(T)));
}

template <class T>
column<T> table(hdf5::group& in, const char* name, std::uint64_t width, const char* units) {
  hdf5::dataset set = in.create_rows<T>(name, {width}, chunk_bytes / (width * sizeof(T)));
  set.set_text("units", units);
  return column<T>(std::move(set));
}

hdf5::dataset marker(hdf5::group& mapping) {
  hdf5::dataset set = mapping.create_dataset<double>("time", {3});
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
    values_ = table<float>(population, "data", what.width, "1");
    hdf5::group mapping = population.create_group("mapping");
    hdf5::dataset nodes = mapping.create_dataset<std::uint64_t>("node_ids", {what.node_ids.size()});
    nodes.set_flag("sorted", true);
    nodes.write<std::uint64_t>(what.node_ids);
    mapping.create_dataset<std::uint64_t>("index_pointers", {what.index_pointers.size()})
        .write<std::uint64_t>(what.index_pointers);
    mapping.create_link("index_pointer", "index_pointers");  // as pysonata and bmtk call it
    mapping.create_dataset<std::uint32_t>("element_ids", {what.element_ids.size()})
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
    all.create_dataset<std::uint32_t>("pre", shape).write<std::uint32_t>(pre);
    all.create_dataset<std::uint32_t>("post", shape).write<std::uint32_t>(post);
    all.create_dataset<std::uint32_t>("layer", shape).write<std::uint32_t>(layer);
    all.create_dataset<std::uint32_t>("is_probe", shape).write<std::uint32_t>(probe);
    all.create_dataset<std::uint64_t>("edge_id", shape).write<std::uint64_t>(edge);
    all.create_dataset<std::uint64_t>("since", shape).write<std::uint64_t>(since);
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
      times_ = column<double>(std::move(times));
    }
    nodes_ = list<std::uint64_t>(population, "node_ids");
    values_ = list<float>(population, "values");
    if (what.what == quantity::synapses) {
      population.set_text("edge_population", "gs");
      edges_ = list<std::uint64_t>(population, "edge_ids");
      has_edges_ = true;
    }
    hdf5::group mapping = root.create_group("mapping");
    marker_ = marker(mapping);
    count_ = mapping.create_dataset<std::uint64_t>("events", {1});
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

class logits_file final : public recording_file {
 public:
  logits_file(const std::filesystem::path& path, const recording_description& what,
              const std::string& shown)
      : recording_file(path, what, shown) {
    hdf5::group root = file_.root();
    tokens_ = list<token_id>(root, "tokens");
    logits_ = table<float>(root, "logits", what.width, "nats");
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
