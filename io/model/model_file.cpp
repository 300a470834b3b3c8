#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/checksum_header.hpp"
#include "io/files/error_context.hpp"
#include "io/files/json.hpp"
#include "io/files/sha256.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/model_file_detail.hpp"
#include "io/model/model_image.hpp"
#include "io/model/origin_entries.hpp"

namespace bdh {
namespace {

static_assert(std::endian::native == std::endian::little,
              "content_hash takes arrays as they lie in memory");

const char* name(x_rule r) { return r == x_rule::accumulate ? "accumulate" : "replace"; }
const char* name(w_rule r) {
  switch (r) {
    case w_rule::y:
      return "y";
    case w_rule::gain_y:
      return "gain_y";
    default:
      return "leaky_sum";
  }
}

nlohmann::json rules_json(const model& m) {
  const dynamics& r = m.rules();
  return {{"name", r.name()},
          {"epsilon", r.epsilon()},
          {"layers", m.layers()},
          {"heads", m.heads()},
          {"retention", m.retention()},
          {"tokenizer", bdh::name(m.tokens())},
          {"x", name(r.x())},
          {"w", name(r.w())},
          {"token_gain", r.token_gain()},
          {"attention_gain", r.attention_gain()},
          {"centred", r.centred()}};
}

// ---- writing

void write_nodes(hdf5::group& root, const model& m) {
  hdf5::group nodes = root.create_group("nodes");
  std::vector<std::pair<const char*, neuron_id>> sizes = {{"neurons", m.neurons()},
                                                          {"hubs", m.hubs()},
                                                          {"sensory", m.sensory_nodes()},
                                                          {"readout", m.readout_nodes()}};
  if (m.is_direct()) sizes.emplace_back("sources", m.sources());
  for (const auto& [population, size] : sizes) {
    hdf5::group g = nodes.create_group(population);
    g.set_number("size", size);
    if (!g.place().ends_with("/neurons")) continue;
    if (!m.neuron_names().empty()) g.create_texts("name", m.neuron_names());
    if (!m.memory_order().empty())
      g.create_dataset<neuron_id>("order", {m.memory_order().size()})
          .write<neuron_id>(m.memory_order());
    if (m.renumbered()) {
      std::vector<neuron_id> ids(m.neurons());
      for (neuron_id i = 0; i < m.neurons(); ++i) ids[i] = m.original_id(i);
      g.create_dataset<neuron_id>("original_id", {ids.size()}).write<neuron_id>(ids);
    }
  }
}

std::string list_text(const std::vector<std::string>& lines) {
  return json_text(nlohmann::json(lines), -1, true);
}

// As many as fit into an attribute, and how many there were.
std::vector<std::string> shortened(const std::vector<std::string>& lines) {
  constexpr std::size_t most = 32768;
  std::vector<std::string> kept;
  std::size_t bytes = 0;
  for (const std::string& line : lines) {
    bytes += list_text({line}).size();
    if (bytes > most) break;
    kept.push_back(line);
  }
  if (kept.size() != lines.size())
    kept.push_back("and " + std::to_string(lines.size() - kept.size()) + " more");
  return kept;
}

std::string entries_text(const std::vector<provenance::entry>& entries) {
  return json_text(entries_json(entries), -1, true);
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void write_model(const model& m, const std::string& hash, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, checksum_header_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-model");
    root.set_number("format_version", 1);
    root.set_text("creator", m.origin().creator);
    root.set_text("source", m.origin().source);
    root.set_text("source_sha256", m.origin().source_sha256);
    root.set_text("layout", m.origin().layout);
    root.set_text("inferred", list_text(m.origin().inferred));
    if (!m.origin().not_used.empty())
      root.set_text("not_used", list_text(shortened(m.origin().not_used)));
    if (!m.origin().recipe.empty()) root.set_text("recipe", entries_text(m.origin().recipe));
    if (!m.origin().tuning.empty()) root.set_text("tuning", entries_text(m.origin().tuning));
    if (!m.origin().learning.empty()) root.set_text("learning", entries_text(m.origin().learning));
    root.set_text("dynamics", json_text(rules_json(m)));
    if (m.training_window() != 0) root.set_number("training_window", m.training_window());
    root.set_text("content_sha256", hash);
    write_nodes(root, m);
    hdf5::group projections = root.create_group("projections");
    write_projections(projections, m);
    if (m.rotation().present())
      root.create_group("rotation")
          .create_dataset<double>("frequency", {m.rotation().frequency().size()})
          .write(m.rotation().frequency());
    if (m.tokenizer_definition())
      root.create_group("tokenizer")
          .create_dataset<std::uint8_t>("definition", {m.tokenizer_definition()->size()})
          .write(bytes_of(*m.tokenizer_definition()));
  }
  file.close();
}

// ---- reading

// The members of a JSON object of a file, each of the type that its reader expects.
class json_object {
 public:
  json_object(const std::string& text, std::string place)
      : value_(nlohmann::json::parse(text, nullptr, false)), place_(std::move(place)) {
    if (!value_.is_object()) throw input_error(place_, "no JSON object", "the dynamics as JSON");
  }
  std::string text(const char* key) const {
    const auto& v = member(key);
    if (!v.is_string()) throw input_error(at(key), json_text(v), "a text");
    return v.get<std::string>();
  }
  double real(const char* key) const {
    const auto& v = member(key);
    if (!v.is_number()) throw input_error(at(key), json_text(v), "a number");
    return v.get<double>();
  }
  std::uint32_t count(const char* key) const {
    const auto& v = member(key);
    if (!v.is_number_unsigned() || v.get<std::uint64_t>() > 0xffffffffu)
      throw input_error(at(key), json_text(v), "a count");
    return v.get<std::uint32_t>();
  }
  const nlohmann::json& value() const { return value_; }
  const nlohmann::json& member(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end()) throw input_error(at(key), "missing");
    return *found;
  }
  std::string at(const char* key) const { return place_ + "/" + key; }

