// bdh export: graphs of a model, and recordings, in the formats of other programs.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/selection.hpp>

#include "apps/analysis/nest_window.hpp"
#include "apps/analysis/recorded_pairs.hpp"
#include "apps/analysis/sigma_rows.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/run_names.hpp"
#include "core/analysis/subgraph.hpp"
#include "core/base/executor.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/graph/graph_export.hpp"
#include "io/model/file_kind.hpp"
#include "io/recording/nwb.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

constexpr double large_export = 1e9;     // bytes
constexpr edge_id many_edges = 200'000;  // above it Gephi and its like fail or fall silent
constexpr range<double> weight_range{0, 3.4e38, "a number >= 0"};
constexpr range<std::uint64_t> hop_count{1, 1000, "1 to 1000"};

struct export_command_options {
  std::string source, target, graph = "gx";
  std::optional<std::string> format, ego, nest;
  std::optional<std::uint64_t> top, at;
  sigma_choice sigma;
  std::optional<neuron_id> community;
  std::optional<double> least;
  std::uint64_t threads = 1, seed = 0;
  bool communities = false, sensory = false, force = false, json = false;
};

constexpr const char* graphs_of_a_model = "Graphs of a model";

graph_kind graph_named(const std::string& text) {
  for (graph_kind g : {graph_kind::gx, graph_kind::gy, graph_kind::gs, graph_kind::sigma})
    if (text == name(g)) return g;
  throw usage_error("--graph", "'" + text + "', expected gx, gy, gs or sigma");
}

// "NEURON" or "NEURON:HOPS"; the name of a neuron may have a colon.
void take_ego(const model& m, const std::string& text, subgraph_request& to) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || m.neuron_named(text)) {
    to.ego = select_neuron(m, text);
    return;
  }
  const auto hops = parse_number(std::string_view(text).substr(colon + 1), hop_count);
  if (!hops)
    throw input_error("--ego", "'" + text + "'", "NEURON or NEURON:HOPS, with 1 to 1000 hops");
  to.ego = select_neuron(m, std::string_view(text).substr(0, colon));
  to.hops = static_cast<std::uint32_t>(*hops);
}

subgraph_request request_of(const export_command_options& o, const model& m) {
  subgraph_request r;
  r.graph = graph_named(o.graph);
  r.sensory = o.sensory;
  r.least = static_cast<float>(o.least.value_or(0));
  r.top = o.top;
  if (o.ego) take_ego(m, *o.ego, r);
  r.after_block = stop_if_requested;
  return r;
}

// In the mean, of models with a few thousand neurons.
double bytes_of_edge(graph_format format) {
  switch (format) {
    case graph_format::graphml:
      return 135;
    case graph_format::gexf:
      return 195;
    case graph_format::csv:
      return 70;
    case graph_format::matrix_market:
      return 23;
    case graph_format::npz:
      return 16;
    default:
      return 76;
  }
}

// Through hubs every pair of neurons has an edge: some questions make sense of the largest alone.
void expect_few_edges(const export_command_options& o, const model& m) {
  if (m.is_direct() || o.top) return;
  if (o.ego)
    throw input_error("--ego",
                      "a model through hubs, in which every neuron is one hop from every other",
                      "the largest edges alone", "add --top-weights 10000");
  if ((o.communities || o.community) && o.least.value_or(0) == 0)
    throw input_error(o.communities ? "--communities" : "--community",
                      "a model through hubs, in which every pair of neurons has an edge",
                      "the largest edges alone", "add --top-weights 10000, or --min-weight W");
}

bool for_programs_that_draw(graph_format f) {
  return f == graph_format::graphml || f == graph_format::gexf || f == graph_format::csv;
}

