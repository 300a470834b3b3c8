#include "io/recording/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <tuple>

#include "io/recording/comparison_detail.hpp"
#include "io/recording/run_writer.hpp"

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

std::vector<setting_difference> compare_settings(const nlohmann::json& a, const nlohmann::json& b) {
  std::vector<setting_difference> all;
  const auto add = [&](const std::string& name, const nlohmann::json* of_a,
                       const nlohmann::json* of_b) {
    const auto text = [](const nlohmann::json* j) {
      return j == nullptr ? std::string()
                          : j->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    if (text(of_a) != text(of_b)) all.push_back({name, text(of_a), text(of_b)});
  };
  const auto part = [](const nlohmann::json& of, const std::string& name) -> const nlohmann::json* {
    const auto found = of.is_object() ? of.find(name) : of.end();
    return found == of.end() ? nullptr : &*found;
  };
  static const nlohmann::json none = nlohmann::json::object();
  const auto group = [&](const nlohmann::json& run, const char* name) -> const nlohmann::json& {
    const auto* found = part(run, name);
    return found != nullptr && found->is_object() ? *found : none;
  };
  add("model", part(group(a, "model"), "content_sha256"),
      part(group(b, "model"), "content_sha256"));
  add("first position", part(a, "first_position"), part(b, "first_position"));
  std::set<std::string> names;
  for (const auto* run : {&a, &b})
    for (const auto& item : group(*run, "options").items())
      if (!is_of_no_interest(item.key())) names.insert(item.key());
  for (const std::string& name : names)
    add(name, part(group(a, "options"), name), part(group(b, "options"), name));
  add("program", part(a, "creator"), part(b, "creator"));
  return all;
}

// ---- activity

// What one row of a report tells of the neurons, by ascending id.
class known_neurons {
 public:
  known_neurons(const report_description& d, const report_row& row)
      : ids_(d.layout == report_layout::frames ? d.node_ids : row.nodes),
        values_(row.values),
        others_(d.layout == report_layout::frames          ? others::unknown
                : d.top != 0 && row.values.size() >= d.top ? others::at_most_the_least
                                                           : others::zero) {
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

activity_comparison compare_neurons(const recorded_run& a, const recorded_run& b,
                                    std::uint64_t first, std::uint64_t until, double tolerance) {
  activity_comparison made;
  if (a.neurons != b.neurons) return made;
  for_each_pair(a, b, {"x:", "y:", "events"}, [&](report_reader& of_a, report_reader& of_b) {
    const std::uint64_t end = made.first ? made.first->position + 1 : until;
    for_each_common(
        of_a, of_b, first, end,
        [&](std::uint64_t position, const report_row& row_a, const report_row& row_b) {
          made.from = activity_comparison::basis::neurons;
          const auto found =
              first_difference(known_neurons(of_a.what(), row_a), known_neurons(of_b.what(), row_b),
                               tolerance, made.values);
          if (!found) return true;
          const activity_comparison::difference d{
              position, of_a.what().layer, of_a.what().what, found->neuron, found->a, found->b};
          const auto rank =
              [](const activity_comparison::difference&
                     one) {  // of two reports of one neuron, the one that knows both values
                return std::tuple(order(one), one.particle, !one.a || !one.b);
              };
          if (!made.first || rank(d) < rank(*made.first)) made.first = d;
          return false;
        });
  });
  return made;
}

activity_comparison compare_summaries(const recorded_run& a, const recorded_run& b,
                                      std::uint64_t first, std::uint64_t until, double tolerance) {
  activity_comparison made;
  const run_record of_a = read_run(a.folder), of_b = read_run(b.folder);
  until = std::min({until, a.first + of_a.tokens.size(), b.first + of_b.tokens.size()});
  if (a.layers != b.layers || of_a.columns != of_b.columns ||
      of_a.columns.size() < 2 + std::size_t{2} * a.layers || first >= until)
    return made;
  made.from = activity_comparison::basis::summary;
  for (std::uint64_t position = first; position < until; ++position) {
    const double* const row_a =
        of_a.summary.data() + (position - a.first) * of_a.columns.size() + 2;
    const double* const row_b =
        of_b.summary.data() + (position - b.first) * of_b.columns.size() + 2;
    for (layer_id l = 0; l < a.layers; ++l)
      for (const auto& [what, column] :
           {std::pair(quantity::x, l), std::pair(quantity::y, l + a.layers)}) {
        ++made.values;
        if (same(row_a[column], row_b[column], tolerance)) continue;
        made.first = {position, l + 1, what, 0, row_a[column], row_b[column]};
        return made;
      }
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

std::optional<divergence> compare_outputs(const recorded_run& a, const recorded_run& b,
                                          std::uint64_t first, std::uint64_t until) {
  std::optional<divergence> best;
  for_each_pair(a, b, {"logits"}, [&](report_reader& of_a, report_reader& of_b) {
    if (of_a.what().width != of_b.what().width) return;
    divergence made;
    for_each_common(of_a, of_b, first, until,
                    [&](std::uint64_t position, const report_row& row_a, const report_row& row_b) {
                      double largest = 0;
                      std::size_t of = 0;
                      for (std::size_t k = 0; k < row_a.values.size(); ++k) {
                        const double d = std::abs(double{row_a.values[k]} - row_b.values[k]);
                        if (larger(d, largest)) largest = d, of = k;
                      }
                      made.positions.push_back(position);
                      made.nats.push_back(largest == 0
                                              ? 0
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

run_comparison compare(const recorded_run& a, const recorded_run& b, double tolerance,
                       std::uint64_t top) {
  run_comparison made;
  made.tolerance = tolerance;
  made.settings = compare_settings(a.run, b.run);
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
