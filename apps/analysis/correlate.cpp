// bdh correlate: correlations of neurons with a lag, over trials, beside what the stimulus makes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/analysis/lag_correlation.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

struct correlate_options : correlation_choice {
  std::string output;
  std::uint64_t top = 10;
  bool json = false, force = false;

  std::int64_t lag(std::size_t k) const {
    return static_cast<std::int64_t>(k) - static_cast<std::int64_t>(lags);
  }
};

json json_of_correlations(const correlate_options& o, const std::vector<lag_correlation>& all) {
  const auto number = [](double v) { return std::isfinite(v) ? json(v) : json(); };
  json j{{"variable", o.trials.what},
         {"layer", o.trials.layer},
         {"with_variable", o.what.value_or(o.trials.what)},
         {"with_layer", o.layer.value_or(o.trials.layer)},
         {"lags", {-static_cast<std::int64_t>(o.lags), o.lags}},
         {"correlations", json::array()}};
  for (const lag_correlation& r : all) {
    json one{{"condition", r.condition}, {"a", r.a}, {"b", r.b}, {"trials", r.trials}};
    for (const double v : r.at) one["correlation"].push_back(number(v));
    one["shift_predictor"] = json::array();
    for (const double v : r.predictor) one["shift_predictor"].push_back(number(v));
    one["peak_lag"] = r.known() ? json(o.lag(r.peak)) : json();
    j["correlations"].push_back(std::move(one));
  }
  return j;
}

std::string shown_correlation(double v) { return std::isnan(v) ? "-" : fmt::format("{:+.4f}", v); }

// All lags of one pair.
std::string correlogram(const correlate_options& o, const lag_correlation& r) {
  std::string text = fmt::format(
      "\n{}{} and {}, {} trials\n{:>6} {:>12}{}\n", r.condition.empty() ? "" : r.condition + ": ",
      r.a, r.b, r.trials, "lag", "correlation", r.predictor.empty() ? "" : "  shift predictor");
  for (std::size_t k = 0; k < r.at.size(); ++k) {
    text += fmt::format("{:>+6} {:>12}", o.lag(k), shown_correlation(r.at[k]));
    if (!r.predictor.empty()) text += fmt::format("  {:>15}", shown_correlation(r.predictor[k]));
    text += "\n";
  }
  return text;
}

// The pairs with the highest peaks, a line each.
std::string peaks(const correlate_options& o, const std::vector<lag_correlation>& all) {
  std::string text = fmt::format("\n{:<14} {:>10} {:>10} {:>8} {:>12} {:>16}\n", "condition", "a",
                                 "b", "peak lag", "correlation", "shift predictor");
  std::size_t of_condition = 0, left_out = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const lag_correlation& r = all[k];
    of_condition = k > 0 && all[k - 1].condition == r.condition ? of_condition + 1 : 0;
    if (of_condition >= o.top) {
      ++left_out;
      continue;
    }
    text += fmt::format("{:<14} {:>10} {:>10}", r.condition.empty() ? "-" : r.condition, r.a, r.b);
    const double chance = r.predictor.empty() ? std::nan("") : r.predictor[r.peak];
    text += r.known() ? fmt::format(" {:>+8} {:>12} {:>16}\n", o.lag(r.peak),
                                    shown_correlation(r.at[r.peak]), shown_correlation(chance))
                      : " one of the two does not vary\n";
  }
  if (left_out != 0) text += fmt::format("... {} more\n", left_out);
  return text;
}

std::string text_of_correlations(const correlate_options& o,
                                 const std::vector<lag_correlation>& all) {
  std::string text = fmt::format(
      "{}: Pearson's correlation of a at token t and b at t + lag, over the tokens of all trials\n",
      described(o));
  if (!all.empty() && !all.front().predictor.empty())
    text +=
        "shift predictor: a of a trial with b of the next, which is what both owe to the "
        "stimulus\n";
  if (o.each) return text + peaks(o, all);
  for (const lag_correlation& r : all) text += correlogram(o, r);
  return text;
}

class correlate_app final : public command {
 public:
  explicit correlate_app(command_line& program)
      : command(
            program, "correlate",
            "Correlate the activity of neurons with a lag, over the trials of each condition.") {
    command_line& c = arguments_;
    correlate_options& o = options_;
    o.add_to(c);
    add_number<std::uint64_t>(c, "--top", o.top, any_count, "with --each: pairs to list [10]")
        .type_name("K");
    c.add("-o,--output", o.output, "every pair and lag, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite FILE");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override {
    const correlate_options& o = options_;
    if (!o.output.empty()) const atomic_file refused_before_the_work(o.output, o.force);
    const std::vector<lag_correlation> all = correlations(o);
    if (!o.output.empty()) write_text(o.output, correlations_csv(o, all));
    print(o.json ? json_text(json_of_correlations(o, all), 1) + "\n"
                 : text_of_correlations(o, all));
    return 0;
  }

 private:
  correlate_options options_;
};

}  // namespace

std::unique_ptr<command> correlate_command(command_line& program) {
  return std::make_unique<correlate_app>(program);
}

}  // namespace bdh::app
