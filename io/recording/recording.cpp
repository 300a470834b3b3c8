#include "io/recording/recording.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/journal.hpp"
#include "io/files/json.hpp"
#include "io/hdf5/file.hpp"
#include "io/recording/recording_file.hpp"

namespace bdh {
namespace {

using json = nlohmann::json;

// ---- records of the journal: the description in CBOR first, then rows

template <class T>
json packed(const std::vector<T>& values) {
  const auto* const first = reinterpret_cast<const std::uint8_t*>(values.data());
  return json::binary({first, first + values.size() * sizeof(T)});
}

template <class T>
std::vector<T> unpacked(const json& from) {
  const json::binary_t& bytes = from.get_binary();
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::vector<std::uint8_t> encoded(const recording_description& d) {
  return json::to_cbor(json{{"name", d.name},
                            {"request", d.request},
                            {"what", static_cast<int>(d.what)},
                            {"layout", static_cast<int>(d.layout)},
                            {"layer", d.layer},
                            {"every", d.every},
                            {"start", d.start},
                            {"top", d.top},
                            {"width", d.width},
                            {"by_y", d.by_y},
                            {"population", d.population},
                            {"node_ids", packed(d.node_ids)},
                            {"index_pointers", packed(d.index_pointers)},
                            {"element_ids", packed(d.element_ids)},
                            {"synapses", packed(d.synapses)},
                            {"bin_ms", d.bin_ms},
                            {"of_hubs", d.of_hubs},
                            {"of_a", d.of_a},
                            {"origin", {d.origin.creator, d.origin.model_sha256, d.origin.model}}});
}

// Whether the file can be written and read as described.
bool is_sound(const recording_description& d) {
  const auto& at = d.index_pointers;
  const bool named = !d.name.empty() && d.name.find('/') == d.name.npos && !d.population.empty() &&
                     d.population.find('/') == d.population.npos;
  const bool framed = at.size() == d.node_ids.size() + 1 && at.front() == 0 &&
                      at.back() == d.width && std::is_sorted(at.begin(), at.end()) &&
                      d.element_ids.size() == d.width &&
                      (d.synapses.empty() || d.synapses.size() == d.width);
  return named && d.every != 0 && d.start % d.every == 0 && d.width != 0 &&
         d.width < (std::uint64_t{1} << 32) && d.top <= d.width && d.what <= quantity::spikes &&
         d.layout <= recording_layout::trains && (d.layout != recording_layout::frames || framed) &&
         (d.what == quantity::spikes) == (d.layout == recording_layout::trains) &&
         (d.layout != recording_layout::trains || (d.bin_ms > 0 && d.node_ids.size() == d.width));
}

std::uint64_t unsigned_of(const json& all, const char* key) {
  if (!all.at(key).is_number_unsigned()) throw json::other_error::create(501, key, nullptr);
  return all.at(key);
}

recording_origin origin_of(const json& texts) {
  return {.creator = texts.at(0), .model_sha256 = texts.at(1), .model = texts.at(2)};
}

recording_description decoded(std::span<const std::byte> bytes, const std::string& place) {
  recording_description d;
  try {
    const auto* const first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const json all = parse_cbor({first, bytes.size()}, {.depth = 2});
    d.name = all.at("name");
    d.request = all.at("request");
    d.what = static_cast<quantity>(all.at("what").get<unsigned>());
    d.layout = static_cast<recording_layout>(all.at("layout").get<unsigned>());
    d.layer = static_cast<layer_id>(
        std::min<std::uint64_t>(unsigned_of(all, "layer"), std::numeric_limits<layer_id>::max()));
    d.every = unsigned_of(all, "every");
    d.start = unsigned_of(all, "start");
    d.top = unsigned_of(all, "top");
    d.width = unsigned_of(all, "width");
    d.by_y = all.at("by_y");
    d.population = all.at("population");
    d.node_ids = unpacked<std::uint64_t>(all.at("node_ids"));
    d.index_pointers = unpacked<std::uint64_t>(all.at("index_pointers"));
    d.element_ids = unpacked<std::uint32_t>(all.at("element_ids"));
    d.synapses = unpacked<recorded_synapse>(all.at("synapses"));
    if (all.contains("bin_ms")) d.bin_ms = all.at("bin_ms");
    if (all.contains("of_hubs")) d.of_hubs = all.at("of_hubs");
    if (all.contains("of_a")) d.of_a = all.at("of_a");
    if (all.contains("origin")) d.origin = origin_of(all.at("origin"));
  } catch (const json_error&) {
    throw input_error(place, "another first record", "the description of a recording");
  } catch (const json::exception&) {
    throw input_error(place, "another first record", "the description of a recording");
  }
  if (!is_sound(d))
    throw input_error(place, "a description that contradicts itself",
                      "the description of a recording");
  return d;
}

struct row_head {
  std::uint64_t position = 0, nodes = 0, edges = 0, values = 0;
  token_id token = 0;
  std::uint32_t reserved = 0;
};

void append(journal_writer& to, std::uint64_t position, token_id token, const recording_row& row) {
  const row_head head{.position = position,
                      .nodes = row.nodes.size(),
                      .edges = row.edges.size(),
                      .values = row.values.size(),
                      .token = token};
  const std::span<const std::byte> parts[] = {
      std::as_bytes(std::span(&head, 1)), std::as_bytes(std::span(row.nodes)),
      std::as_bytes(std::span(row.edges)), std::as_bytes(std::span(row.values))};
  to.append(parts);
}

// Nothing when these bytes are no row.
std::optional<row_head> decoded(std::span<const std::byte> bytes, recording_row& row) {
  row_head head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes = bytes.subspan(sizeof head);
  if (head.nodes > bytes.size() || head.edges > bytes.size() || head.values > bytes.size() ||
      bytes.size() != 8 * (head.nodes + head.edges) + 4 * head.values)
    return std::nullopt;
  const auto take = [&](auto& values, std::uint64_t count) {
    values.resize(count);
    const std::size_t size = count * sizeof values[0];
    if (size != 0) std::memcpy(values.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
  };
  take(row.nodes, head.nodes);
  take(row.edges, head.edges);
  take(row.values, head.values);
  return head;
}

bool fits(const recording_row& row, const recording_description& d) {
  if (d.layout != recording_layout::events && d.layout != recording_layout::trains)
    return row.values.size() == d.width && row.nodes.empty() && row.edges.empty();
  return row.nodes.size() == row.values.size() &&
         row.edges.size() == (has_edges(d.what) ? row.values.size() : 0);
}

// The rows of `from` below `until`, into `to`. Returns the journal's length up to the last of them.
std::uint64_t replay(journal_reader& from, const recording_description& what, recording_file& to,
                     std::uint64_t until) {
  recording_row row;
  std::uint64_t end = from.end();
  while (const auto bytes = from.next()) {
    const auto head = decoded(*bytes, row);
    if (!head || head->position >= until || head->position != what.start + to.rows() * what.every ||
        !fits(row, what))
      break;
    to.append(head->position, head->token, row);
    end = from.end();
  }
  return end;
}

recording_description read_description(journal_reader& from, const std::filesystem::path& journal) {
  const auto bytes = from.next();
  if (!bytes)
    throw input_error(journal.string(), "no whole first record", "the description of a recording");
  return decoded(*bytes, journal.string());
}

}  // namespace

const char* name(quantity q) noexcept {
  switch (q) {
    case quantity::x:
      return "x";
    case quantity::y:
      return "y";
    case quantity::synapses:
      return "synapses";
    case quantity::snapshot:
      return "snapshot";
    case quantity::pairs:
      return "pairs";
    case quantity::spikes:
      return "spikes";
    default:
      return "logits";
  }
}

bool has_edges(quantity q) noexcept {
  return q == quantity::synapses || q == quantity::pairs || q == quantity::spikes;
}

const char* meaning(quantity q) noexcept {
  switch (q) {
    case quantity::x:
      return "X(i) >= 0 of neuron i in this layer, after its threshold: the activity that reads "
             "the "
             "synapses of the layer and is written into them as the presynaptic one. 0: not "
             "active. "
             "Without a unit.";
    case quantity::y:
      return "Y(j) >= 0 of neuron j in this layer, after its threshold and times X(j): what the "
             "layer adds to W, the activity that drives the next layer and is written into "
             "synapses "
             "as the postsynaptic one. 0: not active. Without a unit.";
    case quantity::synapses:
    case quantity::snapshot:
      return "sigma(i->j) of this layer after the token was read, as the next token reads it: the "
             "sum over the tokens so far of X(i) W(j) (attribute factor of /synapses: y, of X(i) "
             "Y(j)), turned and decayed by the rules of the model. 0 before the first token. "
             "Without a unit.";
    case quantity::pairs:
      return "sigma(i->j) of this layer after the token was read, of the pairs of neurons with the "
             "largest sizes among all: the sum over the tokens so far of X(i) W(j) (attribute "
             "factor: y, of X(i) Y(j) with Y of the layer before), turned and decayed by the rules "
             "of the model. node_ids are j, pre_ids i. Without a unit.";
    case quantity::spikes:
      return "Spikes of the neurons of /recorded/neurons, by time. The window of the token in "
             "which "
             "one comes, in options.spikes.windows of run.json, says the layer and the round in "
             "which it is received, and variable what of the neuron sent it.";
    default:
      return "The natural logarithms of the probabilities of the next token up to one constant a "
             "row, after the token of the row was read; one column for each token of the "
             "vocabulary.";
  }
}

struct recording::files {
  recording_description what;
  std::filesystem::path path;
  journal_writer journal;
  std::unique_ptr<recording_file> file;
};

recording::recording(std::unique_ptr<files> f) : files_(std::move(f)) {}
recording::recording(recording&&) noexcept = default;
recording& recording::operator=(recording&&) noexcept = default;
recording::~recording() = default;

const recording_description& recording::what() const noexcept { return files_->what; }

recording recording::create(const std::filesystem::path& folder, recording_description what) {
  const std::filesystem::path path = folder / what.name;
  auto journal = journal_writer::create(journal_of(path));
  const std::vector<std::uint8_t> description = encoded(what);
  journal.append(std::as_bytes(std::span(description)));
  journal.sync();
  auto file = recording_file::create(path, what);
  return recording(
      std::make_unique<files>(files{std::move(what), path, std::move(journal), std::move(file)}));
}

recording recording::reopen(const std::filesystem::path& folder, const std::string& name,
                            std::uint64_t until) {
  const std::filesystem::path path = folder / name, journal = journal_of(path);
  journal_reader from(journal);
  recording_description what = read_description(from, journal);
  atomic_file whole(path, true);
  auto file = recording_file::create(whole.temporary(), what, path.string());
  const std::uint64_t end = replay(from, what, *file, until);
  file->sync();
  file->mark();
  whole.publish();
  // Only now: after a kill before this, the longer journal is still there to start from.
  return recording(std::make_unique<files>(
      files{std::move(what), path, journal_writer::reopen(journal, end), std::move(file)}));
}

std::uint64_t recording::next() const noexcept {
  return files_->what.start + files_->file->rows() * files_->what.every;
}

void recording::append(std::uint64_t position, token_id token, const recording_row& row) {
  files& f = *files_;
  if (position != next())
    throw shape_error(f.path.string(), "position " + std::to_string(position),
                      std::to_string(next()) + ", the next");
  if (!fits(row, f.what))
    throw shape_error(f.path.string(), std::to_string(row.values.size()) + " values",
                      std::to_string(f.what.width));
  bdh::append(f.journal, position, token, row);
  f.file->append(position, token, row);
}

void recording::sync() {
  files_->journal.sync();
  files_->file->sync();
}

void recording::mark() { files_->file->mark(); }

void recording::close() {
  sync();
  mark();
  files_->file->close();
}

void recording::discard_journal() {
  std::error_code ignored;  // at worst it stays
  std::filesystem::remove(journal_of(files_->path), ignored);
}

std::filesystem::path journal_of(const std::filesystem::path& recording_file) {
  return recording_file.string() + ".journal";
}

rebuilt rebuild(const std::filesystem::path& journal, const std::filesystem::path& target,
                std::uint64_t until) {
  journal_reader from(journal);
  rebuilt made;
  made.what = read_description(from, journal);
  atomic_file whole(target, false);
  const auto file = recording_file::create(whole.temporary(), made.what, target.string());
  replay(from, made.what, *file, until);
  while (from.next()) ++made.rows_behind;  // not damaged
  made.rows = file->rows();
  made.damaged_bytes = from.damaged();
  file->sync();
  file->mark();
  file->close();
  whole.publish();
  return made;
}

std::uint64_t committed_until(const std::filesystem::path& recording_file) {
  const hdf5::file f = hdf5::file::open(recording_file, {std::uint64_t{1} << 20, false});
  const hdf5::dataset time = f.root().open_group("mapping").open_dataset("time");
  const double stop = time.read<double>({3})[1];
  if (!(stop >= 0 && stop < 9007199254740992.0))
    throw input_error(time.place() + "[1]", shown(stop), "the end of a recording, in tokens");
  return static_cast<std::uint64_t>(stop);
}

}  // namespace bdh
