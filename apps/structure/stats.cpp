// bdh stats: the structure of a model's graphs: degrees, signs, reciprocity, cores, communities.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "apps/console.hpp"
#include "apps/options.hpp"
#include "apps/signals.hpp"
#include "apps/structure/sigma_rows.hpp"
#include "apps/structure/structure_report.hpp"
#include "core/base/error.hpp"
#include "core/base/random.hpp"
#include "core/structure.hpp"
#include "io/atomic_file.hpp"
#include "io/csv.hpp"

namespace bdh::app {
namespace {

constexpr double default_share = 0.01;            // of the pairs, where every pair has a weight
constexpr double most_reciprocity_bytes = 1.2e9;  // for graphs with too many edges to keep one by one
// Seconds, measured on one core of a server of 2023: Leiden and Louvain a link, Leiden alone, and a step of the search for triangles.
constexpr double communities_cost = 2e-5, leiden_cost = 1e-5, triangle_cost = 1e-8;
constexpr std::size_t most_thresholds = 100;

struct stats_options {
  std::string model, graph = "gx", head = "all", neurons;
  std::vector<double> beta, keep;
  std::optional<std::uint64_t> tail_samples, nulls;
  std::uint64_t seed = 0, threads = 1;
  bool modularity = false, triangles = false, json = false, force = false;
  sigma_choice sigma;
};

class stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

std::string about(double seconds) { return seconds < 1 ? "less than 1 s" : "about " + shown_seconds(std::ceil(seconds)); }

weight_rows rows_of(const model& m, const stats_options& o) {
  if (o.graph == "sigma") return o.sigma.rows(m, o.threads);
  if (o.graph != "gs") return weight_rows::of_circuit(m, o.graph == "gx" ? circuit::gx : circuit::gy).with_sources(m.neurons());
  if (!m.is_direct())
    throw unavailable_error(o.model, "a model through hubs, whose synapses connect all pairs at rate 1", "explicit edges for --graph gs");
  return weight_rows::of_edges(m.direct().gs);
}

struct asked_window {
  std::string name;
  neuron_window window;
};

// "all", "each", "2" or "0->2".
std::vector<asked_window> windows_of(const model& m, const std::string& head) {
  const neuron_id n = m.neurons();
  if (head == "all") return {{head, {0, n, 0, n}}};
  const auto of = [&](head_id from, head_id to) {
    return asked_window{from == to ? std::to_string(from) : fmt::format("{}->{}", from, to),
                        neuron_window::of_heads(m.neurons_per_head(), from, to)};
  };
  std::vector<asked_window> windows;
  if (head == "each") {
    for (head_id from = 0; from < m.heads(); ++from)
      for (head_id to = 0; to < m.heads(); ++to) windows.push_back(of(from, to));
    return windows;
  }
  const std::size_t arrow = head.find("->");
  const range<std::uint64_t> legal{0, m.heads() - 1, ""};
  const auto from = parse_number(std::string_view(head).substr(0, arrow), legal);
  const auto to = arrow == std::string::npos ? from : parse_number(std::string_view(head).substr(arrow + 2), legal);
  if (!from || !to)
    throw input_error("--head", "'" + head + "'", fmt::format("all, each, a head from 0 to {}, or two of them as in 0->0", m.heads() - 1));
  return {of(static_cast<head_id>(*from), static_cast<head_id>(*to))};
}

// One window at one threshold.
class analysis {
 public:
  analysis(const stats_options& o, const model& m, const weight_rows& rows, executor& work, const asked_window& where, float beta)
      : o_(o), m_(m), rows_(rows), work_(work), window_(where.window) {
    report_.head = where.name;
    report_.tail_samples = static_cast<std::uint32_t>(o.tail_samples.value_or(0));
    report_.graph = cut(rows, window_, {beta, beta}, work,
                        {.neurons_per_head = where.name == "all" && m.heads() > 1 ? m.neurons_per_head() : 0}, stop_if_requested);
  }

  structure_report run() {
    count_answered();
    const bool listed = report_.graph.excitatory_edges.has_value();
    if (!listed)
      note(
          fmt::format("{} edges are too many to look at one by one: no components, cores, rich club or communities; at most {}, by a "
                      "larger --beta or a smaller --keep",
                      edges(sign::both), shown_count(static_cast<double>(cut_options().most_edges))));
    for (const sign s : {sign::excitatory, sign::inhibitory, sign::both}) add(s);
    report_.graph.excitatory_edges.reset();
    report_.graph.inhibitory_edges.reset();
    return std::move(report_);
  }

 private:
  std::uint64_t edges(sign s) const {
    const cut_graph& g = report_.graph;
    return (s != sign::inhibitory ? g.excitatory.edges : 0) + (s != sign::excitatory ? g.inhibitory.edges : 0);
  }

