// Folders of runs, to read: tokens, summaries and recordings; values that a model is verified with.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "apps/python/arrays.hpp"
#include "apps/python/module.hpp"
#include "io/recording/nwb.hpp"
#include "io/recording/reference_outputs.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::python {
namespace {

nb::dict summary(const run_reader& run) {
  const summary_table table = run.summary();
  nb::dict d;
  for (std::size_t c = 0; c < table.names.size(); ++c)
    d[nb::str(table.names[c].c_str())] = as_numpy(std::vector<double>(table.columns[c]));
  return d;
}

nb::list recordings(const run_reader& run) {
  nb::list all;
  for (const listed_recording& r : run.recordings)
    all.append(nb::make_tuple(r.file, r.request, r.layer, r.every));
  return all;
}

// Position, node and value of every event; of synapses the number of the edge, too.
nb::dict events(const run_reader& run, std::size_t number) {
  recording_reader reader = run.open(run.recordings.at(number));
  std::vector<std::uint64_t> position, node, edge;
  std::vector<float> value;
  {
    nb::gil_scoped_release free;
    recording_row row;
    for (std::uint64_t r = 0; reader.next(row); ++r) {
      position.insert(position.end(), row.values.size(), reader.position(r));
      node.insert(node.end(), row.nodes.begin(), row.nodes.end());
      edge.insert(edge.end(), row.edges.begin(), row.edges.end());
      value.insert(value.end(), row.values.begin(), row.values.end());
    }
  }
  nb::dict d;
  d["position"] = as_numpy(std::move(position));
  d["neuron"] = as_numpy(std::move(node));
  if (!edge.empty()) d["edge"] = as_numpy(std::move(edge));
  d["value"] = as_numpy(std::move(value));
  return d;
}

// Frames or logits: the positions (T), and the values (T, width).
nb::tuple frames(const run_reader& run, std::size_t number) {
  recording_reader reader = run.open(run.recordings.at(number));
  std::vector<std::uint64_t> position;
  std::vector<float> values;
  const std::size_t width = reader.what().width;
  {
    nb::gil_scoped_release free;
    recording_row row;
    for (std::uint64_t r = 0; reader.next(row); ++r) {
      position.push_back(reader.position(r));
      values.insert(values.end(), row.values.begin(), row.values.end());
    }
  }
  const std::size_t rows = position.size();
  return nb::make_tuple(as_numpy(std::move(position)),
                        as_numpy(std::move(values), std::array{rows, width}));
}

nb::dict layout(const run_reader& run, std::size_t number) {
  const recording_reader reader = run.open(run.recordings.at(number));
  const recording_description& what = reader.what();
  nb::dict d;
  d["what"] = name(what.what);
  const char* const layouts[] = {"logits", "frames", "events"};
  d["layout"] = layouts[static_cast<std::size_t>(what.layout)];
  d["node_ids"] = as_numpy(std::vector<std::uint64_t>(what.node_ids));
  d["index_pointers"] = as_numpy(std::vector<std::uint64_t>(what.index_pointers));
  d["rows"] = reader.rows();
  std::vector<neuron_id> pre, post;
  for (const recorded_synapse& s : what.synapses) {
    pre.push_back(s.pre);
    post.push_back(s.post);
  }
  d["pre"] = as_numpy(std::move(pre));
  d["post"] = as_numpy(std::move(post));
  return d;
}

nb::list texts(const run_reader& run) {
  nb::list all;
  for (const std::string& t : run.texts)
    all.append(nb::steal(
        PyUnicode_DecodeUTF8(t.data(), static_cast<Py_ssize_t>(t.size()), "backslashreplace")));
  return all;
}

nb::dict to_nwb(const run_reader& run, const std::string& file, bool overwrite) {
  nwb_summary made;
  {
    nb::gil_scoped_release free;
    made = export_nwb(run, file, overwrite, [] {});
  }
  nb::dict d;
  d["units"] = made.units;
  d["events"] = made.events;
  d["series"] = made.series;
  d["left_out"] = made.left_out;
  return d;
}

template <std::size_t Axes>
nb::object as_table(const array<float>& values, const std::array<std::size_t, Axes>& shape) {
  if (values.empty()) return nb::none();
  return nb::cast(as_numpy(std::vector<float>(values.begin(), values.end()), shape));
}

nb::dict reference(const std::string& file) {
  const reference_outputs r = read_reference_outputs(file);
  const std::size_t tokens = r.tokens.size();
  nb::dict d;
  d["tokens"] = as_numpy(std::vector<token_id>(r.tokens));
  d["logits"] = as_table(r.logits, std::array<std::size_t, 2>{tokens, r.vocabulary});
  d["x"] = as_table(r.x, std::array<std::size_t, 3>{tokens, r.layers, r.neurons});
  d["y"] = as_table(r.y, std::array<std::size_t, 3>{tokens, r.layers, r.neurons});
  return d;
}

}  // namespace

void add_recordings(nb::module_& m) {
  nb::class_<run_reader>(m, "RunReader")
      .def_prop_ro("status", [](const run_reader& r) { return name(r.status); })
      .def_prop_ro("json", [](const run_reader& r) { return r.json; })
      .def_prop_ro("first", [](const run_reader& r) { return r.first; })
      .def_prop_ro("layers", [](const run_reader& r) { return r.layers; })
      .def_prop_ro("neurons", [](const run_reader& r) { return r.neurons; })
      .def_prop_ro("model_sha256", [](const run_reader& r) { return r.model_sha256; })
      .def_prop_ro(
          "tokens",
          [](const run_reader& r) { return nb::cast(as_numpy(std::vector<token_id>(r.tokens))); },
          nb::for_getter(nb::sig("def tokens(self) -> numpy.typing.NDArray[numpy.uint32]")))
      .def_prop_ro("texts", texts)
      .def_prop_ro("generated", [](const run_reader& r) { return r.generated; })
      .def("summary", summary)
      .def("recordings", recordings)
      .def("events", events)
      .def("frames", frames)
      .def("layout", layout)
      .def("to_nwb", to_nwb);
  m.def("reference", reference);
  m.def("open_run", [](const std::string& folder) { return std::make_shared<run_reader>(folder); });
}

}  // namespace bdh::python
