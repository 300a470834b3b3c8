#include "apps/analysis/concepts_output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/selection.hpp>

#include "apps/common/console.hpp"
#include "apps/common/token_text.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

bool of_amplitudes(const concept_results& r) {
  return r.question.measure == synapse_measure::amplitude;
}

std::string label_of(const concept_results& r, const separation& s) {
  if (of_amplitudes(r))  // two synapses
    return fmt::format("{}+{}", shown_neuron(*r.subject, s.pair.pre),
                       shown_pair(*r.subject, {s.pair.pre ^ 1, s.pair.post}));
  if (!r.question.of_neurons) return shown_pair(*r.subject, s.pair);
  return fmt::format("{}:{}", s.of_y ? 'y' : 'x', shown_neuron(*r.subject, s.pair.pre));
}

// Variable and neuron, or both neurons of a synapse, or of two: fields of CSV.
const char* candidate_columns(const concept_results& r) {
  if (r.question.of_neurons) return "variable,neuron";
  return of_amplitudes(r) ? "pre,partner,post" : "pre,post";
}
std::string candidate_fields(const concept_results& r, const separation& s) {
  if (r.question.of_neurons) return fmt::format("{},{}", s.of_y ? 'y' : 'x', s.pair.pre);
  if (of_amplitudes(r)) return fmt::format("{},{},{}", s.pair.pre, s.pair.pre ^ 1, s.pair.post);
  return fmt::format("{},{}", s.pair.pre, s.pair.post);
}

head_id head_of(const concept_results& r, const separation& s) {
  return s.pair.pre / r.subject->neurons_per_head();
}

double mean_between(const std::vector<float>& values, std::size_t first, std::size_t last) {
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(first),
                         values.begin() + static_cast<std::ptrdiff_t>(last), 0.0) /
         static_cast<double>(last - first);
}
struct two_means {
  double positive, negative;
};
two_means means(const concept_results& r, const std::vector<float>& values) {
  return {mean_between(values, 0, r.positives), mean_between(values, r.positives, values.size())};
}

const char* method(const rank_test& t) { return t.exact ? "exact" : "normal"; }
// Of the test that confirms: signs of matched differences are flipped, all of them or at random.
const char* confirming_method(const concept_results& r, const rank_test& t) {
  if (!r.question.design.paired) return method(t);
  return t.exact ? "flips" : "drawn";
}

// How long the synapse of a finding takes for one turn, in tokens, where it rotates.
std::optional<double> period_of(const concept_results& r, const separation& s) {
  return r.question.of_neurons ? std::nullopt : turn_period(*r.subject, s.pair.pre);
}

const char* texts_of_design(const concept_results& r) {
  if (r.question.design.paired) return "pairs of sentences";
  return r.question.design.group.empty() ? "sentences" : "groups";
}

// What the confirmation is of, and what it is not.
std::string meaning(const concept_results& r) {
  if (r.question.design.group.empty())
    return "confirmed: separates these two sets, in sentences that had no part in the choice; if "
           "they share words, or differ in more than the concept, that may be it (--groups)\n";
  std::string text =
      "confirmed: separates the two sets in sentences of groups that had no part in the choice\n";
  const text_sets& held_out = r.question.split.same_groups;
  if (!held_out.positive.empty())
    text += fmt::format(
        "only for the groups that chose: separates {} and {} other sentences of these, and not the "
        "new groups: {}\n",
        held_out.positive.size(), held_out.negative.size(), r.only_same());
  return text;
}

std::string searched(const concept_results& r) {
  const std::string layers =
      r.question.layers.size() == 1
          ? fmt::format("layer {}", r.question.layers[0])
          : fmt::format("layers {}-{}", r.question.layers.front(), r.question.layers.back());
  const std::string head = r.question.head ? fmt::format(", head {}", *r.question.head) : "";
  const std::string count = shown_count(static_cast<double>(r.question.candidates(*r.subject)));
  if (r.question.of_neurons)
    return fmt::format("{} neurons (X and Y of {}{}, mean over the sentence)", count, layers, head);
  const char* factor = r.question.factor == probe_factor::y ? "Y (Eq. 16)" : "W";
  if (of_amplitudes(r))
    return fmt::format(
        "{} pairs of synapses of {}{}, 2m and 2m+1 -> j, amplitude at the end of the sentence by "
        "factor {}",
        count, layers, head, factor);
  return fmt::format("{} synapses of {}{}, strength at the end of the sentence by factor {}", count,
                     layers, head, factor);
}