  void count_answered() {
    if (!window_.same_neurons()) return;  // nothing leads back
    if (report_.graph.excitatory_edges)
      answered_ = answered_in(report_.graph);
    else if (answered_bytes(window_) <= most_reciprocity_bytes)
      answered_ = answered_in(rows_, window_, report_.graph.at, work_, stop_if_requested);
  }

  degree_list degrees(sign s, std::vector<std::uint32_t> sign_sums::*which, neuron_id first, neuron_id count) const {
    const cut_graph& g = report_.graph;
    degree_list d(count);
    for (neuron_id i = 0; i < count; ++i)
      d[i] =
          (s != sign::inhibitory ? (g.excitatory.*which)[first + i] : 0) + (s != sign::excitatory ? (g.inhibitory.*which)[first + i] : 0);
    return d;
  }

  degree_report report_of(const degree_list& degrees) {
    const stopwatch watch;
    degree_report d{bdh::summary_of(degrees), fit_tail(degrees, stop_if_requested), {}};
    fit_seconds_ += watch.seconds();
    return d;
  }

  void find_p(degree_report& d, const degree_list& degrees) const {
    if (d.tail && o_.tail_samples) d.tail_p = tail_p_value(degrees, *d.tail, report_.tail_samples, o_.seed, stop_if_requested);
  }

  void add(sign s) {
    part_report p;
    p.name = s == sign::excitatory ? "excitatory" : s == sign::inhibitory ? "inhibitory" : "both";
    p.edges = edges(s);
    const cut_graph& g = report_.graph;
    p.self_loops = (s != sign::inhibitory ? g.excitatory.self_loops : 0) + (s != sign::excitatory ? g.inhibitory.self_loops : 0);
    // A window from one head to another has nodes that only send and nodes that only receive.
    const degree_list in = degrees(s, &sign_sums::in_edges, window_.node_of_target(window_.first_target), window_.targets),
                      out = degrees(s, &sign_sums::out_edges, 0, window_.sources);
    fit_seconds_ = 0;
    p.in = report_of(in);
    p.out = report_of(out);
    if (answered_) {
      const std::uint64_t mutual = s == sign::excitatory   ? answered_->excitatory
                                   : s == sign::inhibitory ? answered_->inhibitory
                                                           : answered_->excitatory + answered_->inhibitory + 2 * answered_->mixed;
      p.mutual = reciprocity_of(mutual, p.edges, window_.nodes());
    }
    std::optional<network> graph;
    if (g.excitatory_edges)
      graph.emplace(s == sign::excitatory   ? *g.excitatory_edges
                    : s == sign::inhibitory ? *g.inhibitory_edges
                                            : united(*g.excitatory_edges, *g.inhibitory_edges),
                    stop_if_requested);
    tell_time(p.name, graph ? &*graph : nullptr);
    find_p(p.in, in);
    find_p(p.out, out);
    if (graph) p.links = links_of(*graph, s);
    report_.parts.push_back(std::move(p));
  }

  // What was asked for and takes long.
  void tell_time(const std::string& name, const network* graph) const {
    std::string text;
    const auto add = [&](const std::string& what, double seconds) { text += (text.empty() ? "" : ", ") + what + " " + about(seconds); };
    if (o_.tail_samples) add(fmt::format("p values of {} samples", *o_.tail_samples), fit_seconds_ * static_cast<double>(*o_.tail_samples));
    const double links = graph ? static_cast<double>(graph->links()) : 0;
    if (graph && o_.triangles) add("triangles", graph->triangle_work() * triangle_cost);
    if (graph && o_.modularity) add("modularity", links * communities_cost);
    if (graph && o_.nulls) {
      const double kinds = m_.hubs() != 0 ? 2 : 1;
      add(fmt::format("{} nulls of modularity", *o_.nulls), static_cast<double>(*o_.nulls) * kinds * links * leiden_cost);
    }
    if (!text.empty()) note(fmt::format("{}: {}", name, text));
  }

  links_report links_of(const network& graph, sign s) {
    links_report l;
    l.links = graph.links();
    l.weak = graph.weak();
    l.strong = graph.strong();
    l.coreness = graph.coreness();
    l.clubs = graph.rich_clubs();
    if (o_.triangles) l.triangles = graph.triangles();
    if (!o_.modularity || graph.links() == 0) return l;
    stop_if_requested();
    l.modularity.emplace();
    l.modularity->leiden = *graph.leiden(o_.seed);
    stop_if_requested();
    l.modularity->louvain = *graph.louvain(o_.seed);
    for (std::uint64_t i = 0; i < o_.nulls.value_or(0); ++i) add_nulls(l.modularity->nulls, s, i);
    return l;
  }

