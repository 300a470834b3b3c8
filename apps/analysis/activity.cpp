// bdh activity: how many neurons are active, which, when, and how that goes with how expected the
// text is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "apps/common/token_text.hpp"
#include "core/analysis/activity_statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"
#include "io/model/file_kind.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

struct activity_options {
  std::string subject, output;
  token_choice input;
  engine_choice engine;
  std::optional<std::uint64_t> bins, bands;

  std::size_t bin_count() const { return bins.value_or(10); }
  std::size_t band_count() const { return bands.value_or(8); }
  bool json = false, force = false;
};

struct observed {
  activity_statistics all;
  neuron_id neurons = 0;
  layer_id layers = 0;
  std::vector<std::string> texts = {};  // of each token, as a field of CSV
  std::string unseen = {};              // why nothing is known of single neurons
  std::string no_bands = {};            // why nothing by frequency
};

observed of_model(const activity_options& o) {
  o.input.check(false);
  const model m = o.engine.open(o.subject);
  const auto input = o.input.open(m);
  simulator brain = o.engine.make(m);
  observed r{
      activity_statistics(m.neurons(), m.neurons_per_head(), m.layers(),
                          {m.rotation().frequency().begin(), m.rotation().frequency().end()}),
      m.neurons(), m.layers()};
  if (!m.rotation().present()) r.no_bands = "synapses of this model do not turn";
  std::vector<float> dense(m.neurons()), values;
  std::vector<neuron_id> active;
  brain.observe(
      [&](layer_id layer, moment at) {
        if (at != moment::synapses_written && at != moment::y_ready) return;
        brain.read(at == moment::y_ready ? variable::y : variable::x, dense);
        active.clear();
        values.clear();
        for (neuron_id i = 0; i < m.neurons(); ++i) {
          if (dense[i] == 0) continue;
          active.push_back(i);
          values.push_back(dense[i]);
        }
        r.all.see(layer, at == moment::y_ready, active, values);
      },
      observation::activity);
  progress_meter progress(!o.json, input->total());
  stop_on_signals();
  while (stop_requested() == 0) {
    const auto token = input->next();
    if (!token) break;
    token_activity t{.position = r.all.tokens().size(), .token = *token};
    const step_report report = brain.step(*token);
    if (report.surprisal) t.surprisal = *report.surprisal;
    t.synaptic_events = static_cast<double>(report.synaptic_events);
    for (layer_id l = 0; l < m.layers(); ++l) {
      t.x.push_back(static_cast<double>(report.active_x[l]) / m.neurons());
      t.y.push_back(static_cast<double>(report.active_y[l]) / m.neurons());
    }
    r.texts.push_back(csv_field(token_text(m, *token)));
    r.all.add(std::move(t));
    progress.at(r.all.tokens().size());
  }
  return r;
}

// The report of every value that is not 0 of a variable in a layer.
std::optional<listed_recording> events_of(const run_reader& run, layer_id layer, bool of_y) {
  for (const listed_recording& r : run.recordings)
    if (r.layer == layer && r.every == 1 && r.request.starts_with("events") &&
        r.file.starts_with(of_y ? "events_y" : "events_x"))
      return r;
  return std::nullopt;
}

void see_events(const run_reader& run, const listed_recording& listed, bool of_y,
                std::uint64_t tokens, observed& to) {
  recording_reader reader = run.open(listed);
  if (reader.what().layout != recording_layout::events || reader.rows() < tokens)
    throw input_error((run.folder / listed.file).string(), fmt::format("{} rows", reader.rows()),
                      fmt::format("events of {} tokens", tokens));
  recording_row row;
  std::vector<neuron_id> neurons;
  for (std::uint64_t t = 0; t < tokens && reader.next(row); ++t) {
    neurons.clear();
    for (std::uint64_t id : row.nodes) {
      if (id >= run.neurons)
        throw input_error((run.folder / listed.file).string(), fmt::format("neuron {}", id),
                          fmt::format("0 to {}", run.neurons - 1));
      neurons.push_back(static_cast<neuron_id>(id));
    }
    to.all.see(listed.layer, of_y, neurons, row.values);
  }
}

