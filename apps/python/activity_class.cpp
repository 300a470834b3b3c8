// bdhsim._core.ActivityStatistics: who was active over a text
// (core/analysis/activity_statistics.hpp).
#include <algorithm>

#include <bdh/error.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"
#include "core/analysis/activity_statistics.hpp"

namespace bdh::python {
namespace {

// X or Y of tokens, (tokens, layers, neurons).
using activity_array = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

activity_statistics made(const model_handle& h) {
  const model& m = *h.is;
  return {m.neurons(),
          m.neurons_per_head(),
          m.layers(),
          {m.rotation().frequency().begin(), m.rotation().frequency().end()}};
}

void see(activity_statistics& all, const activity_array& values, bool of_y) {
  const std::size_t tokens = values.shape(0), layers = values.shape(1), n = values.shape(2);
  std::vector<neuron_id> active;
  std::vector<float> of_them;
  for (std::size_t row = 0; row < tokens * layers; ++row) {
    const float* const of = values.data() + row * n;
    active.clear();
    of_them.clear();
    for (std::size_t i = 0; i < n; ++i) {
      if (of[i] == 0) continue;
      active.push_back(static_cast<neuron_id>(i));
      of_them.push_back(of[i]);
    }
    all.see(static_cast<layer_id>(row % layers + 1), of_y, active, of_them);
  }
}

// What was read, in the order of tokens; the surprisal is NaN where it is not known.
void add(activity_statistics& all, given_array<double> surprisal, activity_array x,
         activity_array y) {
  const std::size_t tokens = surprisal.shape(0), layers = x.shape(1), n = x.shape(2);
  if (x.shape(0) != tokens || y.shape(0) != tokens || y.shape(1) != layers || y.shape(2) != n)
    throw shape_error("x and y", "arrays of other shapes", "(tokens, layers, neurons) of both");
  nb::gil_scoped_release free;
  const auto share = [&](const activity_array& v, std::size_t row) {
    const float* const of = v.data() + row * n;
    return static_cast<double>(std::count_if(of, of + n, [](float value) { return value > 0; })) /
           static_cast<double>(n);
  };
  for (std::size_t t = 0; t < tokens; ++t) {
    token_activity one{.position = all.tokens().size(), .surprisal = surprisal.data()[t]};
    for (std::size_t l = 0; l < layers; ++l) {
      one.x.push_back(share(x, t * layers + l));
      one.y.push_back(share(y, t * layers + l));
    }
    all.add(std::move(one));
  }
  see(all, x, false);
  see(all, y, true);
}

nb::list layers(const activity_statistics& all) {
  nb::list rows;
  for (const layer_activity& l : all.layers()) {
    nb::dict d;
    d["variable"] = l.of_y ? "y" : "x";
    d["layer"] = l.layer;
    d["mean"] = l.mean;
    d["least"] = l.least;
    d["most"] = l.most;
    d["pearson"] = l.pearson;
    d["spearman"] = l.spearman;
    d["ever"] = l.ever;
    d["of_a_token"] = l.of_a_token;
    d["of_the_text"] = l.of_the_text;
    rows.append(d);
  }
  return rows;
}

}  // namespace

void add_activity(nb::module_& m) {
  nb::class_<activity_statistics>(m, "ActivityStatistics").def("add", add).def("layers", layers);
  m.def("activity_statistics", made);
}

}  // namespace bdh::python
