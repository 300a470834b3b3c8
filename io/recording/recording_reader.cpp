#include "io/recording/recording_reader.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "io/hdf5/file.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30;  // of one read
constexpr std::uint64_t most_packing = 1032;  // gzip makes nothing smaller by more than this
constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20;   // of a block of rows
constexpr std::uint64_t block_events = std::uint64_t{1} << 17;  // of a block of events
constexpr double exact = 9007199254740992.0;  // 2^53: integers below it are themselves as float64

hdf5::file opened(const std::filesystem::path& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  return hdf5::file::open(
      file, {failed ? 0
                    : std::min<std::uint64_t>(most_bytes,
                                              std::max<std::uintmax_t>(size, 1) * most_packing),
             false});
}

std::uint64_t whole(double value, const std::string& place, const char* expected) {
  if (!(value >= 0 && value < exact) ||
      value != static_cast<double>(static_cast<std::uint64_t>(value)))
    throw input_error(place, shown(value), expected);
  return static_cast<std::uint64_t>(value);
}

template <class T>
std::vector<T> list(const hdf5::group& in, const char* name) {
  const array<T> values = in.open_dataset(name).read_list<T>();
  return {values.begin(), values.end()};
}

// The one population of a recording. Files of ours have one of these.
std::string population_of(const hdf5::group& recordings) {
  for (const char* name : {"neurons", "sources", "hubs"})
    if (recordings.has(name)) return name;
  throw input_error(recordings.place(), "another population", "neurons, sources or hubs");
}

quantity quantity_named(const hdf5::group& population) {
  const std::string variable = population.text("variable");
  for (quantity q :
       {quantity::x, quantity::y, quantity::synapses, quantity::snapshot, quantity::pairs})
    if (variable == name(q)) return q;
  throw input_error(population.place() + "@variable", "'" + variable + "'",
                    "x, y, synapses, snapshot or pairs");
}

// K of "x:top:K ...", 0 of "events ...".
std::uint64_t top_of(const std::string& request, const std::string& place) {
  if (request.starts_with("events")) return 0;
  const std::size_t top = request.find("top:");
  std::uint64_t k = 0;
  if (top != request.npos)
    std::from_chars(request.data() + top + 4, request.data() + request.size(), k);
  if (k == 0) throw input_error(place, "'" + request + "'", "events or top:K");
  return k;
}

}  // namespace

// One of three layouts; all of them hold `what`, and the row that comes next.
struct recording_reader::source {
  explicit source(const std::filesystem::path& from) : file(opened(from)), root(file.root()) {
    d.name = from.filename().string();
    const std::string format = root.text("format");
    if (format != "bdh-report" && format != "bdh-logits")
      throw input_error(root.place() + "@format", "'" + format + "'", "bdh-report or bdh-logits");
    d.request = root.text("request");
    read_time();
    if (format == "bdh-logits") {
      open_logits();
    } else if (root.has("report")) {
      open_frames();
    } else {
      open_events();
    }
  }

  void read_time() {
    const hdf5::dataset time = root.open_group("mapping").open_dataset("time");
    const array<double> marker = time.read<double>({3});
    d.start = whole(marker[0], time.place() + "[0]", "the first position recorded");
    const std::uint64_t stop =
        whole(marker[1], time.place() + "[1]", "the end of a recording, in tokens");
    d.every = whole(marker[2], time.place() + "[2]", "a number of tokens, 1 or more");
    if (d.every == 0) throw input_error(time.place() + "[2]", "0", "a number of tokens, 1 or more");
    if (stop < d.start || (stop - d.start) % d.every != 0)
      throw input_error(time.place(), shown(marker[1]),
                        "start, and a multiple of " + shown(marker[2]) + " more");
    rows = (stop - d.start) / d.every;
  }

  void open_table(const hdf5::group& in, const char* name) {
    table = in.open_dataset(name);
    const hdf5::extents& shape = table.shape();
    if (shape.size() != 2 || shape[1] == 0)
      throw input_error(table.place(), "another shape", "rows x values");
    if (shape[0] < rows)
      throw input_error(table.place(), std::to_string(shape[0]) + " rows",
                        "at least " + std::to_string(rows));
    d.width = shape[1];
  }

  void open_logits() {
    d.what = quantity::logits;
    d.layout = recording_layout::logits;
    d.population = "readout";
    open_table(root, "logits");
  }

  void describe(const hdf5::group& population) {
    d.what = quantity_named(population);
    const std::uint64_t layer = population.number("layer");
    if (layer == 0 || layer > 0xffffffffu)
      throw input_error(population.place() + "@layer", std::to_string(layer), "1 or more");
    d.layer = static_cast<layer_id>(layer);
  }