observed of_run(const activity_options& o) {
  if (o.input.given() != 0) throw usage_error("a recorded run", "has its text, expected no other");
  const run_reader run(o.subject);
  const summary_table summary = run.summary();
  const found_model found = find_model(run);
  std::vector<double> frequency;
  neuron_id per_head = run.neurons;
  if (found.subject) {
    frequency.assign(found.subject->rotation().frequency().begin(),
                     found.subject->rotation().frequency().end());
    per_head = found.subject->neurons_per_head();
  }
  observed r{activity_statistics(run.neurons, per_head, run.layers, std::move(frequency)),
             run.neurons, run.layers};
  if (!found.subject)
    r.no_bands = "it takes the model: " + found.missing;
  else if (!found.subject->rotation().present())
    r.no_bands = "synapses of this model do not turn";
  const auto &events = summary.column("synaptic_events"),
             &surprisal = summary.column("surprisal_nats");
  std::vector<const std::vector<double>*> x, y;  // by layer
  for (layer_id l = 1; l <= run.layers; ++l) {
    x.push_back(&summary.column(fmt::format("active_x_{}", l)));
    y.push_back(&summary.column(fmt::format("active_y_{}", l)));
  }
  const std::uint64_t tokens = std::min(summary.rows, o.input.limit.value_or(any_count.most));
  for (std::uint64_t t = 0; t < tokens; ++t) {
    token_activity a{.position = run.first + t,
                     .token = run.tokens[t],
                     .surprisal = surprisal[t],
                     .synaptic_events = events[t]};
    for (const auto* share : x) a.x.push_back((*share)[t]);
    for (const auto* share : y) a.y.push_back((*share)[t]);
    r.all.add(std::move(a));
    r.texts.push_back(csv_quoted(run.texts[t]));
  }
  for (layer_id l = 1; l <= run.layers && r.unseen.empty(); ++l)
    for (const bool of_y : {false, true})
      if (!events_of(run, l, of_y))
        r.unseen = "the run has no events of every layer: bdh run --record events";
  if (!r.unseen.empty()) return r;
  for (layer_id l = 1; l <= run.layers; ++l)
    for (const bool of_y : {false, true})
      see_events(run, *events_of(run, l, of_y), of_y, tokens, r);
  return r;
}

double mean_surprisal(const activity_statistics& all) {
  double sum = 0, known = 0;
  for (const token_activity& t : all.tokens())
    if (!std::isnan(t.surprisal)) {
      sum += t.surprisal;
      ++known;
    }
  return known > 0 ? sum / known : std::numeric_limits<double>::quiet_NaN();
}

struct events_of_tokens {
  double mean = 0, least = 0, most = 0;
};
events_of_tokens synaptic_events(const activity_statistics& all) {
  events_of_tokens e;
  for (const token_activity& t : all.tokens()) {
    e.mean += t.synaptic_events / static_cast<double>(all.tokens().size());
    e.least =
        &t == &all.tokens().front() ? t.synaptic_events : std::min(e.least, t.synaptic_events);
    e.most = std::max(e.most, t.synaptic_events);
  }
  return e;
}

