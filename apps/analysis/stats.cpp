// bdh stats: the structure of a model's graphs: degrees, signs, reciprocity, cores, communities.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/analysis/recorded_pairs.hpp"
#include "apps/analysis/sigma_rows.hpp"
#include "apps/analysis/structure_analysis.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/run_names.hpp"
#include "core/model/circuit_matrix.hpp"
#include "graph/structure/weight_histogram.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {
namespace {

constexpr double default_share = 0.01;  // of the pairs, where every pair has a weight
// seconds, of a pass over an explicit edge, measured on one core of a server of 2023
constexpr double edge_cost = 1e-8;
constexpr std::size_t most_thresholds = 100;

struct stats_options {
  std::string model, graph = "gx", head = "all", neurons;
  std::vector<double> beta, keep, top;
  std::optional<std::uint64_t> at;
  analysis_options analysis;
  std::uint64_t threads = 1;
  bool json = false, force = false;
  sigma_choice sigma;
};

weight_matrix rows_of(const model& m, const stats_options& o) {
  if (o.graph == "sigma") return o.sigma.rows(m, o.threads);
  if (o.graph != "gs")
    return circuit_matrix(m, o.graph == "gx" ? circuit::gx : circuit::gy).with_sources(m.neurons());
  if (!m.is_direct())
    throw unavailable_error(o.model,
                            "a model through hubs, whose synapses connect all pairs at rate 1",
                            "explicit edges for --graph gs");
  return weight_matrix::of_edges(m.direct().gs);
}

// "all", "each", "2" or "0->2".
std::vector<chosen_window> windows_of(const model& m, const std::string& head) {
  const neuron_id n = m.neurons();
  if (head == "all") return {{head, {0, n, 0, n}}};
  const auto of = [&](head_id from, head_id to) {
    return chosen_window{from == to ? std::to_string(from) : fmt::format("{}->{}", from, to),
                         neuron_window::of_heads(m.neurons_per_head(), from, to)};
  };
  std::vector<chosen_window> windows;
  if (head == "each") {
    for (head_id from = 0; from < m.heads(); ++from)
      for (head_id to = 0; to < m.heads(); ++to) windows.push_back(of(from, to));
    return windows;
  }
  const std::size_t arrow = head.find("->");
  const range<std::uint64_t> legal{0, m.heads() - 1, ""};
  const auto from = parse_number(std::string_view(head).substr(0, arrow), legal);
  const auto to = arrow == std::string::npos
                      ? from
                      : parse_number(std::string_view(head).substr(arrow + 2), legal);
  if (!from || !to)
    throw input_error(
        "--head", "'" + head + "'",
        fmt::format("all, each, a head from 0 to {}, or two of them as in 0->0", m.heads() - 1));
  return {of(static_cast<head_id>(*from), static_cast<head_id>(*to))};
}

class stats_app final : public command {
 public:
  explicit stats_app(command_line& program)
      : command(program, "stats",
                "Show the structure of a model's graphs: degrees, signs, reciprocity, cores, "
                "communities.") {
    command_line& c = arguments_;
    stats_options& o = options_;
    constexpr range<double> any_weight{0, 3e38, "a weight >= 0"},
        share{std::numeric_limits<double>::min(), 1, "0 < share <= 1"};
    c.add("SOURCE", o.model, "a model, NAME.bdh.h5, or the folder of a run with recorded pairs")
        .required()
        .type_name("");
    c.add("--graph", o.graph,
          "gx, gy; gs, the rates of the synapses; or sigma, their strengths after a text [gx]")
        .type_name("G")
        .one_of({"gx", "gy", "gs", "sigma"});
    c.add("--head", o.head,
          "all; a head, from 0 on; 0->1: from head 0 to head 1; or each: all of these one by one "
          "[all]")
        .type_name("H");
    add_list(c, "--beta", o.beta, any_weight, "edges are the pairs with |weight| > B")
        .type_name("B,...");
    add_list(c, "--keep", o.keep, share,
             "B such that this share of all pairs are edges [0.01; explicit edges: --beta 0]")
        .type_name("SHARE,...");
    add_list(c, "--top-weights", o.top, {1, 1e12, "1 to 1e12"},
             "B such that at most K pairs are edges, the strongest")
        .type_name("K,...");
    analysis_options& a = o.analysis;
    c.add_flag("--modularity", a.modularity,
               "communities by Leiden and by Louvain, and by both signs");
    add_number<std::uint32_t>(
        c, "--nulls", a.nulls, {1, 1000, "1 to 1000"},
        "with --modularity: also of N random graphs, N rewired ones with every degree kept, and N "
        "Gaussian products; z and p");
    add_number<std::uint32_t>(c, "--rewired", a.rewired, {1, 1000, "1 to 1000"},
                              "reciprocity, rich club and triangles against those of N graphs, "
                              "rewired with every degree kept; z and p");
    add_number<std::uint32_t>(c, "--fit-p", a.tail_samples, {1, 100000, "1 to 100000"},
                              "p values of the power laws, from N samples");
    c.add_flag("--triangles", a.triangles, "triangles and clustering");
    c.add("--neurons", o.neurons, "write a line for each neuron").type_name("FILE.csv");
    c.add_flag("--force", o.force, "overwrite FILE.csv");
    add_number(c, "--seed", a.seed, any_count, "of everything random [0]");
    o.threads = std::clamp(std::thread::hardware_concurrency(), 1u, 1024u);
    add_number<std::uint64_t>(
        c, "--threads", o.threads, {1, 1024, "1 to 1024"},
        fmt::format("threads that compute; they change no bit [{}]", o.threads));
    o.sigma.add_to(c);
    add_number(c, "--at", o.at, any_count,
               "of a run: the pairs recorded after this token [the last recorded]")
        .type_name("POSITION");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }

