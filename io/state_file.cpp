#include "io/state_file.hpp"

#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "core/base/error.hpp"
#include "io/atomic_file.hpp"
#include "io/hdf5.hpp"
#include "io/rethrow.hpp"
#include "io/seal.hpp"
#include "io/sha256.hpp"

namespace bdh {
namespace {

// The strengths of a layer as the file has them: a row for each neuron where all have a synapse to every hub.
hdf5::extents stored_shape(const model& m) { return m.is_direct() ? hdf5::extents{m.synapses()} : hdf5::extents{m.neurons(), m.hubs()}; }

std::string at(const std::string& place, const char* what, std::size_t i) { return place + what + "[" + std::to_string(i) + "]"; }

// `place` is what comes before the names of layers: a file, or "state".
void check_layer(const layer_synapses& layer, const model& m, const std::string& place) {
  if (layer.last_used.size() != m.row_units())
    throw shape_error(place + "last_used", std::to_string(layer.last_used.size()) + " row units", std::to_string(m.row_units()));
  if (layer.stored.size() != m.synapses())
    throw shape_error(place + "stored", std::to_string(layer.stored.size()) + " synapses", std::to_string(m.synapses()));
  for (std::size_t i = 0; i < layer.last_used.size(); ++i)
    if (layer.last_used[i] > layer.clock)
      throw input_error(at(place, "last_used", i), std::to_string(layer.last_used[i]), "at most the clock, " + std::to_string(layer.clock));
  for (std::size_t i = 0; i < layer.stored.size(); ++i)
    if (!std::isfinite(layer.stored[i])) throw input_error(at(place, "stored", i), std::to_string(layer.stored[i]), "a finite strength");
}

void check(const synapse_state& s, const model& m, const std::string& place) {
  if (m.content_sha256().empty() || s.model_sha256 != m.content_sha256())
    throw input_error(place + "@model_sha256", "a state of model " + (s.model_sha256.empty() ? "?" : s.model_sha256.substr(0, 16)),
                      "model " + (m.content_sha256().empty() ? "?" : m.content_sha256().substr(0, 16)),
                      "a state goes on only with the model that it was made with");
  if (!(s.retention > 0 && s.retention <= 1)) throw input_error(place + "@retention", std::to_string(s.retention), "0 < u <= 1");
  if (s.layers.size() != m.layers())
    throw shape_error(place + "layers", std::to_string(s.layers.size()) + " layers", std::to_string(m.layers()));
  for (std::size_t l = 0; l < s.layers.size(); ++l) check_layer(s.layers[l], m, place + "layers/" + std::to_string(l + 1) + "/");
}

std::string content_hash(const synapse_state& s) {
  sha256 sum;
  const auto add = [&](const auto& value) { sum.update(std::as_bytes(std::span(&value, 1))); };
  sum.update(std::as_bytes(std::span("bdh-state 1\n", 12)));
  sum.update(std::as_bytes(std::span(s.model_sha256)));
  add(s.tokens);
  add(s.retention);
  for (const layer_synapses& layer : s.layers) {
    add(layer.clock);
    sum.update(std::as_bytes(std::span(layer.last_used.data(), layer.last_used.size())));
    sum.update(std::as_bytes(std::span(layer.stored.data(), layer.stored.size())));
  }
  return sum.hex();
}

void write_state(const synapse_state& s, const model& m, const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, seal_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-state");
    root.set_number("format_version", 1);
    root.set_text("model_sha256", s.model_sha256);
    root.set_number("tokens", s.tokens);
    root.set_real("retention", s.retention);
    root.set_text("content_sha256", content_hash(s));
    hdf5::group layers = root.create_group("layers");
    for (std::size_t l = 0; l < s.layers.size(); ++l) {
      hdf5::group layer = layers.create_group(std::to_string(l + 1).c_str());
      layer.set_number("clock", s.layers[l].clock);
      layer.create_dataset<std::uint64_t>("last_used", {m.row_units()}).write<std::uint64_t>(s.layers[l].last_used);
      layer.create_dataset<float>("stored", stored_shape(m)).write<float>(s.layers[l].stored);
    }
  }
  file.close();
}

}  // namespace

void save_state(const synapse_state& s, const model& m, const std::filesystem::path& target) {
  check(s, m, "state/");
  atomic_file whole(target, true);
  with_file_name(whole.temporary().string(), target.string(), [&] {
    write_state(s, m, whole.temporary());
    seal(whole.temporary(), sealed::state);
    // What cannot be read back must not replace a good file. load_state compares the content with its hash.
    try {
      load_state(whole.temporary(), m);
    } catch (const input_error& e) {
      throw device_error(target.string(), "reads back as something else: " + std::string(e.what()), {}, "is the disk sound?");
    }
    whole.publish();
  });
}

synapse_state load_state(const std::filesystem::path& path, const model& m) {
  check_seal(path, sealed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root();
  if (root.text("format") != "bdh-state") throw input_error(root.place() + "@format", "'" + root.text("format") + "'", "'bdh-state'");
  if (const auto version = root.number("format_version"); version != 1)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version), "1", "a newer bdh may read it");
  synapse_state s;
  s.model_sha256 = root.text("model_sha256");
  s.tokens = root.number("tokens");
  s.retention = root.real("retention");
  const hdf5::group layers = root.open_group("layers");
  for (layer_id l = 1; s.model_sha256 == m.content_sha256() && l <= m.layers(); ++l) {
    const hdf5::group g = layers.open_group(std::to_string(l).c_str());
    layer_synapses layer;
    layer.clock = g.number("clock");
    layer.last_used = g.open_dataset("last_used").read<std::uint64_t>({m.row_units()});
    layer.stored = g.open_dataset("stored").read<float>(stored_shape(m));
    s.layers.push_back(std::move(layer));
  }
  check(s, m, root.place());
  if (root.text("content_sha256") != content_hash(s)) throw input_error(root.place() + "@content_sha256", "another hash", content_hash(s));
  return s;
}

}  // namespace bdh
