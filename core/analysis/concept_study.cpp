#include "core/analysis/concept_study.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "core/analysis/hebbian_trace.hpp"

namespace bdh {
namespace {

constexpr double x_and_y = 0.3;  // active, of all neurons: for the estimate of memory

// Of a candidate at the end of each text, kept while its layer is in memory.
struct known_values {
  std::vector<float> values;      // what was compared
  std::vector<float> strengths;   // of synapses: both measures,
  std::vector<float> amplitudes;  // where the model rotates
};
using candidate = std::pair<std::pair<layer_id, bool>, neuron_pair>;
candidate key_of(const separation& s) { return {{s.layer, s.of_y}, s.pair}; }

struct search_ended {};

class concept_study {
 public:
  concept_study(const concept_question& q, simulator& brain, executor& threads,
                const concept_progress& go_on)
      : question_(q),
        model_(brain.model()),
        brain_(brain),
        threads_(threads),
        go_on_(go_on),
        best_(q.carry) {}

  concept_answer run() {
    for (const std::vector<layer_id>& layers : passes())
      question_.of_neurons ? neurons_of(layers) : synapses_of(layers);
    const std::vector<separation> chosen = best_.sorted();
    std::vector<std::vector<float>> values;
    for (const separation& s : chosen) {
      values.push_back(known_.at(key_of(s)).values);
      for (float v : values.back())
        if (!std::isfinite(v))
          throw input_error("layer " + std::to_string(s.layer) + ", " + shown_pair(model_, s.pair),
                            shown(v), "a finite strength");
    }
    answer_.findings =
        confirm(chosen, std::move(values), question_.split, question_.level, question_.design);
    for (const finding& f : answer_.findings) {
      known_values& known = known_.at(key_of(f.what));
      answer_.strengths.push_back(std::move(known.strengths));
      answer_.amplitudes.push_back(std::move(known.amplitudes));
    }
    return std::move(answer_);
  }

 private:
  void expect_to_go_on(concept_work work, double share) const {
    if (!go_on_(work, share)) throw search_ended{};
  }

  // All layers at once, or one after the other where that takes too much memory.
  std::vector<std::vector<layer_id>> passes() const {
    const double bytes = static_cast<double>(question_.tokens()) * model_.neurons() * x_and_y *
                         (sizeof(float) + sizeof(std::uint32_t));
    if (bytes * static_cast<double>(question_.layers.size()) < question_.memory_bytes)
      return {question_.layers};
    std::vector<std::vector<layer_id>> all;
    for (layer_id l : question_.layers) all.push_back({l});
    return all;
  }

  // Every text from zero synapses; `after` is called with its number of tokens at its end.
  template <class After>
  void read_all(const std::function<void()>& before, After after) {
    const auto all = static_cast<double>(question_.tokens());
    std::uint64_t tokens = 0;
    expect_to_go_on(concept_work::reading, 0);
    for (const std::vector<token_id>& text : question_.texts) {
      brain_.clear_synapses();
      before();
      for (token_id t : text) {
        brain_.step(t);
        expect_to_go_on(concept_work::reading, static_cast<double>(++tokens) / all);
      }
      after(text.size());
    }
  }

  void synapses_of(const std::vector<layer_id>& layers) {
    std::map<layer_id, std::vector<layer_factors>> texts;
    {
      hebbian_trace kept(brain_, layers, question_.factor);
      read_all([&] { kept.clear_synapses(); },
               [&](std::size_t) {
                 for (layer_id l : layers) texts[l].push_back(kept.of(l));
               });
    }
    std::size_t bytes = 0;
    for (const auto& [layer, factors] : texts)
      for (const layer_factors& f : factors) bytes += f.bytes();
    answer_.factor_bytes = std::max(answer_.factor_bytes, bytes);
    const auto parts = static_cast<double>(layers.size());
    double before = 0;
    expect_to_go_on(concept_work::comparing, 0);
    for (const auto& [layer, factors] : texts) {
      const text_sets& sets = question_.split.choose;
      answer_.tile_bytes =
          std::max(answer_.tile_bytes, search_bytes(factors, sets, threads_.threads()));
      const auto at = [&](double share) {
        return go_on_(concept_work::comparing, (before + share) / parts);
      };
      search_synapses(model_, {layer, question_.head, question_.measure, at}, factors, sets,
                      threads_, best_);
      before += 1;
      expect_to_go_on(concept_work::comparing, before / parts);
      keep_synapses(layer, factors);
    }
  }