  int run() override {
    const bool of_run = identify(options_.model) == file_kind::run;
    check(of_run);
    stop_on_signals();
    try {
      std::optional<run_reader> run;
      if (of_run) run.emplace(options_.model);
      const model m = run ? model_of(*run) : open_model(options_.model);
      const std::vector<chosen_window> windows = windows_of(m, options_.head);
      if (!options_.neurons.empty() && windows.size() > 1)
        throw usage_error("--neurons", "needs one --head");
      const weight_matrix rows = run ? rows_of_run(*run, m) : rows_of(m, options_);
      const std::vector<structure_summary> all = analyse(m, rows, windows);
      if (!options_.neurons.empty()) write_neurons(all.front(), m);
      print(options_.json ? json_text(json(m, all), 1) + "\n" : text(m, all));
      return 0;
    } catch (const stopped&) {
      note("bdh: stopped by a signal");
      return 128 + stop_requested();
    }
  }

 private:
  static option& add_list(command_line& c, const std::string& name, std::vector<double>& to,
                          range<double> legal, const std::string& help) {
    const auto take = [&to, name, legal](const std::string& list) {
      to.clear();
      for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        const auto value = parse_number(std::string_view(list).substr(at, comma - at), legal);
        if (!value)
          throw usage_error(
              name, "'" + list + "', expected " + legal.text + ", several with commas between");
        to.push_back(*value);
        at = comma + 1;
      }
      if (to.size() > most_thresholds)
        throw usage_error(
            name, fmt::format("{} values, expected at most {}", to.size(), most_thresholds));
    };
    return c.add_value(name, take, help);
  }

  void check(bool of_run) {
    stats_options& o = options_;
    if (of_run)
      o.sigma.check_of_run(), o.graph = "sigma";
    else
      o.sigma.check(o.graph == "sigma");
    if (o.at && !of_run) throw usage_error("--at", "is for the recorded pairs of a run");
    if (!o.beta.empty() + !o.keep.empty() + !o.top.empty() > 1)
      throw usage_error("--keep and --top-weights",
                        "choose what --beta states, expected one of them");
    if (o.analysis.nulls != 0 && !o.analysis.modularity)
      throw usage_error("--nulls", "needs --modularity");
    if (o.force && o.neurons.empty()) throw usage_error("--force", "needs --neurons");
    if (!o.neurons.empty() && std::max({o.beta.size(), o.keep.size(), o.top.size()}) > 1)
      throw usage_error("--neurons", "needs one --beta, --keep or --top-weights");
    if (!o.neurons.empty())
      const atomic_file target(o.neurons, o.force);  // refuses before the work, not after it
  }