class export_app final : public command {
 public:
  explicit export_app(command_line& program)
      : command(program, "export",
                "Write a graph of a model, or a recorded run, in the format of another program.") {
    command_line& c = arguments_;
    export_command_options& o = options_;
    o.threads = std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, 1024);
    c.add("SOURCE", o.source, "a model, NAME.bdh.h5, or the folder of a run")
        .required()
        .type_name("");
    c.add("-o", o.target,
          "what to write: .graphml .gexf .csv .mtx .npz, of a whole run .nwb; sonata and nest: a "
          "folder")
        .required()
        .type_name("FILE");
    c.add("--format", o.format,
          "graphml, gexf, csv, matrix-market, npz, sonata, nest or nwb [by the suffix]")
        .type_name("NAME")
        .values({"graphml", "gexf", "csv", "matrix-market", "npz", "sonata", "nest", "nwb"});
    const auto of_graphs = [](option& one) -> option& { return one.group(graphs_of_a_model); };
    of_graphs(
        c.add("--graph", o.graph,
              "gx, gy: the circuits that drive X and Y; gs: the synapses; sigma: their strengths "
              "after a text, from neuron to neuron [gx; of a run its recorded pairs]")
            .type_name("NAME")
            .values({"gx", "gy", "gs", "sigma"}));
    of_graphs(add_number(c, "--top-weights", o.top,
                         range<std::uint64_t>{1, 100'000'000, "1 to 100000000"},
                         "only the K edges of largest |weight|")
                  .type_name("K"));
    of_graphs(add_number(c, "--min-weight", o.least, weight_range, "only edges with |weight| >= W")
                  .type_name("W"));
    of_graphs(c.add("--ego", o.ego,
                    "only what lies within HOPS of a neuron, along edges in either direction; 1 "
                    "hop by default")
                  .type_name("NEURON[:HOPS]"));
    of_graphs(c.add_flag("--communities", o.communities,
                         "nodes have their community (Leiden); 0 is the largest"));
    of_graphs(add_number(c, "--community", o.community,
                         range<neuron_id>{0, 0xfffffffeu, "an integer >= 0"}, "only this community")
                  .type_name("C"));
    of_graphs(add_number(c, "--seed", o.seed, any_count, "of the search for communities [0]"));
    of_graphs(c.add_flag("--sensory", o.sensory,
                         "with the sensory nodes, where these are sources: token:K"));
    o.sigma.add_to(c);
    add_number(c, "--at", o.at, any_count,
               "of a run: the pairs recorded after this token [the last recorded]")
        .type_name("POSITION");
    c.add("--nest", o.nest,
          "of a run of spikes: this window as trains, weights and potentials, JSON")
        .type_name("y:LAYER@TOKEN");
    add_number<std::uint64_t>(c, "--threads", o.threads, {1, 1024, "1 to 1024"},
                              "threads that compute; they change no bit");
    c.add_flag("--force", o.force, "overwrite FILE, and write more than 1 GB");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }

  int run() override {
    const export_command_options& o = options_;
    stop_on_signals();
    try {
      if (o.nest)
        export_nest_window(o.source, *o.nest, o.target, o.force);
      else if (identify(o.source) == file_kind::run)
        of_run();
      else
        of_model();
    } catch (const stopped&) {
      note("bdh: stopped by a signal, nothing was written");
      return 128 + stop_requested();
    }
    return 0;
  }

 private:
  // A name, or empty: then the suffix decides.
  std::string format_name() const {
    const export_command_options& o = options_;
    if (o.format) return *o.format;
    const std::filesystem::path target(o.target);
    if (target.extension() == ".nwb") return "nwb";
    if (const auto known = graph_format_of(target)) return name(*known);
    throw usage_error(
        "-o", "'" + o.target +
                  "', expected a suffix .graphml, .gexf, .csv, .mtx, .npz or .nwb, or --format");
  }

  void of_run() {
    const export_command_options& o = options_;
    if (format_name() != "nwb") return of_recorded_pairs();
    for (const option* one : arguments_.options())
      if (one->group() == graphs_of_a_model && one->given())
        throw usage_error(one->name(), "is for graphs, not for a whole run as nwb");
    if (o.at || o.sigma.layer)
      throw usage_error("--layer and --at", "are for recorded pairs, not for nwb");
    { const atomic_file target(o.target, o.force); }  // refuses before the work, not after it
    const nwb_summary summary =
        export_nwb(run_reader(o.source), o.target, o.force, stop_if_requested);
    for (const std::string& file : summary.left_out)
      note(fmt::format("{}: left out, it has only the largest values of each token",
                       one_line(file)));
    if (o.json)
      return print(json_text(json{{"format", "nwb"},
                                  {"file", o.target},
                                  {"units", summary.units},
                                  {"events", summary.events},
                                  {"series", summary.series},
                                  {"left_out", summary.left_out}},
                             1) +
                   "\n");
    std::string text =
        fmt::format("{} units with {} events", shown_count(static_cast<double>(summary.units)),
                    shown_count(static_cast<double>(summary.events)));
    if (!summary.series.empty())
      text +=
          fmt::format(", series {}", one_line(fmt::format("{}", fmt::join(summary.series, ", "))));
    print(fmt::format("{}; one token is 1 ms\nwrote {}\n", text, o.target));
  }

  void of_model() {
    const export_command_options& o = options_;
    const auto format = graph_format_named(format_name());
    if (format_name() == "nwb") expect_there(o.source, "the folder of a run");
    if (!format)
      throw usage_error("--format",
                        "'" + format_name() +
                            "', expected graphml, gexf, csv, matrix-market, npz, sonata or nest" +
                            (format_name() == "nwb" ? "; nwb is for runs" : ""));
    const bool of_sigma = graph_named(o.graph) == graph_kind::sigma;
    o.sigma.check(of_sigma);
    if (o.at) throw usage_error("--at", "is for the recorded pairs of a run");
    check_target(*format);
    const model m = open_model(o.source);
    expect_few_edges(o, m);
    const auto workers = default_executor(o.threads);
    if (of_sigma)
      write(subgraph(m, o.sigma.rows(m, o.threads), request_of(o, m), *workers), *format,
            fmt::format("{} ({:.12}), layer {}", o.source, m.content_sha256(), *o.sigma.layer));
    else
      write(subgraph(m, request_of(o, m), *workers), *format,
            fmt::format("{} ({:.12})", o.source, m.content_sha256()));
  }

  // The strongest of all pairs of neurons, through hubs too, as the run has recorded them.
  void of_recorded_pairs() {
    export_command_options& o = options_;
    const auto format = graph_format_named(format_name());
    if (!format)
      throw usage_error("--format", "'" + format_name() +
                                        "', expected nwb, or of recorded pairs graphml, gexf, csv, "
                                        "matrix-market, npz, sonata or nest");
    o.sigma.check_of_run();
    if (o.graph != "sigma" && o.graph != "gx")
      throw usage_error("--graph", "'" + o.graph + "', expected sigma: a run has recorded pairs");
    o.graph = "sigma";
    check_target(*format);
    const run_reader run(o.source);
    const model m = model_of(run);
    auto pairs = pairs_of_run(run, m, static_cast<layer_id>(*o.sigma.layer), o.sigma.by_y(), o.at);
    const auto workers = default_executor(o.threads);
    write(subgraph(m, std::move(pairs.rows), request_of(o, m), *workers), *format,
          fmt::format("{} ({:.12}), layer {}, after token {}", o.source, m.content_sha256(),
                      *o.sigma.layer, pairs.position));
  }

  void check_target(graph_format format) const {
    const export_command_options& o = options_;
    if (o.communities && format == graph_format::matrix_market)
      throw usage_error(
          "--communities",
          "Matrix Market holds a matrix alone, expected graphml, gexf, csv, npz, sonata or nest");
    check_export_target(format, o.target, o.force && !is_folder(format));
  }

  void write(subgraph graph, graph_format format, const std::string& about) {
    const export_command_options& o = options_;
    if (o.communities || o.community) graph.find_communities(o.seed);
    if (o.community) graph.keep_community(*o.community);
    if (graph.edges() == 0) expect_empty(graph, format);
    if (graph.edges() > many_edges && for_programs_that_draw(format))
      note(
          fmt::format("{} edges: programs that draw graphs take up to about {}; --top-weights K "
                      "takes the largest",
                      shown_count(static_cast<double>(graph.edges())),
                      shown_count(static_cast<double>(many_edges))));
    expect_size(graph, format);
    not_held_ = bdh::not_held(graph, format);
    for (const std::string& what : not_held_)
      note(fmt::format("bdh: {} does not hold {}: bdh import cannot get that back", name(format),
                       what));
    export_graph(graph, format, o.target, {about, o.force});
    print_summary(graph, format);
  }

  // Refuses what is larger than may have been meant.
  void expect_size(const subgraph& graph, graph_format format) const {
    const double bytes = static_cast<double>(graph.edges()) * bytes_of_edge(format);
    if (bytes <= large_export || options_.force) return;
    throw input_error(
        options_.target,
        fmt::format("{} edges, about {} as {}", shown_count(static_cast<double>(graph.edges())),
                    shown_bytes(static_cast<std::uint64_t>(bytes)), name(format)),
        "at most " + shown_bytes(static_cast<std::uint64_t>(large_export)),
        "--force writes it all the same; --top-weights K takes the largest");
  }

  // A graph without edges is written where that is what the model has, and the format can say so.
  void expect_empty(const subgraph& graph, graph_format format) const {
    const export_command_options& o = options_;
    const subgraph_request& r = graph.request();
    if (r.least > 0 || r.top || r.ego || o.community)
      throw input_error(o.source, "no edges to export", "at least one",
                        "fewer conditions leave more");
    if (is_folder(format) || format == graph_format::npz)
      throw input_error(o.source, "a model without edges in " + o.graph, "at least one",
                        "Matrix Market, CSV, GraphML and GEXF can be empty");
    note("bdh: " + one_line(o.source) + ": " + o.graph + " has no edges");
  }

  void print_summary(const subgraph& graph, graph_format format) const {
    const export_command_options& o = options_;
    if (o.json) {
      json all{{"format", name(format)},        {"file", o.target},       {"graph", o.graph},
               {"nodes", graph.nodes().size()}, {"edges", graph.edges()}, {"not_held", not_held_}};
      if (!graph.community().empty()) {
        all["communities"] = graph.communities();
        all["modularity"] = graph.modularity();
      }
      return print(json_text(all, 1) + "\n");
    }
    std::string text = fmt::format("{}: {} nodes, {} edges, source -> target\n", o.graph,
                                   shown_count(static_cast<double>(graph.nodes().size())),
                                   shown_count(static_cast<double>(graph.edges())));
    if (!graph.community().empty())
      text += fmt::format("{} communities, modularity {:.3f}\n", shown_count(graph.communities()),
                          graph.modularity());
    print(text + fmt::format("wrote {}\n", o.target));
  }

  export_command_options options_;
  std::vector<std::string> not_held_;
};

}  // namespace

std::unique_ptr<command> export_command(command_line& program) {
  return std::make_unique<export_app>(program);
}

}  // namespace bdh::app