std::string shown_text(const concept_results& r, token_id token) {
  const std::string text = token_text(*r.subject, token);
  return text.empty() ? std::to_string(token) : text;
}

json in_json(const rank_test& t) {
  return {{"u", t.u}, {"rank_biserial", t.rank_biserial}, {"p", t.p}, {"method", method(t)}};
}

json values_in(const std::vector<float>& values, const text_sets& sets) {
  json all{{"positive", json::array()}, {"negative", json::array()}};
  for (std::size_t t : sets.positive) all["positive"].push_back(values[t]);
  for (std::size_t t : sets.negative) all["negative"].push_back(values[t]);
  return all;
}

json named(const concept_results& r, const separation& s) {
  json one{{"layer", s.layer}, {"head", head_of(r, s)}};
  if (r.question.of_neurons) {
    one["variable"] = s.of_y ? "y" : "x";
    one["neuron"] = s.pair.pre;
  } else {
    one["pre"] = s.pair.pre;
    if (of_amplitudes(r)) one["partner"] = s.pair.pre ^ 1;
    one["post"] = s.pair.post;
  }
  one["name"] = label_of(r, s);
  return one;
}

std::string shown_period(const concept_results& r, const separation& s) {
  const auto period = period_of(r, s);
  return period ? fmt::format("{:.4g}", *period) : "-";
}

// Beside strengths; where amplitudes were compared they are the values themselves.
bool has_amplitudes(const concept_results& r) {
  return !of_amplitudes(r) && !r.answer.amplitudes.empty() && !r.answer.amplitudes.front().empty();
}

const char* verdict(const finding& f) {
  if (f.holds) return "confirmed";
  return f.holds_for_same ? "only for the groups that chose" : "not confirmed";
}

json in_json(const concept_results& r, std::size_t k) {
  const finding& f = r.answer.findings[k];
  json one = named(r, f.what);
  one["chosen"] = in_json(f.chosen);
  one["confirm"] = in_json(f.confirmed);
  one["confirm"]["method"] = confirming_method(r, f.confirmed);
  one["confirm"]["p_corrected"] = f.corrected_p;
  one["confirmed"] = f.holds;
  if (const auto period = period_of(r, f.what)) one["period_tokens"] = *period;
  if (!r.question.design.group.empty()) {
    one["same_groups"] = in_json(f.same_groups);
    one["same_groups"]["p_corrected"] = f.same_corrected_p;
    one["confirmed_for_same_groups"] = f.holds_for_same;
  }
  const two_means compared = means(r, f.values);
  one["mean_positive"] = compared.positive;
  one["mean_negative"] = compared.negative;
  if (has_amplitudes(r)) {
    const two_means amplitude = means(r, r.answer.amplitudes[k]);
    one["mean_amplitude_positive"] = amplitude.positive;
    one["mean_amplitude_negative"] = amplitude.negative;
  }
  one["values"] = {{"choose", values_in(f.values, r.question.split.choose)},
                   {"confirm", values_in(f.values, r.question.split.confirm)}};
  return one;
}

const std::vector<std::vector<double>>& course(const concept_results& r, const concept_series& c) {
  return of_amplitudes(r) ? c.amplitudes : c.values;
}
std::string course_label(const concept_results& r, std::size_t k) {
  return fmt::format("{} l{}", label_of(r, r.answer.findings[k].what),
                     r.answer.findings[k].what.layer);
}

