// bdhsim._core.Brain: a simulator. The class that users see, bdhsim.Simulator, is made of these.
// Every call lets other Python threads run, and waits for its turn at this simulator.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <functional>
#include <limits>

#include <bdh/error.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/brain.hpp"
#include "apps/python/interruption.hpp"
#include "apps/python/module.hpp"
#include "apps/python/reports.hpp"
#include "apps/python/spikes.hpp"
#include "apps/python/state_handle.hpp"

namespace bdh::python {
namespace {

// f() while no other thread uses this simulator, without the interpreter's lock.
template <class F>
auto exclusively(brain& b, F f) {
  nb::gil_scoped_release free;
  const std::lock_guard turn(b.mutex());
  return f();
}

// ---- making

std::shared_ptr<brain> make(const model_handle& m, std::size_t threads, std::uint32_t sites,
                            std::optional<double> retention, const std::string& device,
                            bool bfloat16_synapses, std::uint64_t seed, bool history,
                            const std::string& file, const nb::dict& spikes) {
  brain_options o{.threads = threads,
                  .sites = sites,
                  .retention = retention,
                  .device = device,
                  .bfloat16_synapses = bfloat16_synapses,
                  .seed = seed,
                  .history = history,
                  .file = file,
                  .described_spikes = {}};
  set_spikes(spikes, *m.is, o);
  nb::gil_scoped_release free;
  return std::make_shared<brain>(m, o);
}

// ---- tokens

kept_values kept(const simulator& brain, const std::string& what, std::size_t tokens) {
  kept_values k;
  const std::size_t layers = brain.model().layers();
  if (what == "logits") {
    k.size = brain.model().readout_nodes();
    if (k.size == 0)
      throw unavailable_error("keep", "logits of a model without readout nodes", "x, y, w or a");
    k.values.reserve(tokens * k.size);
    return k;
  }
  std::string known = "logits";
  for (const variable_info& v : brain.variables()) {
    if (v.kept) continue;
    if (v.name == what) k = {v.what, layers, brain.size(v.what)};
    known += ", " + std::string(v.name);
  }
  if (!k.what) throw input_error("keep", "'" + what + "'", "some of " + known);
  k.values.reserve(tokens * layers * k.size);
  return k;
}

nb::dict read(brain& b, given_array<token_id> tokens, const std::vector<std::string>& keep,
              std::optional<std::vector<neuron_id>> trains, nb::object progress) {
  const auto given = span_of(tokens);
  std::vector<kept_values> values;
  std::optional<kept_trains> spikes;
  if (trains) spikes = kept_trains{.neurons = std::move(*trains)};
  interruption between(std::move(progress));
  const std::vector<step_report> reports = exclusively(b, [&] {
    for (const std::string& k : keep) values.push_back(kept(b.now(), k, given.size()));
    return b.read(given, values, spikes ? &*spikes : nullptr, std::ref(between));
  });
  const std::size_t layers = b.model().is->layers();
  nb::dict d = columns_of(reports, layers);
  nb::dict arrays;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    kept_values& k = values[i];
    const nb::str called(keep[i].c_str());
    if (k.what)
      arrays[called] = as_numpy(std::move(k.values), std::array{reports.size(), layers, k.size});
    else
      arrays[called] = as_numpy(std::move(k.values), std::array{reports.size(), k.size});
  }
  d["kept"] = arrays;
  if (spikes) d["trains"] = as_dict(std::move(*spikes));
  return d;
}

nb::dict learn(brain& b, given_array<token_id> tokens, nb::object progress, double rate,
               const std::string& rule, const std::vector<std::string>& only, double back,
               bool plain) {
  const learning how = learning_of(rate, rule, only, back, plain);
  const auto given = span_of(tokens);
  interruption between(std::move(progress));
  const std::vector<step_report> reports = exclusively(b, [&] {
    b.learn_by(how);
    std::vector<kept_values> nothing;
    return b.read(given, nothing, nullptr, std::ref(between), true);
  });
  nb::dict d = columns_of(reports, b.model().is->layers());
  add_learned(d, reports);
  d["kept"] = nb::dict();
  return d;
}

nb::list read_together(const std::vector<std::shared_ptr<brain>>& brains,
                       given_array<token_id> tokens) {
  std::vector<brain*> all;
  for (const auto& b : brains) all.push_back(b.get());
  if (tokens.shape(0) != all.size())
    throw shape_error("step_streams", std::to_string(tokens.shape(0)) + " tokens",
                      "one for each of " + std::to_string(all.size()) + " simulators");
  std::vector<step_report> reports;
  {
    nb::gil_scoped_release free;
    std::vector<brain*> ordered =
        all;  // the same order everywhere: no two threads wait in a circle
    std::ranges::sort(ordered);
    if (std::ranges::adjacent_find(ordered) != ordered.end())
      throw input_error("step_streams", "a simulator twice", "different ones");
    std::vector<std::unique_lock<std::mutex>> turns;
    for (brain* const b : ordered) turns.emplace_back(b->mutex());
    step_streams(all, span_of(tokens), reports);
  }
  nb::list list;
  for (step_report& r : reports) list.append(std::move(r));
  return list;
}

// ---- values

variable variable_named(const brain& b, const std::string& wanted) {
  std::string known;
  for (const variable_info& v : b.now().variables()) {
    if (v.name == wanted) return v.what;
    known += (known.empty() ? "" : ", ") + std::string(v.name);
  }
  throw input_error("variable", "'" + wanted + "'", known);
}

nb::list variables(const brain& b) {
  nb::list all;
  for (const variable_info& v : b.now().variables()) {
    nb::dict d;
    d["name"] = std::string(v.name);
    d["of"] = std::string(name(v.of));
    d["size"] = v.size;
    d["per_head"] = v.per_head;
    d["per_layer"] = v.per_layer;
    d["kept"] = v.kept;
    d["writable"] = v.writable;
    all.append(d);
  }
  return all;
}

numpy_array<float> value_of(brain& b, const std::string& wanted) {
  const variable v = variable_named(b, wanted);
  return as_numpy(exclusively(b, [&] { return b.now().read(v); }));
}

numpy_array<float> logits(brain& b) {
  return as_numpy(exclusively(b, [&] {
    const auto now = b.now().logits();
    return std::vector<float>(now.begin(), now.end());
  }));
}

numpy_array<float> synapses(brain& b, layer_id layer, neuron_id neuron) {
  return as_numpy(exclusively(b, [&] { return b.now().synapses(layer, neuron); }));
}

std::vector<probe_spec> specs(const given_array<neuron_id>& pre, const given_array<neuron_id>& post,
                              layer_id layer, bool by_y) {
  if (pre.shape(0) != post.shape(0))
    throw shape_error(
        "pre and post",
        std::to_string(pre.shape(0)) + " and " + std::to_string(post.shape(0)) + " neurons",
        "as many of both");
  std::vector<probe_spec> all;
  for (std::size_t i = 0; i < pre.shape(0); ++i)
    all.push_back(
        {{pre.data()[i], post.data()[i]}, layer, by_y ? probe_factor::y : probe_factor::w});
  return all;
}

numpy_array<double> strengths(brain& b, layer_id layer, given_array<neuron_id> pre,
                              given_array<neuron_id> post, bool by_y) {
  const std::vector<probe_spec> wanted = specs(pre, post, layer, by_y);
  return as_numpy(exclusively(b, [&] {
    std::vector<double> found;
    for (const probe_spec& w : wanted)
      found.push_back(
          b.now().probes().strength(w).value_or(std::numeric_limits<double>::quiet_NaN()));
    return found;
  }));
}

void add_probes(brain& b, layer_id layer, given_array<neuron_id> pre, given_array<neuron_id> post,
                bool by_y) {
  const std::vector<probe_spec> wanted = specs(pre, post, layer, by_y);
  exclusively(b, [&] {
    for (const probe_spec& w : wanted) b.probe(w);
  });
}

nb::tuple course(brain& b, int number) {
  const strength_course c = exclusively(b, [&] { return b.course(number); });
  return nb::make_tuple(as_numpy(c.positions), as_numpy(c.values));
}

const char* moment_name(moment at) {
  switch (at) {
    case moment::token_entered:
      return "token_entered";
    case moment::x_ready:
      return "x_ready";
    case moment::a_ready:
      return "a_ready";
    case moment::synapses_written:
      return "synapses_written";
    case moment::y_ready:
      break;
  }
  return "y_ready";
}

std::optional<std::pair<layer_id, const char*>> advance(brain& b) {
  const auto mark = exclusively(b, [&] { return b.advance(); });
  if (!mark) return std::nullopt;
  return std::pair{mark->layer, moment_name(mark->at)};
}

void add_recording(nb::class_<brain>& c) {
  c.def("start_recording",
        [](brain& b, const std::string& folder, const std::vector<std::string>& requests,
           const std::string& options) {
          exclusively(b, [&] { b.start_recording(folder, requests, options); });
        })
      .def("stop_recording",
           [](brain& b, const std::string& status) {
             exclusively(b, [&] { b.stop_recording(run_status_named(status)); });
           })
      .def("commit_recording", [](brain& b) { exclusively(b, [&] { b.commit_recording(); }); })
      .def_prop_ro("is_recording", &brain::is_recording);
}

void add_values(nb::class_<brain>& c) {
  c.def("variables", variables)
      .def("value", value_of)
      .def("logits", logits)
      .def("synapses", synapses)
      .def("strengths", strengths)
      .def("add_probes", add_probes)
      .def("follow",
           [](brain& b, layer_id layer, neuron_id pre, neuron_id post, bool by_y) {
             return exclusively(b, [&] {
               return b.follow({{pre, post}, layer, by_y ? probe_factor::y : probe_factor::w});
             });
           })
      .def("unfollow", [](brain& b, int number) { exclusively(b, [&] { b.unfollow(number); }); })
      .def("course", course);
}

void add_interventions(nb::class_<brain>& c) {
  c.def("intervene",
        [](brain& b, const intervention& what) {
          return exclusively(b, [&] { return b.intervene(what); });
        })
      .def("release", [](brain& b, int number) { exclusively(b, [&] { b.release(number); }); })
      .def("interventions", [](brain& b) {
        nb::list all;
        for (const auto& [number, what] : exclusively(b, [&] { return b.interventions(); }))
          all.append(nb::make_tuple(number, describe(*b.model().is, what)));
        return all;
      });
}

}  // namespace

