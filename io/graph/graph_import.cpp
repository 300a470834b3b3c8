#include "io/graph/graph_import.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <bdh/error.hpp>

#include "core/base/random.hpp"
#include "core/base/version.hpp"
#include "io/files/sha256.hpp"
#include "io/graph/graph_file.hpp"

namespace bdh {
namespace {

constexpr neuron_id default_vocabulary = 256;
constexpr std::uint64_t most_random_edges = 1'000'000'000;

// All neurons of a model: those that the files name, or as many as they say.
class neuron_register {
 public:
  explicit neuron_register(const std::vector<const edge_list*>& files) {
    for (const edge_list* f : files)
      for (const std::string& name : f->source.names)
        if (numbers_.emplace(name, static_cast<neuron_id>(names_.size())).second)
          names_.push_back(name);
    size_ = static_cast<neuron_id>(names_.size());
    for (const edge_list* f : files) {
      if (!f->source.size) continue;
      if (size_ != 0 && *f->source.size != size_)
        throw shape_error(f->file, std::to_string(*f->source.size) + " neurons",
                          std::to_string(size_) + ", as the files before have");
      size_ = *f->source.size;
    }
    if (size_ != 0) return;
    for (const edge_list* f : files)
      for (const graph_edge& e : f->edges) size_ = std::max({size_, e.source + 1, e.target + 1});
    if (size_ == 0)
      throw input_error(files.front()->file, "no edges", "at least one, or the number of neurons");
  }

  neuron_id size() const noexcept { return size_; }
  std::vector<std::string>& names() noexcept { return names_; }
  std::string shown(neuron_id i) const {
    return names_.empty() ? std::to_string(i) : "'" + names_[i] + "'";
  }

