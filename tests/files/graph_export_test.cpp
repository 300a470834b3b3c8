// Exports of models that no graph file could have made: names that no format can hold, two edges of
// different sign between the same neurons.
#include "io/graph/graph_export.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "../support/arrays.hpp"

namespace {

using tests::array_of;

// Four neurons. Excitatory 0 -> 1 (1), 2 -> 1 (2); inhibitory 0 -> 1 (4), 3 -> 0 (0.5), 2 -> 2 (0).
bdh::model small(std::vector<std::string> names) {
  const bdh::population neurons{"neurons", 4}, sources{"sources", 4}, tokens{"sensory", 3};
  const auto edges = [&](const char* name, bdh::major rows, std::vector<bdh::edge_id> indptr,
                         std::vector<bdh::neuron_id> indices, std::vector<float> weights) {
    return bdh::projection::sparse(name, sources, neurons, rows, array_of(std::move(indptr)),
                                   array_of(std::move(indices)), array_of(std::move(weights)));
  };
  const auto none = [&](const char* name, bdh::major rows) {
    return edges(name, rows, {0, 0, 0, 0, 0}, {}, {});
  };
  bdh::model_spec p;
  p.rules = bdh::dynamics::named("bdh");
  p.layers = 1;
  bdh::direct_circuits& c = p.direct.emplace();
  c.gx_excitatory = edges("gx_excitatory", bdh::major::source, {0, 1, 1, 2, 2}, {1, 1}, {1, 2});
  c.gx_inhibitory =
      edges("gx_inhibitory", bdh::major::source, {0, 1, 1, 2, 3}, {1, 2, 0}, {4, 0, 0.5f});
  c.gy_excitatory = none("gy_excitatory", bdh::major::target);
  c.gy_inhibitory = none("gy_inhibitory", bdh::major::target);
  c.gs = bdh::projection::sparse("gs", neurons, sources, bdh::major::source,
                                 array_of<bdh::edge_id>({0, 1, 1, 1, 1}),
                                 array_of<bdh::neuron_id>({3}), array_of<float>({0.25f}));
  c.sensory = bdh::projection::sparse(
      "sensory", tokens, neurons, bdh::major::source, array_of<bdh::edge_id>({0, 1, 2, 3}),
      array_of<bdh::neuron_id>({0, 1, 2}), array_of<float>({1, 1, 1}));
  p.neuron_names = std::move(names);
  return bdh::model(std::move(p));
}

class folder {
 public:
  folder()
      : path_(std::filesystem::temp_directory_path() /
              ("bdh-export-" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string content(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::string exported(const bdh::model& m, bdh::graph_kind graph, const char* name) {
  const folder here;
  const auto work = bdh::serial_executor();
  bdh::export_graph(bdh::subgraph(m, {.graph = graph}, *work), *bdh::graph_format_of(name),
                    here / name, {.about = "a\nmodel"});
  return content(here / name);
}

}  // namespace

TEST_CASE(
    "edges of both signs between the same neurons are two edges, a weight of 0 keeps its sign") {
  const bdh::model m = small({});
  CHECK(exported(m, bdh::graph_kind::gx, "x.csv") == R"(Source,Target,Type,Id,Weight,Sign,Magnitude
"3","0",Directed,gx_inhibitory/0,-0.5,inhibitory,0.5
"0","1",Directed,gx_excitatory/0,1,excitatory,1
"0","1",Directed,gx_inhibitory/1,-4,inhibitory,4
"2","1",Directed,gx_excitatory/1,2,excitatory,2
"2","2",Directed,gx_inhibitory/2,-0,inhibitory,0
)");
  CHECK(exported(m, bdh::graph_kind::gs, "s.mtx").ends_with("\n4 4 1\n4 1 0.25\n"));
  CHECK(exported(m, bdh::graph_kind::gs, "s.mtx").find("a\\x0amodel") != std::string::npos);
}

TEST_CASE("names that a format cannot hold are escaped, and stay different") {
  const std::string csv =
      exported(small({"a\nb", "a\\x0ab", "\xff", "plain"}), bdh::graph_kind::gx, "x.csv");
  CHECK(csv.find("\"plain\",\"a\\x0ab\"") != std::string::npos);
  CHECK(csv.find("\"a\\x0ab\",\"a\\\\x0ab\"") != std::string::npos);
  CHECK(csv.find("\"\\xff\",\"\\xff\"") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 6);
  const std::string xml =
      exported(small({"<&>", "\"", "\xef\xbf\xbf", "d"}), bdh::graph_kind::gx, "x.graphml");
  CHECK(xml.find("<data key=\"name\">&lt;&amp;&gt;</data>") != std::string::npos);
  CHECK(xml.find("<data key=\"name\">\\xef\\xbf\\xbf</data>") != std::string::npos);
}

TEST_CASE("parts of a graph") {
  const bdh::model m = small({});
  const auto work = bdh::serial_executor();
  const auto weights = [&](const bdh::subgraph_request& r) {
    std::vector<float> all;
    bdh::subgraph(m, r, *work).for_each_edge([&](const bdh::subgraph_edge& e) {
      all.push_back(e.weight);
    });
    return all;
  };
  CHECK(weights({.top = 2}) == std::vector<float>{-4, 2});
  CHECK(weights({.least = 1}) == std::vector<float>{1, -4, 2});
  CHECK(weights({.ego = 3}) == std::vector<float>{-0.5f});
  CHECK(weights({.ego = 3, .hops = 2}) == std::vector<float>{-0.5f, 1, -4});
  CHECK(weights({.ego = 3, .hops = 3}) == std::vector<float>{-0.5f, 1, -4, 2, -0.0f});
  CHECK_THROWS_AS(bdh::subgraph(m, {.ego = 4}, *work), bdh::input_error);
  CHECK_THROWS_AS(bdh::subgraph(m, {.sensory = true}, *work), bdh::input_error);
  bdh::subgraph whole(m, {}, *work);
  CHECK(whole.nodes().size() == 4);
  whole.find_communities(0);
  CHECK(whole.community().size() == 4);
  CHECK(bdh::subgraph(m, {.top = 1}, *work).nodes() == std::vector<bdh::neuron_id>{0, 1});
}