std::string as_text(const observed& r, const activity_options& o) {
  const activity_statistics& all = r.all;
  const events_of_tokens e = synaptic_events(all);
  const double surprisal = mean_surprisal(all);
  std::string text = fmt::format(
      "{} tokens, {} layers of {} neurons{}\n",
      shown_count(static_cast<double>(all.tokens().size())), r.layers, r.neurons,
      std::isnan(surprisal) ? "" : fmt::format(", mean surprisal {:.4f} nats", surprisal));
  text += fmt::format("synaptic events per token: mean {}, {} to {}\n", shown_count(e.mean),
                      shown_count(e.least), shown_count(e.most));
  if (r.unseen.empty())
    text += fmt::format("neurons with X > 0 in any layer at any token: {} of {}\n",
                        all.ever_active(), r.neurons);
  text += fmt::format("\n{:8} {:>5} {:>9} {:>9} {:>9} {:>10} {:>11} {:>10} {:>9} {:>9}\n",
                      "variable", "layer", "active %", "least %", "most %", "ever %", "of a token",
                      "of text", "Pearson", "Spearman");
  for (const layer_activity& a : all.layers()) {
    text += fmt::format("{:8} {:>5} {:>9.3f} {:>9.3f} {:>9.3f}", a.of_y ? "Y" : "X", a.layer,
                        100 * a.mean, 100 * a.least, 100 * a.most);
    text += a.seen ? fmt::format(" {:>10.3f} {:>11.1f} {:>10.1f}",
                                 100 * static_cast<double>(a.ever) / r.neurons, a.of_a_token,
                                 a.of_the_text)
                   : fmt::format(" {:>10} {:>11} {:>10}", "-", "-", "-");
    const auto shown = [](double correlation) {
      return std::isnan(correlation) ? "-" : fmt::format("{:+.3f}", correlation);
    };
    text += fmt::format(" {:>9} {:>9}\n", shown(a.pearson), shown(a.spearman));
  }
  text +=
      "of a token, of text: participation ratio, in neurons; Pearson, Spearman: of the active "
      "share with the token's surprisal\n";
  if (!r.unseen.empty()) text += "no single neurons: " + r.unseen + "\n";
  if (const auto bins = all.by_surprisal(o.bin_count()); !bins.empty()) {
    text += fmt::format("\n{:>17} {:>7} {:>9} {:>11} {:>11} {:>16}\n", "surprisal, nats", "mean",
                        "tokens", "active X %", "active Y %", "synaptic events");
    for (const surprisal_bin& b : bins)
      text += fmt::format("{:>17} {:>7.3f} {:>9} {:>11.3f} {:>11.3f} {:>16}\n",
                          fmt::format("{:.3f}-{:.3f}", b.from, b.to), b.mean, b.tokens, 100 * b.x,
                          100 * b.y, shown_count(b.synaptic_events));
  }
  if (const auto bands = all.by_frequency(o.band_count()); !bands.empty()) {
    text += fmt::format("\n{:>25} {:>9} {:>11} {:>11}\n", "one turn in, tokens", "neurons",
                        "active X %", "active Y %");
    for (const frequency_band& b : bands)
      text += fmt::format("{:>25} {:>9} {:>11.3f} {:>11.3f}\n",
                          fmt::format("{:.4g}-{:.4g}", 1 / b.fastest, 1 / b.slowest), b.neurons,
                          100 * b.x, 100 * b.y);
  } else if (r.unseen.empty() && !r.no_bands.empty()) {
    text += "nothing by rotation frequency: " + r.no_bands + "\n";
  }
  return text;
}

json as_json(const observed& r, const activity_options& o) {
  const activity_statistics& all = r.all;
  const events_of_tokens e = synaptic_events(all);
  const auto number = [](double v) { return std::isfinite(v) ? json(v) : json(); };
  json out{{"tokens", all.tokens().size()},
           {"layers", r.layers},
           {"neurons", r.neurons},
           {"mean_surprisal_nats", number(mean_surprisal(all))},
           {"synaptic_events_per_token", {{"mean", e.mean}, {"least", e.least}, {"most", e.most}}}};
  if (r.unseen.empty()) out["ever_active_x"] = all.ever_active();
  if (stop_requested() != 0) out["interrupted"] = true;
  out["variables"] = json::array();
  for (const layer_activity& a : all.layers()) {
    json one{{"variable", a.of_y ? "y" : "x"},
             {"layer", a.layer},
             {"active", a.mean},
             {"least", a.least},
             {"most", a.most}};
    one["with_surprisal"] = {{"pearson", number(a.pearson)}, {"spearman", number(a.spearman)}};
    if (a.seen) {
      one["ever"] = a.ever;
      one["participation"] = {{"of_a_token", a.of_a_token}, {"of_the_text", a.of_the_text}};
    }
    out["variables"].push_back(std::move(one));
  }
  out["by_surprisal"] = json::array();
  for (const surprisal_bin& b : all.by_surprisal(o.bin_count()))
    out["by_surprisal"].push_back({{"from", b.from},
                                   {"to", b.to},
                                   {"mean", b.mean},
                                   {"tokens", b.tokens},
                                   {"active_x", b.x},
                                   {"active_y", b.y},
                                   {"synaptic_events", b.synaptic_events}});
  out["by_frequency"] = json::array();
  for (const frequency_band& b : all.by_frequency(o.band_count()))
    out["by_frequency"].push_back({{"fastest", b.fastest},
                                   {"slowest", b.slowest},
                                   {"neurons", b.neurons},
                                   {"active_x", b.x},
                                   {"active_y", b.y}});
  return out;
}

