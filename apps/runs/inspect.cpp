// bdh inspect: what a run recorded, and the course of a synapse or a neuron.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/terminal_plot.hpp"
#include "apps/runs/run_names.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* neuron_prefix = "neuron:";

struct inspect_options {
  std::string run, what;
  std::optional<layer_id> layer;
  bool by_y = false, amplitude = false;
  bool csv = false, plot = false, json = false;
};

std::string dumped(const json& all) { return json_text(all, 1) + "\n"; }

// ---- what there is

json described(const run_reader& run, const listed_recording& r) {
  json all{{"file", r.file}, {"request", r.request}, {"layer", r.layer}, {"every", r.every}};
  try {
    const recording_reader reader = run.open(r);
    all["rows"] = reader.rows();
    if (reader.what().width != 0) all["values"] = reader.what().width;
    if (reader.rows() != 0)
      all["positions"] = {reader.position(0), reader.position(reader.rows() - 1)};
  } catch (const error& e) {
    all["error"] = e.what();
  }
  return all;
}

std::vector<std::string> checkpoints_of(const run_reader& run) {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(run.folder, failed), end; !failed && at != end;
       at.increment(failed))
    if (const std::string name = at->path().filename();
        name.starts_with("checkpoint-") && name.ends_with(".h5"))
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string entry(const std::string& what, const std::string& value) {
  return fmt::format("{:16}{}\n", what, one_line(value));
}

std::string text_of(const json& report) {
  const std::string layer =
      report["layer"] == 0 ? "" : fmt::format(", layer {}", report["layer"].get<layer_id>());
  std::string text = fmt::format("{}{}: ", report["request"].get<std::string>(), layer);
  if (report.contains("error")) return text + report["error"].get<std::string>();
  text += fmt::format("{} rows", report["rows"].get<std::uint64_t>());
  if (report.contains("values"))
    text += fmt::format(" of {} values", report["values"].get<std::uint64_t>());
  if (report.contains("positions"))
    text += fmt::format(", positions {} to {}", report["positions"][0].get<std::uint64_t>(),
                        report["positions"][1].get<std::uint64_t>());
  return text;
}

std::string model_hash(const run_reader& run) {
  return run.model_sha256.empty() ? "unknown" : run.model_sha256;
}

void list_recorded(const inspect_options& o, const run_reader& run) {
  json all{{"run", o.run},
           {"status", name(run.status)},
           {"tokens", run.tokens.size()},
           {"first_position", run.first},
           {"model", json::parse(run.json)["model"]}};
  const auto interventions = run.options.find("interventions");
  all["interventions"] =
      interventions == run.options.end() ? json::array() : json::parse(interventions->second);
  all["checkpoints"] = checkpoints_of(run);
  all["reports"] = json::array();
  for (const listed_recording& r : run.recordings) all["reports"].push_back(described(run, r));
  for (const listed_recording& r : run.trains)
    all["trains"].push_back({{"file", r.file}, {"request", r.request}});
  if (o.json) return print(dumped(all));

  std::string text = entry("run", o.run) + entry("status", name(run.status));
  text +=
      entry("tokens", run.tokens.empty() ? "none"
                                         : fmt::format("{}, positions {} to {}", run.tokens.size(),
                                                       run.first, run.end() - 1));
  text += entry("model", fmt::format("{} neurons, {} layers, hash {}", run.neurons, run.layers,
                                     model_hash(run)));
  for (const auto& i : all["interventions"])
    text += entry("intervention", i.is_string() ? i.get<std::string>() : json_text(i));
  for (const std::string name : all["checkpoints"]) text += entry("checkpoint", name);
  for (const listed_recording& r : run.trains)
    text +=
        fmt::format("{:24}{}; bdh spike-stats shows them\n", one_line(r.file), one_line(r.request));
  if (run.recordings.empty())
    text += entry("recordings", "none; summary.csv has the active shares of each token");
  for (const json& r : all["reports"])
    text += fmt::format("{:24}{}\n", one_line(r["file"].get<std::string>()), one_line(text_of(r)));
  print(text);
}

// ---- courses

// Columns of one table: of a synapse its strength, of a neuron X and Y.
struct table {
  std::string subject;               // "synapse 3->7"
  std::vector<std::string> columns;  // "strength"; "x", "y"
  std::vector<std::string> notes;
  // Layer by layer, [column]: the course, or none.
  std::map<layer_id, std::vector<const time_series*>> layers;
};

class series_values {
 public:
  explicit series_values(const time_series* c) : course_(c) {}
  // Of a position; positions ascend from call to call. Nothing: not recorded there, or not known.
  std::optional<float> at(std::uint64_t position) {
    if (course_ == nullptr) return std::nullopt;
    while (at_ < course_->positions.size() && course_->positions[at_] < position) ++at_;
    const bool found = at_ < course_->positions.size() && course_->positions[at_] == position &&
                       !std::isnan(course_->values[at_]);
    return found ? std::optional(course_->values[at_]) : std::nullopt;
  }