  void open_frames() {
    d.layout = recording_layout::frames;
    const hdf5::group recordings = root.open_group("report");
    d.population = population_of(recordings);
    const hdf5::group population = recordings.open_group(d.population.c_str()),
                      mapping = population.open_group("mapping");
    describe(population);
    open_table(population, "data");
    d.node_ids = list<std::uint64_t>(mapping, "node_ids");
    d.index_pointers = list<std::uint64_t>(mapping, "index_pointers");
    d.element_ids = list<std::uint32_t>(mapping, "element_ids");
    const auto& at = d.index_pointers;
    if (at.size() != d.node_ids.size() + 1 || at.front() != 0 || at.back() != d.width ||
        !std::is_sorted(at.begin(), at.end()) ||
        std::adjacent_find(d.node_ids.begin(), d.node_ids.end(), std::greater_equal<>()) !=
            d.node_ids.end() ||
        d.element_ids.size() != d.width)
      throw input_error(mapping.place(), "lists that do not fit each other",
                        "node_ids ascending, and the columns of each");
    if ((d.what == quantity::x || d.what == quantity::y) && d.node_ids.size() != d.width)
      throw input_error(
          mapping.place(),
          std::to_string(d.width) + " values of " + std::to_string(d.node_ids.size()) + " neurons",
          "one of each");
    if (d.what == quantity::synapses) read_synapses();
  }

  void read_synapses() {
    const hdf5::group all = root.open_group("synapses");
    d.by_y = all.text("factor") == "y";
    const auto pre = list<std::uint32_t>(all, "pre"), post = list<std::uint32_t>(all, "post");
    const auto edge = list<std::uint64_t>(all, "edge_id"),
               since = list<std::uint64_t>(all, "since");
    for (std::size_t size : {pre.size(), post.size(), edge.size(), since.size()})
      if (size != d.width)
        throw input_error(all.place(), std::to_string(size) + " synapses",
                          std::to_string(d.width) + ", one a value");
    for (std::size_t k = 0; k < pre.size(); ++k)
      d.synapses.push_back({pre[k], post[k], edge[k], since[k]});
  }

  void open_events() {
    d.layout = recording_layout::events;
    d.top = top_of(d.request, root.place() + "@request");
    const hdf5::group spikes = root.open_group("spikes");
    d.population = population_of(spikes);
    const hdf5::group population = spikes.open_group(d.population.c_str());
    describe(population);
    times = population.open_dataset("timestamps");
    nodes = population.open_dataset("node_ids");
    values = population.open_dataset("values");
    if (d.what == quantity::synapses) edges = population.open_dataset("edge_ids");
    if (d.what == quantity::pairs) {
      edges = population.open_dataset("pre_ids");
      d.by_y = population.text("factor") == "y";
    }
    const hdf5::dataset count = root.open_group("mapping").open_dataset("events");
    events = count.read<std::uint64_t>({1})[0];
    for (const hdf5::dataset* set : {&times, &nodes, &values, &edges}) {
      if (set == &edges && !has_edges(d.what)) continue;
      if (set->shape().size() != 1 || set->shape()[0] < events)
        throw input_error(set->place(), "another shape",
                          "one dimension, of at least " + std::to_string(events) + " events");
    }
  }

  std::uint64_t position(std::uint64_t at) const { return d.start + at * d.every; }

  // ---- frames and logits

  void next_frame(recording_row& to) {
    if (row < block_first || row >= block_first + block_rows) {
      block_first = row;
      block_rows =
          std::min(rows - row, std::max<std::uint64_t>(1, block_bytes / sizeof(float) / d.width));
      frames = table.read_part<float>({block_first, 0}, {block_rows, d.width});
    }
    const float* const first = frames.data() + (row - block_first) * d.width;
    to.nodes.clear();
    to.edges.clear();
    to.values.assign(first, first + d.width);
  }

  // ---- events

  bool fill() {
    event = block_first + block_times.size();
    const std::uint64_t count = std::min(events - event, block_events);
    load(event, count);
    return count != 0;
  }
  void load(std::uint64_t first, std::uint64_t count) {
    block_first = first;
    block_times = times.read_part<double>({first}, {count});
    block_nodes = nodes.read_part<std::uint64_t>({first}, {count});
    block_values = values.read_part<float>({first}, {count});
    if (has_edges(d.what)) block_edges = edges.read_part<std::uint64_t>({first}, {count});
  }

