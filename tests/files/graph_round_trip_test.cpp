// What bdh export writes, bdh import reads as the same model: names of every kind of character,
// weights of every kind of float32.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "core/base/executor.hpp"
#include "core/base/random.hpp"
#include "core/base/utf8.hpp"
#include "io/files/json.hpp"
#include "io/graph/graph_export.hpp"
#include "io/graph/graph_import.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

constexpr std::uint64_t seeds = 40;

// Letters, marks, digits, punctuation, symbols and separators of Unicode, inside the planes and
// beyond; what quotes, separates, escapes or ends something in the formats; what looks like a
// number.
const std::vector<std::string> pieces{
    "a",      "Z",      "0",          "7",          "007",     "-1",     "+1",     "1e5",
    "1.0",    "nan",    "inf",        "NULL",       "true",    "None",   "0x10",   "\"",
    "\"\"",   "'",      ",",          ";",          "|",       " ",      "  x",    "x  ",
    "&",      "<",      ">",          "]]>",        "<!--",    "&amp;",  "&#10;",  "%",
    "%%",     "#",      "\\",         "\\n",        "\\x41",   "/",      ":",      "->",
    "=",      "@",      "token:1",    "n0",         "{",       "}",      "[",      "]",
    "(",      ")",      "ä",          "ß",          "e\u0301", "é",      "Ω",      "ж",
    "א",      "ع",      "हि",         "ไท",         "中",      "한",     "日本",   "\u00a0",
    "\u00ad", "\u200b", "\u200d",     "\u202e",     "\u2028",  "\u2029", "\ufeff", "\u3000",
    "٣",      "Ⅷ",      "²",          "½",          "€",       "∑",      "🙂",   "👩‍🔬",
    "🇩🇪",     "\u0085", "\U0001d54f", "\U00010330", "\ue000",  "\ufffd", "Source", "weight",
    "id",     "name"};

const std::vector<float> weights{0.0f,
                                 -0.0f,
                                 1.0f,
                                 -1.0f,
                                 0.1f,
                                 -0.1f,
                                 16777216.0f,
                                 -16777217.0f,
                                 std::numeric_limits<float>::denorm_min(),
                                 -std::numeric_limits<float>::denorm_min(),
                                 std::numeric_limits<float>::min(),
                                 -std::numeric_limits<float>::min(),
                                 std::numeric_limits<float>::max(),
                                 -std::numeric_limits<float>::max(),
                                 1e-40f,
                                 -1e-40f,
                                 1.0f / 3,
                                 std::numeric_limits<float>::epsilon()};

struct drawn_graph {
  std::vector<std::string> names;  // empty: numbers
  neuron_id neurons = 0;
  nlohmann::ordered_json node_link;
};

drawn_graph draw(std::uint64_t seed, bool rates) {
  random_stream random(seed, purpose::test_weights, 0);
  drawn_graph g;
  g.neurons = static_cast<neuron_id>(1 + random.below(9));
  const std::uint64_t kind = seed % 4;  // numbers, then names of three kinds
  std::set<std::string> different;
  while (kind != 0 && different.size() < g.neurons) {
    std::string name;
    if (kind == 1) name = std::to_string(random.below(12));  // digits, which are names all the same
    for (std::uint32_t i = kind == 1 ? 3 : random.below(3); i < 3; ++i)
      name += pieces[random.below(static_cast<std::uint32_t>(pieces.size()))];
    if (!name.empty() && different.insert(name).second) g.names.push_back(name);
  }
  g.node_link = {
      {"directed", true}, {"nodes", nlohmann::json::array()}, {"links", nlohmann::json::array()}};
  const auto id = [&](neuron_id i) {
    return g.names.empty() ? nlohmann::ordered_json(i) : nlohmann::ordered_json(g.names[i]);
  };
  for (neuron_id i = 0; i < g.neurons; ++i) g.node_link["nodes"].push_back({{"id", id(i)}});
  for (neuron_id i = 0; i < g.neurons; ++i)
    for (neuron_id j = 0; j < g.neurons; ++j) {
      if (random.below(3) != 0 && i + j != 0) continue;
      float w = weights[random.below(static_cast<std::uint32_t>(weights.size()))];
      if (random.below(4) == 0) w = std::bit_cast<float>(random());
      if (!std::isfinite(w)) w = 2;
      if (rates) w = std::abs(w);
      g.node_link["links"].push_back(
          {{"source", id(i)}, {"target", id(j)}, {"weight", static_cast<double>(w)}});
    }
  return g;
}

