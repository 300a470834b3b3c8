// bdh diff: where two recorded runs part, and by how much.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/runs/run_names.hpp"
#include "io/files/json.hpp"
#include "io/recording/comparison.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

constexpr int they_differ = 4;

struct diff_options {
  std::string a, b;
  double tolerance = 0;
  std::uint64_t top = 10;
  bool json = false;
};

const char* name(activity_comparison::basis from) {
  switch (from) {
    case activity_comparison::basis::neurons:
      return "X and Y of neurons";
    case activity_comparison::basis::summary:
      return "active shares in summary.csv";
    case activity_comparison::basis::logits:
      return "logits";
    default:
      return "nothing that both recorded";
  }
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
std::size_t largest(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// Both runs, what differs, and how to say it.
class difference {
 public:
  explicit difference(const diff_options& o)
      : options_(o), a_(o.a), b_(o.b), c_(compare(a_, b_, o.tolerance, o.top)), names_(a_) {
    if (names_.subject() != nullptr && names_.subject()->is_direct() && same_model() &&
        !c_.synapses.largest.empty())
      by_target_ = names_.subject()->direct().gs.transposed();
  }

  bool found() const { return c_.differ(); }
  std::string text() const;
  json as_json() const;

 private:
  bool same_model() const {
    return std::none_of(c_.settings.begin(), c_.settings.end(),
                        [](const setting_difference& s) { return s.name == "model"; });
  }
  std::string token_at(const run_reader& run, std::uint64_t position) const {
    const std::string& text = run.texts[position - run.first];
    return text.empty() ? std::to_string(run.tokens[position - run.first])
                        : "'" + one_line(text) + "'";
  }
  std::string neuron(std::uint64_t id) const {
    return one_line(names_.shown(static_cast<neuron_id>(id)));
  }
  std::optional<neuron_id> source_of(const synapse_difference& s) const {
    if (s.pre || !s.edge || !by_target_ || *s.edge >= by_target_->edges()) return s.pre;
    return by_target_->is_dense() ? static_cast<neuron_id>(*s.edge % by_target_->columns())
                                  : by_target_->indices()[*s.edge];
  }
  std::string synapse(const synapse_difference& s) const {
    if (const auto pre = source_of(s))
      return one_line(names_.shown(synapse_name{*pre, s.post, s.to_hub}));
    return fmt::format("edge {} to {}", s.edge.value_or(0), neuron(s.post));
  }
  std::string parting() const;
  std::string output() const;
  std::string synapses() const;

  const diff_options& options_;
  run_reader a_, b_;
  run_comparison c_;
  run_names names_;
  std::optional<projection> by_target_;
};

std::string line(const std::string& what, const std::string& value) {
  return fmt::format("{:16}{}\n", what, value);
}

std::string shown_value(const std::optional<double>& v) {
  return v ? fmt::format("{:.9g}", *v) : "not among the largest";
}

std::string difference::parting() const {
  const auto& d = c_.activity.first;
  const std::string basis = name(c_.activity.from);
  if (!d) {
    if (c_.activity.from == activity_comparison::basis::none)
      return line("activity", "not compared: " + basis);
    return line("activity",
                fmt::format("no difference in {} values ({})",
                            shown_count(static_cast<double>(c_.activity.values)), basis));
  }
  std::string where = fmt::format("position {}, token {}", d->position, token_at(a_, d->position));
  if (d->layer != 0) where += fmt::format(", layer {}", d->layer);
  if (d->what == quantity::logits)
    return line("first", where + fmt::format(", the logit of token {} ({})", d->particle, basis));
  const std::string variable = d->what == quantity::x ? "X" : "Y";
  if (c_.activity.from == activity_comparison::basis::summary)
    return line("first", fmt::format("{}, active share of {}: {:.6g} and {:.6g} ({})", where,
                                     variable, *d->a, *d->b, basis));
  return line("first", fmt::format("{}, neuron {}, {}: {} and {} ({})", where, neuron(d->particle),
                                   variable, shown_value(d->a), shown_value(d->b), basis));
}

std::string difference::output() const {
  if (!c_.output || c_.output->positions.empty())
    return line("output", "not compared: no logits of one size that both recorded");
  const divergence& d = *c_.output;
  const auto at = [&](std::size_t k) {
    return fmt::format("position {}, token {}", d.positions[k], token_at(a_, d.positions[k]));
  };
  const std::size_t most = largest(d.nats), furthest = largest(d.largest);
  if (d.largest[furthest] == 0)
    return line("output", fmt::format("the same logits at {} positions", d.positions.size()));
  return line("output", fmt::format("KL(A||B) {:.4g} nats on average, at most {:.4g} ({})",
                                    mean(d.nats), d.nats[most], at(most))) +
         line("", fmt::format("largest difference of a logit {:.4g}: token {} ({})",
                              d.largest[furthest], d.of[furthest], at(furthest)));
}

std::string difference::synapses() const {
  const synapse_comparison& s = c_.synapses;
  if (s.compared == 0) return line("synapses", "not compared: none that both recorded");
  std::string text = line("synapses", fmt::format("{} of {} differ, at the last position of both",
                                                  shown_count(static_cast<double>(s.differing)),
                                                  shown_count(static_cast<double>(s.compared))));
  if (s.largest.empty()) return text;
  text += fmt::format("  {:>10} {:>5}  {:24} {:>13} {:>13} {:>13}\n", "position", "layer",
                      "synapse", "A", "B", "B - A");
  for (const synapse_difference& d : s.largest)
    text += fmt::format("  {:>10} {:>5}  {:24} {:>13.6g} {:>13.6g} {:>13.6g}\n", d.position,
                        d.layer, synapse(d), d.a, d.b, d.b - d.a);
  return text;
}

std::string difference::text() const {
  std::string text;
  const auto or_none = [](const std::string& value) {
    return value.empty() ? std::string("none") : one_line(value);
  };
  for (const setting_difference& s : c_.settings)
    text += line(one_line(s.name), or_none(s.a) + " and " + or_none(s.b));
  if (std::any_of(c_.settings.begin(), c_.settings.end(), [](const setting_difference& s) {
        return s.name == "prefill" && (s.a == "\"blocks\"" || s.b == "\"blocks\"");
      }))
    text += line("",
                 "one read its text in blocks, the other did not: they are equal up to rounding, "
                 "see --tolerance");
  if (a_.summation != b_.summation)
    text += line("summation", fmt::format("laws {} and {}: they are equal up to rounding, see "
                                          "--tolerance",
                                          a_.summation, b_.summation));
  text += line("compared", c_.until == c_.first
                               ? "no token: nothing before the first difference is in both"
                               : fmt::format("{} tokens, positions {} to {}", c_.until - c_.first,
                                             c_.first, c_.until - 1));
  if (c_.token)
    text += line("tokens", fmt::format("differ from position {} on: {} and {}", *c_.token,
                                       token_at(a_, *c_.token), token_at(b_, *c_.token)));
  if (c_.only_a != 0 || c_.only_b != 0)
    text += line("length", fmt::format("{} and {} tokens", a_.tokens.size(), b_.tokens.size()));
  if (c_.until != c_.first) text += parting() + output() + synapses();
  return text + (found() ? "the runs differ\n" : "no difference\n");
}

json difference::as_json() const {
  json all{{"a", options_.a},           {"b", options_.b},
           {"differ", found()},         {"tolerance", options_.tolerance},
           {"settings", json::array()}, {"first", c_.first},
           {"until", c_.until},         {"tokens", {a_.tokens.size(), b_.tokens.size()}},
           {"token", nullptr},          {"activity", nullptr},
           {"output", nullptr},         {"synapses", nullptr}};
  const auto parsed = [](const std::string& value) {
    return value.empty() ? json() : json::parse(value, nullptr, false);
  };
  for (const setting_difference& s : c_.settings)
    all["settings"].push_back({{"name", s.name}, {"a", parsed(s.a)}, {"b", parsed(s.b)}});
  if (c_.token)
    all["token"] = {{"position", *c_.token},
                    {"a", a_.tokens[*c_.token - a_.first]},
                    {"b", b_.tokens[*c_.token - b_.first]}};
  const auto value = [](const std::optional<double>& v) { return v ? json(*v) : json(); };
  all["activity"] = {
      {"from", name(c_.activity.from)}, {"values", c_.activity.values}, {"first", nullptr}};
  if (const auto& d = c_.activity.first) {
    json first{{"position", d->position}};
    if (d->layer != 0) first["layer"] = d->layer;
    first["variable"] = bdh::name(d->what);
    if (c_.activity.from == activity_comparison::basis::neurons) first["neuron"] = d->particle;
    if (d->what == quantity::logits) first["token"] = d->particle;
    if (d->what != quantity::logits) first["a"] = value(d->a), first["b"] = value(d->b);
    all["activity"]["first"] = first;
  }
  if (c_.output && !c_.output->positions.empty()) {
    const divergence& d = *c_.output;
    const std::size_t most = largest(d.nats), furthest = largest(d.largest);
    all["output"] = {{"mean_nats", mean(d.nats)},
                     {"most_nats", {{"value", d.nats[most]}, {"position", d.positions[most]}}},
                     {"largest_logit_difference",
                      {{"value", d.largest[furthest]},
                       {"position", d.positions[furthest]},
                       {"token", d.of[furthest]}}},
                     {"positions", d.positions},
                     {"nats", d.nats},
                     {"logit_difference", d.largest}};
  }
  if (c_.synapses.compared != 0) {
    all["synapses"] = {{"compared", c_.synapses.compared},
                       {"differing", c_.synapses.differing},
                       {"largest", json::array()}};
    for (const synapse_difference& s : c_.synapses.largest) {
      const auto pre = source_of(s);
      all["synapses"]["largest"].push_back({{"report", s.report},
                                            {"position", s.position},
                                            {"layer", s.layer},
                                            {"pre", pre ? json(*pre) : json()},
                                            {s.to_hub ? "hub" : "post", s.post},
                                            {"edge", s.edge ? json(*s.edge) : json()},
                                            {"a", s.a},
                                            {"b", s.b}});
    }
  }
  return all;
}

class diff_app final : public command {
 public:
  explicit diff_app(command_line& program)
      : command(program, "diff", "Show where two recorded runs part, and by how much.") {
    arguments_.add("RUN_A", options_.a, "the folder of a run").required().type_name("");
    arguments_.add("RUN_B", options_.b, "the folder of another").required().type_name("");
    add_number<double>(arguments_, "--tolerance", options_.tolerance, {0, 1e30, "a number >= 0"},
                       "values that differ by no more are the same [0]")
        .type_name("T");
    add_number<std::uint64_t>(arguments_, "--top", options_.top, {0, 1'000'000, "0 to 1000000"},
                              "synapses to list [10]")
        .type_name("K");
    arguments_.add_flag("--json", options_.json, "one JSON object on standard output");
  }
  int run() override {
    const difference d(options_);
    if (!run_reader(options_.a).trains.empty() && !run_reader(options_.b).trains.empty())
      note("bdh: trains of spikes are not compared; they follow from the values that are");
    print(options_.json ? json_text(d.as_json(), 1) + "\n" : d.text());
    return d.found() ? they_differ : 0;
  }

 private:
  diff_options options_;
};

}  // namespace

std::unique_ptr<command> diff_command(command_line& program) {
  return std::make_unique<diff_app>(program);
}

}  // namespace bdh::app
