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

std::string label_of(const concept_results& r, const separation& s) {
  if (!r.of_neurons) return shown_pair(*r.subject, s.pair);
  return fmt::format("{}:{}", s.of_y ? 'y' : 'x', shown_neuron(*r.subject, s.pair.pre));
}

// Variable and neuron, or both neurons of a synapse: two fields of CSV.
std::string candidate_fields(const concept_results& r, const separation& s) {
  if (r.of_neurons) return fmt::format("{},{}", s.of_y ? 'y' : 'x', s.pair.pre);
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
double positive_mean(const concept_results& r, const finding& f) {
  return mean_between(f.values, 0, r.positives);
}
double negative_mean(const concept_results& r, const finding& f) {
  return mean_between(f.values, r.positives, f.values.size());
}

const char* method(const rank_test& t) { return t.exact ? "exact" : "normal"; }
// Of the test that confirms: signs of matched differences are flipped, all of them or at random.
const char* confirming_method(const concept_results& r, const rank_test& t) {
  if (!r.design.paired) return method(t);
  return t.exact ? "flips" : "drawn";
}

// How long the synapse of a finding takes for one turn, in tokens, where it rotates.
std::optional<double> period_of(const concept_results& r, const separation& s) {
  if (r.of_neurons || !r.subject->rotation().present()) return std::nullopt;
  const neuron_id in_head = s.pair.pre % r.subject->neurons_per_head();
  const double frequency = r.subject->rotation().frequency()[in_head / 2];
  return frequency == 0 ? std::nullopt : std::optional(1 / frequency);
}

const char* texts_of_design(const concept_results& r) {
  if (r.design.paired) return "pairs of sentences";
  return r.design.group.empty() ? "sentences" : "groups";
}

// What the confirmation is of, and what it is not.
std::string meaning(const concept_results& r) {
  if (!r.design.group.empty())
    return fmt::format(
        "confirmed: separates the two sets by groups that had no part in the choice; {} more only "
        "in other sentences of the groups that had\n",
        r.only_same());
  return "confirmed: separates these two sets, in sentences that had no part in the choice; if "
         "they "
         "share words, or differ in more than the concept, that may be it (--groups, --paired)\n";
}

std::string searched(const concept_results& r) {
  const std::string layers = r.layers.size() == 1
                                 ? fmt::format("layer {}", r.layers[0])
                                 : fmt::format("layers {}-{}", r.layers.front(), r.layers.back());
  const std::string head = r.head ? fmt::format(", head {}", *r.head) : "";
  const std::string count = shown_count(static_cast<double>(r.candidates));
  if (r.of_neurons)
    return fmt::format("{} neurons (X and Y of {}{}, mean over the sentence)", count, layers, head);
  return fmt::format("{} synapses of {}{}, strength at the end of the sentence by factor {}", count,
                     layers, head, r.by_y ? "Y (Eq. 16)" : "W");
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
  if (r.of_neurons) {
    one["variable"] = s.of_y ? "y" : "x";
    one["neuron"] = s.pair.pre;
  } else {
    one["pre"] = s.pair.pre;
    one["post"] = s.pair.post;
  }
  one["name"] = label_of(r, s);
  return one;
}

std::string shown_period(const concept_results& r, const separation& s) {
  const auto period = period_of(r, s);
  return period ? fmt::format("{:.4g}", *period) : "-";
}

const char* verdict(const finding& f) {
  if (f.holds) return "";
  return f.holds_for_same ? "  only for the groups that chose" : "  not confirmed";
}

json in_json(const concept_results& r, const finding& f) {
  json one = named(r, f.what);
  one["chosen"] = in_json(f.chosen);
  one["confirm"] = in_json(f.confirmed);
  one["confirm"]["method"] = confirming_method(r, f.confirmed);
  one["confirm"]["p_corrected"] = f.corrected_p;
  one["confirmed"] = f.holds;
  if (const auto period = period_of(r, f.what)) one["period_tokens"] = *period;
  if (!r.design.group.empty()) {
    one["same_groups"] = in_json(f.same_groups);
    one["same_groups"]["p_corrected"] = f.same_corrected_p;
    one["confirmed_for_same_groups"] = f.holds_for_same;
  }
  one["mean_positive"] = positive_mean(r, f);
  one["mean_negative"] = negative_mean(r, f);
  one["values"] = {{"choose", values_in(f.values, r.split.choose)},
                   {"confirm", values_in(f.values, r.split.confirm)}};
  return one;
}

}  // namespace