graph_import_options options_of(const std::filesystem::path& gx) {
  graph_import_options o;
  o.gx = gx.string();
  o.layers = 2;
  return o;
}

std::filesystem::path exported(const model& m, graph_kind graph, graph_format format,
                               const files::folder& dir) {
  static int count = 0;
  std::filesystem::path to = dir.path() / ("e" + std::to_string(++count));
  const auto work = serial_executor();
  const subgraph part(m, {.graph = graph}, *work);
  export_graph(part, format, to, {.about = "a model"});
  return is_folder(format) ? to / "edges.h5" : to;
}

// Of the circuit that drives X.
std::vector<std::tuple<neuron_id, neuron_id, std::uint32_t>> edges_of(const model& m) {
  std::vector<std::tuple<neuron_id, neuron_id, std::uint32_t>> all;
  const auto work = serial_executor();
  subgraph(m, {}, *work).for_each_edge([&](const subgraph_edge& e) {
    all.emplace_back(e.source, e.target, std::bit_cast<std::uint32_t>(e.weight));
  });
  return all;
}

constexpr graph_format all_formats[] = {
    graph_format::graphml, graph_format::gexf,   graph_format::csv, graph_format::matrix_market,
    graph_format::npz,     graph_format::sonata, graph_format::nest};

}  // namespace

TEST_CASE("an exported circuit is imported as the same model, or its format says what it lacks") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const files::folder dir;
    const drawn_graph g = draw(seed, false);
    files::write(dir / "g.json", json_text(g.node_link));
    const model first = import_graph(options_of(dir / "g.json")).result;
    REQUIRE(first.neuron_names() == g.names);
    REQUIRE(first.neurons() == g.neurons);
    for (const graph_format format : all_formats) {
      INFO("seed ", seed, ", format ", std::string(name(format)), "\n", json_text(g.node_link));
      const auto work = serial_executor();
      const subgraph whole(first, {}, *work);
      const bool holds = not_held(whole, format).empty();
      CHECK(holds == (format != graph_format::matrix_market || g.names.empty()));
      const auto file = exported(first, graph_kind::gx, format, dir);
      imported_graph again = import_graph(options_of(file));
      if (holds)
        CHECK(content_hash(again.result) == content_hash(first));
      else
        CHECK(edges_of(again.result) == edges_of(first));
      CHECK(again.remarks == std::vector<std::string>());
    }
  }
}

TEST_CASE("exported synapses are imported as the same rates") {
  for (std::uint64_t seed = 100; seed < 100 + seeds / 2; ++seed) {
    const files::folder dir;
    const drawn_graph g = draw(seed, true);
    files::write(dir / "g.json", json_text(g.node_link));
    graph_import_options o = options_of(dir / "g.json");
    o.gs = o.gx;
    const model first = import_graph(o).result;
    for (const graph_format format : all_formats) {
      if (format == graph_format::matrix_market && !g.names.empty()) continue;
      INFO("seed ", seed, ", format ", std::string(name(format)), "\n", json_text(g.node_link));
      o.gx = exported(first, graph_kind::gx, format, dir).string();
      o.gy = exported(first, graph_kind::gy, format, dir).string();
      o.gs = exported(first, graph_kind::gs, format, dir).string();
      CHECK(content_hash(import_graph(o).result) == content_hash(first));
    }
  }
}
