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

constexpr double level = 0.05;   // of all confirmations of a search together
constexpr double x_and_y = 0.3;  // of all neurons: for the estimate

// Of a candidate at the end of each sentence, kept while its layer is in memory.
struct known_values {
  std::vector<float> values;      // what was compared
  std::vector<float> strengths;   // of synapses: both measures,
  std::vector<float> amplitudes;  // where the model rotates
};
using candidate = std::pair<std::pair<layer_id, bool>, neuron_pair>;
candidate key_of(const separation& s) { return {{s.layer, s.of_y}, s.pair}; }

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
  const char* values = r.design.group.empty() ? "sentences" : "groups";
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
  const confirming_power power = power_of(r.split, r.design);
  const auto carried = static_cast<std::size_t>(std::min(o.carry, r.candidates));
  const double found = power.least * static_cast<double>(carried);
  const text_sets& choosing = r.split.choose;
  const bool both_halves = std::min(power.positive, power.negative) > 0 &&
                           std::min(choosing.positive.size(), choosing.negative.size()) > 0;
  if (found < level && both_halves) return;
  const std::string lacking =
      both_halves ? fmt::format("with which the corrected p of {} is {:.2g} at best",
                                shown_candidates(carried), std::min(1.0, found))
                  : "too few for two halves";
  if (r.apart || r.design.paired || !r.design.group.empty())
    refuse_power(o, r, power, carried, found);
  throw input_error(o.files.positive + " and " + o.files.negative,
                    fmt::format("{} and {} sentences, {}", positives, negatives, lacking),
                    enough_sentences(positives, negatives, carried),
                    carried > 1 ? fmt::format("or fewer candidates: --carry 1 needs {0} and {0}",
                                              texts_needed(1, level))
                                : "");
}

class concept_search {
 public:
  concept_search(const concepts_options& o, const model& m, simulator& brain)
      : options_(o),
        model_(m),
        brain_(brain),
        threads_(default_executor(o.engine.threads)),
        best_(o.carry) {
    r_.subject = &m;
    concept_texts read = read_concept_texts(o.files, m, o.seed);
    r_.texts = std::move(read.texts);
    r_.positives = read.positives;
    r_.split = std::move(read.split);
    r_.design = std::move(read.design);
    r_.apart = !o.files.confirm_positive.empty();
    for (const sentence& s : r_.texts) r_.tokens += s.tokens.size();
    r_.seed = o.seed;
    r_.of_neurons = o.neurons;
    r_.by_y = o.factor == "y";
    if (o.measure == "amplitude") r_.measure = synapse_measure::amplitude;
    r_.level = level;
    r_.head = o.head;
    choose_layers();
    if (o.head && *o.head >= m.heads())
      throw input_error("--head", std::to_string(*o.head), fmt::format("0 to {}", m.heads() - 1));
    const std::uint64_t neurons = o.head ? m.neurons_per_head() : m.neurons();
    r_.candidates =
        r_.layers.size() * (o.neurons ? 2 * neurons : candidate_synapses(m, o.head, r_.measure));
    expect_enough(o, r_);
  }

  concept_results run() {
    for (const std::vector<layer_id>& layers : passes())
      options_.neurons ? neurons_of(layers) : synapses_of(layers);
    const std::vector<separation> chosen = best_.sorted();
    std::vector<std::vector<float>> values;
    for (const separation& s : chosen) {
      values.push_back(known_.at(key_of(s)).values);
      for (float v : values.back())
        if (!std::isfinite(v))
          throw input_error(fmt::format("layer {}, {}", s.layer, shown_pair(model_, s.pair)),
                            shown(v), "a finite strength");
    }
    r_.findings = confirm(chosen, std::move(values), r_.split, level, r_.design);
    for (const finding& f : r_.findings) {
      known_values& known = known_.at(key_of(f.what));
      r_.strengths.push_back(std::move(known.strengths));
      r_.amplitudes.push_back(std::move(known.amplitudes));
    }
    if (options_.trace) follow_courses(options_.trace_file, options_.top, brain_, r_);
    return std::move(r_);
  }

 private:
  // Through hubs layer 1 has no synapse between neurons that anything writes: its W is on a sensory
  // node alone; and there is no Y before it.
  void choose_layers() {
    const bool first_is_empty = !options_.neurons && (r_.by_y || model_.sensory_are_sources());
    const layer_id first = first_is_empty ? 2 : 1;
    if (first > model_.layers())
      throw input_error(options_.model, "1 layer",
                        "2 or more: in layer 1 nothing writes synapses between neurons");
    if (options_.layer && (*options_.layer < first || *options_.layer > model_.layers()))
      throw input_error("--layer", std::to_string(*options_.layer),
                        fmt::format("{} to {}", first, model_.layers()),
                        first_is_empty ? "in layer 1 nothing writes synapses between neurons" : "");
    for (layer_id l = options_.layer.value_or(first); l <= options_.layer.value_or(model_.layers());
         ++l)
      r_.layers.push_back(l);
  }

