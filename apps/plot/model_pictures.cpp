// The pictures of models of `bdh plot`.
#include <algorithm>
#include <filesystem>
#include <thread>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/plot/model_figures.hpp"
#include "apps/plot/picture.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {
namespace {

constexpr range<double> beta_range{0, 1e30, "a number >= 0"},
    share_range{1e-12, 1, "a share above 0, at most 1"};

enum class figure_of { degrees, weights, matrix, modularity, neighbourhood };

class model_picture final : public picture_kind {
 public:
  model_picture(command_line& plot, const std::string& name, const std::string& help,
                figure_of what)
      : picture_kind(plot, name, help, "MODEL", "a model, NAME.bdh.h5"), what_(what) {
    using enum figure_of;
    command_line& c = arguments_;
    if (what == weights) graph_.graph = "all";
    c.add("--graph", graph_.graph,
          what == weights ? "gx, gy, gs (plasticity rates of a direct model) or all [all]"
                          : "gx, gy, or gs: the plasticity rates of a direct model [gx]")
        .type_name("G")
        .one_of(what == weights ? std::vector<std::string>{"gx", "gy", "gs", "all"}
                                : std::vector<std::string>{"gx", "gy", "gs"});
    if (what != weights && what != modularity) {
      add_number<double>(c, "--beta", graph_.beta, beta_range, "edges: pairs with |weight| > BETA")
          .type_name("BETA");
      add_number<double>(
          c, "--keep", graph_.keep, share_range,
          "edges: this share of all pairs, the strongest [0.01; explicit graphs: all edges]")
          .type_name("SHARE")
          .excludes("--beta");
    }
    if (what == matrix) add_join(c, joined_, "what a cell shows of several weights");
    if (what == matrix)
      c.add("--order", order_, "of the neurons: id, or community [id]")
          .type_name("O")
          .one_of({"id", "community"});
    if (what == neighbourhood) {
      add_number<std::uint64_t>(c, "--hubs", around_.hubs, {1, 100, "1 to 100"},
                                "so many neurons with the most edges [5]");
      add_number<std::uint64_t>(c, "--top-edges", around_.top_edges, {1, 1000, "1 to 1000"},
                                "so many edges, the strongest [100]");
      c.add("--ego", around_.ego, "around this neuron, by name or number, instead of the hubs")
          .type_name("NEURON")
          .excludes("--hubs");
    }
    if (what != degrees && what != weights) {
      add_number<std::uint64_t>(
          c, "--most-edges", communities_.most_edges, {1, std::uint64_t{1} << 26, "1 to 67108864"},
          what == modularity ? "at most so many edges to find communities in [200000]"
                             : "at most so many edges to find communities in [1000000]");
      if (what == modularity) communities_.most_edges = 200000;
      add_number<std::uint64_t>(c, "--seed", communities_.seed, any_count,
                                "of the search for communities and of random graphs [1]");
    }
    graph_.threads = std::max(1u, std::thread::hardware_concurrency());
    add_number<std::uint64_t>(c, "--threads", graph_.threads, {1, 1024, "1 to 1024"},
                              "threads; the picture is the same [all cores]");
  }

 private:
  figure::picture drawn() const override {
    if (what_ == figure_of::matrix && order_ == "id" && (graph_.beta || graph_.keep))
      throw input_error("--beta or --keep", "with --order id", "--order community",
                        "a matrix shows all weights");
    if (identify(subject_) == file_kind::run)
      throw input_error(subject_, "the folder of a run", "a model",
                        "the pictures of a run are raster, rates, sparsity, synapse, spikes, isi");
    const model m = open_model(subject_);
    graph_choice graph = graph_;
    graph.joined = joined_of(joined_);
    const std::string name = model_name(subject_);
    switch (what_) {
      case figure_of::degrees:
        return degrees_of(m, name, graph_);
      case figure_of::weights:
        return weights_of(m, name, graph_);
      case figure_of::matrix:
        return matrix_of(m, name, graph, order_ == "community", communities_);
      case figure_of::modularity:
        return modularity_of(m, name, graph_, communities_);
      default:
        return neighbourhood_of(m, name, graph_, around_, communities_);
    }
  }

  figure_of what_;
  graph_choice graph_;
  community_choice communities_;
  neighbourhood_choice around_;
  std::string order_ = "id", joined_ = "largest";
};

}  // namespace

std::string model_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  if (constexpr std::string_view suffix = ".bdh.h5";
      name.ends_with(suffix) && name.size() > suffix.size())
    name.resize(name.size() - suffix.size());
  return name;
}

std::vector<std::unique_ptr<picture_kind>> model_pictures(command_line& plot) {
  std::vector<std::unique_ptr<picture_kind>> all;
  const auto add = [&](const char* name, const char* help, figure_of what) {
    all.push_back(std::make_unique<model_picture>(plot, name, help, what));
  };
  add("degree", "in- and out-degrees, with fitted power laws", figure_of::degrees);
  add("weights", "how many edges have which weight", figure_of::weights);
  add("matrix", "the weights as a matrix W[post, pre]", figure_of::matrix);
  add("modularity", "modularity against the share of edges kept, with that of random graphs",
      figure_of::modularity);
  add("graph", "the hubs, or one neuron, and the strongest edges around", figure_of::neighbourhood);
  return all;
}

}  // namespace bdh::app