void add_simulator(nb::module_& m) {
  add_report(m);
  nb::class_<brain> c(m, "Brain", nb::is_weak_referenceable());
  c.def("step",
        [](brain& b, token_id token) { return exclusively(b, [&] { return b.step(token); }); })
      .def("read", read, nb::arg("tokens"), nb::arg("keep"), nb::arg("trains").none(),
           nb::arg("progress").none())
      .def("learn", learn, nb::arg("tokens"), nb::arg("progress").none(), nb::arg("rate"),
           nb::arg("rule"), nb::arg("only"), nb::arg("back"), nb::arg("plain"))
      .def("learned_model",
           [](brain& b) { return exclusively(b, [&] { return b.learned_model(); }); })
      .def("begin", [](brain& b, token_id token) { exclusively(b, [&] { b.begin(token); }); })
      .def("advance", advance)
      .def("finish", [](brain& b) { return exclusively(b, [&] { return b.finish(); }); })
      .def("choose",
           [](brain& b, double temperature, std::uint32_t top_k, std::uint64_t seed) {
             return exclusively(b, [&] { return b.choose({temperature, top_k, seed}); });
           })
      .def("surprisal_of",
           [](brain& b, token_id token) {
             return exclusively(b, [&] { return b.now().surprisal(token); });
           })
      .def_prop_ro("tokens", [](const brain& b) { return b.now().tokens(); })
      .def_prop_ro("retention", [](const brain& b) { return b.now().retention(); })
      .def_prop_ro("device", [](const brain& b) { return b.now().device(); })
      .def_prop_ro("has_history", &brain::has_history)
      .def_prop_ro("spikes", [](const brain& b) { return b.options().described_spikes; })
      .def("save",
           [](brain& b) {
             return exclusively(
                 b, [&] { return state_handle{std::make_shared<const run_state>(b.save())}; });
           })
      .def("restore",
           [](brain& b, const state_handle& s) { exclusively(b, [&] { b.restore(*s.is); }); })
      .def("clear", [](brain& b) { exclusively(b, [&] { b.clear_synapses(); }); })
      .def("undo",
           [](brain& b) {
             const auto what = exclusively(b, [&] { return b.undo(); });
             if (what == experiment::undone::token) return "token";
             return what == experiment::undone::intervention ? "intervention" : "release";
           })
      .def("new_stream", [](brain& b) {
        return std::shared_ptr<brain>(exclusively(b, [&] { return b.new_stream(); }));
      });
  add_values(c);
  add_interventions(c);
  add_recording(c);
  m.def("make_brain", make);
  m.def("step_streams", read_together);
}

}  // namespace bdh::python
