// bdh concepts: the synapses and neurons that separate two sets of sentences.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/analysis/concepts_output.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr double level = 0.05;   // of all confirmations of a search together
constexpr double x_and_y = 0.3;  // of all neurons: for the estimate

struct concepts_options {
  std::string model, positive, negative, output, trace_output, trace_file;
  bool trace = false;
  engine_choice engine;
  std::optional<layer_id> layer;
  std::optional<head_id> head;
  std::string factor = "y";
  std::uint64_t top = 10, carry = 100, seed = 1, memory = 1024;
  bool neurons = false, json = false, force = false;
};

// The values of candidates at the end of each sentence, kept while their layer is in memory.
using known_values =
    std::map<std::pair<std::pair<layer_id, bool>, neuron_pair>, std::vector<float>>;
std::pair<std::pair<layer_id, bool>, neuron_pair> key_of(const separation& s) {
  return {{s.layer, s.of_y}, s.pair};
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

class concept_search {
 public:
  concept_search(const concepts_options& o, const model& m, simulator& brain)
      : options_(o),
        model_(m),
        brain_(brain),
        threads_(default_executor(o.engine.threads)),
        best_(o.carry) {
    r_.subject = &m;
    r_.texts = read_sentences(o.positive, m);
    r_.positives = r_.texts.size();
    for (sentence& s : read_sentences(o.negative, m)) r_.texts.push_back(std::move(s));
    for (const sentence& s : r_.texts) r_.tokens += s.tokens.size();
    r_.seed = o.seed;
    r_.of_neurons = o.neurons;
    r_.by_y = o.factor == "y";
    r_.level = level;
    r_.head = o.head;
    r_.split = split_texts(r_.positives, r_.texts.size() - r_.positives, o.seed);
    choose_layers();
    if (o.head && *o.head >= m.heads())
      throw input_error("--head", std::to_string(*o.head), fmt::format("0 to {}", m.heads() - 1));
    const std::uint64_t neurons = o.head ? m.neurons_per_head() : m.neurons();
    r_.candidates = r_.layers.size() * (o.neurons ? 2 * neurons : candidate_synapses(m, o.head));
    expect_enough();
  }

  concept_results run() {
    for (const std::vector<layer_id>& layers : passes())
      options_.neurons ? neurons_of(layers) : synapses_of(layers);
    const std::vector<separation> chosen = best_.sorted();
    std::vector<std::vector<float>> values;
    for (const separation& s : chosen) {
      values.push_back(known_.at(key_of(s)));
      for (float v : values.back())
        if (!std::isfinite(v))
          throw input_error(fmt::format("layer {}, {}", s.layer, shown_pair(model_, s.pair)),
                            shown(v), "a finite strength");
    }
    r_.findings = confirm(chosen, std::move(values), r_.split, level);
    if (options_.trace) trace();
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

  // Refuses sets whose confirming halves could not reach the level whatever they showed.
  void expect_enough() const {
    const std::size_t positives = r_.positives, negatives = r_.texts.size() - r_.positives;
    const auto carried = static_cast<std::size_t>(std::min(options_.carry, r_.candidates));
    const auto found = least_p(r_.split.confirm.positive.size(), r_.split.confirm.negative.size()) *
                       static_cast<double>(carried);
    const bool both_halves = std::min(positives, negatives) > 1;
    if (found < level && both_halves) return;
    const std::string candidates =
        carried == 1 ? "1 candidate" : fmt::format("{} candidates", carried);
    const std::string lacking =
        both_halves ? fmt::format("with which the corrected p of {} is {:.2g} at best", candidates,
                                  std::min(1.0, found))
                    : "too few for two halves";
    throw input_error(options_.positive + " and " + options_.negative,
                      fmt::format("{} and {} sentences, {}", positives, negatives, lacking),
                      enough_sentences(positives, negatives, carried),
                      carried > 1 ? fmt::format("or fewer candidates: --carry 1 needs {0} and {0}",
                                                texts_needed(1, level))
                                  : "");
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
    return {layer, options_.head, [at](double share) {
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
        std::vector<float>& values = known_[key_of(s)];
        for (const layer_factors& f : factors) values.push_back(f.strength(s.pair));
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
        std::vector<float>& all = known_[key_of(s)];
        for (const std::vector<float>& mean : means) all.push_back(mean[s.pair.pre]);
      }
    }
    for (const auto& [what, means] : texts)
      r_.factor_bytes += means.size() * model_.neurons() * sizeof(float);
  }

  void trace() {
    r_.traced_findings = std::min<std::size_t>(options_.top, r_.findings.size());
    if (r_.traced_findings == 0) return;
    if (!options_.trace_file.empty()) {
      r_.traced = read_sentences(options_.trace_file, model_);
    } else {  // the first two of each set that were not chosen by
      for (const auto* set : {&r_.split.confirm.positive, &r_.split.confirm.negative})
        for (std::size_t k = 0; k < std::min<std::size_t>(2, set->size()); ++k)
          r_.traced.push_back(r_.texts[(*set)[k]]);
    }
    std::vector<double> row(r_.traced_findings);
    std::vector<float> values(model_.neurons());
    const auto follow = [&](layer_id layer, moment at) {
      if (!options_.neurons || (at != moment::synapses_written && at != moment::y_ready)) return;
      brain_.read(at == moment::y_ready ? variable::y : variable::x, values);
      for (std::size_t k = 0; k < row.size(); ++k)
        if (const separation& s = r_.findings[k].what;
            s.layer == layer && s.of_y == (at == moment::y_ready))
          row[k] = values[s.pair.pre];
    };
    const auto probe = [&](std::size_t k) {
      const separation& s = r_.findings[k].what;
      return probe_spec{s.pair, s.layer, r_.by_y ? probe_factor::y : probe_factor::w};
    };
    if (!options_.neurons)
      for (std::size_t k = 0; k < row.size(); ++k) brain_.probes().add(probe(k));
    const int observing = options_.neurons ? brain_.observe(follow, observation::activity) : 0;
    for (std::size_t text = 0; text < r_.traced.size(); ++text) {
      concept_series& one = r_.series.emplace_back();
      one.text = text;
      brain_.clear_synapses();
      for (token_id t : r_.traced[text].tokens) {
        stop_if_requested();
        brain_.step(t);
        if (!options_.neurons)
          for (std::size_t k = 0; k < row.size(); ++k)
            row[k] = brain_.probes().strength(*brain_.probes().find(probe(k)));
        one.values.push_back(row);
      }
    }
    if (observing != 0) brain_.stop_observing(observing);
  }

  const concepts_options& options_;
  const model& model_;
  simulator& brain_;
  std::unique_ptr<executor> threads_;
  best_separations best_;
  known_values known_;
  concept_results r_;
};

class concepts_app final : public command {
 public:
  explicit concepts_app(command_line& program)
      : command(program, "concepts",
                "Find the synapses, or neurons, that separate two sets of sentences.") {
    command_line& c = arguments_;
    concepts_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    c.add("--positive", o.positive, "sentences about the concept, one a line")
        .required()
        .type_name("FILE");
    c.add("--negative", o.negative, "sentences of the same kind without it, one a line")
        .required()
        .type_name("FILE");
    constexpr auto any = std::numeric_limits<std::uint32_t>::max();
    add_number<layer_id>(c, "--layer", o.layer, {1, any, "an integer >= 1"},
                         "only this layer [all that have any]")
        .type_name("L");
    add_number<head_id>(c, "--head", o.head, {0, any, "an integer >= 0"},
                        "only presynaptic neurons of this head [all]")
        .type_name("H");
    c.add_flag("--neurons", o.neurons,
               "neurons instead of synapses: X and Y, mean over the sentence");
    c.add("--factor", o.factor, "of synapses: y, the paper's Eq. 16, or w, what acts [y]")
        .type_name("F")
        .one_of({"y", "w"});
    add_number<std::uint64_t>(c, "--carry", o.carry, {1, 100000, "1 to 100000"},
                              "how many of the chosen ones are put to the test [100]");
    add_number<std::uint64_t>(c, "--top", o.top, {1, 100000, "1 to 100000"},
                              "how many to show [10]")
        .type_name("K");
    add_number<std::uint64_t>(c, "--seed", o.seed, any_count, "draws the halves [1]");
    add_number<std::uint64_t>(
        c, "--memory", o.memory, {0, 1u << 30, "0 to 1073741824"},
        "MiB for what the sentences write; above it layers are read one after the other [1024]");
    trace_ = &c.add("--trace", o.trace_file,
                    "the course of those shown over the sentences of FILE [four of those given]")
                  .value_optional()
                  .type_name("[FILE]");
    c.add("-o,--output", o.output, "all that were put to the test, as CSV").type_name("FILE");
    c.add("--trace-output", o.trace_output, "the courses, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite the CSV files");
    c.add_flag("--json", o.json, "one JSON object on standard output");
    o.engine.add_to(c, true);
  }

  int run() override {
    concepts_options& o = options_;
    o.trace = trace_->given() || !o.trace_output.empty();
    for (const std::string* file : {&o.output, &o.trace_output})
      if (!file->empty()) const atomic_file refused_before_the_work(*file, o.force);
    const model m = o.engine.open(o.model);
    simulator brain = o.engine.make(m);
    stop_on_signals();
    try {
      const concept_results r = concept_search(o, m, brain).run();
      if (!o.output.empty()) write_text(o.output, as_csv(r));
      if (!o.trace_output.empty()) write_text(o.trace_output, series_as_csv(r));
      if (o.json) {
        print(json_text(as_json(r, o.top), 1) + "\n");
      } else {
        print(as_text(r, o.top));
        note(fmt::format(
            "memory: {} for what the sentences wrote, {} for blocks of pairs, {} at the peak",
            shown_bytes(r.factor_bytes), shown_bytes(r.tile_bytes),
            shown_bytes(peak_memory_bytes())));
      }
    } catch (const stopped&) {
      note("bdh: stopped by a signal, nothing was found yet");
      return 128 + stop_requested();
    }
    return 0;
  }

 private:
  concepts_options options_;
  const option* trace_ = nullptr;
};

}  // namespace

std::unique_ptr<command> concepts_command(command_line& program) {
  return std::make_unique<concepts_app>(program);
}

}  // namespace bdh::app
