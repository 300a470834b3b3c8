#include "io/recording/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "io/files/json.hpp"
#include "io/recording/comparison_detail.hpp"

namespace bdh {
namespace {

// ---- settings

// What is compared otherwise, or changes no value.
bool is_of_no_interest(const std::string& option) {
  static const std::set<std::string> names{
      "model",  "threads",     "sites",           "instructions", "generate",
      "text",   "tokens",      "text_file",       "save_state",   "tokens_file",
      "record", "record_file", "checkpoint_every"};
  return names.contains(option);
}

std::string in_json(const std::string& text) {
  return text.empty() ? text : json_text(nlohmann::json(text));
}

std::vector<setting_difference> compare_settings(const run_reader& a, const run_reader& b) {
  std::vector<setting_difference> all;
  const auto add = [&](const std::string& name, const std::string& of_a, const std::string& of_b) {
    if (of_a != of_b) all.push_back({name, of_a, of_b});
  };
  add("model", in_json(a.model_sha256), in_json(b.model_sha256));
  add("first position", std::to_string(a.first), std::to_string(b.first));
  std::set<std::string> names;
  for (const run_reader* run : {&a, &b})
    for (const auto& [name, value] : run->options)
      if (!is_of_no_interest(name)) names.insert(name);
  const auto option = [](const run_reader& run, const std::string& name) {
    const auto found = run.options.find(name);
    return found == run.options.end() ? std::string() : found->second;
  };
  for (const std::string& name : names) add(name, option(a, name), option(b, name));
  add("program", in_json(a.creator), in_json(b.creator));
  return all;
}

// ---- activity

// What one row of a recording holds of the neurons, by ascending id.
class known_neurons {
 public:
  known_neurons(const recording_description& d, const recording_row& row)
      : ids_(d.layout == recording_layout::frames ? d.node_ids : row.nodes),
        values_(row.values),
        others_(others_of(d, row)) {
    if (others_ == others::at_most_the_least)
      least_ = *std::min_element(values_.begin(), values_.end());
  }

  std::size_t size() const { return ids_.size(); }
  std::uint64_t id(std::size_t k) const {
    return k < ids_.size() ? ids_[k] : std::numeric_limits<std::uint64_t>::max();
  }
  double value(std::size_t k) const { return values_[k]; }
  // Of a neuron that is not listed. Whether a value of another run may be the same: yes where
  // nothing is known.
  std::optional<double> other() const {
    return others_ == others::zero ? std::optional(0.0) : std::nullopt;
  }
  bool may_have(double value) const {
    return others_ == others::unknown ||
           (others_ == others::at_most_the_least && !(value > least_));
  }

 private:
  enum class others { zero, unknown, at_most_the_least };
  static others others_of(const recording_description& d, const recording_row& row) {
    if (d.layout == recording_layout::frames) return others::unknown;
    const bool full = d.top != 0 && row.values.size() >= d.top;
    return full ? others::at_most_the_least : others::zero;
  }
  const std::vector<std::uint64_t>& ids_;
  const std::vector<float>& values_;
  others others_;
  double least_ = 0;
};

struct neuron_difference {
  std::uint64_t neuron;
  std::optional<double> a, b;
};

// The first neuron that surely differs.
std::optional<neuron_difference> first_difference(const known_neurons& a, const known_neurons& b,
                                                  double tolerance, std::uint64_t& values) {
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const std::uint64_t neuron = std::min(a.id(i), b.id(j));
    const bool in_a = a.id(i) == neuron && i < a.size(), in_b = b.id(j) == neuron && j < b.size();
    const std::optional<double> of_a = in_a ? std::optional(a.value(i)) : a.other(),
                                of_b = in_b ? std::optional(b.value(j)) : b.other();
    i += in_a;
    j += in_b;
    const bool sure =
        (of_a && of_b) || (of_a && !b.may_have(*of_a)) || (of_b && !a.may_have(*of_b));
    if (!sure) continue;
    ++values;
    if (!of_a || !of_b || !same(*of_a, *of_b, tolerance))
      return neuron_difference{neuron, of_a, of_b};
  }
  return std::nullopt;
}

auto order(const activity_comparison::difference& d) {
  return std::tuple(d.position, d.layer, d.what);
}

activity_comparison compare_neurons(const run_reader& a, const run_reader& b, std::uint64_t first,
                                    std::uint64_t until, double tolerance) {
  activity_comparison made;
  if (a.neurons != b.neurons) return made;
  for_each_pair(a, b, {"x:", "y:", "events"}, [&](recording_reader& of_a, recording_reader& of_b) {
    const std::uint64_t end = made.first ? made.first->position + 1 : until;
    for_each_common(
        of_a, of_b, first, end,
        [&](std::uint64_t position, const recording_row& row_a, const recording_row& row_b) {
          made.from = activity_comparison::basis::neurons;
          const auto found =
              first_difference(known_neurons(of_a.what(), row_a), known_neurons(of_b.what(), row_b),
                               tolerance, made.values);
          if (!found) return true;
          const activity_comparison::difference d{
              position, of_a.what().layer, of_a.what().what, found->neuron, found->a, found->b};
          const auto rank =
              [](const activity_comparison::difference&
                     one) {  // of two recordings of one neuron, the one that knows both values
                return std::tuple(order(one), one.particle, !one.a || !one.b);
              };
          if (!made.first || rank(d) < rank(*made.first)) made.first = d;
          return false;
        });
  });
  return made;
}

activity_comparison compare_summaries(const run_reader& a, const run_reader& b, std::uint64_t first,
                                      std::uint64_t until, double tolerance) {
  activity_comparison made;
  if (a.layers != b.layers) return made;
  const summary_table of_a = a.summary(), of_b = b.summary();
  until = std::min({until, a.first + of_a.rows, b.first + of_b.rows});
  if (first >= until) return made;
  struct compared_column {
    layer_id layer;
    quantity what;
    const std::vector<double>&a, &b;
  };
  std::vector<compared_column> columns;
  for (layer_id l = 1; l <= a.layers; ++l)
    for (quantity what : {quantity::x, quantity::y}) {
      const std::string column = std::string("active_") + name(what) + "_" + std::to_string(l);
      columns.push_back({l, what, of_a.column(column), of_b.column(column)});
    }
  made.from = activity_comparison::basis::summary;
  for (std::uint64_t position = first; position < until; ++position)
    for (const compared_column& c : columns) {
      const double share_a = c.a[position - a.first], share_b = c.b[position - b.first];
      ++made.values;
      if (same(share_a, share_b, tolerance)) continue;
      made.first = {position, c.layer, c.what, 0, share_a, share_b};
      return made;
    }
  return made;
}

// ---- output

// log softmax, in double.
std::vector<double> log_probabilities(const std::vector<float>& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float z : logits) sum += std::exp(z - most);
  std::vector<double> all;
  for (float z : logits) all.push_back(z - most - std::log(sum));
  return all;
}