std::string as_csv(const observed& r) {
  std::string text = "position,token,text,surprisal_nats,synaptic_events";
  for (const char v : {'x', 'y'})
    for (layer_id l = 1; l <= r.layers; ++l) text += fmt::format(",active_{}_{}", v, l);
  text += "\n";
  for (std::size_t k = 0; k < r.all.tokens().size(); ++k) {
    const token_activity& t = r.all.tokens()[k];
    text += fmt::format("{},{},{},{},{}", t.position, t.token, r.texts[k],
                        std::isnan(t.surprisal) ? "" : fmt::format("{}", t.surprisal),
                        t.synaptic_events);
    for (const auto* shares : {&t.x, &t.y})
      for (double v : *shares) text += fmt::format(",{}", v);
    text += "\n";
  }
  return text;
}

// A text may have too few tokens for the requested bins, and a model too few frequencies.
void note_fewer(const activity_options& o, const observed& r) {
  const auto compare = [](const char* option, const std::optional<std::uint64_t>& wanted,
                          std::size_t got, const char* why) {
    if (wanted && got != 0 && got < *wanted)
      note(fmt::format("bdh: {} {}: {} instead, {}", option, *wanted, got, why));
  };
  compare("--bins", o.bins, r.all.by_surprisal(o.bin_count()).size(),
          "one for each token with a surprisal");
  compare("--bands", o.bands, r.all.by_frequency(o.band_count()).size(),
          "one for each frequency that is known");
}

int activity(const activity_options& o) {
  if (!o.output.empty()) const atomic_file refused_before_the_work(o.output, o.force);
  expect_there(o.subject, "a model, or the folder of a run");
  const bool run = identify(o.subject) == file_kind::run;
  std::error_code failed;
  if (!run && std::filesystem::is_directory(o.subject, failed))
    throw input_error(o.subject, "a folder without run.json", "a model, or the folder of a run");
  const observed r = run ? of_run(o) : of_model(o);
  const int signal = stop_requested();
  if (r.all.tokens().empty()) {
    if (signal == 0) throw input_error(o.subject, "no token", "a text, or a run that read one");
    note("bdh: stopped by a signal before the first token");
    return 128 + signal;
  }
  if (!o.output.empty()) write_text(o.output, as_csv(r));
  note_fewer(o, r);
  print(o.json ? json_text(as_json(r, o), 1) + "\n" : as_text(r, o));
  if (signal != 0)
    note(fmt::format("bdh: stopped by a signal after {} tokens",
                     shown_count(static_cast<double>(r.all.tokens().size()))));
  return signal == 0 ? 0 : 128 + signal;
}

class activity_app final : public command {
 public:
  explicit activity_app(command_line& program)
      : command(program, "activity",
                "Show how many neurons are active, by layer, surprisal and rotation frequency.") {
    command_line& c = arguments_;
    activity_options& o = options_;
    c.add("RUN_OR_MODEL", o.subject, "the folder of a run; or a model, with a text to read")
        .required()
        .type_name("");
    o.input.add_to(c, false);
    add_number<std::uint64_t>(c, "--bins", o.bins, {1, 1000, "1 to 1000"},
                              "of surprisal, with equally many tokens each [10]");
    add_number<std::uint64_t>(c, "--bands", o.bands, {1, 1000, "1 to 1000"},
                              "of rotation frequency, with equally many neurons each [8]");
    c.add("-o,--output", o.output, "every token, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite FILE");
    c.add_flag("--json", o.json, "one JSON object on standard output");
    o.engine.add_to(c, true);
  }
  int run() override { return activity(options_); }

 private:
  activity_options options_;
};

}  // namespace

std::unique_ptr<command> activity_command(command_line& program) {
  return std::make_unique<activity_app>(program);
}

}  // namespace bdh::app
