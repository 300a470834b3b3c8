#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bdh/bfloat16.hpp>
#include <bdh/error.hpp>
#include <bdh/state_file.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/checksum_header.hpp"
#include "io/files/error_context.hpp"
#include "io/files/sha256.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t newest_version = 2;

std::string shown_list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// What this file has of version 1: a layer's clock was an attribute, its synapses were "stored".
std::string dataset_name(variable v, std::uint64_t version) {
  return version == 1 && v == variable::synapses ? "stored" : std::string(name(v));
}

// A variable as the file has it: a row for each neuron where all have a synapse to every hub.
hdf5::extents shape_of(const variable_info& v, const model& m) {
  if (v.of == domain::synapses && !m.is_direct()) return {m.neurons(), m.hubs()};
  return {v.size};
}

std::string at(const std::string& place, const char* what, std::size_t i) {
  return place + what + "[" + std::to_string(i) + "]";
}

void check_probes(const std::vector<probe_record>& probes, const model& m, std::uint64_t tokens,
                  const std::string& place) {
  for (std::size_t p = 0; p < probes.size(); ++p) {
    const probe_record& r = probes[p];
    if (r.what.pair.pre >= m.neurons())
      throw input_error(at(place, "pre", p), "neuron " + std::to_string(r.what.pair.pre),
                        "< " + std::to_string(m.neurons()));
    if (r.what.pair.post >= m.sources())
      throw input_error(at(place, "post", p), "source " + std::to_string(r.what.pair.post),
                        "< " + std::to_string(m.sources()));
    if (r.what.layer < 1 || r.what.layer > m.layers())
      throw input_error(at(place, "layer", p), std::to_string(r.what.layer),
                        "1 to " + std::to_string(m.layers()));
    if (r.since > tokens)
      throw input_error(at(place, "since", p), std::to_string(r.since),
                        "at most " + std::to_string(tokens));
    if (!std::isfinite(r.strength) || !std::isfinite(r.partner))
      throw input_error(at(place, "strength", p),
                        shown(std::isfinite(r.strength) ? r.partner : r.strength),
                        "a finite strength");
  }
}

std::string counted(std::size_t size, const variable_info& v) {
  return std::to_string(size) + " " +
         (v.of == domain::network ? "values" : std::string(name(v.of)));
}

void check_reals(const array<float>& values, bool rounded, const std::string& place) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw input_error(at(place, "", i), std::to_string(values[i]), "a finite value");
  for (std::size_t i = 0; rounded && i < values.size(); ++i)
    if (!is_bfloat16(values[i]))
      throw input_error(at(place, "", i), shown(values[i]), "a bfloat16, as @synapses says");
}

// The kept variables of a layer, or of the network. `place` is what comes before their names.
void check_variables(const state_arrays& arrays, std::span<const variable_info> list,
                     bool per_layer, bool rounded, std::uint64_t version,
                     const std::string& place) {
  for (const variable_info& v : list) {
    if (!v.kept || v.per_layer != per_layer) continue;
    const std::string here = place + dataset_name(v.what, version);
    const state_arrays::entry* const e = arrays.find(v.what);
    if (!e || size_of(*e) != v.size)
      throw shape_error(here, counted(e ? size_of(*e) : 0, v), std::to_string(v.size));
    if (const auto* values = std::get_if<array<float>>(&e->values))
      check_reals(*values, rounded && v.what == variable::synapses, here);
  }
  if (!per_layer) return;
  if (arrays.clock() > std::uint64_t{1} << 62)
    throw input_error(place + "clock", std::to_string(arrays.clock()), "at most 2^62");
  for (std::size_t i = 0; i < arrays.last_used().size(); ++i)
    if (arrays.last_used()[i] > arrays.clock())
      throw input_error(at(place, "last_used", i), std::to_string(arrays.last_used()[i]),
                        "at most the clock, " + std::to_string(arrays.clock()));
}