  // All layers at once, or one after the other where that takes too much memory.
  std::vector<std::vector<layer_id>> passes() const {
    const double bytes = static_cast<double>(r_.tokens) * model_.neurons() * x_and_y *
                         (sizeof(float) + sizeof(std::uint32_t));
    if (bytes * static_cast<double>(r_.layers.size()) <
        static_cast<double>(options_.memory) * (1 << 20))
      return {r_.layers};
    std::vector<std::vector<layer_id>> all;
    for (layer_id l : r_.layers) all.push_back({l});
    return all;
  }

  // `at` is called with the share of the search that is done.
  search_place place(layer_id layer, const std::function<void(double)>& at = {}) const {
    return {layer, options_.head, r_.measure, [at](double share) {
              if (at) at(share);
              return stop_requested() == 0;
            }};
  }

  // Every sentence from zero synapses; `after` is called with each at its end.
  template <class After>
  void read_all(const std::vector<sentence>& texts, const std::function<void()>& before,
                After after) {
    std::uint64_t tokens = 0, all = 0;
    for (const sentence& s : texts) all += s.tokens.size();
    progress_meter reading(fmt::format("reading {} tokens", shown_count(static_cast<double>(all))));
    for (const sentence& s : texts) {
      brain_.clear_synapses();
      before();
      for (token_id t : s.tokens) {
        stop_if_requested();
        brain_.step(t);
        reading.at_share(static_cast<double>(++tokens) / static_cast<double>(all));
      }
      after(s);
    }
  }

  void synapses_of(const std::vector<layer_id>& layers) {
    std::map<layer_id, std::vector<layer_factors>> texts;
    {
      hebbian_trace kept(brain_, layers, r_.by_y ? probe_factor::y : probe_factor::w);
      read_all(
          r_.texts, [&] { kept.clear_synapses(); },
          [&](const sentence&) {
            for (layer_id l : layers) texts[l].push_back(kept.of(l));
          });
    }
    std::size_t bytes = 0;
    for (const auto& [layer, factors] : texts)
      for (const layer_factors& f : factors) bytes += f.bytes();
    r_.factor_bytes = std::max(r_.factor_bytes, bytes);
    const auto parts = static_cast<double>(layers.size());
    progress_meter comparing(fmt::format("comparing {} synapses",
                                         shown_count(static_cast<double>(r_.candidates) * parts /
                                                     static_cast<double>(r_.layers.size()))));
    double before = 0;
    for (const auto& [layer, factors] : texts) {
      r_.tile_bytes =
          std::max(r_.tile_bytes, search_bytes(factors, r_.split.choose, threads_->threads()));
      search_synapses(
          model_, place(layer, [&](double share) { comparing.at_share((before + share) / parts); }),
          factors, r_.split.choose, *threads_, best_);
      before += 1;
      stop_if_requested();
      for (const separation& s : best_.sorted()) {
        if (s.layer != layer) continue;
        known_values& known = known_[key_of(s)] = {};
        for (const layer_factors& f : factors) {
          known.strengths.push_back(f.strength(s.pair));
          if (model_.rotation().present()) known.amplitudes.push_back(f.amplitude(s.pair));
        }
        known.values =
            r_.measure == synapse_measure::amplitude ? known.amplitudes : known.strengths;
      }
    }
  }

  // Of each sentence the mean of X and Y over its tokens.
  void neurons_of(const std::vector<layer_id>& layers) {
    std::map<std::pair<layer_id, bool>, std::vector<std::vector<float>>> texts;
    std::map<std::pair<layer_id, bool>, std::vector<double>> sums;
    std::vector<float> values(model_.neurons());
    const int observing = brain_.observe(
        [&](layer_id layer, moment at) {
          const bool of_y = at == moment::y_ready;
          if ((at != moment::synapses_written && !of_y) ||
              std::find(layers.begin(), layers.end(), layer) == layers.end())
            return;
          brain_.read(of_y ? variable::y : variable::x, values);
          std::vector<double>& sum = sums[{layer, of_y}];
          sum.resize(values.size());
          for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
        },
        observation::activity);
    read_all(
        r_.texts, [&] { sums.clear(); },
        [&](const sentence& s) {
          for (const auto& [what, sum] : sums) {
            std::vector<float>& mean = texts[what].emplace_back(sum.size());
            for (std::size_t i = 0; i < sum.size(); ++i)
              mean[i] = static_cast<float>(sum[i] / static_cast<double>(s.tokens.size()));
          }
        });
    brain_.stop_observing(observing);
    for (const auto& [what, means] : texts) {
      search_neurons(model_, place(what.first), what.second, means, r_.split.choose, best_);
      for (const separation& s : best_.sorted()) {
        if (s.layer != what.first || s.of_y != what.second) continue;
        std::vector<float>& all = known_[key_of(s)].values;
        for (const std::vector<float>& mean : means) all.push_back(mean[s.pair.pre]);
      }
    }
    for (const auto& [what, means] : texts)
      r_.factor_bytes += means.size() * model_.neurons() * sizeof(float);
  }

  const concepts_options& options_;
  const model& model_;
  simulator& brain_;
  std::unique_ptr<executor> threads_;
  best_separations best_;
  std::map<candidate, known_values> known_;
  concept_results r_;
};

}  // namespace

concept_results find_concepts(const concepts_options& o, const model& m, simulator& brain) {
  return concept_search(o, m, brain).run();
}

}  // namespace bdh::app
