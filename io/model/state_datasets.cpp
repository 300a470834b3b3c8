#include "io/model/state_datasets.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "io/model/state_values.hpp"

namespace bdh {
namespace {

std::string shown_list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
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

// One column of the table of probes.
template <class T, class Get>
void write_column(hdf5::group& to, const char* name, const std::vector<probe_record>& probes,
                  Get get) {
  std::vector<T> values(probes.size());
  std::transform(probes.begin(), probes.end(), values.begin(), get);
  to.create_dataset<T>(name, {probes.size()}).template write<T>(values);
}

}  // namespace

std::uint64_t state_version(const hdf5::group& root) {
  const std::uint64_t version = root.number("format_version");
  if (version < 1 || version > newest_state_version)
    throw unavailable_error(root.place() + "@format_version", std::to_string(version),
                            "1 to " + std::to_string(newest_state_version),
                            "a newer bdh may read it");
  return version;
}

std::uint64_t clock_of(const hdf5::group& layer, std::uint64_t version) {
  return version == 1 ? layer.number("clock")
                      : layer.open_dataset("clock").read<std::uint64_t>({1})[0];
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

// A row for each neuron where all have a synapse to every hub.
hdf5::extents kept_datasets::shape_of(const variable_info& v) const {
  if (v.of == domain::synapses && !m_.is_direct()) return {m_.neurons(), m_.hubs()};
  return {v.size};
}

std::uint64_t kept_datasets::row_of(const variable_info& v, const kept_part& part) const {
  return part.first == 0 ? 0 : part.first / (v.size / shape_of(v)[0]);
}

bool kept_datasets::begins_group(layer_id layer) noexcept {
  if (in_group_ && layer == layer_) return false;
  layer_ = layer;
  in_group_ = true;
  return true;
}

variable_writer::variable_writer(hdf5::group& root, const model& m)
    : kept_datasets(m, newest_state_version), root_(root), layers_(root.create_group("layers")) {}

void variable_writer::add(layer_id layer, const kept_part& part) {
  const variable_info& v = info(list_, part.what);
  if (part.first == 0) begin(layer, v);
  if (v.kind == value_kind::real)
    set_.write_rows<float>(row_of(v, part), part.reals);
  else
    set_.write_rows<std::uint64_t>(row_of(v, part), part.counts);
  if (part.end() == v.size) set_.set_text("of", name(v.of));
}

void variable_writer::begin(layer_id layer, const variable_info& v) {
  if (begins_group(layer))
    group_ = layer == 0 ? root_.create_group("network")
                        : layers_.create_group(std::to_string(layer).c_str());
  const std::string named(v.name);
  set_ = v.kind == value_kind::real
             ? group_.create_dataset<float>(named.c_str(), shape_of(v))
             : group_.create_dataset<std::uint64_t>(named.c_str(), shape_of(v));
}

variable_reader::variable_reader(const hdf5::group& root, const model& m, std::uint64_t version)
    : kept_datasets(m, version), root_(root), layers_(root.open_group("layers")) {
  if (version == 1) return;
  std::vector<std::string> numbers;
  for (layer_id l = 1; l <= m.layers(); ++l) numbers.push_back(std::to_string(l));
  check_names(layers_, numbers);
  check_names(root, {"layers", "network", "probes", "logits", "learning"});
  if (root.has("network")) check_names(root.open_group("network"), kept_names(list_, false));
}

void variable_reader::fill(layer_id layer, const kept_part& part) {
  const variable_info& v = info(list_, part.what);
  if (part.first == 0) begin(layer, v);
  if (version_ == 1 && v.what == variable::clock)
    part.counts[0] = clock_of(group_, version_);
  else if (v.kind == value_kind::real)
    set_.read_into<float>(shape_of(v), row_of(v, part), part.reals);
  else
    set_.read_into<std::uint64_t>(shape_of(v), row_of(v, part), part.counts);
}

void variable_reader::begin(layer_id layer, const variable_info& v) {
  if (begins_group(layer)) {
    group_ = layer == 0 ? root_.open_group("network")
                        : layers_.open_group(std::to_string(layer).c_str());
    if (version_ != 1 && layer != 0) check_names(group_, kept_names(list_, true));
  }
  if (version_ == 1 && v.what == variable::clock) return;
  set_ = group_.open_dataset(dataset_name(v.what, version_).c_str());
}

}  // namespace bdh
