// bdhsim._core.Model: a model's sizes, circuits, names and text. The class that users see,
// bdhsim.Model, is made of these.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <filesystem>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/model.hpp>
#include <bdh/model_file.hpp>
#include <bdh/queries.hpp>
#include <bdh/selection.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"
#include "apps/python/ranks.hpp"
#include "apps/ranks/job_sites.hpp"
#include "core/model/direct_form.hpp"
#include "core/model/merge_and_slice.hpp"
#include "io/graph/graph_import.hpp"

namespace bdh::python {

model_handle::model_handle(model m)
    : is(std::make_shared<const model>(std::move(m))), words(make_vocabulary(*is)) {}

namespace {

nb::dict entries(const std::vector<provenance::entry>& all) {
  nb::dict d;
  for (const provenance::entry& e : all) d[nb::str(e.name.c_str())] = e.value;
  return d;
}

nb::dict facts(const model_handle& h) {
  const model& m = *h.is;
  nb::dict d;
  d["neurons"] = m.neurons();
  d["hubs"] = m.hubs();
  d["sources"] = m.sources();
  d["sensory_nodes"] = m.sensory_nodes();
  d["readout_nodes"] = m.readout_nodes();
  d["layers"] = m.layers();
  d["heads"] = m.heads();
  d["synapses"] = m.synapses();
  d["explicit_edges"] = m.is_direct();
  d["dynamics"] = m.rules().name();
  d["equation"] = m.rules().equation();
  d["retention"] = m.retention();
  d["rotates"] = m.rotation().present();
  d["tokenizer"] = name(m.tokens());
  d["training_window"] = m.training_window();
  d["bytes"] = m.bytes();
  d["bfloat16"] = m.is_bfloat16();
  d["content_sha256"] = m.content_sha256();
  const provenance& from = m.origin();
  d["creator"] = from.creator;
  d["source"] = from.source;
  d["source_sha256"] = from.source_sha256;
  d["layout"] = from.layout;
  d["inferred"] = from.inferred;
  d["not_used"] = from.not_used;
  d["recipe"] = entries(from.recipe);
  d["tuning"] = entries(from.tuning);
  d["learning"] = entries(from.learning);
  return d;
}

// ---- circuits

struct named_projection {
  const char* name;
  const projection* is;
};

std::vector<named_projection> projections_of(const model& m) {
  const hub_circuits& c = m.circuits();
  if (!m.is_direct())
    return {{"e", &c.e},
            {"sensory", &c.sensory},
            {"dx", &c.dx},
            {"dy", &c.dy},
            {"readout", &c.readout}};
  const direct_circuits& d = m.direct();
  std::vector<named_projection> all{{"gx_excitatory", &d.gx_excitatory},
                                    {"gx_inhibitory", &d.gx_inhibitory},
                                    {"gy_excitatory", &d.gy_excitatory},
                                    {"gy_inhibitory", &d.gy_inhibitory},
                                    {"gs", &d.gs}};
  if (d.sensory.edges() != 0) all.push_back({"sensory", &d.sensory});
  if (d.readout.edges() != 0) all.push_back({"readout", &d.readout});
  if (c.e.edges() != 0) all.push_back({"pool_e", &c.e});
  if (c.sensory.edges() != 0) all.push_back({"pool_sensory", &c.sensory});
  if (c.readout.edges() != 0) all.push_back({"pool_readout", &c.readout});
  return all;
}

std::vector<std::string> circuit_names(const model_handle& h) {
  std::vector<std::string> names;
  for (const named_projection& p : projections_of(*h.is)) names.emplace_back(p.name);
  return names;
}

// Weights that are stored as bfloat16 are a copy; all else is a view.
nb::object weights_of(const projection& p, const std::shared_ptr<const model>& owner) {
  if (p.is_bfloat16()) {
    std::vector<float> wide(p.edges());
    for (edge_id e = 0; e < p.edges(); ++e) wide[e] = p.weight(e);
    if (!p.is_dense()) return nb::cast(as_numpy(std::move(wide)));
    const std::array<std::size_t, 2> shape{p.rows(), p.columns()};
    return nb::cast(as_numpy(std::move(wide), shape));
  }
  const float* const values = p.weights().data();
  if (p.is_dense() && p.edges() != 0)
    return nb::cast(view_of(values, std::array<std::size_t, 2>{p.rows(), p.columns()}, owner));
  return nb::cast(view_of(values, std::array<std::size_t, 1>{p.edges()}, owner));
}

nb::dict circuit_of(const model_handle& h, const std::string& wanted) {
  for (const named_projection& at : projections_of(*h.is)) {
    if (at.name != wanted) continue;
    const projection& p = *at.is;
    nb::dict d;
    d["name"] = wanted;
    d["source"] = nb::make_tuple(p.source().name, p.source().size);
    d["target"] = nb::make_tuple(p.target().name, p.target().size);
    d["rows"] = p.rows_are() == major::source ? "source" : "target";
    d["dense"] = p.is_dense();
    d["weights"] = weights_of(p, h.is);
    if (!p.is_dense()) {
      d["indices"] = view_of(p.indices().data(), std::array{p.indices().size()}, h.is);
      d["indptr"] = view_of(p.indptr().data(), std::array{p.indptr().size()}, h.is);
    }
    return d;
  }
  throw input_error("circuit", "'" + wanted + "'",
                    nb::cast<std::string>(nb::str(", ").attr("join")(nb::cast(circuit_names(h)))));
}

// Weights of the edges of Gx or Gy source -> neuron; 0: no edge. Through hubs computed from the
// factors, which takes O(sources * hubs) for every neuron that is among the ends.
numpy_array<double> weights_between(const model_handle& h, const std::string& which,
                                    given_array<neuron_id> pre, given_array<neuron_id> post) {
  if (which != "gx" && which != "gy") throw input_error("circuit", "'" + which + "'", "gx or gy");
  if (pre.shape(0) != post.shape(0))
    throw shape_error(
        "pre and post",
        std::to_string(pre.shape(0)) + " and " + std::to_string(post.shape(0)) + " ends",
        "as many of both");
  std::vector<double> weights(pre.shape(0), 0.0);
  const auto pres = span_of(pre), posts = span_of(post);
  std::vector<std::size_t> order(weights.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return posts[i]; });
  {
    nb::gil_scoped_release free;
    std::vector<weighted_edge> edges;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const std::size_t i = order[k];
      if (k == 0 || posts[order[k - 1]] != posts[i])
        edges = edges_into(*h.is, which == "gx" ? circuit::gx : circuit::gy, posts[i]);
      const auto at = std::ranges::lower_bound(edges, pres[i], {}, &weighted_edge::end);
      if (at != edges.end() && at->end == pres[i]) weights[i] = at->weight;
    }
  }
  return as_numpy(std::move(weights));
}

