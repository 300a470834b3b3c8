#include "io/graph/graph_import.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/version.hpp"
#include "io/files/sha256.hpp"
#include "io/graph/edge_order.hpp"
#include "io/graph/neuron_register.hpp"
#include "io/graph/token_edges.hpp"

namespace bdh {
namespace {

using namespace graph_formats;

// Rates and retentions are never 1 for want of a column.
edge_list read_values(const std::string& file, const graph_import_options& o, edge_values values) {
  graph_reading how = o.reading;
  how.values = values;
  return read_graph_file(file, how);
}

// u of every synapse, in their order. An added partner decays as the synapse that it belongs to.
array<float> retention_of(const std::vector<graph_edge>& synapses, edge_list& file,
                          const neuron_register& neurons) {
  neurons.renumber(file, file.sources(), &graph_edge::source);
  neurons.renumber(file, file.targets(), &graph_edge::target);
  order_edges(file);
  const auto shown = [&](neuron_id source, neuron_id target) {
    return neurons.shown(source) + " -> " + neurons.shown(target);
  };
  for (const graph_edge& e : file.edges) {
    if (!(e.weight > 0 && e.weight <= 1))
      throw input_error(file.place(e.line), "retention " + std::to_string(e.weight), "0 < u <= 1");
    if (!find_edge(synapses, e.source, e.target))
      throw input_error(file.place(e.line), "retention of " + shown(e.source, e.target),
                        "one of the synapses");
  }
  array<float> u(synapses.size());
  for (std::size_t i = 0; i < synapses.size(); ++i) {
    const graph_edge& s = synapses[i];
    const graph_edge* own = find_edge(file.edges, s.source, s.target);
    if (!own && s.weight == 0) own = find_edge(file.edges, s.source ^ 1u, s.target);
    if (!own)
      throw input_error(file.file, "no retention of " + shown(s.source, s.target),
                        "one for each synapse");
    u[i] = own->weight;
  }
  return u;
}

provenance origin_of(const graph_import_options& o, edge_id partners) {
  provenance p;
  p.creator = creator();
  p.source = o.gx;
  const std::size_t colon = o.gx.rfind(":/");
  std::error_code failed;
  p.source_sha256 =
      sha256_of_file(std::filesystem::exists(o.gx, failed) ? o.gx : o.gx.substr(0, colon));
  p.layout = "graph files";
  p.inferred.push_back(o.gy ? "Gy: " + *o.gy : "Gy: the edges of Gx");
  p.inferred.push_back(o.gs ? "Gs: " + *o.gs : "Gs: the edges of Gx, with rate 1");
  p.inferred.push_back("sensory: " + (o.sensory.empty()
                                          ? "random, a twentieth of the neurons for each token"
                                          : o.sensory));
  p.inferred.push_back(o.readout ? "readout: " + *o.readout
                                 : "readout: none, the model has no logits");
  if (partners != 0)
    p.inferred.push_back("added " + std::to_string(partners) +
                         " partner synapses at rate 0, for rotation");
  return p;
}

class graph_importer {
 public:
  explicit graph_importer(const graph_import_options& o)
      : options_(o),
        gx_(read_graph_file(o.gx, o.reading)),
        gy_(read(o.gy, edge_values::weights)),
        gs_(read(o.gs, edge_values::rates)),
        neurons_(circuit_files(), gs_ ? &*gs_ : nullptr, o.reading.neurons) {
    report_.choices_not_found = o.reading.columns;
    for (edge_list* f : files()) {
      order_edges(*f);
      add_report(report_, *f);
    }
    for (const std::string& remark : neurons_.remarks()) report_.remarks.push_back(remark);
    if (o.reading.ids == node_ids::names && !neurons_.named())
      throw input_error(gx_.file, "a matrix, whose rows and columns are numbers",
                        "a file with ids, for --ids names");
    if (gx_.edges.empty()) report_.remarks.push_back(gx_.file + ": no edges: Gx drives no neuron");
  }