  // Numbers one end of a file's edges as the neurons are numbered.
  void renumber(edge_list& f, const graph_nodes& nodes, neuron_id graph_edge::*end) const {
    if (nodes.size && *nodes.size != size_)
      throw shape_error(f.file, std::to_string(*nodes.size) + " neurons",
                        std::to_string(size_) + ", as the circuits have");
    std::vector<neuron_id> number;
    for (const std::string& name : nodes.names) {
      const auto found = numbers_.find(name);
      if (found == numbers_.end())
        throw input_error(f.file, "node '" + name + "'", "a neuron of the circuits");
      number.push_back(found->second);
    }
    for (graph_edge& e : f.edges) {
      if (!number.empty()) e.*end = number[e.*end];
      if (e.*end >= size_)
        throw input_error(f.place(e.line), "neuron " + std::to_string(e.*end),
                          "below " + std::to_string(size_));
    }
  }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, neuron_id> numbers_;
  neuron_id size_ = 0;
};

bool before(const graph_edge& a, const graph_edge& b) {
  return std::pair(a.source, a.target) < std::pair(b.source, b.target);
}

// Brings the edges into ascending order of source, then target, and refuses two of the same.
void order_edges(edge_list& f) {
  std::ranges::sort(f.edges, [](const graph_edge& a, const graph_edge& b) {
    return a.source != b.source || a.target != b.target ? before(a, b) : a.line < b.line;
  });
  const auto twice = std::ranges::adjacent_find(f.edges, [](const auto& a, const auto& b) {
    return a.source == b.source && a.target == b.target;
  });
  if (twice != f.edges.end())
    throw input_error(f.place(twice[1].line), "an edge again that is in " + f.place(twice->line),
                      "each edge once");
}

void expect_not_negative(const edge_list& f, const char* what) {
  for (const graph_edge& e : f.edges)
    if (e.weight < 0)
      throw input_error(f.place(e.line), std::string(what) + " " + std::to_string(e.weight),
                        "0 or more");
}

// The ordered edges of the wanted sign, as a projection by source; their weights without sign.
template <class Keep>
projection edges_by_source(const char* name, population source, population target,
                           const std::vector<graph_edge>& edges, Keep keep) {
  array<edge_id> indptr(std::size_t{source.size} + 1);
  for (const graph_edge& e : edges)
    if (keep(e)) ++indptr[e.source + 1];
  for (std::size_t i = 0; i < source.size; ++i) indptr[i + 1] += indptr[i];
  const edge_id count = indptr[source.size];
  array<neuron_id> indices(count);
  array<float> weights(count);
  edge_id next = 0;
  for (const graph_edge& e : edges) {
    if (!keep(e)) continue;
    indices[next] = e.target;
    weights[next++] = e.weight;
  }
  return projection::sparse(name, std::move(source), std::move(target), major::source,
                            std::move(indptr), std::move(indices), std::move(weights));
}

struct circuit {
  projection excitatory, inhibitory;  // by source
};

circuit make_circuit(const std::string& name, neuron_id n, const std::vector<graph_edge>& edges) {
  const population sources{"sources", n}, neurons{"neurons", n};
  std::vector<graph_edge> inhibitory;
  for (graph_edge e : edges)
    if (e.weight < 0) {
      e.weight = -e.weight;
      inhibitory.push_back(e);
    }
  return {edges_by_source((name + "_excitatory").c_str(), sources, neurons, edges,
                          [](const graph_edge& e) { return e.weight >= 0; }),
          edges_by_source((name + "_inhibitory").c_str(), sources, neurons, inhibitory,
                          [](const graph_edge&) { return true; })};
}

// Rotation mixes the synapses of the two neurons of a pair: where one is missing it is added at
// rate 0. Edges stay in order.
edge_id add_partners(std::vector<graph_edge>& edges) {
  const std::size_t given = edges.size();
  const auto exists = [&](neuron_id source, neuron_id target) {
    const graph_edge wanted{source, target, 0, 0};
    const auto end = edges.begin() + static_cast<std::ptrdiff_t>(given);
    const auto found = std::lower_bound(edges.begin(), end, wanted, before);
    return found != end && found->source == source && found->target == target;
  };
  std::vector<graph_edge> added;
  for (const graph_edge& e : edges)
    if (!exists(e.source ^ 1u, e.target)) added.push_back({e.source ^ 1u, e.target, 0.0f, e.line});
  edges.insert(edges.end(), added.begin(), added.end());
  std::ranges::sort(edges, before);
  return added.size();
}

// u of every synapse, in their order. An added partner decays as the synapse that it belongs to.
array<float> retention_of(const std::vector<graph_edge>& synapses, edge_list& file,
                          const neuron_register& neurons) {
  neurons.renumber(file, file.sources(), &graph_edge::source);
  neurons.renumber(file, file.targets(), &graph_edge::target);
  order_edges(file);
  const auto find = [](const std::vector<graph_edge>& in, neuron_id source,
                       neuron_id target) -> const graph_edge* {
    const auto found = std::ranges::lower_bound(in, graph_edge{source, target, 0, 0}, before);
    return found != in.end() && found->source == source && found->target == target ? &*found
                                                                                   : nullptr;
  };
  for (const graph_edge& e : file.edges) {
    if (!(e.weight > 0 && e.weight <= 1))
      throw input_error(file.place(e.line), "retention " + std::to_string(e.weight), "0 < u <= 1");
    if (!find(synapses, e.source, e.target))
      throw input_error(
          file.place(e.line),
          "retention of " + neurons.shown(e.source) + " -> " + neurons.shown(e.target),
          "one of the synapses");
  }
  array<float> u(synapses.size());
  for (std::size_t i = 0; i < synapses.size(); ++i) {
    const graph_edge& s = synapses[i];
    const graph_edge* own = find(file.edges, s.source, s.target);
    if (!own && s.weight == 0) own = find(file.edges, s.source ^ 1u, s.target);
    if (!own)
      throw input_error(
          file.file,
          "no retention of " + neurons.shown(s.source) + " -> " + neurons.shown(s.target),
          "one for each synapse");
    u[i] = own->weight;
  }
  return u;
}

// ---- tokens

struct random_sensory {
  std::uint64_t each, seed;  // neurons that a token excites
};

std::optional<random_sensory> parse_random(const std::string& text, neuron_id n) {
  if (text.empty()) return random_sensory{std::max<neuron_id>(1, n / 20), 0};
  if (!text.starts_with("random:")) return std::nullopt;
  random_sensory r{};
  const char *first = text.data() + 7, *const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(first, end, r.each);
  const bool good = failed == std::errc() && at != end && *at == '@' &&
                    std::from_chars(at + 1, end, r.seed).ptr == end && at + 1 != end;
  if (!good || r.each < 1 || r.each > n)
    throw input_error("--sensory", "'" + text + "'",
                      "random:K@SEED with K from 1 to " + std::to_string(n) + ", or a file");
  return r;
}

// K different neurons for each token (Floyd's sampling), each with weight 1.
projection draw_sensory(const random_sensory& r, neuron_id vocabulary, neuron_id n) {
  if (r.each * vocabulary > most_random_edges)
    throw input_error(
        "--sensory",
        std::to_string(r.each) + " neurons for each of " + std::to_string(vocabulary) + " tokens",
        "at most " + std::to_string(most_random_edges) + " edges in all");
  std::vector<graph_edge> edges;
  edges.reserve(r.each * vocabulary);
  std::unordered_set<neuron_id> chosen;
  for (neuron_id t = 0; t < vocabulary; ++t) {
    chosen.clear();
    for (auto last = static_cast<neuron_id>(n - r.each); last < n; ++last) {
      const auto drawn =
          static_cast<neuron_id>(uniform(r.seed, purpose::wiring, t, last) * (double{1} + last));
      chosen.insert(chosen.contains(drawn) ? last : drawn);
    }
    for (neuron_id j : chosen) edges.push_back({t, j, 1.0f, 0});
  }
  std::ranges::sort(edges, before);
  return edges_by_source("sensory", {"sensory", vocabulary}, {"neurons", n}, edges,
                         [](const graph_edge&) { return true; });
}

// How many tokens a file has. A list of numbered nodes states only the largest that it uses.
neuron_id tokens_in(const edge_list& f, const graph_nodes& nodes, neuron_id graph_edge::*end,
                    std::optional<neuron_id> wanted) {
  if (!nodes.names.empty())
    throw input_error(f.file, "token '" + nodes.names.front() + "'", "token ids, 0, 1, 2, ...");
  if (nodes.size && wanted && *nodes.size != *wanted)
    throw shape_error(f.file, std::to_string(*nodes.size) + " tokens",
                      std::to_string(*wanted) + ", the vocabulary");
  const neuron_id size = nodes.size.value_or(wanted.value_or(default_vocabulary));
  for (const graph_edge& e : f.edges)
    if (e.*end >= size)
      throw input_error(f.place(e.line), "token " + std::to_string(e.*end),
                        "below " + std::to_string(size) + ", the vocabulary",
                        "--vocabulary sets it");
  return size;
}

projection read_sensory(const graph_import_options& o, const neuron_register& neurons) {
  const neuron_id n = neurons.size();
  if (const auto random = parse_random(o.sensory, n))
    return draw_sensory(*random, o.vocabulary.value_or(default_vocabulary), n);
  edge_list f = read_graph_file(o.sensory, false);
  const neuron_id tokens = tokens_in(f, f.sources(), &graph_edge::source, o.vocabulary);
  neurons.renumber(f, f.targets(), &graph_edge::target);
  expect_not_negative(f, "sensory weight");
  order_edges(f);
  return edges_by_source("sensory", {"sensory", tokens}, {"neurons", n}, f.edges,
                         [](const graph_edge&) { return true; });
}

projection read_readout(const std::string& file, const neuron_register& neurons, neuron_id tokens) {
  edge_list f = read_graph_file(file, false);
  tokens_in(f, f.targets(), &graph_edge::target, tokens);
  neurons.renumber(f, f.sources(), &graph_edge::source);
  order_edges(f);
  if (f.edges.empty()) throw input_error(f.file, "no edges", "edges neuron -> token");
  return edges_by_source("readout", {"sources", neurons.size()}, {"readout", tokens}, f.edges,
                         [](const graph_edge&) { return true; })
      .transposed();
}

// ---- the whole

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
        gx_(read_graph_file(o.gx, true)),
        gy_(read(o.gy)),
        gs_(read(o.gs)),
        neurons_(files()) {}