// `place` is what comes before the names of layers: a file, or "state".
void check(const run_state& s, const model& m, std::uint64_t version, const std::string& place) {
  const std::vector<variable_info> list = variables_of(m);
  if (m.content_sha256().empty() || s.model_sha256 != m.content_sha256())
    throw input_error(
        place + "@model_sha256",
        "a state of model " + (s.model_sha256.empty() ? "?" : s.model_sha256.substr(0, 16)),
        "model " + (m.content_sha256().empty() ? "?" : m.content_sha256().substr(0, 16)),
        "a state goes on only with the model that it was made with");
  if (!(s.retention > 0 && s.retention <= 1))
    throw input_error(place + "@retention", std::to_string(s.retention), "0 < u <= 1");
  if (s.layers.size() != m.layers())
    throw shape_error(place + "layers", std::to_string(s.layers.size()) + " layers",
                      std::to_string(m.layers()));
  for (std::size_t l = 0; l < s.layers.size(); ++l)
    check_variables(s.layers[l], list, true, s.rounded, version,
                    place + "layers/" + std::to_string(l + 1) + "/");
  check_variables(s.network, list, false, s.rounded, version, place + "network/");
  check_probes(s.probes, m, s.tokens, place + "probes/");
  if (!s.logits.empty() && s.logits.size() != m.readout_nodes())
    throw shape_error(place + "logits", std::to_string(s.logits.size()) + " values",
                      std::to_string(m.readout_nodes()));
  for (std::size_t k = 0; k < s.logits.size(); ++k)
    if (!std::isfinite(s.logits[k]))
      throw input_error(at(place, "logits", k), shown(s.logits[k]), "a finite logit");
}

std::string content_hash(const run_state& s, std::uint64_t version) {
  sha256 sum;
  const auto add = [&](const auto& value) { sum.update(std::as_bytes(std::span(&value, 1))); };
  const auto add_text = [&](std::string_view text) { sum.update(std::as_bytes(std::span(text))); };
  const auto add_arrays = [&](const state_arrays& arrays) {
    for (const state_arrays::entry& e : arrays.all()) {
      if (version != 1) add_text(name(e.what));
      if (version != 1) add(std::uint64_t{size_of(e)});
      std::visit([&](const auto& v) { sum.update(std::as_bytes(std::span(v.data(), v.size()))); },
                 e.values);
    }
  };
  add_text("bdh-state " + std::to_string(version) + "\n");
  add_text(s.model_sha256);
  add(s.tokens);
  add(s.retention);
  if (s.rounded) add_text("bf16");
  for (const state_arrays& layer : s.layers) add_arrays(layer);
  add_arrays(s.network);
  for (const probe_record& r : s.probes) {
    add(r.what.pair);
    add(r.what.layer);
    add(r.what.factor);
    add(r.since);
    add(r.strength);
    add(r.partner);
  }
  sum.update(std::as_bytes(std::span(s.logits)));
  return sum.hex();
}

// One column of the table of probes.
template <class T, class Get>
void write_column(hdf5::group& to, const char* name, const std::vector<probe_record>& probes,
                  Get get) {
  std::vector<T> values(probes.size());
  std::transform(probes.begin(), probes.end(), values.begin(), get);
  to.create_dataset<T>(name, {probes.size()}).template write<T>(values);
}

void write_probes(hdf5::group to, const std::vector<probe_record>& probes) {
  write_column<std::uint32_t>(to, "pre", probes,
                              [](const probe_record& r) { return r.what.pair.pre; });
  write_column<std::uint32_t>(to, "post", probes,
                              [](const probe_record& r) { return r.what.pair.post; });
  write_column<std::uint32_t>(to, "layer", probes,
                              [](const probe_record& r) { return r.what.layer; });
  write_column<std::uint32_t>(to, "factor_y", probes, [](const probe_record& r) {
    return r.what.factor == probe_factor::y ? 1u : 0u;
  });
  write_column<std::uint64_t>(to, "since", probes, [](const probe_record& r) { return r.since; });
  write_column<double>(to, "strength", probes, [](const probe_record& r) { return r.strength; });
  write_column<double>(to, "partner", probes, [](const probe_record& r) { return r.partner; });
}