  weight_matrix rows_of_run(const run_reader& run, const model& m) {
    auto pairs = pairs_of_run(run, m, static_cast<layer_id>(*options_.sigma.layer),
                              options_.sigma.by_y(), options_.at);
    options_.at = pairs.position;
    return std::move(pairs.rows);
  }

  std::vector<structure_summary> analyse(const model& m, const weight_matrix& rows,
                                         const std::vector<chosen_window>& windows) {
    const std::unique_ptr<executor> work = default_executor(options_.threads);
    std::vector<double> beta = options_.beta, keep = options_.keep;
    if (beta.empty() && keep.empty() && options_.top.empty())
      rows.is_complete() ? keep.push_back(default_share) : beta.push_back(0);
    estimate_time(rows, windows, beta, keep);
    std::vector<structure_summary> all;
    for (const chosen_window& w : windows) {
      const auto add = [&](float at) {
        all.push_back(bdh::app::analyse(options_.analysis, m, rows, *work, w, at));
      };
      for (const double b : beta) add(static_cast<float>(b));
      if (keep.empty() && options_.top.empty()) continue;
      const weight_histogram sizes(rows, w.window, *work, stop_if_requested);
      for (const double share : keep)
        add(sizes.threshold(static_cast<std::uint64_t>(std::floor(share * w.window.pairs())),
                            sign::both));
      for (const double count : options_.top)
        add(sizes.threshold(static_cast<std::uint64_t>(std::floor(count)), sign::both));
    }
    return all;
  }

  // Going through the weights of a large model takes longest. Where they are computed, a few of
  // them give an estimate.
  void estimate_time(const weight_matrix& rows, const std::vector<chosen_window>& windows,
                     const std::vector<double>& beta, const std::vector<double>& keep) const {
    double targets = 0;
    for (const chosen_window& w : windows) targets += w.window.targets;
    const std::size_t found = keep.size() + options_.top.size();
    const double passes = static_cast<double>(beta.size() + found + (found == 0 ? 0 : 1)),
                 weights = passes * rows.weights() * targets / rows.targets();
    const double seconds = weights * (rows.is_complete() ? seconds_a_weight(rows) : edge_cost) /
                           static_cast<double>(options_.threads);
    if (seconds > 1)
      note(fmt::format("{} weights to go through: {}", shown_count(weights),
                       shown_estimate(seconds)));
  }

  static double seconds_a_weight(const weight_matrix& rows) {
    std::size_t weights = 0;
    const stopwatch watch;
    rows.visit(rows.blocks() / 2, [&](const weight_row& row) { weights += row.weights.size(); });
    return watch.seconds() / static_cast<double>(std::max<std::size_t>(1, weights));
  }

  void write_neurons(const structure_summary& r, const model& m) const {
    write_text(options_.neurons, csv_of(r, m));
  }

  nlohmann::ordered_json json(const model& m, const std::vector<structure_summary>& all) const {
    nlohmann::ordered_json j = {{"model", options_.model},
                                {"graph", options_.graph},
                                {"neurons", m.neurons()},
                                {"heads", m.heads()},
                                {"seed", options_.analysis.seed}};
    if (options_.graph == "sigma")
      j.update({{"layer", *options_.sigma.layer}, {"factor", options_.sigma.by_y() ? "y" : "w"}});
    if (options_.at) j["after_token"] = *options_.at;
    for (const structure_summary& r : all) j["results"].push_back(json_of(r, m.heads()));
    return j;
  }

  std::string text(const model& m, const std::vector<structure_summary>& all) const {
    std::string graph = "G" + options_.graph.substr(1);
    if (options_.graph == "sigma")
      graph = fmt::format("Synapses of layer {}", *options_.sigma.layer);
    if (options_.at) graph += fmt::format(" after token {}", *options_.at);
    std::string text =
        fmt::format("{} of {}: {} neurons, {} head{}\n", graph, one_line(options_.model),
                    m.neurons(), m.heads(), m.heads() == 1 ? "" : "s");
    for (const structure_summary& r : all) text += "\n" + text_of(r, m.heads());
    if (all.size() > 1) text += "\n" + bdh::app::summary_of(all);
    return text;
  }

  stats_options options_;
};

}  // namespace

std::unique_ptr<command> stats_command(command_line& program) {
  return std::make_unique<stats_app>(program);
}

}  // namespace bdh::app