  imported_graph run() {
    for (edge_list* f : {&gx_, gy_ ? &*gy_ : nullptr, gs_ ? &*gs_ : nullptr}) {
      if (f == nullptr) continue;
      neurons_.renumber(*f, f->sources(), &graph_edge::source);
      neurons_.renumber(*f, f->targets(), &graph_edge::target);
      order_edges(*f);
    }
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
    circuits(g, n);
    const edge_id partners = synapses(g, n);
    g.sensory = read_sensory(options_, neurons_);
    const neuron_id tokens = g.sensory.source().size;
    if (options_.readout) g.readout = read_readout(*options_.readout, neurons_, tokens);
    p.tokens = options_.tokens.value_or(tokens == 256 ? tokenizer::bytes : tokenizer::ids);
    p.direct = std::move(g);
    p.neuron_names = std::move(neurons_.names());
    p.origin = origin_of(options_, partners);
    for (const edge_list* f : files())
      p.origin.not_used.insert(p.origin.not_used.end(), f->not_used.begin(), f->not_used.end());
    return {model(std::move(p)), partners, remarks()};
  }

 private:
  static std::optional<edge_list> read(const std::optional<std::string>& file) {
    if (!file) return std::nullopt;
    return read_graph_file(*file, true);
  }

  std::vector<std::string> remarks() const {
    std::vector<std::string> all;
    for (const edge_list* f : files()) all.insert(all.end(), f->remarks.begin(), f->remarks.end());
    return all;
  }