std::vector<probe_record> read_probes(const hdf5::group& from) {
  const auto pre = from.open_dataset("pre").read_list<std::uint32_t>();
  const hdf5::extents shape{pre.size()};
  const auto post = from.open_dataset("post").read<std::uint32_t>(shape);
  const auto layer = from.open_dataset("layer").read<std::uint32_t>(shape);
  const auto factor_y = from.open_dataset("factor_y").read<std::uint32_t>(shape);
  const auto since = from.open_dataset("since").read<std::uint64_t>(shape);
  const auto strength = from.open_dataset("strength").read<double>(shape);
  const auto partner = from.open_dataset("partner").read<double>(shape);
  std::vector<probe_record> probes;
  for (std::size_t p = 0; p < pre.size(); ++p)
    probes.push_back(
        {{{pre[p], post[p]}, layer[p], factor_y[p] != 0 ? probe_factor::y : probe_factor::w},
         since[p],
         strength[p],
         partner[p]});
  return probes;
}

void write_variables(hdf5::group to, const state_arrays& arrays, const model& m) {
  const std::vector<variable_info> list = variables_of(m);
  for (const state_arrays::entry& e : arrays.all()) {
    const variable_info& v = info(list, e.what);
    const auto write = [&]<class T>(const array<T>& values) {
      hdf5::dataset set = to.create_dataset<T>(std::string(v.name).c_str(), shape_of(v, m));
      set.template write<T>(values);
      set.set_text("of", name(v.of));
    };
    std::visit(write, e.values);
  }
}

void write_state(const run_state& s, const model& m, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, checksum_header_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-state");
    root.set_number("format_version", newest_version);
    root.set_text("model_sha256", s.model_sha256);
    root.set_number("tokens", s.tokens);
    root.set_real("retention", s.retention);
    if (s.rounded) root.set_text("synapses", "bf16");
    root.set_number("summation", s.summation);
    root.set_text("content_sha256", content_hash(s, newest_version));
    hdf5::group layers = root.create_group("layers");
    for (std::size_t l = 0; l < s.layers.size(); ++l)
      write_variables(layers.create_group(std::to_string(l + 1).c_str()), s.layers[l], m);
    if (!s.network.empty()) write_variables(root.create_group("network"), s.network, m);
    if (!s.probes.empty()) write_probes(root.create_group("probes"), s.probes);
    if (!s.logits.empty())
      root.create_dataset<float>("logits", {s.logits.size()}).write<float>(s.logits);
  }
  file.close();
}

std::uint64_t version_of(const hdf5::group& root) {
  const std::uint64_t version = root.number("format_version");
  if (version < 1 || version > newest_version)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version),
                            "1 to " + std::to_string(newest_version), "a newer bdh may read it");
  return version;
}

// The law of summation; states of older programs do not say it.
std::uint32_t summation_of(const hdf5::group& root) {
  if (!root.has_attribute("summation")) return 1;
  const std::uint64_t law = root.number("summation");
  if (law < 1 || law > summation_law)
    throw unavailable_error(root.place() + "@summation", std::to_string(law),
                            "1 to " + std::to_string(summation_law), "a newer bdh may know it");
  return static_cast<std::uint32_t>(law);
}

std::uint64_t clock_of(const hdf5::group& layer, std::uint64_t version) {
  return version == 1 ? layer.number("clock")
                      : layer.open_dataset("clock").read<std::uint64_t>({1})[0];
}

// Members of a group that are none of the known ones.
void check_names(const hdf5::group& in, const std::vector<std::string>& known) {
  for (const std::string& name : in.names())
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw input_error(in.place() + (in.place().ends_with('/') ? "" : "/") + name,
                        "unknown in a state of this model", shown_list(known),
                        "a newer bdh may read it");
}

std::vector<std::string> kept_names(std::span<const variable_info> list, bool per_layer) {
  std::vector<std::string> all;
  for (const variable_info& v : list)
    if (v.kept && v.per_layer == per_layer) all.emplace_back(v.name);
  return all;
}

void read_variables(const hdf5::group& from, std::span<const variable_info> list, const model& m,
                    std::uint64_t version, state_arrays& arrays) {
  for (state_arrays::entry& e : arrays.all()) {
    if (version == 1 && e.what == variable::clock) {
      arrays.clock() = clock_of(from, version);
      continue;
    }
    const hdf5::dataset set = from.open_dataset(dataset_name(e.what, version).c_str());
    std::visit(
        [&]<class T>(array<T>& values) {
          values = set.template read<T>(shape_of(info(list, e.what), m));
        },
        e.values);
  }
}