std::size_t concept_results::only_same() const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [](const finding& f) { return f.holds_for_same && !f.holds; }));
}

std::size_t concept_results::confirmed() const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [](const finding& f) { return f.holds; }));
}

std::string as_text(const concept_results& r, std::size_t top) {
  std::string text = fmt::format(
      "{} positive and {} negative sentences, {} tokens: {} and {} to choose, {} and {} to confirm "
      "(seed {})\n",
      r.positives, r.texts.size() - r.positives, shown_count(static_cast<double>(r.tokens)),
      r.split.choose.positive.size(), r.split.choose.negative.size(),
      r.split.confirm.positive.size(), r.split.confirm.negative.size(), r.seed);
  if (r.apart || r.design.paired || !r.design.group.empty()) {
    const confirming_power power = power_of(r.split, r.design);
    text += fmt::format("confirming: {} and {} {}{}\n", power.positive, power.negative,
                        texts_of_design(r), r.apart ? ", from files of their own" : "");
  }
  text += fmt::format("candidates: {}\n", searched(r));
  text += fmt::format("carried over: the best {}; confirmed, p < {} after Holm's correction: {}\n",
                      r.findings.size(), r.level, r.confirmed());
  if (r.findings.empty()) return text;
  text += meaning(r);
  text +=
      fmt::format("\n{:>5} {:>4}  {:20} {:>8} {:>10} {:>8} {:>9} {:6} {:>9} {:>11} {:>11} {:>9}\n",
                  "layer", "head", r.of_neurons ? "neuron" : "synapse", "chosen r", "confirmed r",
                  "U", "p", "by", "corrected", "mean pos.", "mean neg.", "turn");
  for (std::size_t k = 0; k < std::min(top, r.findings.size()); ++k) {
    const finding& f = r.findings[k];
    text += fmt::format(
        "{:>5} {:>4}  {:20} {:>+8.3f} {:>+11.3f} {:>8} {:>9.2g} {:6} {:>9.2g} {:>11.4g} "
        "{:>11.4g} {:>9}{}\n",
        f.what.layer, head_of(r, f.what), label_of(r, f.what), f.chosen.rank_biserial,
        f.confirmed.rank_biserial, f.confirmed.u, f.confirmed.p, confirming_method(r, f.confirmed),
        f.corrected_p, positive_mean(r, f), negative_mean(r, f), shown_period(r, f.what),
        verdict(f));
  }
  constexpr std::size_t columns = 6;
  const std::size_t shown_findings = std::min({columns, r.traced_findings, top});
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    text += fmt::format("\n{}: {}\n{:>8}  {:6}", one_line(s.place), one_line(s.text), "position",
                        "token");
    for (std::size_t k = 0; k < shown_findings; ++k)
      text += fmt::format(" {:>14}", fmt::format("{} l{}", label_of(r, r.findings[k].what),
                                                 r.findings[k].what.layer));
    text += "\n";
    for (std::size_t t = 0; t < c.values.size(); ++t) {
      text += fmt::format("{:>8}  {:6}", t, one_line(shown_text(r, s.tokens[t])));
      for (std::size_t k = 0; k < shown_findings; ++k)
        text += fmt::format(" {:>14.5g}", c.values[t][k]);
      text += "\n";
    }
  }
  return text;
}