  std::vector<const edge_list*> files() const {
    std::vector<const edge_list*> all{&gx_};
    for (const auto* f : {&gy_, &gs_})
      if (*f) all.push_back(&**f);
    return all;
  }

  void circuits(direct_circuits& to, neuron_id n) const {
    circuit x = make_circuit("gx", n, gx_.edges),
            y = make_circuit("gy", n, gy_ ? gy_->edges : gx_.edges);
    to.gx_excitatory = std::move(x.excitatory);
    to.gx_inhibitory = std::move(x.inhibitory);
    to.gy_excitatory = y.excitatory.transposed();
    to.gy_inhibitory = y.inhibitory.transposed();
  }

  edge_id synapses(direct_circuits& to, neuron_id n) {
    if (gs_) expect_not_negative(*gs_, "plasticity rate");
    std::vector<graph_edge> edges = gs_ ? std::move(gs_->edges) : std::move(gx_.edges);
    if (!gs_)
      for (graph_edge& e : edges) e.weight = 1.0f;
    const edge_id partners = options_.theta ? add_partners(edges) : 0;
    if (options_.retention_file) {
      edge_list file = read_graph_file(*options_.retention_file, true);
      to.retention = retention_of(edges, file, neurons_);
    }
    to.gs = edges_by_source("gs", {"neurons", n}, {"sources", n}, edges,
                            [](const graph_edge&) { return true; });
    return partners;
  }

  const graph_import_options& options_;
  edge_list gx_;
  std::optional<edge_list> gy_, gs_;
  neuron_register neurons_;
};

}  // namespace

imported_graph import_graph(const graph_import_options& o) { return graph_importer(o).run(); }

}  // namespace bdh