  imported_graph run() {
    const neuron_id n = neurons_.size();
    model_spec p;
    p.rules = dynamics::named(options_.dynamics);
    p.layers = options_.layers;
    p.heads = options_.heads;
    if (p.heads == 0 || n % p.heads != 0)
      throw shape_error("--heads", std::to_string(p.heads),
                        "a divisor of the " + std::to_string(n) + " neurons");
    p.retention = options_.retention;
    if (options_.theta) p.rotation = rotation::geometric(*options_.theta, n / p.heads);
    direct_circuits g;
    const edge_id partners = circuits(g, n);
    g.sensory = read_sensory(options_, neurons_, report_);
    const neuron_id tokens = g.sensory.source().size;
    if (options_.readout) g.readout = read_readout(options_, neurons_, tokens, report_);
    check_columns();
    p.tokenizer_definition = options_.tokenizer_definition;
    p.tokens = options_.tokens.value_or(tokens == 256 ? tokenizer::bytes : tokenizer::ids);
    p.direct = std::move(g);
    p.neuron_names = neurons_.take_names();
    p.origin = origin_of(options_, partners);
    p.origin.not_used = std::move(report_.not_used);
    return {model(std::move(p)), partners, std::move(report_.remarks)};
  }

 private:
  std::optional<edge_list> read(const std::optional<std::string>& file, edge_values values) const {
    if (!file) return std::nullopt;
    return read_values(*file, options_, values);
  }

  std::vector<edge_list*> circuit_files() {
    std::vector<edge_list*> all{&gx_};
    if (gy_) all.push_back(&*gy_);
    return all;
  }
  std::vector<edge_list*> files() {
    std::vector<edge_list*> all = circuit_files();
    if (gs_) all.push_back(&*gs_);
    return all;
  }

  // A column that the user names is in one of the files.
  void check_columns() const {
    const column_choice& none = report_.choices_not_found;
    for (const auto& [role, name] : {std::pair{"source", &none.source},
                                     {"target", &none.target},
                                     {"weight", &none.weight},
                                     {"sign", &none.sign}})
      if (*name)
        throw input_error("--columns", std::string(role) + "=" + **name + ", which no file has",
                          "a column of a CSV file, or an attribute of edges in GraphML");
  }

  // A list of edges is freed as soon as all that is made of it is there: the lists and the model
  // together are most of the memory of an import. Returns the number of partners.
  edge_id circuits(direct_circuits& to, neuron_id n) {
    if (gs_) expect_not_negative(*gs_, "plasticity rate");
    signed_edges x = make_circuit("gx", n, gx_.edges);
    const bool along_gx = !gs_ && !options_.theta && !options_.retention_file;
    edge_id partners = 0;
    if (!along_gx) partners = synapses(to, n);
    gx_.edges = std::vector<graph_edge>();  // {} would keep its memory
    if (along_gx) to.gs = synapses_along(x);
    signed_edges y = gy_ ? by_target("gy", make_circuit("gy", n, gy_->edges)) : by_target("gy", x);
    to.gx_excitatory = std::move(x.excitatory);
    to.gx_inhibitory = std::move(x.inhibitory);
    to.gy_excitatory = std::move(y.excitatory);
    to.gy_inhibitory = std::move(y.inhibitory);
    return partners;
  }

  edge_id synapses(direct_circuits& to, neuron_id n) {
    std::vector<graph_edge> edges = std::move(gs_ ? gs_->edges : gx_.edges);
    if (!gs_)
      for (graph_edge& e : edges) e.weight = 1.0f;
    const edge_id partners = options_.theta ? add_partners(edges) : 0;
    if (options_.retention_file) {
      edge_list file = read_values(*options_.retention_file, options_, edge_values::retentions);
      to.retention = retention_of(edges, file, neurons_);
      add_report(report_, file);
    }
    to.gs = edges_by_source("gs", {"neurons", n}, {"sources", n}, edges);
    return partners;
  }

  const graph_import_options& options_;
  edge_list gx_;
  std::optional<edge_list> gy_, gs_;
  neuron_register neurons_;
  edge_list report_;  // only its remarks, and what is not used
};

}  // namespace

imported_graph import_graph(const graph_import_options& o) { return graph_importer(o).run(); }

}  // namespace bdh