// ---- selections, names, text

numpy_array<neuron_id> pairs_of(const std::vector<neuron_pair>& pairs) {
  std::vector<neuron_id> ends;
  for (const neuron_pair& p : pairs) ends.insert(ends.end(), {p.pre, p.post});
  const std::array<std::size_t, 2> shape{pairs.size(), 2};
  return as_numpy(std::move(ends), shape);
}

numpy_array<neuron_id> select(const model_handle& h, const std::string& text) {
  neuron_choice chosen = select_neurons(*h.is, text);
  if (chosen.top != 0)
    throw input_error("neurons", "'" + text + "'", "neurons that are known beforehand",
                      "top:K is for recordings");
  return as_numpy(std::move(chosen.neurons));
}

nb::bytes decode(const model_handle& h, given_array<token_id> tokens, bool begins) {
  if (!h.words)
    throw unavailable_error("tokens", "a model whose tokens are ids only", "a tokenizer");
  const auto decoder = h.words->decoder(begins);
  std::string text;
  for (const token_id t : span_of(tokens)) text += decoder->add(t);
  text += decoder->finish();
  return nb::bytes(text.data(), text.size());
}

numpy_array<token_id> encode(const model_handle& h, nb::bytes text, const std::string& place) {
  if (!h.words)
    throw unavailable_error(place, "text, and a model whose tokens are ids only",
                            "token ids, or a tokenizer with encode() and decode()");
  return as_numpy(encoded(*h.words, {static_cast<const char*>(text.data()), text.size()}, place));
}