  void keep_synapses(layer_id layer, const std::vector<layer_factors>& factors) {
    for (const separation& s : best_.sorted()) {
      if (s.layer != layer) continue;
      known_values& known = known_[key_of(s)] = {};
      for (const layer_factors& f : factors) {
        known.strengths.push_back(f.strength(s.pair));
        if (model_.rotation().present()) known.amplitudes.push_back(f.amplitude(s.pair));
      }
      known.values =
          question_.measure == synapse_measure::amplitude ? known.amplitudes : known.strengths;
    }
  }

  // Of each text the mean of X and Y over its tokens.
  void neurons_of(const std::vector<layer_id>& layers) {
    std::map<std::pair<layer_id, bool>, std::vector<std::vector<float>>> texts;
    std::map<std::pair<layer_id, bool>, std::vector<double>> sums;
    std::vector<float> values(model_.neurons());
    const observer here(brain_, [&](layer_id layer, moment at) {
      const bool of_y = at == moment::y_ready;
      if ((at != moment::synapses_written && !of_y) ||
          std::find(layers.begin(), layers.end(), layer) == layers.end())
        return;
      brain_.read(of_y ? variable::y : variable::x, values);
      std::vector<double>& sum = sums[{layer, of_y}];
      sum.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
    });
    read_all([&] { sums.clear(); },
             [&](std::size_t tokens) {
               for (const auto& [what, sum] : sums) {
                 std::vector<float>& mean = texts[what].emplace_back(sum.size());
                 for (std::size_t i = 0; i < sum.size(); ++i)
                   mean[i] = static_cast<float>(sum[i] / static_cast<double>(tokens));
               }
             });
    for (const auto& [what, means] : texts) {
      search_neurons(model_,
                     {what.first, question_.head, question_.measure,
                      [&](double share) { return go_on_(concept_work::comparing, share); }},
                     what.second, means, question_.split.choose, best_);
      for (const separation& s : best_.sorted()) {
        if (s.layer != what.first || s.of_y != what.second) continue;
        std::vector<float>& all = known_[key_of(s)].values;
        for (const std::vector<float>& mean : means) all.push_back(mean[s.pair.pre]);
      }
    }
    for (const auto& [what, means] : texts)
      answer_.factor_bytes += means.size() * model_.neurons() * sizeof(float);
  }

  // Watches activity as long as it lives.
  class observer {
   public:
    template <class See>
    observer(simulator& brain, See see)
        : brain_(brain), number_(brain.observe(std::move(see), observation::activity)) {}
    observer(const observer&) = delete;
    observer& operator=(const observer&) = delete;
    ~observer() { brain_.stop_observing(number_); }

   private:
    simulator& brain_;
    int number_;
  };

  const concept_question& question_;
  const model& model_;
  simulator& brain_;
  executor& threads_;
  const concept_progress& go_on_;
  best_separations best_;
  std::map<candidate, known_values> known_;
  concept_answer answer_;
};

}  // namespace

std::uint64_t concept_question::candidates(const model& m) const {
  const std::uint64_t neurons = head ? m.neurons_per_head() : m.neurons();
  return layers.size() * (of_neurons ? 2 * neurons : candidate_synapses(m, head, measure));
}

std::uint64_t concept_question::tokens() const {
  std::uint64_t all = 0;
  for (const std::vector<token_id>& text : texts) all += text.size();
  return all;
}

std::vector<layer_id> concept_layers(const model& m, bool of_neurons, probe_factor factor,
                                     std::optional<layer_id> only, const std::string& place,
                                     const std::string& model_place) {
  const bool first_is_empty = !of_neurons && (factor == probe_factor::y || m.sensory_are_sources());
  const layer_id first = first_is_empty ? 2 : 1;
  if (first > m.layers())
    throw input_error(model_place, "1 layer",
                      "2 or more: in layer 1 nothing writes synapses between neurons");
  if (only && (*only < first || *only > m.layers()))
    throw input_error(place, std::to_string(*only),
                      std::to_string(first) + " to " + std::to_string(m.layers()),
                      first_is_empty ? "in layer 1 nothing writes synapses between neurons" : "");
  std::vector<layer_id> all;
  for (layer_id l = only.value_or(first); l <= only.value_or(m.layers()); ++l) all.push_back(l);
  return all;
}

std::optional<double> turn_period(const model& m, neuron_id pre) {
  if (!m.rotation().present()) return std::nullopt;
  const double frequency = m.rotation().frequency()[pre % m.neurons_per_head() / 2];
  return frequency == 0 ? std::nullopt : std::optional(1 / frequency);
}

std::optional<concept_answer> find_concepts(const concept_question& question, simulator& brain,
                                            executor& threads, const concept_progress& go_on) try {
  return concept_study(question, brain, threads, go_on).run();
} catch (const search_ended&) {
  return std::nullopt;
}

}  // namespace bdh