  void add_nulls(null_report& to, sign s, std::uint64_t number) {
    const auto leiden = [&](const edge_set& g) {
      stop_if_requested();
      const auto found = network(g, stop_if_requested).leiden(o_.seed);
      return found ? found->modularity : 0;
    };
    const neuron_id sources = window_.same_neurons() ? 0 : window_.sources;
    const std::uint64_t kind = 3 * number + static_cast<std::uint64_t>(s);
    to.random.push_back(leiden(random_edges(window_.nodes(), sources, edges(s), random_stream(o_.seed, purpose::graph_edges, kind))));
    if (m_.hubs() == 0) return;
    const cut_graph& product = gaussian(number);
    to.gaussian.push_back(leiden(s == sign::excitatory   ? *product.excitatory_edges
                                 : s == sign::inhibitory ? *product.inhibitory_edges
                                                         : united(*product.excitatory_edges, *product.inhibitory_edges)));
  }

  // Of the same number of neurons, hubs, and edges of either sign; made once for all parts.
  const cut_graph& gaussian(std::uint64_t number) {
    if (number < products_.size()) return products_[number];
    const random_product p = gaussian_product(window_, m_.hubs(), o_.seed + number);
    const weight_histogram sizes(p.rows, p.window, work_, stop_if_requested);
    const thresholds at{sizes.threshold(edges(sign::excitatory), sign::excitatory),
                        sizes.threshold(edges(sign::inhibitory), sign::inhibitory)};
    products_.push_back(cut(p.rows, p.window, at, work_, {}, stop_if_requested));
    return products_.back();
  }

  const stats_options& o_;
  const model& m_;
  const weight_rows& rows_;
  executor& work_;
  const neuron_window window_;
  structure_report report_;
  std::optional<answered_edges> answered_;
  std::vector<cut_graph> products_;
  double fit_seconds_ = 0;
};

class stats_app final : public command {
 public:
  explicit stats_app(CLI::App& program)
      : command(program, "stats", "Tell the structure of a model's graphs: degrees, signs, reciprocity, cores, communities.") {
    CLI::App& c = arguments_;
    stats_options& o = options_;
    constexpr range<double> any_weight{0, 3e38, "a weight >= 0"}, share{std::numeric_limits<double>::min(), 1, "0 < share <= 1"};
    c.add_option("MODEL", o.model, "a model, NAME.bdh.h5")->required()->type_name("");
    c.add_option("--graph", o.graph, "gx, gy; gs, the rates of the synapses; or sigma, their strengths after a text [gx]")
        ->type_name("G")
        ->check(CLI::IsMember({"gx", "gy", "gs", "sigma"}));
    c.add_option("--head", o.head, "all; a head, from 0 on; 0->1: from head 0 to head 1; or each: all of these one by one [all]")
        ->type_name("H");
    add_list(c, "--beta", o.beta, any_weight, "edges are the pairs with |weight| > B")->type_name("B,...");
    add_list(c, "--keep", o.keep, share, "B such that this share of all pairs are edges [0.01; explicit edges: --beta 0]")
        ->type_name("SHARE,...");
    c.add_flag("--modularity", o.modularity, "communities by Leiden and by Louvain");
    add_number<std::uint64_t>(c, "--nulls", o.nulls, {1, 1000, "1 to 1000"},
                              "with --modularity: also of N random graphs, and of N Gaussian products");
    add_number<std::uint64_t>(c, "--fit-p", o.tail_samples, {1, 100000, "1 to 100000"}, "p values of the power laws, from N samples");
    c.add_flag("--triangles", o.triangles, "triangles and clustering");
    c.add_option("--neurons", o.neurons, "write a line for each neuron")->type_name("FILE.csv");
    c.add_flag("--force", o.force, "overwrite FILE.csv");
    add_number(c, "--seed", o.seed, any_count, "of everything random [0]");
    o.threads = std::clamp(std::thread::hardware_concurrency(), 1u, 1024u);
    add_number<std::uint64_t>(c, "--threads", o.threads, {1, 1024, "1 to 1024"},
                              fmt::format("threads that compute; they change no bit [{}]", o.threads));
    o.sigma.add_to(c);
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }

  int run() override {
    check();
    stop_on_signals();
    try {
      const model m = open_model(options_.model);
      const std::vector<asked_window> windows = windows_of(m, options_.head);
      if (!options_.neurons.empty() && windows.size() > 1) throw CLI::ValidationError("--neurons", "needs one --head");
      const std::vector<structure_report> all = analyse(m, windows);
      if (!options_.neurons.empty()) write_neurons(all.front(), m);
      print(options_.json ? json(m, all).dump(1) + "\n" : text(m, all));
      return 0;
    } catch (const stopped&) {
      note("bdh: stopped by a signal");
      return 128 + stop_requested();
    }
  }

