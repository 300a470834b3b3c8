// bdhsim._core.Intervention: what is done to a running model, from text or from values.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <bdh/error.hpp>
#include <bdh/intervention.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/model_handle.hpp"
#include "apps/python/module.hpp"

namespace bdh::python {
namespace {

// Values of a builder of bdhsim, by name: kind, on, neurons, pairs, value, ...
class arguments {
 public:
  explicit arguments(const nb::dict& given) : given_(given) {}

  bool has(const char* name) const { return given_.contains(name); }
  template <class T>
  T get(const char* name) const {
    return nb::cast<T>(given_[name]);
  }
  std::vector<neuron_id> neurons() const { return get<std::vector<neuron_id>>("neurons"); }
  std::vector<neuron_pair> pairs() const {
    std::vector<neuron_pair> all;
    for (const auto& [pre, post] : get<std::vector<std::pair<neuron_id, neuron_id>>>("pairs"))
      all.push_back({pre, post});
    return all;
  }
  variable on() const { return get<std::string>("on") == "x" ? variable::x : variable::y; }
  double value() const { return get<double>("value"); }

 private:
  const nb::dict& given_;
};

intervention_builder made(const arguments& a) {
  const auto kind = a.get<std::string>("kind");
  const auto on = a.has("on") ? a.get<std::string>("on") : std::string();
  if (kind == "lesion" && on == "synapses") return lesion_synapses(a.pairs());
  if (kind == "lesion" && (on == "gx" || on == "gy"))
    return lesion(on == "gx" ? circuit::gx : circuit::gy, a.pairs());
  if (kind == "lesion") return lesion(a.neurons());
  if (kind == "silence") return silence(a.on(), a.neurons());
  if (kind == "clamp") return clamp(a.on(), a.neurons(), a.value());
  if (kind == "stimulate") return stimulate(a.on(), a.neurons(), a.value());
  if (kind == "gaussian_noise")
    return gaussian_noise(a.on(), a.neurons(), a.get<double>("mean"), a.get<double>("deviation"));
  if (kind == "poisson_noise")
    return poisson_noise(a.on(), a.neurons(), a.get<double>("rate"), a.get<double>("size"));
  if (kind == "freeze") return freeze();
  if (kind == "inhibition") return inhibition(a.value());
  if (kind == "reset") return a.has("pairs") ? reset(a.pairs()) : reset();
  if (kind == "set") return set(a.pairs(), a.value());
  throw input_error("intervention", "'" + kind + "'", "one that bdhsim has a function for");
}

intervention build(const model_handle& m, const nb::dict& given) {
  const arguments a(given);
  intervention_builder b = made(a);
  if (a.has("layers")) b.layers(a.get<std::vector<layer_id>>("layers"));
  if (a.has("first")) b.tokens(a.get<std::uint64_t>("first"), a.get<std::uint64_t>("last"));
  if (a.has("at")) b.at(a.get<std::vector<std::uint64_t>>("at"));
  if (a.has("every")) b.every(a.get<std::uint64_t>("every"));
  if (a.has("lasting")) b.lasting(a.get<std::uint64_t>("lasting"));
  if (a.has("course")) b.course(a.get<std::vector<double>>("course"));
  if (a.has("seed")) b.seed(a.get<std::uint64_t>("seed"));
  if (a.has("stream")) b.stream(a.get<std::uint32_t>("stream"));
  const intervention& done = b;
  expect_in_range(*m.is, done);
  return done;
}

}  // namespace

void add_interventions(nb::module_& m) {
  nb::class_<intervention>(m, "Intervention");
  m.def("build_intervention", build);
  m.def("parse_intervention",
        [](const model_handle& h, const std::string& text, std::uint64_t now) {
          return parse_intervention(*h.is, text, now);
        });
}

}  // namespace bdh::python
