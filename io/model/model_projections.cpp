#include <algorithm>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "core/model/model_checks.hpp"
#include "io/files/error_context.hpp"
#include "io/model/model_file_detail.hpp"

namespace bdh {
namespace {

constexpr const char* orientation_by_target = "row=target,col=source";
constexpr const char* orientation_by_source = "row=source,col=target";

constexpr stored_projection through_hubs[] = {
    // dx first: its rows bound the number of neurons by the size of the file.
    {.name = "dx",
     .source = "hubs",
     .target = "neurons",
     .rows = major::target,
     .of_hubs = &hub_circuits::dx},
    {.name = "dy",
     .source = "hubs",
     .target = "neurons",
     .rows = major::target,
     .of_hubs = &hub_circuits::dy},
    {.name = "e",
     .source = "neurons",
     .target = "hubs",
     .rows = major::source,
     .of_hubs = &hub_circuits::e},
    {.name = "sensory",
     .source = "sensory",
     .target = "hubs",
     .rows = major::source,
     .of_hubs = &hub_circuits::sensory},
    {.name = "readout",
     .source = "hubs",
     .target = "readout",
     .rows = major::target,
     .of_hubs = &hub_circuits::readout},
};

using direct = direct_circuits;

constexpr stored_projection explicit_edges[] = {
    {.name = "gx_excitatory",
     .source = "sources",
     .target = "neurons",
     .rows = major::source,
     .of_direct = &direct::gx_excitatory},
    {.name = "gx_inhibitory",
     .source = "sources",
     .target = "neurons",
     .rows = major::source,
     .sign = -1,
     .of_direct = &direct::gx_inhibitory},
    {.name = "gy_excitatory",
     .source = "sources",
     .target = "neurons",
     .rows = major::target,
     .of_direct = &direct::gy_excitatory},
    {.name = "gy_inhibitory",
     .source = "sources",
     .target = "neurons",
     .rows = major::target,
     .sign = -1,
     .of_direct = &direct::gy_inhibitory},
    {.name = "gs",
     .source = "neurons",
     .target = "sources",
     .rows = major::source,
     .of_direct = &direct::gs},
    {.name = "sensory",
     .source = "sensory",
     .target = "neurons",
     .rows = major::source,
     .optional = true,
     .of_direct = &direct::sensory},
    {.name = "readout",
     .source = "sources",
     .target = "readout",
     .rows = major::target,
     .optional = true,
     .of_direct = &direct::readout},
    // The pool that gives the gains of models imported from BDH-GPU.
    {.name = "pool_e",
     .source = "neurons",
     .target = "hubs",
     .rows = major::source,
     .optional = true,
     .of_hubs = &hub_circuits::e},
    {.name = "pool_sensory",
     .source = "sensory",
     .target = "hubs",
     .rows = major::source,
     .optional = true,
     .of_hubs = &hub_circuits::sensory},
    {.name = "pool_readout",
     .source = "hubs",
     .target = "readout",
     .rows = major::target,
     .optional = true,
     .of_hubs = &hub_circuits::readout},
};

// ---- writing

// The matrix is always targets x sources; what is stored together is what the kernels read
// together.
constexpr const char* encoding(major rows) {
  return rows == major::target ? "csr_matrix" : "csc_matrix";
}

void write_sparse(hdf5::group& to, const projection& g) {
  const std::uint64_t shape[] = {g.target().size, g.source().size};
  to.set_text("encoding-type", encoding(g.rows_are()));
  to.set_text("encoding-version", "0.1.0");
  to.set_numbers("shape", shape);
  to.set_text("orientation", orientation_by_target);
  to.set_text("kernel_order", name(g.rows_are()));
  to.create_dataset<edge_id>("indptr", {g.indptr().size()}).write(g.indptr());
  to.create_dataset<neuron_id>("indices", {g.edges()}).write(g.indices());
  to.create_dataset<float>("data", {g.edges()}).write(g.weights());
}

void write_projection(hdf5::group& projections, const stored_projection& p, const projection& g) {
  hdf5::group to = projections.create_group(p.name);
  to.set_text("source_population", p.source);
  to.set_text("target_population", p.target);
  to.set_integer("sign", p.sign);
  if (!g.is_dense()) return write_sparse(to, g);
  to.set_text("order", name(g.rows_are()));
  to.set_text("orientation",
              g.rows_are() == major::target ? orientation_by_target : orientation_by_source);
  to.create_dataset<float>("data", {g.rows(), g.columns()}).write(g.weights());
}

template <class T>
array<T> copy_of(std::span<const T> values) {
  array<T> copy(values.size());
  std::copy(values.begin(), values.end(), copy.begin());
  return copy;
}

// Values of the synapses, one per edge of gs in its order, as if they were weights.
projection as_weights(const projection& edges, std::span<const float> values) {
  return projection::sparse(edges.name(), edges.source(), edges.target(), edges.rows_are(),
                            copy_of(edges.indptr()), copy_of(edges.indices()), copy_of(values));
}

// ---- reading

major order_named(const hdf5::object& o, const char* attribute) {
  const std::string text = o.text(attribute);
  for (major r : {major::source, major::target})
    if (text == name(r)) return r;
  throw input_error(o.place() + "@" + attribute, "'" + text + "'", "by_source or by_target");
}

std::string at(const hdf5::group& g, const char* dataset, std::size_t i) {
  return g.place() + "/" + dataset + "[" + std::to_string(i) + "]";
}

// Where `given` says so, weights of a file's pages are not read, but for the few that every process
// needs: of edges from tokens and to readout nodes.
validation check_of(const stored_projection& p, const array<float>& data, validation given) {
  return p.positive() && !p.optional && data.is_mapped() ? given : validation::check;
}

projection read_sparse(const hdf5::group& g, const stored_projection& p, population source,
                       population target, validation weights) {
  const std::string encoded = g.text("encoding-type");
  const major stored = encoded == encoding(major::source) ? major::source : major::target;
  if (encoded != encoding(stored))
    throw input_error(g.place() + "@encoding-type", "'" + encoded + "'",
                      "csr_matrix or csc_matrix");
  expect_text(g, "orientation", orientation_by_target);
  const hdf5::extents shape{target.size, source.size};
  if (g.numbers("shape", 2) != shape)
    throw shape_error(
        g.place() + "@shape", "another shape",
        std::to_string(target.size) + " targets x " + std::to_string(source.size) + " sources");
  const major kernel_order = order_named(g, "kernel_order");
  const std::uint64_t rows = stored == major::target ? target.size : source.size;
  array<edge_id> indptr = g.open_dataset("indptr").map<edge_id>({rows + 1});
  array<float> data = g.open_dataset("data").map_list<float>();
  array<neuron_id> indices = g.open_dataset("indices").map<neuron_id>({data.size()});
  const validation given = stored == kernel_order ? check_of(p, data, weights) : validation::check;
  projection read =
      projection::sparse(p.name, std::move(source), std::move(target), stored, std::move(indptr),
                         std::move(indices), std::move(data), given);
  // Thrown here, with positions of the file; the model's own check would name those in memory.
  if (const auto e = p.positive() ? read.first_negative() : std::nullopt)
    throw input_error(at(g, "data", *e), std::to_string(read.weight(*e)), "a weight >= 0",
                      "inhibition has a projection of its own");
  return kernel_order == stored ? std::move(read) : read.transposed();
}

projection read_projection(const hdf5::group& projections, const stored_projection& p,
                           population source, population target, validation weights) {
  const hdf5::group g = projections.open_group(p.name);
  expect_text(g, "source_population", p.source);
  expect_text(g, "target_population", p.target);
  if (const auto sign = g.integer("sign"); sign != p.sign)
    throw input_error(g.place() + "@sign", std::to_string(sign), std::to_string(p.sign));
  if (g.has_attribute("encoding-type"))
    return read_sparse(g, p, std::move(source), std::move(target), weights);
  const major rows = order_named(g, "order");
  const bool by_source = rows == major::source;
  array<float> data = g.open_dataset("data").map<float>(
      {by_source ? source.size : target.size, by_source ? target.size : source.size});
  const validation given = data.is_mapped() ? validation::skip : validation::check;
  return projection::dense(p.name, std::move(source), std::move(target), rows, std::move(data),
                           given);
}

// `most`: no population can have more members than the file has bytes.
population read_population(const hdf5::group& nodes, const char* population_name,
                           std::uint64_t most) {
  const hdf5::group g = nodes.open_group(population_name);
  const std::uint64_t size = g.number("size");
  if (size > std::min<std::uint64_t>(most, 0xffffffffu))
    throw input_error(g.place() + "@size", std::to_string(size),
                      "at most " + std::to_string(most) + ", the size of the file");
  return {population_name, static_cast<neuron_id>(size)};
}

// gs/retention lies beside gs/data, in the same order; in memory synapses follow their neurons.
array<float> read_retention(const hdf5::group& projections, const projection& gs) {
  const hdf5::group g = projections.open_group("gs");
  if (!g.has("retention")) return {};
  array<float> values = g.open_dataset("retention").map<float>({gs.edges()});
  if (const auto e = first_no_retention(values))
    throw input_error(at(g, "retention", *e), std::to_string(values[*e]), "0 < u <= 1");
  if (g.text("encoding-type") == encoding(gs.rows_are())) return values;
  return copy_of(as_weights(gs.transposed(), std::span<const float>(values.data(), values.size()))
                     .transposed()
                     .weights());
}

}  // namespace

const char* name(major o) noexcept { return o == major::source ? "by_source" : "by_target"; }

void expect_text(const hdf5::object& o, const char* attribute, const char* expected) {
  if (const std::string found = o.text(attribute); found != expected)
    throw input_error(o.place() + "@" + attribute, "'" + found + "'",
                      "'" + std::string(expected) + "'");
}

const char* name_in_file(std::string_view name, bool direct) noexcept {
  if (direct && name == "e") return "pool_e";
  for (const stored_projection& p :
       direct ? std::span<const stored_projection>(explicit_edges) : through_hubs)
    if (name == p.name) return p.name;
  return nullptr;
}

std::vector<stored_projection> projections_of(const model& m) {
  std::vector<stored_projection> all;
  for (const stored_projection& p :
       m.is_direct() ? std::span<const stored_projection>(explicit_edges) : through_hubs)
    if (!p.optional || p.in(m).edges() != 0) all.push_back(p);
  return all;
}

void write_projections(hdf5::group& projections, const model& m) {
  for (const stored_projection& p : projections_of(m)) write_projection(projections, p, p.in(m));
  if (!m.is_direct() || m.direct().retention.empty()) return;
  projections.open_group("gs")
      .create_dataset<float>("retention", {m.direct().gs.edges()})
      .write<float>(m.direct().retention);
}

void read_projections(const hdf5::group& root, std::uint64_t bytes, validation weights,
                      model_spec& to) {
  const hdf5::group nodes = root.open_group("nodes"), projections = root.open_group("projections");
  const bool is_direct = projections.has("gs");
  if (is_direct) to.direct.emplace();
  for (const stored_projection& p :
       is_direct ? std::span<const stored_projection>(explicit_edges) : through_hubs) {
    if (p.optional && !projections.has(p.name)) continue;
    population source = read_population(nodes, p.source, bytes),
               target = read_population(nodes, p.target, bytes);
    // Projections give places such as dx/data[17].
    projection read = with_prefix(projections.place() + "/", [&] {
      return read_projection(projections, p, std::move(source), std::move(target), weights);
    });
    (p.of_hubs ? to.circuits.*p.of_hubs : (*to.direct).*p.of_direct) = std::move(read);
  }
  if (is_direct) to.direct->retention = read_retention(projections, to.direct->gs);
}

}  // namespace bdh