 private:
  static CLI::Option* add_list(CLI::App& c, const std::string& name, std::vector<double>& to, range<double> legal,
                               const std::string& help) {
    const auto take = [&to, name, legal](const std::string& list) {
      to.clear();
      for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        const auto value = parse_number(std::string_view(list).substr(at, comma - at), legal);
        if (!value) throw CLI::ValidationError(name, "'" + list + "', expected " + legal.text + ", several with commas between");
        to.push_back(*value);
        at = comma + 1;
      }
      if (to.size() > most_thresholds)
        throw CLI::ValidationError(name, fmt::format("{} values, expected at most {}", to.size(), most_thresholds));
    };
    return c.add_option_function<std::string>(name, take, help);
  }

  void check() {
    stats_options& o = options_;
    o.sigma.check(o.graph == "sigma");
    if (!o.beta.empty() && !o.keep.empty()) throw CLI::ValidationError("--keep", "chooses what --beta states, expected one of them");
    if (o.nulls && !o.modularity) throw CLI::ValidationError("--nulls", "needs --modularity");
    if (o.force && o.neurons.empty()) throw CLI::ValidationError("--force", "needs --neurons");
    if (!o.neurons.empty() && std::max(o.beta.size(), o.keep.size()) > 1)
      throw CLI::ValidationError("--neurons", "needs one --beta or --keep");
    if (!o.neurons.empty()) const atomic_file target(o.neurons, o.force);  // refuses before the work, not after it
  }

  std::vector<structure_report> analyse(const model& m, const std::vector<asked_window>& windows) {
    const weight_rows rows = rows_of(m, options_);
    const std::unique_ptr<executor> work = default_executor(options_.threads);
    std::vector<double> beta = options_.beta, keep = options_.keep;
    if (beta.empty() && keep.empty()) rows.is_complete() ? keep.push_back(default_share) : beta.push_back(0);
    tell_time(rows, windows, beta, keep);
    std::vector<structure_report> all;
    for (const asked_window& w : windows) {
      const auto add = [&](float at) { all.push_back(analysis(options_, m, rows, *work, w, at).run()); };
      for (const double b : beta) add(static_cast<float>(b));
      if (keep.empty()) continue;
      const weight_histogram sizes(rows, w.window, *work, stop_if_requested);
      for (const double share : keep) add(sizes.threshold(static_cast<std::uint64_t>(std::floor(share * w.window.pairs())), sign::both));
    }
    return all;
  }

  // Computing the weights of a large model takes longest: a few of them tell how long.
  void tell_time(const weight_rows& rows, const std::vector<asked_window>& windows, const std::vector<double>& beta,
                 const std::vector<double>& keep) const {
    const stopwatch watch;
    rows.visit(rows.blocks() / 2, [](const weight_row&) {});
    double blocks = 0;
    for (const asked_window& w : windows)
      blocks += std::ceil(static_cast<double>(w.window.targets) / static_cast<double>(rows.block_rows()));
    const double passes = static_cast<double>(beta.size() + keep.size() + (keep.empty() ? 0 : 1));
    const double seconds = watch.seconds() * blocks * passes / static_cast<double>(options_.threads);
    if (seconds > 1)
      note(fmt::format("{} passes over {} weights: {}", passes, shown_count(static_cast<double>(rows.targets()) * rows.sources()),
                       about(seconds)));
  }

  void write_neurons(const structure_report& r, const model& m) const { write_text(options_.neurons, csv_of(r, m)); }

  nlohmann::ordered_json json(const model& m, const std::vector<structure_report>& all) const {
    nlohmann::ordered_json j = {
        {"model", options_.model}, {"graph", options_.graph}, {"neurons", m.neurons()}, {"heads", m.heads()}, {"seed", options_.seed}};
    if (options_.graph == "sigma") j.update({{"layer", *options_.sigma.layer}, {"factor", options_.sigma.factor == "y" ? "y" : "w"}});
    for (const structure_report& r : all) j["results"].push_back(json_of(r, m.heads()));
    return j;
  }

  std::string text(const model& m, const std::vector<structure_report>& all) const {
    const std::string graph = options_.graph == "gx"   ? "Gx"
                              : options_.graph == "gy" ? "Gy"
                              : options_.graph == "gs" ? "Gs"
                                                       : fmt::format("Synapses of layer {}", *options_.sigma.layer);
    std::string text = fmt::format("{} of {}: {} neurons, {} head{}\n", graph, one_line(options_.model), m.neurons(), m.heads(),
                                   m.heads() == 1 ? "" : "s");
    for (const structure_report& r : all) text += "\n" + text_of(r, m.heads());
    if (all.size() > 1) text += "\n" + bdh::app::summary_of(all);
    return text;
  }

  stats_options options_;
};

}  // namespace

std::unique_ptr<command> stats_command(CLI::App& program) { return std::make_unique<stats_app>(program); }

}  // namespace bdh::app