 private:
  nlohmann::json value_;
  std::string place_;
};

void read_rules(const hdf5::group& root, model_spec& to) {
  const json_object rules(root.text("dynamics"), root.place() + "@dynamics");
  const std::string variant = rules.text("name");
  to.rules = dynamics::named(variant, rules.real("epsilon"));
  to.layers = rules.count("layers");
  to.heads = rules.count("heads");
  to.retention = rules.real("retention");
  to.tokens = tokenizer_named(rules.text("tokenizer"));
  // The rules that the name stood for when the file was written must be those that it stands for
  // now.
  const nlohmann::json meant = {{"x", name(to.rules.x())},
                                {"w", name(to.rules.w())},
                                {"token_gain", to.rules.token_gain()},
                                {"attention_gain", to.rules.attention_gain()},
                                {"centred", to.rules.centred()}};
  for (const auto& [key, value] : meant.items())
    if (rules.member(key.c_str()) != value)
      throw unavailable_error(rules.at(key.c_str()), json_text(rules.member(key.c_str())),
                              json_text(value) + ", as " + to.rules.name() + " has it");
}

std::vector<std::string> read_list(const hdf5::group& root, const char* attribute) {
  const std::string place = root.place() + "@" + attribute;
  const nlohmann::json lines = nlohmann::json::parse(root.text(attribute), nullptr, false);
  if (!lines.is_array()) throw input_error(place, "no JSON list", "a list of texts");
  std::vector<std::string> result;
  for (const auto& line : lines) {
    if (!line.is_string()) throw input_error(place, json_text(line), "a text");
    result.push_back(line.get<std::string>());
  }
  return result;
}

std::vector<provenance::entry> read_entries(const hdf5::group& root, const char* attribute) {
  if (!root.has_attribute(attribute)) return {};
  return entries_of(root.text(attribute), root.place() + "@" + attribute);
}

void read_origin(const hdf5::group& root, model_spec& to) {
  to.origin.creator = root.text("creator");
  to.origin.source = root.text("source");
  to.origin.source_sha256 = root.text("source_sha256");
  to.origin.layout = root.text("layout");
  to.origin.inferred = read_list(root, "inferred");
  if (root.has_attribute("not_used")) to.origin.not_used = read_list(root, "not_used");
  to.origin.recipe = read_entries(root, "recipe");
  to.origin.tuning = read_entries(root, "tuning");
  to.origin.learning = read_entries(root, "learning");
  if (root.has_attribute("training_window")) to.training_window = root.number("training_window");
  to.content_sha256 = root.text("content_sha256");
  if (to.content_sha256.size() != 64 ||
      to.content_sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw input_error(root.place() + "@content_sha256", "'" + to.content_sha256 + "'",
                      "64 hexadecimal digits");
}

// Where in the file the model's constructor found a fault: it says model/dx or model/heads.
std::string place_in_file(std::string place, bool direct) {
  if (place.starts_with("model/")) place.erase(0, 6);
  if (place.starts_with("original_id") || place.starts_with("order"))
    return "/nodes/neurons/" + place;
  if (place.starts_with("rotation")) return "/" + place;
  if (place.starts_with("name")) return "/nodes/neurons/" + place;
  if (place.starts_with("retention[")) return "/projections/gs/" + place;
  const std::size_t end = std::min(place.find_first_of("/,"), place.size());
  if (const char* const projection = name_in_file(place.substr(0, end), direct))
    return "/projections/" + (projection + place.substr(end));
  return "/@dynamics/" + place;
}

void read_neurons(const hdf5::group& root, model_spec& to) {
  const neuron_id n = to.direct ? to.direct->gs.source().size : to.circuits.e.source().size;
  const hdf5::group neurons = root.open_group("nodes").open_group("neurons");
  if (neurons.has("original_id")) {
    const array<neuron_id> ids = neurons.open_dataset("original_id").read<neuron_id>({n});
    to.original_id.assign(ids.begin(), ids.end());
  }
  if (neurons.has("order")) {
    const array<neuron_id> order = neurons.open_dataset("order").read<neuron_id>({n});
    to.memory_order.assign(order.begin(), order.end());
  }
  if (neurons.has("name")) to.neuron_names = neurons.open_dataset("name").read_texts(n, 255);
}

void read_tokenizer(const hdf5::group& root, model_spec& to) {
  if (!has_definition(to.tokens)) return;
  const hdf5::dataset data = root.open_group("tokenizer").open_dataset("definition");
  constexpr std::uint64_t most = std::uint64_t{64} << 20;
  if (data.shape().size() != 1 || data.shape()[0] == 0 || data.shape()[0] > most)
    throw input_error(data.place(), "not between 1 byte and 64 MiB", "the bytes of a tokenizer");
  const array<std::uint8_t> bytes = data.read_list<std::uint8_t>();
  to.tokenizer_definition = std::make_shared<const std::string>(bytes.begin(), bytes.end());
}

model read_model(const hdf5::file& file, std::uint64_t bytes, const std::string& shown,
                 validation weights = validation::check) {
  const hdf5::group root = file.root();
  expect_text(root, "format", "bdh-model");
  if (const auto version = root.number("format_version"); version != 1)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version), "1",
                            "a newer bdh may read it");
  model_spec p;
  with_prefix(shown + ":/@", [&] { read_rules(root, p); });
  read_origin(root, p);
  read_projections(root, bytes, weights, p);
  read_neurons(root, p);
  read_tokenizer(root, p);
  const bool direct = p.direct.has_value();
  if (root.has("rotation"))
    with_prefix(shown + ":/", [&] {
      p.rotation = rotation::keeping(
          root.open_group("rotation").open_dataset("frequency").map_list<double>());
    });
  return with_context(
      [&](const std::string& place) { return shown + ":" + place_in_file(place, direct); },
      [&] { return model(std::move(p)); });
}