  void next_events(recording_row& to) {
    to.nodes.clear();
    to.edges.clear();
    to.values.clear();
    const auto now = static_cast<double>(position(row));
    while (event < events) {
      if (event >= block_first + block_times.size() && !fill()) break;
      const std::size_t k = event - block_first;
      if (block_times[k] > now && row + 1 < rows) break;
      if (block_times[k] != now)
        throw input_error(times.place() + "[" + std::to_string(event) + "]", shown(block_times[k]),
                          "position " + shown(now));
      add(k, to);
      ++event;
    }
  }
  // Each neuron or synapse once: so a row can never be larger than what the file really holds.
  void add(std::size_t k, recording_row& to) const {
    const bool again = !to.nodes.empty() && repeats(k, to);
    if (d.what == quantity::pairs && std::max(block_nodes[k], block_edges[k]) > 0xffffffffu)
      throw input_error(nodes.place() + "[" + std::to_string(event) + "]",
                        std::to_string(std::max(block_nodes[k], block_edges[k])), "a neuron");
    if (again || (d.top != 0 && to.values.size() == d.top))
      throw input_error(nodes.place() + "[" + std::to_string(event) + "]",
                        std::to_string(block_nodes[k]),
                        again ? "each of a position once, in ascending order"
                              : "at most " + std::to_string(d.top) + " of a position");
    to.nodes.push_back(block_nodes[k]);
    if (has_edges(d.what)) to.edges.push_back(block_edges[k]);
    to.values.push_back(block_values[k]);
  }
  // Whether it is not behind the last one of the row.
  bool repeats(std::size_t k, const recording_row& to) const {
    if (d.what == quantity::synapses) return block_edges[k] == to.edges.back();
    if (d.what == quantity::pairs && block_nodes[k] == to.nodes.back())
      return block_edges[k] <= to.edges.back();
    return block_nodes[k] <= to.nodes.back();
  }

  void seek(std::uint64_t to) {
    if (to == row) return;
    row = to;
    if (d.layout != recording_layout::events) return;
    // The first event that is not before the row: times ascend, which `next` checks of those it
    // reads.
    const auto at = static_cast<double>(position(row));
    std::uint64_t low = 0, high = row == rows ? 0 : events;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (times.read_part<double>({middle}, {1})[0] < at)
        low = middle + 1;
      else
        high = middle;
    }
    event = row == rows ? events : low;
    load(event, 0);
  }

  hdf5::file file;
  hdf5::group root;
  recording_description d;
  std::uint64_t rows = 0, row = 0;
  std::uint64_t block_first = 0;  // of the block in memory: a row, or an event

  hdf5::dataset table;
  array<float> frames;
  std::uint64_t block_rows = 0;

  hdf5::dataset times, nodes, values, edges;
  std::uint64_t events = 0, event = 0;  // committed; the next one
  array<double> block_times;
  array<std::uint64_t> block_nodes, block_edges;
  array<float> block_values;
};

recording_reader::recording_reader(const std::filesystem::path& file)
    : source_(std::make_unique<source>(file)) {}
recording_reader::recording_reader(recording_reader&&) noexcept = default;
recording_reader& recording_reader::operator=(recording_reader&&) noexcept = default;
recording_reader::~recording_reader() = default;

const recording_description& recording_reader::what() const noexcept { return source_->d; }
std::uint64_t recording_reader::rows() const noexcept { return source_->rows; }
std::uint64_t recording_reader::position(std::uint64_t row) const noexcept {
  return source_->position(row);
}

std::optional<std::uint64_t> recording_reader::row_from(std::uint64_t position) const noexcept {
  const recording_description& d = source_->d;
  const std::uint64_t row =
      position <= d.start ? 0
                          : (position - d.start) / d.every + ((position - d.start) % d.every != 0);
  return row < source_->rows ? std::optional(row) : std::nullopt;
}

void recording_reader::seek(std::uint64_t row) { source_->seek(row); }

bool recording_reader::next(recording_row& row) {
  source& s = *source_;
  if (s.row == s.rows) return false;
  if (s.d.layout == recording_layout::events)
    s.next_events(row);
  else
    s.next_frame(row);
  ++s.row;
  return true;
}

std::vector<float> recording_reader::column(std::uint64_t value) {
  source& s = *source_;
  std::vector<float> all;
  const std::uint64_t at_once = std::max<std::uint64_t>(1, block_bytes / sizeof(float));
  for (std::uint64_t row = 0; row < s.rows; row += at_once) {
    const array<float> part =
        s.table.read_part<float>({row, value}, {std::min(at_once, s.rows - row), 1});
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace bdh
