#include "apps/analysis/concept_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <bdh/error.hpp>

#include "apps/analysis/concept_courses.hpp"
#include "apps/common/console.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"

namespace bdh::app {
namespace {

constexpr double level = 0.05;  // of all confirmations of a search together

std::string shown_candidates(std::size_t count) {
  return count == 1 ? "1 candidate" : fmt::format("{} candidates", count);
}

// How many sentences would do, each set by itself or beside the other as it is.
std::string enough_sentences(std::size_t positives, std::size_t negatives, std::size_t carried) {
  const std::size_t each = texts_needed(carried, level);
  std::string enough = fmt::format("{0} and {0} or more", each);
  if (positives > 1 && positives < each)
    enough +=
        fmt::format(", or {} and {}", positives, texts_needed_beside(positives, carried, level));
  if (negatives > 1 && negatives < each)
    enough +=
        fmt::format(", or {} and {}", texts_needed_beside(negatives, carried, level), negatives);
  return enough;
}

// Where texts belong together, or files of their own confirm.
[[noreturn]] void refuse_power(const concepts_options& o, const concept_results& r,
                               const confirming_power& power, std::size_t carried, double found) {
  const char* values = r.question.design.group.empty() ? "sentences" : "groups";
  const auto most = static_cast<std::size_t>(level * 0.999 / power.least);
  throw input_error(
      r.apart ? o.files.confirm_positive + " and " + o.files.confirm_negative
              : o.files.positive + " and " + o.files.negative,
      fmt::format("{} and {} {} to confirm by, with which the corrected p of {} is {:.2g} at best",
                  power.positive, power.negative, values, shown_candidates(carried),
                  std::min(1.0, found)),
      most == 0 ? fmt::format("more {}", values)
                : fmt::format("more {}, or at most {}", values, shown_candidates(most)),
      most == 0 ? "" : fmt::format("--carry {}", most));
}

// Refuses sets whose confirming halves could not reach the level whatever they showed.
void expect_enough(const concepts_options& o, const concept_results& r) {
  const std::size_t positives = r.positives, negatives = r.texts.size() - r.positives;
  const confirming_power power = power_of(r.question.split, r.question.design);
  const auto carried =
      static_cast<std::size_t>(std::min(o.carry, r.question.candidates(*r.subject)));
  const double found = power.least * static_cast<double>(carried);
  const text_sets& choosing = r.question.split.choose;
  const bool both_halves = std::min(power.positive, power.negative) > 0 &&
                           std::min(choosing.positive.size(), choosing.negative.size()) > 0;
  if (found < level && both_halves) return;
  const std::string lacking =
      both_halves ? fmt::format("with which the corrected p of {} is {:.2g} at best",
                                shown_candidates(carried), std::min(1.0, found))
                  : "too few for two halves";
  if (r.apart || r.question.design.paired || !r.question.design.group.empty())
    refuse_power(o, r, power, carried, found);
  throw input_error(o.files.positive + " and " + o.files.negative,
                    fmt::format("{} and {} sentences, {}", positives, negatives, lacking),
                    enough_sentences(positives, negatives, carried),
                    carried > 1 ? fmt::format("or fewer candidates: --carry 1 needs {0} and {0}",
                                              texts_needed(1, level))
                                : "");
}

// What is to be searched; no answer yet.
concept_results question_of(const concepts_options& o, const model& m) {
  concept_results r;
  concept_question& q = r.question;
  r.subject = &m;
  concept_texts read = read_concept_texts(o.files, m, o.seed);
  r.texts = std::move(read.texts);
  r.positives = read.positives;
  r.apart = !o.files.confirm_positive.empty();
  r.seed = o.seed;
  for (const sentence& s : r.texts) q.texts.push_back(s.tokens);
  q.split = std::move(read.split);
  q.design = std::move(read.design);
  q.of_neurons = o.neurons;
  q.factor = o.factor == "y" ? probe_factor::y : probe_factor::w;
  if (o.measure == "amplitude") q.measure = synapse_measure::amplitude;
  q.layers = concept_layers(m, q.of_neurons, q.factor, o.layer, "--layer", o.model);
  q.head = o.head;
  if (o.head && *o.head >= m.heads())
    throw input_error("--head", std::to_string(*o.head), fmt::format("0 to {}", m.heads() - 1));
  q.carry = o.carry;
  q.level = level;
  q.memory_bytes = static_cast<double>(o.memory) * (1 << 20);
  expect_enough(o, r);
  return r;
}

// A line for each pass over the sentences, and over the synapses of their layers.
class search_progress {
 public:
  search_progress(const concept_question& q, const model& m) : question_(q), model_(m) {}

  bool at(concept_work work, double share) {
    // Each pass reads, and then compares with several threads, of which the first begins.
    if (work != at_ || (work == concept_work::reading && share == 0)) begin(work);
    if (meter_) meter_->at_share(share);
    return stop_requested() == 0;
  }

 private:
  void begin(concept_work work) {
    at_ = work;
    const auto count =
        work == concept_work::reading ? question_.tokens() : question_.candidates(model_);
    meter_.reset();
    meter_.emplace(fmt::format("{} {}", work == concept_work::reading ? "reading" : "comparing",
                               shown_count(static_cast<double>(count))) +
                   (work == concept_work::reading ? " tokens" : " synapses"));
  }

  const concept_question& question_;
  const model& model_;
  std::optional<concept_work> at_;
  std::optional<progress_meter> meter_;
};

}  // namespace

concept_results run_concepts(const concepts_options& o, const model& m, simulator& brain) {
  concept_results r = question_of(o, m);
  {
    search_progress progress(r.question, m);
    auto answer =
        find_concepts(r.question, brain, *default_executor(o.engine.threads),
                      [&](concept_work work, double share) { return progress.at(work, share); });
    if (!answer) throw stopped();
    r.answer = std::move(*answer);
  }
  if (o.trace) follow_courses(o.trace_file, o.top, brain, r);
  return r;
}

}  // namespace bdh::app