// All variables of a state of this model.
void read_layers(const hdf5::group& root, const model& m, std::uint64_t version, run_state& s) {
  const std::vector<variable_info> list = variables_of(m);
  const hdf5::group layers = root.open_group("layers");
  std::vector<std::string> numbers;
  for (layer_id l = 1; l <= m.layers(); ++l) {
    numbers.push_back(std::to_string(l));
    const hdf5::group layer = layers.open_group(numbers.back().c_str());
    if (version != 1) check_names(layer, kept_names(list, true));
    s.layers.emplace_back(list, true);
    read_variables(layer, list, m, version, s.layers.back());
  }
  s.network = state_arrays(list, false);
  if (version == 1) return;
  check_names(layers, numbers);
  check_names(root, {"layers", "network", "probes", "logits"});
  if (s.network.empty() && !root.has("network")) return;
  const hdf5::group network = root.open_group("network");
  check_names(network, kept_names(list, false));
  read_variables(network, list, m, version, s.network);
}

}  // namespace

void check_state_target(const std::filesystem::path& target) {
  std::error_code ignored;
  if (std::filesystem::exists(target, ignored) && identify(target) != file_kind::state)
    throw input_error(target.string(), "a file that is no saved state",
                      "a new name, or a state to be replaced");
}

void save_state(const run_state& s, const model& m, const std::filesystem::path& target) {
  check(s, m, newest_version, "state/");
  check_state_target(target);
  atomic_file whole(target, true);
  with_file_name(whole.temporary().string(), target.string(), [&] {
    write_state(s, m, whole.temporary());
    write_checksum_header(whole.temporary(), checksummed::state);
    // What cannot be read back must not replace a good file. load_state compares the content with
    // its hash.
    try {
      load_state(whole.temporary(), m);
    } catch (const input_error& e) {
      throw device_error(target.string(), "reads back as something else: " + e.found(), {},
                         "is the disk sound?");
    }
    whole.publish();
  });
}

state_summary summarise_state(const std::filesystem::path& path) {
  verify_checksum_header(path, checksummed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root(), layers = root.open_group("layers");
  const std::uint64_t version = version_of(root);
  state_summary s{.model_sha256 = root.text("model_sha256"),
                  .content_sha256 = root.text("content_sha256"),
                  .tokens = root.number("tokens"),
                  .retention = root.real("retention"),
                  .layers = {}};
  for (int l = 1; layers.has(std::to_string(l).c_str()); ++l) {
    const hdf5::group layer = layers.open_group(std::to_string(l).c_str());
    s.layers.push_back(
        {clock_of(layer, version),
         layer.open_dataset(dataset_name(variable::synapses, version).c_str()).shape()});
  }
  return s;
}

run_state load_state(const std::filesystem::path& path, const model& m) {
  verify_checksum_header(path, checksummed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root();
  if (root.text("format") != "bdh-state")
    throw input_error(root.place() + "@format", "'" + root.text("format") + "'", "'bdh-state'");
  const std::uint64_t version = version_of(root);
  run_state s;
  s.model_sha256 = root.text("model_sha256");
  s.tokens = root.number("tokens");
  s.retention = root.real("retention");
  if (root.has_attribute("synapses")) {
    if (root.text("synapses") != "bf16")
      throw input_error(root.place() + "@synapses", "'" + root.text("synapses") + "'",
                        "'bf16', or none");
    s.rounded = true;
  }
  s.summation = summation_of(root);
  if (s.model_sha256 == m.content_sha256()) read_layers(root, m, version, s);
  if (root.has("probes")) s.probes = read_probes(root.open_group("probes"));
  if (root.has("logits")) {
    const auto logits = root.open_dataset("logits").read<float>({m.readout_nodes()});
    s.logits.assign(logits.begin(), logits.end());
  }
  check(s, m, version, root.place());
  if (const std::string hash = content_hash(s, version); root.text("content_sha256") != hash)
    throw input_error(root.place() + "@content_sha256", "another hash", hash);
  return s;
}

}  // namespace bdh
