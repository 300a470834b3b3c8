#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state_file.hpp>

#include "io/files/atomic_file.hpp"
#include "io/files/checksum_header.hpp"
#include "io/files/error_context.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"
#include "io/model/state_datasets.hpp"
#include "io/model/state_learning.hpp"
#include "io/model/state_values.hpp"

namespace bdh {
namespace {

void check_probes(const std::vector<probe_record>& probes, const model& m, std::uint64_t tokens,
                  const std::string& place) {
  for (std::size_t p = 0; p < probes.size(); ++p) {
    const probe_record& r = probes[p];
    if (r.what.pair.pre >= m.neurons())
      throw input_error(entry_of(place, "pre", p), "neuron " + std::to_string(r.what.pair.pre),
                        "< " + std::to_string(m.neurons()));
    if (r.what.pair.post >= m.sources())
      throw input_error(entry_of(place, "post", p), "source " + std::to_string(r.what.pair.post),
                        "< " + std::to_string(m.sources()));
    if (r.what.layer < 1 || r.what.layer > m.layers())
      throw input_error(entry_of(place, "layer", p), std::to_string(r.what.layer),
                        "1 to " + std::to_string(m.layers()));
    if (r.since > tokens)
      throw input_error(entry_of(place, "since", p), std::to_string(r.since),
                        "at most " + std::to_string(tokens));
    if (!std::isfinite(r.strength) || !std::isfinite(r.partner))
      throw input_error(entry_of(place, "strength", p),
                        shown(std::isfinite(r.strength) ? r.partner : r.strength),
                        "a finite strength");
  }
}

std::string counted(std::size_t size, const variable_info& v) {
  return std::to_string(size) + " " +
         (v.of == domain::network ? "values" : std::string(name(v.of)));
}

// The kept variables of a layer, or of the network: all there, as many as the model has.
void check_sizes(const state_arrays& arrays, std::span<const variable_info> list, bool per_layer,
                 const std::string& place) {
  for (const variable_info& v : list) {
    if (!v.kept || v.per_layer != per_layer) continue;
    const state_arrays::entry* const e = arrays.find(v.what);
    if (!e || size_of(*e) != v.size)
      throw shape_error(place + std::string(v.name), counted(e ? size_of(*e) : 0, v),
                        std::to_string(v.size));
  }
}

// All but the kept variables. `place` is what comes before names: a file, or "state/".
void check_head(const run_state& s, const model& m, const std::string& place) {
  if (m.content_sha256().empty() || s.model_sha256 != m.content_sha256())
    throw input_error(
        place + "@model_sha256",
        "a state of model " + (s.model_sha256.empty() ? "?" : s.model_sha256.substr(0, 16)),
        "model " + (m.content_sha256().empty() ? "?" : m.content_sha256().substr(0, 16)),
        "a state goes on only with the model that it was made with");
  if (!(s.retention > 0 && s.retention <= 1))
    throw input_error(place + "@retention", std::to_string(s.retention), "0 < u <= 1");
  check_probes(s.probes, m, s.tokens, place + "probes/");
  if (s.learning) check_learning(*s.learning, m, place + "learning");
  if (!s.logits.empty() && s.logits.size() != m.readout_nodes())
    throw shape_error(place + "logits", std::to_string(s.logits.size()) + " values",
                      std::to_string(m.readout_nodes()));
  for (std::size_t k = 0; k < s.logits.size(); ++k)
    if (!std::isfinite(s.logits[k]))
      throw input_error(entry_of(place, "logits", k), shown(s.logits[k]), "a finite logit");
}

// `values` fills each part.
void write_state(const run_state& head, const model& m, const part_function& values,
                 const std::filesystem::path& to) {
  hdf5::file file = hdf5::file::create(to, checksum_header_bytes);
  {
    hdf5::group root = file.root();
    root.set_text("format", "bdh-state");
    root.set_number("format_version", newest_state_version);
    root.set_text("model_sha256", head.model_sha256);
    root.set_number("tokens", head.tokens);
    root.set_real("retention", head.retention);
    if (head.rounded) root.set_text("synapses", "bf16");
    root.set_number("summation", head.summation);
    root.set_text("content_sha256", std::string(64, '0'));  // known in the end
    state_hash hash(head, m, newest_state_version);
    {
      state_checks checks(head.rounded, newest_state_version, "state/");
      variable_writer writer(root, m);
      for_kept_parts(m, [&](layer_id layer, const kept_part& part) {
        values(layer, part);
        checks.add(layer, part);
        hash.add(layer, part);
        writer.add(layer, part);
      });
    }
    if (head.learning) write_learning(root.create_group("learning"), *head.learning, m);
    if (!head.probes.empty()) write_probes(root.create_group("probes"), head.probes);
    if (!head.logits.empty())
      root.create_dataset<float>("logits", {head.logits.size()}).write<float>(head.logits);
    root.change_text("content_sha256", hash.finish(head));
  }
  file.close();
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

run_state read_head(const hdf5::group& root, const model& m) {
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
  if (root.has("probes")) s.probes = read_probes(root.open_group("probes"));
  if (root.has("learning")) s.learning = read_learning(root.open_group("learning"), m);
  if (root.has("logits")) {
    const auto logits = root.open_dataset("logits").read<float>({m.readout_nodes()});
    s.logits.assign(logits.begin(), logits.end());
  }
  return s;
}

// The head of a file whose kept variables are used part by part, each checked before it is used,
// all of them before the function returns.
run_state read_state(const std::filesystem::path& path, const model& m,
                     const std::function<void(const run_state& head)>& begin,
                     const part_function& use) {
  verify_checksum_header(path, checksummed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root();
  if (root.text("format") != "bdh-state")
    throw input_error(root.place() + "@format", "'" + root.text("format") + "'", "'bdh-state'");
  const std::uint64_t version = state_version(root);
  run_state head = read_head(root, m);
  check_head(head, m, root.place());
  begin(head);
  variable_reader reader(root, m, version);
  state_checks checks(head.rounded, version, root.place());
  state_hash hash(head, m, version);
  for_kept_parts(m, [&](layer_id layer, const kept_part& part) {
    reader.fill(layer, part);
    checks.add(layer, part);
    hash.add(layer, part);
    use(layer, part);
  });
  if (const std::string sum = hash.finish(head); root.text("content_sha256") != sum)
    throw input_error(root.place() + "@content_sha256", "another hash", sum);
  return head;
}

void write_checked(const run_state& head, const model& m, const part_function& values,
                   const std::filesystem::path& target) {
  check_state_target(target);
  atomic_file whole(target, true);
  with_file_name(whole.temporary().string(), target.string(), [&] {
    write_state(head, m, values, whole.temporary());
    write_checksum_header(whole.temporary(), checksummed::state);
    // What cannot be read back must not replace a good file: the content is compared with its hash.
    try {
      load_state_head(whole.temporary(), m);
    } catch (const input_error& e) {
      throw device_error(target.string(), "reads back as something else: " + e.found(), {},
                         "is the disk sound?");
    }
    whole.publish();
  });
}

}  // namespace

void check_state_target(const std::filesystem::path& target) {
  std::error_code ignored;
  if (std::filesystem::exists(target, ignored) && identify(target) != file_kind::state)
    throw input_error(target.string(), "a file that is no saved state",
                      "a new name, or a state to be replaced");
}

void save_state(const run_state& s, const model& m, const std::filesystem::path& target) {
  check_head(s, m, "state/");
  if (s.layers.size() != m.layers())
    throw shape_error("state/layers", std::to_string(s.layers.size()) + " layers",
                      std::to_string(m.layers()));
  const std::vector<variable_info> list = variables_of(m);
  const auto arrays = [&](layer_id layer) -> const state_arrays& {
    return layer == 0 ? s.network : s.layers[layer - 1];
  };
  for (layer_id l = 0; l <= m.layers(); ++l)
    check_sizes(arrays(l), list, l != 0, place_of("state/", l));
  write_checked(
      s, m, [&](layer_id layer, const kept_part& part) { fill_part(arrays(layer), part); }, target);
}

void save_state(const simulator& brain, const std::filesystem::path& target) {
  const run_state head = brain.save_head();
  check_head(head, brain.model(), "state/");
  write_checked(head, brain.model(), brain.kept_values(), target);
}

void save_state(const simulator& brain, const model& learned, const std::filesystem::path& target) {
  run_state head = brain.save_head();
  head.model_sha256 = learned.content_sha256();
  if (head.learning)
    for (learning_state::matrix& of : head.learning->matrices) of.weights = {};
  check_head(head, learned, "state/");
  write_checked(head, learned, brain.kept_values(), target);
}

state_summary summarise_state(const std::filesystem::path& path) {
  verify_checksum_header(path, checksummed::state);
  const hdf5::file file = hdf5::file::open(path, {std::filesystem::file_size(path), true});
  const hdf5::group root = file.root(), layers = root.open_group("layers");
  const std::uint64_t version = state_version(root);
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
  const std::vector<variable_info> list = variables_of(m);
  std::vector<state_arrays> layers;
  state_arrays network;
  run_state s = read_state(
      path, m,
      [&](const run_state&) {
        for (layer_id l = 1; l <= m.layers(); ++l) layers.emplace_back(list, true);
        network = state_arrays(list, false);
      },
      [&](layer_id layer, const kept_part& part) {
        take_part(layer == 0 ? network : layers[layer - 1], part);
      });
  s.layers = std::move(layers);
  s.network = std::move(network);
  return s;
}

run_state load_state_head(const std::filesystem::path& path, const model& m) {
  return read_state(
      path, m, [](const run_state&) {}, [](layer_id, const kept_part&) {});
}

void restore_state(simulator& brain, const std::filesystem::path& path) {
  const run_state head = load_state_head(path, brain.model());
  brain.restore(head, [&](const simulator::part_function& take) {
    read_state(
        path, brain.model(), [](const run_state&) {}, take);
  });
}

}  // namespace bdh