std::string findings_as_text(const concept_results& r, std::size_t top) {
  const bool beside = has_amplitudes(r);
  std::string text = fmt::format(
      "\n{:>5} {:>4}  {:20} {:>8} {:>11} {:>9} {:6} {:>9} {:>11} {:>11}{}{}\n", "layer", "head",
      r.question.of_neurons ? "neuron" : "synapse", "chosen r", "confirmed r", "p", "by",
      "corrected", "mean pos.", "mean neg.", beside ? "  ampl. pos.  ampl. neg." : "",
      r.question.of_neurons ? "" : "    period");
  for (std::size_t k = 0; k < std::min(top, r.answer.findings.size()); ++k) {
    const finding& f = r.answer.findings[k];
    const two_means compared = means(r, f.values);
    text += fmt::format(
        "{:>5} {:>4}  {:20} {:>+8.3f} {:>+11.3f} {:>9.2g} {:6} {:>9.2g} {:>11.4g} {:>11.4g}",
        f.what.layer, head_of(r, f.what), label_of(r, f.what), f.chosen.rank_biserial,
        f.confirmed.rank_biserial, f.confirmed.p, confirming_method(r, f.confirmed), f.corrected_p,
        compared.positive, compared.negative);
    if (beside) {
      const two_means amplitude = means(r, r.answer.amplitudes[k]);
      text += fmt::format(" {:>11.4g} {:>11.4g}", amplitude.positive, amplitude.negative);
    }
    if (!r.question.of_neurons) text += fmt::format(" {:>9}", shown_period(r, f.what));
    text += fmt::format("  {}\n", verdict(f));
  }
  return text;
}

std::string courses_as_text(const concept_results& r, std::size_t top) {
  constexpr std::size_t columns = 6, narrowest = 14;
  const std::size_t shown_findings = std::min({columns, r.traced_findings, top});
  const auto width = [&](std::size_t k) { return std::max(narrowest, course_label(r, k).size()); };
  std::string text;
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    text += fmt::format("\n{}: {}\n{:>8}  {:6}", one_line(s.place), one_line(s.text), "position",
                        "token");
    for (std::size_t k = 0; k < shown_findings; ++k)
      text += fmt::format(" {:>{}}", course_label(r, k), width(k));
    text += "\n";
    for (std::size_t t = 0; t < c.values.size(); ++t) {
      text += fmt::format("{:>8}  {:6}", t, one_line(shown_text(r, s.tokens[t])));
      for (std::size_t k = 0; k < shown_findings; ++k)
        text += fmt::format(" {:>{}.5g}", course(r, c)[t][k], width(k));
      text += "\n";
    }
  }
  return text;
}

}  // namespace

std::size_t concept_results::only_same() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      answer.findings, [](const finding& f) { return f.holds_for_same && !f.holds; }));
}

std::size_t concept_results::confirmed() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(answer.findings, [](const finding& f) { return f.holds; }));
}

std::string as_text(const concept_results& r, std::size_t top) {
  std::string text = fmt::format(
      "{} positive and {} negative sentences, {} tokens: {} and {} to choose, {} and {} to confirm "
      "(seed {})\n",
      r.positives, r.texts.size() - r.positives,
      shown_count(static_cast<double>(r.question.tokens())),
      r.question.split.choose.positive.size(), r.question.split.choose.negative.size(),
      r.question.split.confirm.positive.size(), r.question.split.confirm.negative.size(), r.seed);
  if (r.apart || r.question.design.paired || !r.question.design.group.empty()) {
    const confirming_power power = power_of(r.question.split, r.question.design);
    text += fmt::format("confirming: {} and {} {}{}\n", power.positive, power.negative,
                        texts_of_design(r), r.apart ? ", from files of their own" : "");
  }
  text += fmt::format("candidates: {}\n", searched(r));
  text += fmt::format("carried over: the best {}; confirmed, p < {} after Holm's correction: {}\n",
                      r.answer.findings.size(), r.question.level, r.confirmed());
  if (r.answer.findings.empty()) return text;
  text += meaning(r);
  return text + findings_as_text(r, top) + courses_as_text(r, top);
}

