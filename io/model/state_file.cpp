#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

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

// The strengths of a layer as the file has them: a row for each neuron where all have a synapse to
// every hub.
hdf5::extents stored_shape(const model& m) {
  return m.is_direct() ? hdf5::extents{m.synapses()} : hdf5::extents{m.neurons(), m.hubs()};
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

// `place` is what comes before the names of layers: a file, or "state".
void check_layer(const layer_synapses& layer, const model& m, bool rounded,
                 const std::string& place) {
  if (layer.last_used.size() != m.row_units())
    throw shape_error(place + "last_used", std::to_string(layer.last_used.size()) + " row units",
                      std::to_string(m.row_units()));
  if (layer.stored.size() != m.synapses())
    throw shape_error(place + "stored", std::to_string(layer.stored.size()) + " synapses",
                      std::to_string(m.synapses()));
  for (std::size_t i = 0; i < layer.last_used.size(); ++i)
    if (layer.last_used[i] > layer.clock)
      throw input_error(at(place, "last_used", i), std::to_string(layer.last_used[i]),
                        "at most the clock, " + std::to_string(layer.clock));
  for (std::size_t i = 0; i < layer.stored.size(); ++i)
    if (!std::isfinite(layer.stored[i]))
      throw input_error(at(place, "stored", i), std::to_string(layer.stored[i]),
                        "a finite strength");
  for (std::size_t i = 0; rounded && i < layer.stored.size(); ++i)
    if (!is_bfloat16(layer.stored[i]))
      throw input_error(at(place, "stored", i), shown(layer.stored[i]),
                        "a bfloat16, as @synapses says");
}

void check(const synapse_state& s, const model& m, const std::string& place) {
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
    check_layer(s.layers[l], m, s.rounded, place + "layers/" + std::to_string(l + 1) + "/");
  check_probes(s.probes, m, s.tokens, place + "probes/");
  if (!s.logits.empty() && s.logits.size() != m.readout_nodes())
    throw shape_error(place + "logits", std::to_string(s.logits.size()) + " values",
                      std::to_string(m.readout_nodes()));
  for (std::size_t k = 0; k < s.logits.size(); ++k)
    if (!std::isfinite(s.logits[k]))
      throw input_error(at(place, "logits", k), shown(s.logits[k]), "a finite logit");
}

std::string content_hash(const synapse_state& s) {
  sha256 sum;
  const auto add = [&](const auto& value) { sum.update(std::as_bytes(std::span(&value, 1))); };
  sum.update(std::as_bytes(std::span("bdh-state 1\n", 12)));
  sum.update(std::as_bytes(std::span(s.model_sha256)));
  add(s.tokens);
  add(s.retention);
  if (s.rounded) sum.update(std::as_bytes(std::span("bf16", 4)));
  for (const layer_synapses& layer : s.layers) {
    add(layer.clock);
    sum.update(std::as_bytes(std::span(layer.last_used.data(), layer.last_used.size())));
    sum.update(std::as_bytes(std::span(layer.stored.data(), layer.stored.size())));
  }
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

void write_state(const synapse_state& s, const model& m, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, checksum_header_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-state");
    root.set_number("format_version", 1);
    root.set_text("model_sha256", s.model_sha256);
    root.set_number("tokens", s.tokens);
    root.set_real("retention", s.retention);
    if (s.rounded) root.set_text("synapses", "bf16");
    root.set_text("content_sha256", content_hash(s));
    hdf5::group layers = root.create_group("layers");
    for (std::size_t l = 0; l < s.layers.size(); ++l) {
      hdf5::group layer = layers.create_group(std::to_string(l + 1).c_str());
      layer.set_number("clock", s.layers[l].clock);
      layer.create_dataset<std::uint64_t>("last_used", {m.row_units()})
          .write<std::uint64_t>(s.layers[l].last_used);
      layer.create_dataset<float>("stored", stored_shape(m)).write<float>(s.layers[l].stored);
    }
    if (!s.probes.empty()) write_probes(root.create_group("probes"), s.probes);
    if (!s.logits.empty())
      root.create_dataset<float>("logits", {s.logits.size()}).write<float>(s.logits);
  }
  file.close();
}

}  // namespace

void check_state_target(const std::filesystem::path& target) {
  std::error_code ignored;
  if (std::filesystem::exists(target, ignored) && identify(target) != file_kind::state)
    throw input_error(target.string(), "a file that is no saved state",
                      "a new name, or a state to be replaced");
}

void save_state(const synapse_state& s, const model& m, const std::filesystem::path& target) {
  check(s, m, "state/");
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

synapse_state load_state(const std::filesystem::path& path, const model& m) {
  verify_checksum_header(path, checksummed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root();
  if (root.text("format") != "bdh-state")
    throw input_error(root.place() + "@format", "'" + root.text("format") + "'", "'bdh-state'");
  if (const auto version = root.number("format_version"); version != 1)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version), "1",
                            "a newer bdh may read it");
  synapse_state s;
  s.model_sha256 = root.text("model_sha256");
  s.tokens = root.number("tokens");
  s.retention = root.real("retention");
  if (root.has_attribute("synapses")) {
    if (root.text("synapses") != "bf16")
      throw input_error(root.place() + "@synapses", "'" + root.text("synapses") + "'",
                        "'bf16', or none");
    s.rounded = true;
  }
  const hdf5::group layers = root.open_group("layers");
  for (layer_id l = 1; s.model_sha256 == m.content_sha256() && l <= m.layers(); ++l) {
    const hdf5::group g = layers.open_group(std::to_string(l).c_str());
    layer_synapses layer;
    layer.clock = g.number("clock");
    layer.last_used = g.open_dataset("last_used").read<std::uint64_t>({m.row_units()});
    layer.stored = g.open_dataset("stored").read<float>(stored_shape(m));
    s.layers.push_back(std::move(layer));
  }
  if (root.has("probes")) s.probes = read_probes(root.open_group("probes"));
  if (root.has("logits")) {
    const auto logits = root.open_dataset("logits").read<float>({m.readout_nodes()});
    s.logits.assign(logits.begin(), logits.end());
  }
  check(s, m, root.place());
  if (root.text("content_sha256") != content_hash(s))
    throw input_error(root.place() + "@content_sha256", "another hash", content_hash(s));
  return s;
}

}  // namespace bdh