nb::bytes token_text(const model_handle& h, token_id token) {
  const std::string text = h.text_of(token);
  return nb::bytes(text.data(), text.size());
}

// ---- models from models, and from files

model_handle load(const std::string& file, bool bfloat16) {
  nb::gil_scoped_release free;
  model m = together() ? load_for_ranks(file) : load_model(file);
  return model_handle(bfloat16 ? std::move(m).in_bfloat16() : std::move(m));
}

std::string save(const model_handle& h, const std::string& file, bool overwrite) {
  nb::gil_scoped_release free;
  return save_model(*h.is, file, overwrite);
}

model_handle from_checkpoint(const std::string& file, std::optional<layer_id> layers,
                             std::optional<head_id> heads, std::optional<double> theta,
                             std::optional<std::string> tokens,
                             std::optional<std::uint64_t> training_window) {
  import_options o;
  o.layers = layers;
  o.heads = heads;
  o.theta = theta;
  o.training_window = training_window;
  if (tokens && std::filesystem::is_regular_file(*tokens))
    o.tokenizer_file = *tokens;
  else if (tokens)
    o.tokens = tokenizer_named(*tokens);
  nb::gil_scoped_release free;
  return model_handle(import_checkpoint(file, o));
}

nb::tuple from_graph(const std::string& gx, std::optional<std::string> gy,
                     std::optional<std::string> gs, const std::string& sensory,
                     std::optional<std::string> readout, std::optional<neuron_id> neurons,
                     std::optional<neuron_id> vocabulary, layer_id layers,
                     const std::string& dynamics_name, double retention,
                     std::optional<double> theta) {
  graph_import_options o;
  o.gx = gx;
  o.gy = std::move(gy);
  o.gs = std::move(gs);
  o.sensory = sensory;
  o.readout = std::move(readout);
  o.reading.neurons = neurons;
  o.vocabulary = vocabulary;
  o.layers = layers;
  o.dynamics = dynamics_name;
  o.retention = retention;
  o.theta = theta;
  std::optional<imported_graph> made;
  {
    nb::gil_scoped_release free;
    made = import_graph(o);
  }
  const std::vector<std::string> remarks = std::move(made->remarks);
  return nb::make_tuple(model_handle(std::move(made->result)), remarks);
}

model_handle joined(const model_handle& a, const model_handle& b, float scale_e) {
  nb::gil_scoped_release free;
  return model_handle(merge(*a.is, *b.is, scale_e).result);
}

model_handle part(const model_handle& h, given_array<neuron_id> keep, float scale_e) {
  const auto neurons = span_of(keep);
  nb::gil_scoped_release free;
  return model_handle(slice(*h.is, neurons, scale_e).result);
}

model_handle with_explicit_edges(const model_handle& h) {
  nb::gil_scoped_release free;
  return model_handle(as_direct(*h.is).graph);
}

}  // namespace

void add_model(nb::module_& m) {
  nb::class_<model_handle>(m, "Model", nb::is_weak_referenceable())
      .def("facts", facts)
      .def("circuit_names", circuit_names)
      .def("circuit", circuit_of)
      .def("weights", weights_between)
      .def("neuron_names", [](const model_handle& h) { return h.is->neuron_names(); })
      .def("select_neurons", select)
      .def("select_neuron", [](const model_handle& h,
                               const std::string& text) { return select_neuron(*h.is, text); })
      .def("select_source", [](const model_handle& h,
                               const std::string& text) { return select_source(*h.is, text); })
      .def("select_edges",
           [](const model_handle& h, const std::string& text) {
             return pairs_of(select_edges(*h.is, text));
           })
      .def("select_layers", [](const model_handle& h,
                               const std::string& text) { return select_layers(*h.is, text); })
      .def("has_text", [](const model_handle& h) { return h.words != nullptr; })
      .def("encode", encode)
      .def("decode", decode)
      .def("token_text", token_text)
      .def("save", save)
      .def("merge", joined)
      .def("slice", part)
      .def("with_explicit_edges", with_explicit_edges);
  m.def("load", load);
  m.def("import_checkpoint", from_checkpoint);
  m.def("import_graph", from_graph);
}

}  // namespace bdh::python