double kullback_leibler(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (const double p = std::exp(a[k]); p > 0) sum += p * (a[k] - b[k]);
  return std::max(sum, 0.0);  // rounding
}

std::optional<divergence> compare_outputs(const run_reader& a, const run_reader& b,
                                          std::uint64_t first, std::uint64_t until) {
  std::optional<divergence> best;
  for_each_pair(a, b, {"logits"}, [&](recording_reader& of_a, recording_reader& of_b) {
    if (of_a.what().width != of_b.what().width) return;
    divergence made;
    for_each_common(
        of_a, of_b, first, until,
        [&](std::uint64_t position, const recording_row& row_a, const recording_row& row_b) {
          double largest = 0;
          std::size_t of = 0;
          for (std::size_t k = 0; k < row_a.values.size(); ++k) {
            const double d = std::abs(double{row_a.values[k]} - row_b.values[k]);
            if (larger(d, largest)) largest = d, of = k;
          }
          made.positions.push_back(position);
          made.nats.push_back(largest == 0 ? 0
                                           : kullback_leibler(log_probabilities(row_a.values),
                                                              log_probabilities(row_b.values)));
          made.largest.push_back(largest);
          made.of.push_back(static_cast<token_id>(of));
          return true;
        });
    if (!best || made.positions.size() > best->positions.size()) best = std::move(made);
  });
  return best;
}

activity_comparison first_of_outputs(const divergence& d, double tolerance) {
  activity_comparison made;
  made.from = activity_comparison::basis::logits;
  for (std::size_t k = 0; k < d.positions.size(); ++k) {
    ++made.values;
    if (d.largest[k] <= tolerance) continue;
    made.first = {d.positions[k], 0, quantity::logits, d.of[k], std::nullopt, std::nullopt};
    break;
  }
  return made;
}

}  // namespace

bool run_comparison::differ() const {
  const bool output_differs = output && std::any_of(output->largest.begin(), output->largest.end(),
                                                    [&](double d) { return !(d <= tolerance); });
  return token || only_a != 0 || only_b != 0 || activity.first || output_differs ||
         synapses.differing != 0;
}

run_comparison compare(const run_reader& a, const run_reader& b, double tolerance,
                       std::uint64_t top) {
  run_comparison made;
  made.tolerance = tolerance;
  made.settings = compare_settings(a, b);
  made.first = std::max(a.first, b.first);
  const std::uint64_t end = std::max(made.first, std::min(a.end(), b.end()));
  made.only_a = a.tokens.size() - (end - made.first);
  made.only_b = b.tokens.size() - (end - made.first);
  for (made.until = made.first; made.until < end; ++made.until)
    if (a.tokens[made.until - a.first] != b.tokens[made.until - b.first]) {
      made.token = made.until;
      break;
    }
  made.output = compare_outputs(a, b, made.first, made.until);
  made.activity = compare_neurons(a, b, made.first, made.until, tolerance);
  // Where the neurons that both recorded agree, others may not.
  const auto look_further = [&](activity_comparison further) {
    if (further.first || made.activity.from == activity_comparison::basis::none)
      made.activity = std::move(further);
  };
  if (!made.activity.first)
    look_further(compare_summaries(a, b, made.first, made.until, tolerance));
  if (!made.activity.first && made.output) look_further(first_of_outputs(*made.output, tolerance));
  made.synapses = compare_synapses(a, b, made.first, made.until, tolerance, top);
  return made;
}

}  // namespace bdh