nlohmann::ordered_json as_json(const concept_results& r, std::size_t top) {
  json all{{"candidates", r.question.candidates(*r.subject)},
           {"kind", r.question.of_neurons ? "neurons" : "synapses"},
           {"layers", r.question.layers},
           {"sentences",
            {{"positive", r.positives},
             {"negative", r.texts.size() - r.positives},
             {"tokens", r.question.tokens()}}},
           {"seed", r.seed},
           {"carried", r.answer.findings.size()},
           {"confirmed", r.confirmed()},
           {"level", r.question.level},
           {"correction", "holm"}};
  if (!r.question.of_neurons) {
    all["factor"] = r.question.factor == probe_factor::y ? "y" : "w";
    all["measure"] = of_amplitudes(r) ? "amplitude" : "strength";
  }
  if (r.question.head) all["head"] = *r.question.head;
  all["paired"] = r.question.design.paired;
  all["groups"] = !r.question.design.group.empty();
  if (!r.question.design.group.empty()) all["confirmed_for_same_groups_only"] = r.only_same();
  const auto half = [&](const text_sets& sets) {
    json one{{"positive", json::array()},
             {"negative",
              json::array()}};  // numbers in their files, those to confirm by behind the others
    for (std::size_t t : sets.positive) one["positive"].push_back(t);
    for (std::size_t t : sets.negative) one["negative"].push_back(t - r.positives);
    return one;
  };
  all["halves"] = {{"choose", half(r.question.split.choose)},
                   {"confirm", half(r.question.split.confirm)}};
  all["memory_bytes"] = {{"written", r.answer.factor_bytes}, {"tiles", r.answer.tile_bytes}};
  all["findings"] = json::array();
  for (std::size_t k = 0; k < std::min(top, r.answer.findings.size()); ++k) {
    all["findings"].push_back(in_json(r, k));
  }
  if (r.series.empty()) return all;
  all["courses"] = json::array();
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    json one{
        {"sentence", s.place}, {"text", s.text}, {"tokens", s.tokens}, {"values", json::array()}};
    for (std::size_t k = 0; k < r.traced_findings; ++k) {
      json series = named(r, r.answer.findings[k].what);
      series["course"] = json::array();
      for (const auto& row : course(r, c)) series["course"].push_back(row[k]);
      if (has_amplitudes(r))
        for (const auto& row : c.amplitudes) series["amplitude"].push_back(row[k]);
      one["values"].push_back(std::move(series));
    }
    all["courses"].push_back(std::move(one));
  }
  return all;
}

std::string as_csv(const concept_results& r) {
  std::string text = std::string("layer,head,") + candidate_columns(r);
  for (const char* half : {"chosen", "confirmed"})
    text += fmt::format(",{0}_u,{0}_rank_biserial,{0}_p,{0}_method", half);
  text += ",corrected_p,confirmed,mean_positive,mean_negative,period_tokens";
  if (has_amplitudes(r)) text += ",mean_amplitude_positive,mean_amplitude_negative";
  text += r.question.design.group.empty() ? "\n"
                                          : ",same_groups_p,same_groups_corrected_p,same_groups\n";
  for (std::size_t k = 0; k < r.answer.findings.size(); ++k) {
    const finding& f = r.answer.findings[k];
    text += fmt::format("{},{},", f.what.layer, head_of(r, f.what));
    text += candidate_fields(r, f.what);
    for (const rank_test* t : {&f.chosen, &f.confirmed})
      text += fmt::format(",{},{},{},{}", t->u, t->rank_biserial, t->p,
                          t == &f.chosen ? method(*t) : confirming_method(r, *t));
    const two_means compared = means(r, f.values);
    text += fmt::format(",{},{},{},{},", f.corrected_p, f.holds ? 1 : 0, compared.positive,
                        compared.negative);
    if (const auto period = period_of(r, f.what)) text += fmt::format("{}", *period);
    if (has_amplitudes(r)) {
      const two_means amplitude = means(r, r.answer.amplitudes[k]);
      text += fmt::format(",{},{}", amplitude.positive, amplitude.negative);
    }
    if (!r.question.design.group.empty())
      text +=
          fmt::format(",{},{},{}", f.same_groups.p, f.same_corrected_p, f.holds_for_same ? 1 : 0);
    text += "\n";
  }
  return text;
}

std::string series_as_csv(const concept_results& r) {
  std::string text = "sentence,position,token,text,layer,";
  text += candidate_columns(r);
  if (r.question.of_neurons)
    text += ",value\n";
  else if (of_amplitudes(r))
    text += ",amplitude\n";
  else
    text += has_amplitudes(r) ? ",strength,amplitude\n" : ",strength\n";
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    for (std::size_t t = 0; t < c.values.size(); ++t)
      for (std::size_t k = 0; k < r.traced_findings; ++k) {
        const separation& what = r.answer.findings[k].what;
        text += fmt::format("{},{},{},{},{},", csv_field(s.place), t, s.tokens[t],
                            csv_field(token_text(*r.subject, s.tokens[t])), what.layer);
        text += candidate_fields(r, what);
        text += fmt::format(",{}", course(r, c)[t][k]);
        text += has_amplitudes(r) ? fmt::format(",{}\n", c.amplitudes[t][k]) : std::string("\n");
      }
  }
  return text;
}

}  // namespace bdh::app