 private:
  const time_series* course_;
  std::size_t at_ = 0;
};

// Calls use(position, layer, values of each column) for each position that any course of the layer
// has, in order of positions, then layers.
using use_row =
    std::function<void(std::uint64_t, layer_id, const std::vector<std::optional<float>>&)>;
void for_each_row(const table& t, const use_row& use) {
  std::map<layer_id, std::vector<series_values>> readers;
  std::map<layer_id, std::set<std::uint64_t>> recorded;
  std::set<std::uint64_t> positions;
  for (const auto& [layer, series] : t.layers)
    for (const time_series* c : series) {
      readers[layer].emplace_back(c);
      if (c == nullptr) continue;
      recorded[layer].insert(c->positions.begin(), c->positions.end());
      positions.insert(c->positions.begin(), c->positions.end());
    }
  for (std::uint64_t position : positions)
    for (auto& [layer, columns] : readers) {
      if (!recorded[layer].contains(position)) continue;
      std::vector<std::optional<float>> values;
      for (series_values& c : columns) values.push_back(c.at(position));
      use(position, layer, values);
    }
}

const std::string& text_at(const run_reader& run, std::uint64_t position) {
  return run.texts[position - run.first];
}

std::string in_csv(const run_reader& run, const table& t) {
  std::string text = "position,token,text,layer";
  for (const std::string& c : t.columns) text += "," + c;
  text += "\n";
  for_each_row(t, [&](std::uint64_t position, layer_id layer, const auto& values) {
    text += fmt::format("{},{},{},{}", position, run.tokens[position - run.first],
                        csv_quoted(one_line(text_at(run, position))), layer);
    for (const auto& v : values) text += v ? fmt::format(",{}", *v) : ",";
    text += "\n";
  });
  return text;
}

std::string in_lines(const run_reader& run, const table& t) {
  std::string text = t.subject + "\n";
  for (const std::string& n : t.notes) text += n + "\n";
  text += fmt::format("{:>10}  {:10} {:>5}", "position", "token", "layer");
  for (const std::string& c : t.columns) text += fmt::format(" {:>15}", c);
  text += "\n";
  for_each_row(t, [&](std::uint64_t position, layer_id layer, const auto& values) {
    const std::string& token = text_at(run, position);
    text += fmt::format("{:>10}  {:10} {:>5}", position,
                        token.empty() ? std::to_string(run.tokens[position - run.first])
                                      : "'" + one_line(token) + "'",
                        layer);
    for (const auto& v : values) text += fmt::format(" {:>15}", v ? fmt::format("{}", *v) : "-");
    text += "\n";
  });
  return text;
}

json in_json(const run_reader& run, const table& t) {
  json all{{"subject", t.subject}, {"rows", json::array()}};
  for_each_row(t, [&](std::uint64_t position, layer_id layer, const auto& values) {
    json row{{"position", position},
             {"token", run.tokens[position - run.first]},
             {"text", text_at(run, position)},
             {"layer", layer}};
    for (std::size_t k = 0; k < values.size(); ++k)
      row[t.columns[k]] = values[k] ? json(*values[k]) : json();
    all["rows"].push_back(std::move(row));
  });
  return all;
}

std::string in_plots(const run_reader& run, const table& t, std::size_t width) {
  std::string text = t.subject + "\n";
  for (const std::string& n : t.notes) text += n + "\n";
  for (const auto& [layer, series] : t.layers)
    for (std::size_t k = 0; k < series.size(); ++k) {
      if (series[k] == nullptr) continue;
      token_plot plot;
      plot.positions = series[k]->positions;
      plot.values.assign(series[k]->values.begin(), series[k]->values.end());
      for (std::uint64_t p : plot.positions)
        plot.labels.push_back(token_label(text_at(run, p), run.tokens[p - run.first]));
      const bool zero =
          std::all_of(plot.values.begin(), plot.values.end(), [](double v) { return v == 0; });
      text += fmt::format("\n{}, layer {}{}\n", t.columns[k], layer, zero ? ": 0 throughout" : "");
      if (!zero) text += drawn(plot, width);
    }
  return text;
}

// What was recorded instead, by requests.
[[noreturn]] void refuse(const inspect_options& o, const run_reader& run,
                         const std::string& subject, const std::string& hint) {
  std::set<std::string> kinds;
  for (const listed_recording& r : run.recordings) kinds.insert(r.request);
  std::string recorded;
  for (const std::string& kind : kinds) recorded += (recorded.empty() ? "" : "; ") + one_line(kind);
  throw input_error(
      o.run,
      "nothing recorded of " + subject + (o.layer ? fmt::format(" in layer {}", *o.layer) : ""),
      recorded.empty() ? "a run with recordings" : "what was: " + recorded, hint);
}

