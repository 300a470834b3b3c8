#include "apps/analysis/lag_correlation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "core/analysis/event_statistics.hpp"
#include "io/files/csv.hpp"

namespace bdh::app {
namespace {

constexpr std::size_t most_pairs = 100'000;

// A row of a correlogram: the courses of a neuron, or of the mean over several, in every trial.
struct followed_course {
  std::string name;
  std::vector<std::vector<double>> of_trial;
};

std::vector<followed_course> courses_of(const trial_data& data, const trial_courses& c, bool each) {
  std::vector<followed_course> all;
  if (!each && data.neurons.size() > 1)
    return {{fmt::format("mean of {}", data.neurons.size()), c.population()}};
  for (std::size_t k = 0; k < data.neurons.size(); ++k)
    all.push_back({shown_neuron(data.subject, data.neurons[k]), c.values[k]});
  return all;
}

trial_choice second_choice(const correlation_choice& o) {
  trial_choice other = o.trials;
  if (!o.with.empty()) other.neurons = o.with;
  if (o.what) other.what = *o.what;
  if (o.layer) other.layer = *o.layer;
  return other;
}

bool same_side(const correlation_choice& o) {
  return o.with.empty() && o.what.value_or(o.trials.what) == o.trials.what &&
         o.layer.value_or(o.trials.layer) == o.trials.layer;
}

lag_correlation correlated(const std::string& condition, const followed_course& a,
                           const followed_course& b, std::uint64_t lags) {
  lag_correlation r{.condition = condition,
                    .a = a.name,
                    .b = b.name,
                    .trials = a.of_trial.size(),
                    .at = cross_correlation(a.of_trial, b.of_trial, lags),
                    .predictor = {}};
  if (r.trials > 1) r.predictor = cross_correlation(a.of_trial, b.of_trial, lags, true);
  r.peak = lags;
  for (std::size_t k = 0; k < r.at.size(); ++k) {
    const double here = std::abs(r.over_chance(k)), best = std::abs(r.over_chance(r.peak));
    if (here > best || (std::isnan(best) && !std::isnan(here))) r.peak = k;
  }
  return r;
}

std::string csv_of(double v) { return std::isfinite(v) ? shown(v) : ""; }

}  // namespace

bool lag_correlation::known() const {
  return std::any_of(at.begin(), at.end(), [](double v) { return !std::isnan(v); });
}

double lag_correlation::over_chance(std::size_t k) const {
  return predictor.empty() || std::isnan(predictor[k]) ? at[k] : at[k] - predictor[k];
}

void correlation_choice::add_to(command_line& c) {
  c.add("RUNS", trials.folder, "the folder of bdh run --trials, or of a run")
      .required()
      .type_name("");
  add_options_to(c);
}

void correlation_choice::add_options_to(command_line& c) {
  c.add("--variable", trials.what, "x or y [y]").type_name("NAME").one_of({"x", "y"});
  add_number<std::uint64_t>(c, "--layer", trials.layer, positive_count, "of the variable [1]");
  c.add("--neurons", trials.neurons, "a choice of neurons, as everywhere [all]")
      .type_name("NEURONS");
  c.add("--with", with, "the neurons that they are correlated with [the same]")
      .type_name("NEURONS");
  c.add("--with-variable", what, "x or y of these [that of --variable]")
      .type_name("NAME")
      .one_of({"x", "y"});
  add_number<std::uint64_t>(c, "--with-layer", layer, positive_count,
                            "layer of these [that of --layer]")
      .type_name("L");
  add_number<std::uint64_t>(c, "--lags", lags, {0, 10'000, "0 to 10000"},
                            "tokens: from -K to K; above 0 --neurons come first [20]")
      .type_name("K");
  c.add_flag("--each", each, "every pair of neurons, not the means over both choices");
}

std::vector<lag_correlation> correlations(const correlation_choice& o) {
  const trial_data first = read_trials(o.trials);
  const bool same = same_side(o);
  std::optional<trial_data> second;
  if (!same) second.emplace(read_trials(second_choice(o)));
  const trial_data& others = same ? first : *second;
  const std::size_t pairs = first.neurons.size() * others.neurons.size();
  if (o.each && pairs > most_pairs)
    throw input_error("--each", fmt::format("{} pairs", pairs),
                      fmt::format("at most {}", most_pairs), "--neurons and --with choose fewer");
  std::vector<lag_correlation> all;
  for (std::size_t c = 0; c < first.conditions.size(); ++c) {
    const trial_courses& trials = first.conditions[c];
    const std::size_t length = trials.values.front().front().size();
    if (o.lags + 2 > length)
      throw input_error(
          "--lags", std::to_string(o.lags),
          fmt::format("at most {}, for runs of {} tokens", length < 2 ? 0 : length - 2, length));
    const auto a = courses_of(first, trials, o.each),
               b = courses_of(others, others.conditions[c], o.each);
    const auto begin = static_cast<std::ptrdiff_t>(all.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < b.size(); ++j) {
        if (same && o.each && j <= i && a.size() > 1) continue;  // each pair once
        all.push_back(correlated(trials.condition, a[i], b[j], o.lags));
      }
    const auto height = [](const lag_correlation& r) {
      return r.known() ? std::abs(r.over_chance(r.peak)) : -1;
    };
    std::stable_sort(all.begin() + begin, all.end(),
                     [&](const auto& p, const auto& q) { return height(p) > height(q); });
  }
  return all;
}

std::string described(const correlation_choice& o) {
  const auto side = [](const std::string& what, std::uint64_t layer) {
    return fmt::format("{} of layer {}", what == "x" ? "X" : "Y", layer);
  };
  const std::string a = side(o.trials.what, o.trials.layer),
                    b = side(o.what.value_or(o.trials.what), o.layer.value_or(o.trials.layer));
  return a == b ? a : a + " with " + b;
}

std::string correlations_csv(const correlation_choice& o, const std::vector<lag_correlation>& all) {
  std::string text = "condition,a,b,lag,correlation,shift_predictor,trials\n";
  for (const lag_correlation& r : all)
    for (std::size_t k = 0; k < r.at.size(); ++k)
      text +=
          fmt::format("{},{},{},{},{},{},{}\n", csv_quoted_if_needed(r.condition),
                      csv_quoted_if_needed(r.a), csv_quoted_if_needed(r.b),
                      static_cast<std::int64_t>(k) - static_cast<std::int64_t>(o.lags),
                      csv_of(r.at[k]), r.predictor.empty() ? "" : csv_of(r.predictor[k]), r.trials);
  return text;
}

}  // namespace bdh::app
