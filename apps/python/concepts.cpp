// The search for concepts: synapses and neurons that separate two sets of texts.
#include <fmt/format.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <exception>
#include <mutex>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/python/arrays.hpp"
#include "apps/python/brain.hpp"
#include "apps/python/module.hpp"
#include "core/analysis/concept_study.hpp"

namespace bdh::python {
namespace {

// Which texts choose, which confirm, and which belong together.
struct text_roles {
  std::size_t positives = 0;         // texts 0 .. positives - 1; the negative ones follow
  std::vector<bool> confirms;        // of each text; empty: halves, drawn by the seed
  std::vector<std::uint32_t> group;  // of each text; empty: each is its own
  bool paired = false;
  std::uint64_t seed = 1;
};

halves halves_of(const text_roles& roles, std::size_t texts, const text_design& design) {
  if (roles.confirms.empty())
    return split_texts(roles.positives, texts - roles.positives, roles.seed, design);
  halves by;
  for (std::size_t t = 0; t < texts; ++t) {
    text_sets& half = roles.confirms[t] ? by.confirm : by.choose;
    (t < roles.positives ? half.positive : half.negative).push_back(t);
  }
  return by;
}

// Refuses sets whose confirming halves could not reach the level whatever they showed.
void expect_power(const concept_question& q, const model& m) {
  const confirming_power power = power_of(q.split, q.design);
  const text_sets& choosing = q.split.choose;
  const std::uint64_t carried = std::min(q.carry, q.candidates(m));
  const double least = power.least * static_cast<double>(carried);
  const std::string values = q.design.group.empty() ? "texts" : "groups";
  if (std::min({power.positive, power.negative, choosing.positive.size(),
                choosing.negative.size()}) == 0)
    throw input_error("positive and negative", "too few " + values + " for two halves",
                      "more " + values);
  if (least < q.level) return;
  const auto most = static_cast<std::uint64_t>(q.level * 0.999 / power.least);
  throw input_error(
      "positive and negative",
      fmt::format("{} and {} {} to confirm by, with which the corrected p of {} candidates is "
                  "{:.2g} at best",
                  power.positive, power.negative, values, carried, std::min(1.0, least)),
      most == 0 ? "more " + values : fmt::format("more {}, or carry={} at most", values, most));
}

// Lets Python handle Ctrl-C while threads of the library work; what it throws is thrown at the end.
class interrupted_search {
 public:
  bool go_on() {
    const std::lock_guard one(busy_);
    if (thrown_) return false;
    nb::gil_scoped_acquire held;
    if (PyErr_CheckSignals() == 0) return true;
    thrown_ = std::make_exception_ptr(nb::python_error());
    return false;
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::mutex busy_;
  std::exception_ptr thrown_;
};

nb::dict as_dict(const rank_test& t) {
  nb::dict d;
  d["u"] = t.u;
  d["r"] = t.rank_biserial;
  d["p"] = t.p;
  d["exact"] = t.exact;
  return d;
}

nb::dict as_dict(const concept_question& q, const concept_answer& a, const model& m) {
  nb::list findings;
  std::vector<float> values, amplitudes;
  for (std::size_t k = 0; k < a.findings.size(); ++k) {
    const finding& f = a.findings[k];
    nb::dict d;
    d["layer"] = f.what.layer;
    d["head"] = f.what.pair.pre / m.neurons_per_head();
    d["of_y"] = f.what.of_y;
    d["pre"] = f.what.pair.pre;
    d["post"] = f.what.pair.post;
    d["period"] = q.of_neurons ? std::nullopt : turn_period(m, f.what.pair.pre);
    d["chosen"] = as_dict(f.chosen);
    d["confirmed"] = as_dict(f.confirmed);
    d["corrected_p"] = f.corrected_p;
    d["holds"] = f.holds;
    d["same_groups_p"] = f.same_groups.p;
    d["same_groups_corrected_p"] = f.same_corrected_p;
    d["holds_for_same"] = f.holds_for_same;
    findings.append(d);
    values.insert(values.end(), f.values.begin(), f.values.end());
    amplitudes.insert(amplitudes.end(), a.amplitudes[k].begin(), a.amplitudes[k].end());
  }
  std::vector<std::uint8_t> role(q.texts.size(), 0);
  const auto mark = [&](const text_sets& half, std::uint8_t as) {
    for (const std::size_t t : half.positive) role[t] = as;
    for (const std::size_t t : half.negative) role[t] = as;
  };
  mark(q.split.choose, 1);
  mark(q.split.same_groups, 3);
  mark(q.split.confirm, 2);
  nb::dict all;
  all["findings"] = findings;
  const std::size_t rows = a.findings.size();
  all["amplitudes"] =
      amplitudes.empty()
          ? nb::object(nb::none())
          : nb::cast(as_numpy(std::move(amplitudes), std::array{rows, q.texts.size()}));
  all["values"] = as_numpy(std::move(values), std::array{rows, q.texts.size()});
  all["role"] = as_numpy(std::move(role));
  all["candidates"] = q.candidates(m);
  return all;
}

nb::dict concepts(brain& b, const std::vector<given_array<token_id>>& texts,
                  const text_roles& roles, std::optional<layer_id> layer,
                  std::optional<head_id> head, bool of_neurons, bool by_y, bool amplitude,
                  std::uint64_t carry) {
  const model& m = *b.model().is;
  concept_question q;
  for (const given_array<token_id>& text : texts)
    q.texts.emplace_back(span_of(text).begin(), span_of(text).end());
  q.design = {{roles.group.begin(), roles.group.end()}, roles.paired};
  q.split = halves_of(roles, texts.size(), q.design);
  q.of_neurons = of_neurons;
  q.factor = by_y ? probe_factor::y : probe_factor::w;
  q.measure = amplitude ? synapse_measure::amplitude : synapse_measure::strength;
  q.layers = concept_layers(m, q.of_neurons, q.factor, layer, "layer", "model");
  if (head && *head >= m.heads())
    throw input_error("head", std::to_string(*head), fmt::format("0 to {}", m.heads() - 1));
  q.head = head;
  q.carry = carry;
  expect_power(q, m);
  std::optional<concept_answer> answer;
  interrupted_search user;
  {
    nb::gil_scoped_release free;
    const std::lock_guard turn(b.mutex());
    answer = b.find_concepts(q, [&](concept_work, double) { return user.go_on(); });
  }
  user.rethrow();
  return as_dict(q, *answer, m);
}

}  // namespace

std::optional<concept_answer> brain::find_concepts(const concept_question& question,
                                                   const concept_progress& go_on) {
  return bdh::find_concepts(question, without_history("concepts"),
                            *default_executor(options_.threads), go_on);
}

void add_concepts(nb::module_& m) {
  nb::class_<text_roles>(m, "TextRoles")
      .def(
          "__init__",
          [](text_roles* to, std::size_t positives, std::vector<bool> confirms,
             std::vector<std::uint32_t> group, bool paired, std::uint64_t seed) {
            new (to) text_roles{positives, std::move(confirms), std::move(group), paired, seed};
          },
          nb::arg("positives"), nb::arg("confirms"), nb::arg("group"), nb::arg("paired"),
          nb::arg("seed"));
  m.def("concepts", concepts, nb::arg("brain"), nb::arg("texts"), nb::arg("roles"),
        nb::arg("layer").none(), nb::arg("head").none(), nb::arg("of_neurons"), nb::arg("by_y"),
        nb::arg("amplitude"), nb::arg("carry"));
}

}  // namespace bdh::python