table synapse_table(const inspect_options& o, const run_reader& run,
                    std::vector<time_series>& series) {
  const run_names names(run);
  const synapse_name synapse = names.synapse(o.what);
  const std::string shown = o.amplitude ? names.shown_turning(synapse) : names.shown(synapse);
  table t{
      (o.amplitude ? "synapses " : "synapse ") + one_line(shown) + (o.by_y ? " by factor Y" : ""),
      {o.amplitude ? "amplitude" : "strength"},
      {},
      {}};
  series = course_of(run, names, synapse, {o.layer, o.by_y, o.amplitude});
  if (series.empty()) {
    const std::string partner = names.shown({synapse.pre ^ 1, synapse.post, synapse.to_hub});
    const std::string request = "synapses:" + one_line(o.what) +
                                (o.amplitude ? "," + one_line(partner) : "") +
                                (o.by_y ? " factor y" : "");
    refuse(o, run, t.subject,
           names.subject() != nullptr
               ? "bdh run --record '" + request + "'"
               : "in snapshots and top lists it would take the model: " + names.missing());
  }
  for (const time_series& c : series) {
    t.layers[c.layer] = {&c};
    if (c.since != 0)
      t.notes.push_back(fmt::format(
          "layer {}: a probe, which knows nothing of the tokens before {}", c.layer, c.since));
  }
  return t;
}

table neuron_table(const inspect_options& o, const run_reader& run,
                   std::vector<time_series>& series) {
  const run_names names(run);
  const neuron_id neuron =
      names.neuron(o.what.substr(std::char_traits<char>::length(neuron_prefix)));
  table t{"neuron " + one_line(names.shown(neuron)), {"x", "y"}, {}, {}};
  series = neuron_series(run, neuron, o.layer);
  if (series.empty()) refuse(o, run, t.subject, "bdh run --record events");
  for (const time_series& c : series) {
    auto& columns = t.layers[c.layer];
    columns.resize(2, nullptr);
    columns[c.what == quantity::y ? 1 : 0] = &c;
  }
  return t;
}

class inspect_app final : public command {
 public:
  explicit inspect_app(command_line& program)
      : command(program, "inspect",
                "Show what a run recorded, or the course of a synapse or a neuron in it.") {
    command_line& c = arguments_;
    inspect_options& o = options_;
    c.add("RUN", o.run, "the folder of a run").required().type_name("");
    c.add("WHAT", o.what, "a synapse I->J, or neuron:K [all that is recorded]")
        .type_name("")
        .check([](const std::string& what) {
          const bool known = what.starts_with(neuron_prefix) || what.find("->") != what.npos;
          return known ? std::string() : "'" + what + "', expected I->J or neuron:K";
        });
    add_number<layer_id>(c, "--layer", o.layer,
                         {1, std::numeric_limits<layer_id>::max(), "an integer >= 1"},
                         "only this layer [all]")
        .type_name("L");
    c.add_flag("--by-y", o.by_y, "of a synapse: as recorded by `factor y`, the paper's Eq. 16");
    c.add_flag("--amplitude", o.amplitude,
               "of a synapse: the size of it and of its rotation partner's, which does not turn");
    c.add_flag("--csv", o.csv, "comma-separated values on standard output");
    c.add_flag("--plot", o.plot, "draw it, the tokens on the axis");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override {
    const inspect_options& o = options_;
    if (o.csv + o.plot + o.json > 1)
      throw usage_error("--csv, --plot and --json", "only one of them");
    if (o.what.empty() && (o.csv || o.plot || o.layer))
      throw usage_error("--csv, --plot and --layer", "need a synapse or a neuron");
    if (o.amplitude && o.what.find("->") == o.what.npos)
      throw usage_error("--amplitude", "needs a synapse, I->J");
    const run_reader recorded(o.run);
    if (o.what.empty()) return list_recorded(o, recorded), 0;
    if (o.layer && *o.layer > recorded.layers)
      throw input_error("--layer", std::to_string(*o.layer),
                        "1 to " + std::to_string(recorded.layers));
    std::vector<time_series> series;
    const table t = o.what.starts_with(neuron_prefix) ? neuron_table(o, recorded, series)
                                                      : synapse_table(o, recorded, series);
    if (o.csv)
      print(in_csv(recorded, t));
    else if (o.json)
      print(dumped(in_json(recorded, t)));
    else
      print(o.plot ? in_plots(recorded, t, output_width()) : in_lines(recorded, t));
    return 0;
  }

 private:
  inspect_options options_;
};

}  // namespace

std::unique_ptr<command> inspect_command(command_line& program) {
  return std::make_unique<inspect_app>(program);
}

}  // namespace bdh::app
