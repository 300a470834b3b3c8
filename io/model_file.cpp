#include "io/model_file.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "io/atomic_file.hpp"
#include "io/hdf5.hpp"
#include "io/rethrow.hpp"
#include "io/seal.hpp"
#include "io/sha256.hpp"

namespace bdh {
namespace {

static_assert(std::endian::native == std::endian::little, "content_hash takes arrays as they lie in memory");

constexpr const char* orientation_by_target = "row=target,col=source";
constexpr const char* orientation_by_source = "row=source,col=target";

const char* name(order o) { return o == order::by_source ? "by_source" : "by_target"; }
const char* name(x_rule r) { return r == x_rule::accumulate ? "accumulate" : "replace"; }
const char* name(w_rule r) { return r == w_rule::y ? "y" : r == w_rule::gain_y ? "gain_y" : "leaky_sum"; }

// Names in the file, whatever the projections are called in memory.
struct part {
  const char* name;
  const char* source;
  const char* target;
  order rows;
  projection hub_circuits::*where;
};
constexpr part parts_of_circuits[] = {
    // dx first: its rows bound the number of neurons by the size of the file.
    {"dx", "hubs", "neurons", order::by_target, &hub_circuits::dx},
    {"dy", "hubs", "neurons", order::by_target, &hub_circuits::dy},
    {"e", "neurons", "hubs", order::by_source, &hub_circuits::e},
    {"sensory", "sensory", "hubs", order::by_source, &hub_circuits::sensory},
    {"readout", "hubs", "readout", order::by_target, &hub_circuits::readout},
};

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

void write_projection(hdf5::group& projections, const part& p, const projection& g) {
  hdf5::group to = projections.create_group(p.name);
  to.set_text("source_population", p.source);
  to.set_text("target_population", p.target);
  to.set_number("sign", 1);  // of the circuit; hub weights have their own signs
  if (g.is_dense()) {
    to.set_text("order", name(g.rows_are()));
    to.set_text("orientation", g.rows_are() == order::by_target ? orientation_by_target : orientation_by_source);
    to.create_dataset<float>("data", {g.rows(), g.columns()}).write(g.weights());
    return;
  }
  projection other;
  if (g.rows_are() == order::by_source) other = g.transposed();
  const projection& rows = g.rows_are() == order::by_source ? other : g;
  const std::uint64_t shape[] = {rows.rows(), rows.columns()};
  to.set_text("encoding-type", "csr_matrix");
  to.set_text("encoding-version", "0.1.0");
  to.set_numbers("shape", shape);
  to.set_text("orientation", orientation_by_target);
  to.set_text("kernel_order", name(g.rows_are()));
  to.create_dataset<edge_id>("indptr", {rows.indptr().size()}).write(rows.indptr());
  to.create_dataset<neuron_id>("indices", {rows.edges()}).write(rows.indices());
  to.create_dataset<float>("data", {rows.edges()}).write(rows.weights());
}

void write_nodes(hdf5::group& root, const model& m) {
  hdf5::group nodes = root.create_group("nodes");
  const std::pair<const char*, neuron_id> sizes[] = {
      {"neurons", m.neurons()}, {"hubs", m.hubs()}, {"sensory", m.sensory_nodes()}, {"readout", m.readout_nodes()}};
  for (const auto& [population, size] : sizes) {
    hdf5::group g = nodes.create_group(population);
    g.set_number("size", size);
    if (g.place().ends_with("/neurons") && m.renumbered()) {
      std::vector<neuron_id> ids(m.neurons());
      for (neuron_id i = 0; i < m.neurons(); ++i) ids[i] = m.original_id(i);
      g.create_dataset<neuron_id>("original_id", {ids.size()}).write<neuron_id>(ids);
    }
  }
}

void write_model(const model& m, const std::string& hash, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, seal_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-model");
    root.set_number("format_version", 1);
    root.set_text("creator", m.origin().creator);
    root.set_text("source", m.origin().source);
    root.set_text("source_sha256", m.origin().source_sha256);
    root.set_text("layout", m.origin().layout);
    root.set_text("inferred", nlohmann::json(m.origin().inferred).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    root.set_text("dynamics", rules_json(m).dump());
    if (m.training_window() != 0) root.set_number("training_window", m.training_window());
    root.set_text("content_sha256", hash);
    write_nodes(root, m);
    hdf5::group projections = root.create_group("projections");
    for (const part& p : parts_of_circuits) write_projection(projections, p, m.circuits().*p.where);
    if (m.turning().present())
      root.create_group("rotation").create_dataset<double>("frequency", {m.turning().frequency().size()}).write(m.turning().frequency());
  }
  file.close();
}

// ---- reading

// A member of a JSON object that a file gives, of the type that is asked for.
class json_object {
 public:
  json_object(const std::string& text, std::string place) : value_(nlohmann::json::parse(text, nullptr, false)), place_(std::move(place)) {
    if (!value_.is_object()) throw input_error(place_, "no JSON object", "the dynamics as JSON");
  }
  std::string text(const char* key) const {
    const auto& v = member(key);
    if (!v.is_string()) throw input_error(at(key), v.dump(), "a text");
    return v.get<std::string>();
  }
  double real(const char* key) const {
    const auto& v = member(key);
    if (!v.is_number()) throw input_error(at(key), v.dump(), "a number");
    return v.get<double>();
  }
  std::uint32_t count(const char* key) const {
    const auto& v = member(key);
    if (!v.is_number_unsigned() || v.get<std::uint64_t>() > 0xffffffffu) throw input_error(at(key), v.dump(), "a count");
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

void expect_text(const hdf5::object& o, const char* attribute, const char* expected) {
  if (const std::string found = o.text(attribute); found != expected)
    throw input_error(o.place() + "@" + attribute, "'" + found + "'", "'" + std::string(expected) + "'");
}

order order_named(const hdf5::object& o, const char* attribute) {
  const std::string text = o.text(attribute);
  for (order r : {order::by_source, order::by_target})
    if (text == name(r)) return r;
  throw input_error(o.place() + "@" + attribute, "'" + text + "'", "by_source or by_target");
}

projection read_sparse(const hdf5::group& g, const part& p, population source, population target) {
  expect_text(g, "encoding-type", "csr_matrix");
  expect_text(g, "orientation", orientation_by_target);
  const hdf5::extents shape{target.size, source.size};
  if (g.numbers("shape", 2) != shape)
    throw shape_error(g.place() + "@shape", "another shape",
                      std::to_string(target.size) + " targets x " + std::to_string(source.size) + " sources");
  const order kernel_order = order_named(g, "kernel_order");
  array<edge_id> indptr = g.open_dataset("indptr").read<edge_id>({std::uint64_t{target.size} + 1});
  array<float> data = g.open_dataset("data").read_list<float>();
  array<neuron_id> indices = g.open_dataset("indices").read<neuron_id>({data.size()});
  projection rows = projection::sparse(p.name, std::move(source), std::move(target), order::by_target, std::move(indptr),
                                       std::move(indices), std::move(data));
  return kernel_order == order::by_target ? std::move(rows) : rows.transposed();
}

projection read_projection(const hdf5::group& projections, const part& p, population source, population target) {
  const hdf5::group g = projections.open_group(p.name);
  expect_text(g, "source_population", p.source);
  expect_text(g, "target_population", p.target);
  if (const auto sign = g.number("sign"); sign != 1) throw input_error(g.place() + "@sign", std::to_string(sign), "1");
  if (g.has_attribute("encoding-type")) return read_sparse(g, p, std::move(source), std::move(target));
  const order rows = order_named(g, "order");
  const bool by_source = rows == order::by_source;
  array<float> data = g.open_dataset("data").read<float>({by_source ? source.size : target.size, by_source ? target.size : source.size});
  return projection::dense(p.name, std::move(source), std::move(target), rows, std::move(data));
}

// `most`: no population can have more members than the file has bytes.
population read_population(const hdf5::group& nodes, const char* population_name, std::uint64_t most) {
  const hdf5::group g = nodes.open_group(population_name);
  const std::uint64_t size = g.number("size");
  if (size > std::min<std::uint64_t>(most, 0xffffffffu))
    throw input_error(g.place() + "@size", std::to_string(size), "at most " + std::to_string(most) + ", the size of the file");
  return {population_name, static_cast<neuron_id>(size)};
}

void read_circuits(const hdf5::group& root, std::uint64_t bytes, model::parts& to) {
  const hdf5::group nodes = root.open_group("nodes"), projections = root.open_group("projections");
  for (const part& p : parts_of_circuits) {
    population source = read_population(nodes, p.source, bytes), target = read_population(nodes, p.target, bytes);
    // Projections give places such as dx/data[17].
    with_place(projections.place() + "/",
               [&] { to.circuits.*p.where = read_projection(projections, p, std::move(source), std::move(target)); });
  }
  const hdf5::group neurons = nodes.open_group("neurons");
  if (neurons.has("original_id")) {
    const array<neuron_id> ids = neurons.open_dataset("original_id").read<neuron_id>({to.circuits.e.source().size});
    to.original_id.assign(ids.begin(), ids.end());
  }
}

void read_rules(const hdf5::group& root, model::parts& to) {
  const json_object rules(root.text("dynamics"), root.place() + "@dynamics");
  const std::string variant = rules.text("name");
  to.rules = dynamics::named(variant, rules.real("epsilon"));
  to.layers = rules.count("layers");
  to.heads = rules.count("heads");
  to.retention = rules.real("retention");
  to.tokens = tokenizer_named(rules.text("tokenizer"));
  // The rules that the name stood for when the file was written must be those that it stands for now.
  const nlohmann::json meant = {{"x", name(to.rules.x())},
                                {"w", name(to.rules.w())},
                                {"token_gain", to.rules.token_gain()},
                                {"attention_gain", to.rules.attention_gain()},
                                {"centred", to.rules.centred()}};
  for (const auto& [key, value] : meant.items())
    if (rules.member(key.c_str()) != value)
      throw unavailable_error(rules.at(key.c_str()), rules.member(key.c_str()).dump(),
                              value.dump() + ", as " + to.rules.name() + " has it");
}

void read_origin(const hdf5::group& root, model::parts& to) {
  to.origin.creator = root.text("creator");
  to.origin.source = root.text("source");
  to.origin.source_sha256 = root.text("source_sha256");
  to.origin.layout = root.text("layout");
  const nlohmann::json inferred = nlohmann::json::parse(root.text("inferred"), nullptr, false);
  if (!inferred.is_array()) throw input_error(root.place() + "@inferred", "no JSON list", "a list of texts");
  for (const auto& line : inferred) {
    if (!line.is_string()) throw input_error(root.place() + "@inferred", line.dump(), "a text");
    to.origin.inferred.push_back(line.get<std::string>());
  }
  if (root.has_attribute("training_window")) to.training_window = root.number("training_window");
  to.content_sha256 = root.text("content_sha256");
  if (to.content_sha256.size() != 64 || to.content_sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw input_error(root.place() + "@content_sha256", "'" + to.content_sha256 + "'", "64 hexadecimal digits");
}

// Where in the file the model's constructor found a fault: it says model/dx or model/heads.
std::string place_in_file(std::string place) {
  if (place.starts_with("model/")) place.erase(0, 6);
  if (place.starts_with("original_id")) return "/nodes/neurons/" + place;
  if (place.starts_with("rotation")) return "/" + place;
  for (const part& p : parts_of_circuits)
    if (place == p.name) return "/projections/" + place;
  return "/@dynamics/" + place;
}

model read_model(const hdf5::file& file, std::uint64_t bytes, const std::string& shown) {
  const hdf5::group root = file.root();
  expect_text(root, "format", "bdh-model");
  if (const auto version = root.number("format_version"); version != 1)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version), "1", "a newer bdh may read it");
  model::parts p;
  with_place(shown + ":/@", [&] { read_rules(root, p); });
  read_origin(root, p);
  read_circuits(root, bytes, p);
  if (root.has("rotation"))
    with_place(shown + ":/", [&] {
      const array<double> f = root.open_group("rotation").open_dataset("frequency").read_list<double>();
      p.turning = rotation(std::vector<double>(f.begin(), f.end()));
    });
  return with_places([&](const std::string& place) { return shown + ":" + place_in_file(place); }, [&] { return model(std::move(p)); });
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
  h.line("bdh-model 1 " + rules_json(m).dump());
  for (const part& p : parts_of_circuits) {
    const projection& g = m.circuits().*p.where;
    h.line(std::string(p.name) + " " + std::to_string(g.source().size) + " " + std::to_string(g.target().size) + " " + name(g.rows_are()));
    h.values("indptr", g.indptr());
    h.values("indices", g.indices());
    h.values("data", g.weights());
  }
  std::vector<neuron_id> ids;
  for (neuron_id i = 0; m.renumbered() && i < m.neurons(); ++i) ids.push_back(m.original_id(i));
  h.values<neuron_id>("original_id", ids);
  h.values("frequency", m.turning().frequency());
  return h.hex();
}

std::string save_model(const model& m, const std::filesystem::path& file, bool overwrite) {
  atomic_file whole(file, overwrite);
  const std::string hash = content_hash(m);
  with_file_name(whole.temporary().string(), file.string(), [&] {
    write_model(m, hash, whole.temporary());
    seal(whole.temporary(), sealed::model);
    whole.publish();
  });
  return hash;
}

model load_model(const std::filesystem::path& file) {
  check_seal(file, sealed::model);
  const std::uint64_t bytes = std::filesystem::file_size(file);
  return read_model(hdf5::file::open(file, {bytes, true}), bytes, file.string());
}

model load_model_image(std::span<const std::byte> image, const std::string& shown) {
  return read_model(hdf5::file::open_image(image, {image.size(), true}, shown), image.size(), shown);
}

}  // namespace bdh