nlohmann::ordered_json as_json(const concept_results& r, std::size_t top) {
  json all{{"candidates", r.candidates},
           {"kind", r.of_neurons ? "neurons" : "synapses"},
           {"layers", r.layers},
           {"sentences",
            {{"positive", r.positives},
             {"negative", r.texts.size() - r.positives},
             {"tokens", r.tokens}}},
           {"seed", r.seed},
           {"carried", r.findings.size()},
           {"confirmed", r.confirmed()},
           {"level", r.level},
           {"correction", "holm"}};
  if (!r.of_neurons) all["factor"] = r.by_y ? "y" : "w";
  if (r.head) all["head"] = *r.head;
  all["paired"] = r.design.paired;
  all["groups"] = !r.design.group.empty();
  if (!r.design.group.empty()) all["confirmed_for_same_groups_only"] = r.only_same();
  const auto half = [&](const text_sets& sets) {
    json one{{"positive", json::array()},
             {"negative",
              json::array()}};  // numbers in their files, those to confirm by behind the others
    for (std::size_t t : sets.positive) one["positive"].push_back(t);
    for (std::size_t t : sets.negative) one["negative"].push_back(t - r.positives);
    return one;
  };
  all["halves"] = {{"choose", half(r.split.choose)}, {"confirm", half(r.split.confirm)}};
  all["memory_bytes"] = {{"written", r.factor_bytes}, {"tiles", r.tile_bytes}};
  all["findings"] = json::array();
  for (std::size_t k = 0; k < std::min(top, r.findings.size()); ++k) {
    all["findings"].push_back(in_json(r, r.findings[k]));
  }
  if (r.series.empty()) return all;
  all["courses"] = json::array();
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    json one{
        {"sentence", s.place}, {"text", s.text}, {"tokens", s.tokens}, {"values", json::array()}};
    for (std::size_t k = 0; k < r.traced_findings; ++k) {
      json series = named(r, r.findings[k].what);
      series["course"] = json::array();
      for (const auto& row : c.values) series["course"].push_back(row[k]);
      one["values"].push_back(std::move(series));
    }
    all["courses"].push_back(std::move(one));
  }
  return all;
}

std::string as_csv(const concept_results& r) {
  std::string text = r.of_neurons ? "layer,head,variable,neuron" : "layer,head,pre,post";
  for (const char* half : {"chosen", "confirmed"})
    text += fmt::format(",{0}_u,{0}_rank_biserial,{0}_p,{0}_method", half);
  text += ",corrected_p,confirmed,mean_positive,mean_negative,period_tokens";
  text += r.design.group.empty() ? "\n" : ",same_groups_p,same_groups_corrected_p,same_groups\n";
  for (const finding& f : r.findings) {
    text += fmt::format("{},{},", f.what.layer, head_of(r, f.what));
    text += candidate_fields(r, f.what);
    for (const rank_test* t : {&f.chosen, &f.confirmed})
      text += fmt::format(",{},{},{},{}", t->u, t->rank_biserial, t->p,
                          t == &f.chosen ? method(*t) : confirming_method(r, *t));
    text += fmt::format(",{},{},{},{},", f.corrected_p, f.holds ? 1 : 0, positive_mean(r, f),
                        negative_mean(r, f));
    if (const auto period = period_of(r, f.what)) text += fmt::format("{}", *period);
    if (!r.design.group.empty())
      text +=
          fmt::format(",{},{},{}", f.same_groups.p, f.same_corrected_p, f.holds_for_same ? 1 : 0);
    text += "\n";
  }
  return text;
}

std::string series_as_csv(const concept_results& r) {
  std::string text = "sentence,position,token,text,layer,";
  text += r.of_neurons ? "variable,neuron,value\n" : "pre,post,strength\n";
  for (const concept_series& c : r.series) {
    const sentence& s = r.traced[c.text];
    for (std::size_t t = 0; t < c.values.size(); ++t)
      for (std::size_t k = 0; k < r.traced_findings; ++k) {
        const separation& what = r.findings[k].what;
        text += fmt::format("{},{},{},{},{},", csv_field(s.place), t, s.tokens[t],
                            csv_field(token_text(*r.subject, s.tokens[t])), what.layer);
        text += candidate_fields(r, what);
        text += fmt::format(",{}\n", c.values[t][k]);
      }
  }
  return text;
}

}  // namespace bdh::app