// ---- hashing

class hasher {
 public:
  void line(const std::string& text) {
    sum_.update(std::as_bytes(std::span(text.data(), text.size())));
    sum_.update(std::as_bytes(std::span("\n", 1)));
  }
  template <class T>
  void values(const char* what, std::span<const T> v) {
    line(std::string(what) + " " + std::to_string(v.size()));
    sum_.update(std::as_bytes(v));
  }
  std::string hex() const { return sum_.hex(); }

 private:
  sha256 sum_;
};

}  // namespace

std::string content_hash(const model& m) {
  hasher h;
  h.line("bdh-model 1 " + json_text(rules_json(m)));
  for (const stored_projection& p : projections_of(m)) {
    const projection& g = p.in(m);
    h.line(std::string(p.name) + " " + std::to_string(g.source().size) + " " +
           std::to_string(g.target().size) + " " + name(g.rows_are()));
    h.values("indptr", g.indptr());
    h.values("indices", g.indices());
    h.values("data", g.weights());
  }
  std::vector<neuron_id> ids;
  for (neuron_id i = 0; m.renumbered() && i < m.neurons(); ++i) ids.push_back(m.original_id(i));
  h.values<neuron_id>("original_id", ids);
  if (!m.memory_order().empty()) h.values("order", m.memory_order());
  h.values("frequency", m.rotation().frequency());
  if (m.is_direct()) h.values<float>("retention", m.direct().retention);
  for (const std::string& name : m.neuron_names())
    h.line("name " + std::to_string(name.size()) + " " + name);
  if (m.tokenizer_definition()) h.values("tokenizer", bytes_of(*m.tokenizer_definition()));
  return h.hex();
}

std::string save_model(const model& m, const std::filesystem::path& file, bool overwrite) {
  atomic_file whole(file, overwrite);
  const std::string hash = content_hash(m);
  with_file_name(whole.temporary().string(), file.string(), [&] {
    write_model(m, hash, whole.temporary());
    write_checksum_header(whole.temporary(), checksummed::model);
    whole.publish();
  });
  return hash;
}

model load_model(const std::filesystem::path& file, std::uint64_t largest_read,
                 validation weights) {
  verify_checksum_header(file, checksummed::model, largest_read);
  const std::uint64_t bytes = std::filesystem::file_size(file);
  return read_model(hdf5::file::open(file, {bytes, true, bytes > largest_read}), bytes,
                    file.string(), weights);
}

model check_model(const std::filesystem::path& file, std::uint64_t largest_read) {
  verify_checksum_header(file, checksummed::model);
  model m = load_model(file, largest_read);
  for (const stored_projection& p : projections_of(m))
    if (const auto e = p.in(m).first_not_finite())
      throw input_error(
          file.string() + ":/projections/" + p.name + "/data[" + std::to_string(*e) + "]",
          shown(p.in(m).weight(*e)), "a finite weight");
  if (const std::string hash = content_hash(m); hash != m.content_sha256())
    throw input_error(file.string() + ":/@content_sha256", m.content_sha256(), hash,
                      "it names another model than the file holds");
  return m;
}

model load_model_image(std::span<const std::byte> image, const std::string& shown) {
  return read_model(hdf5::file::open_image(image, {image.size(), true}, shown), image.size(),
                    shown);
}

}  // namespace bdh
