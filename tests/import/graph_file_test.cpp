// Graph files: the same graph in every format is the same model, and what is wrong with a file is
// reported with its line.
#include "io/graph/graph_file.hpp"

#include <doctest/doctest.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/simulator.hpp>

#include "../files/support.hpp"
#include "io/graph/edge_order.hpp"
#include "io/graph/graph_import.hpp"

using namespace bdh;

namespace {

// a -> b 0.5, a -> d 2, b -> c -1.5, c -> c 1, d -> a -0.25
constexpr const char* matrix_market =
    "%%MatrixMarket matrix coordinate real general\n% rows are targets\n\n4 4 5\n2 1 0.5\n4 1 2\n3 "
    "2 -1.5e0\n3 3 1\n1 4 -.25\n";
constexpr const char* csv =
    "Source,Target,Weight,Type,label\na,b,0.5,excitatory,x\na,d,+2,Directed,\n\"b\",c,-1.5,"
    "inhibitory,y\nc,c,1,,\nd,a,-0.25,,\n";
constexpr const char* numbers_csv =
    "source,target,weight\r\n0,1,0.5\r\n0,3,2\r\n1,2,-1.5\r\n2,2,1\r\n3,0,-0.25\r\n";
constexpr const char* graphml = R"(<?xml version="1.0"?>
<!-- <node id="not a node"> -->
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
 <key id="d0" for="edge" attr.name="weight" attr.type="double"><default>1</default></key>
 <graph id="G" edgedefault="directed">
  <node id="a"/><node id='b'></node>
  <node id="c"/><node id="d"/>
  <edge source="a" target="b"><data key="d0">0.5</data></edge>
  <edge source="a" target="d"><data key="d0">2</data></edge>
  <edge source="b" target="c"><data key="d0">-1.5</data></edge>
  <edge source="c" target="c"/>
  <edge source="d" target="a"><data key="d0">-0.25</data></edge>
 </graph>
</graphml>
)";

// As SciPy and AnnData write it with h5py: int64 and float64, strings of any length.
void write_csr(const std::filesystem::path& path,
               std::vector<std::int64_t> indptr = {0, 1, 2, 4, 5},
               std::vector<std::int64_t> indices = {3, 0, 1, 2, 0},
               const char* encoding = "csr_matrix", std::int64_t columns = 4) {
  const std::vector<double> data{-0.25, 0.5, -1.5, 1, 2};
  const hid_t f = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t g = H5Gcreate2(f, "graph", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const auto set = [&](const char* name, hid_t type, const void* values, hsize_t size) {
    const hid_t space = H5Screate_simple(1, &size, nullptr),
                d = H5Dcreate2(g, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(d);
    H5Sclose(space);
  };
  set("indptr", H5T_NATIVE_INT64, indptr.data(), indptr.size());
  set("indices", H5T_NATIVE_INT64, indices.data(), indices.size());
  set("data", H5T_NATIVE_DOUBLE, data.data(), data.size());
  const hid_t text = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR);
  H5Tset_size(text, H5T_VARIABLE);
  const hid_t a = H5Acreate2(g, "encoding-type", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(a, text, &encoding);
  const hsize_t two = 2;
  const std::int64_t shape[] = {static_cast<std::int64_t>(indptr.size()) - 1, columns};
  const hid_t pair = H5Screate_simple(1, &two, nullptr),
              b = H5Acreate2(g, "shape", H5T_NATIVE_INT64, pair, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(b, H5T_NATIVE_INT64, shape);
  for (hid_t id : {a, b}) H5Aclose(id);
  for (hid_t id : {scalar, pair}) H5Sclose(id);
  H5Tclose(text);
  H5Gclose(g);
  H5Fclose(f);
}

graph_import_options options_of(const std::filesystem::path& gx) {
  graph_import_options o;
  o.gx = gx.string();
  o.layers = 2;
  o.vocabulary = 3;
  o.sensory = "random:2@7";
  return o;
}

std::string message_of(const auto& work) {
  try {
    work();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

graph_reading between(bool one_population) {
  return {.ends = one_population ? edge_ends::neurons : edge_ends::neurons_to_tokens};
}

// What reading this text says; file names are cut off.
std::string refusal(const files::folder& dir, const std::string& text, bool one_population = true) {
  files::write(dir / "g", text);
  std::string message =
      message_of([&] { read_graph_file((dir / "g").string(), between(one_population)); });
  const std::string folder = dir.path().string() + "/";
  for (std::size_t at = message.find(folder); at != std::string::npos; at = message.find(folder))
    message.erase(at, folder.size());
  return message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string import_refusal(graph_import_options o) {
  return message_of([&] { import_graph(o); });
}

}  // namespace

TEST_CASE("one tiny graph in all formats is one model, source -> target") {
  const files::folder dir;
  files::write(dir / "g.mtx", matrix_market);
  files::write(dir / "g.csv", csv);
  files::write(dir / "n.csv", numbers_csv);
  files::write(dir / "g.graphml", graphml);
  write_csr(dir / "g.h5");
  std::vector<std::string> hashes;
  for (const std::string name : {"g.csv", "g.graphml", "n.csv", "g.mtx", "g.h5:/graph"}) {
    CAPTURE(name);
    const bool named = hashes.size() < 2;
    graph_import_options o = options_of(dir / name.c_str());
    const model m = import_graph(o).result;
    REQUIRE(m.neurons() == 4);
    CHECK(m.sources() == 4);
    const std::vector<std::string> as_they_come{"a", "b", "d", "c"}, as_listed{"a", "b", "c", "d"};
    if (named)
      CHECK(m.neuron_names() == (name == "g.csv" ? as_they_come : as_listed));
    else
      CHECK(m.neuron_names().empty());
    const auto number = [&](const char* letter) {
      return named ? *m.neuron_named(letter) : static_cast<neuron_id>(*letter - 'a');
    };
    const direct_circuits& g = m.direct();
    const auto weight = [&](const projection& p, const char* source, const char* target) {
      const auto edge = p.find(number(source), number(target));
      return edge ? p.weights()[*edge] : -1.0f;
    };
    for (const auto* both : {&g.gx_excitatory, &g.gy_excitatory}) {
      CHECK(both->edges() == 3);
      CHECK(weight(*both, "a", "b") == 0.5f);
      CHECK(weight(*both, "a", "d") == 2.0f);
      CHECK(weight(*both, "c", "c") == 1.0f);
      CHECK(weight(*both, "b", "a") == -1.0f);
    }
    for (const auto* both : {&g.gx_inhibitory, &g.gy_inhibitory}) {
      CHECK(both->edges() == 2);
      CHECK(weight(*both, "b", "c") == 1.5f);
      CHECK(weight(*both, "d", "a") == 0.25f);
    }
    CHECK(m.synapses() == 5);
    CHECK(weight(g.gs, "b", "c") == 1.0f);
    CHECK(m.readout_nodes() == 0);
    CHECK(g.sensory.edges() == 6);
    hashes.push_back(content_hash(m));
  }
  // Nodes of the numbered files are the same; in CSV names are numbered as they come.
  CHECK(hashes[2] == hashes[3]);
  CHECK(hashes[3] == hashes[4]);
  CHECK(hashes[0] != hashes[1]);
  files::write(dir / "o.csv", "source,target,weight\na,b,0.5\nb,c,-1.5\nc,c,1\nd,a,-0.25\na,d,2\n");
  CHECK(content_hash(import_graph(options_of(dir / "o.csv")).result) == hashes[1]);
}

TEST_CASE(
    "separate circuits, synapses, sensory nodes, readout and retention find their neurons by "
    "name") {
  const files::folder dir;
  files::write(dir / "gx.csv", csv);
  files::write(dir / "gy.csv", "source,target\nd,e\n");
  files::write(dir / "gs.csv", "source,target,weight\nb,a,0.25\na,b,0.5\n");
  files::write(dir / "sensory.csv", "source,target,weight\n0,e,1\n1,a,0.5\n");
  files::write(dir / "readout.mtx",
               "%%MatrixMarket matrix coordinate integer general\n3 5 2\n3 1 4\n1 5 -2\n");
  files::write(dir / "u.csv", "source,target,weight\nb,a,0.5\na,b,0.75\n");
  graph_import_options o = options_of(dir / "gx.csv");
  o.gy = (dir / "gy.csv").string();
  o.gs = (dir / "gs.csv").string();
  o.sensory = (dir / "sensory.csv").string();
  o.readout = (dir / "readout.mtx").string();
  o.retention_file = (dir / "u.csv").string();
  const model m = import_graph(o).result;
  CHECK(m.neuron_names() == std::vector<std::string>{"a", "b", "d", "c", "e"});
  const direct_circuits& g = m.direct();
  CHECK(g.gy_excitatory.find(2, 4));
  CHECK(g.gy_excitatory.edges() == 1);
  REQUIRE(m.synapses() == 2);
  CHECK(g.gs.weights()[*g.gs.find(0, 1)] == 0.5f);
  CHECK(g.retention[*g.gs.find(0, 1)] == 0.75f);
  CHECK(g.retention[*g.gs.find(1, 0)] == 0.5f);
  CHECK(g.sensory.find(0, 4));
  CHECK(g.sensory.weights()[*g.sensory.find(1, 0)] == 0.5f);
  CHECK(g.readout.weights()[*g.readout.find(0, 2)] == 4.0f);
  CHECK(g.readout.weights()[*g.readout.find(4, 0)] == -2.0f);
  CHECK(m.readout_nodes() == 3);
  files::write(dir / "u.csv", "source,target,weight\na,b,0.75\n");
  CHECK(contains(import_refusal(o),
                 "u.csv: no retention of 'b' -> 'a', expected one for each synapse"));
  files::write(dir / "u.csv", "source,target,weight\na,b,0.75\nb,a,0.5\na,c,0.5\n");
  CHECK(contains(import_refusal(o),
                 "u.csv:4: retention of 'a' -> 'c', expected one of the synapses"));
  files::write(dir / "u.csv", "source,target,weight\na,b,1.75\n");
  CHECK(contains(import_refusal(o), "u.csv:2: retention 1.750000, expected 0 < u <= 1"));
}

TEST_CASE("rotation adds missing partners at rate 0, with the retention of their pair") {
  const files::folder dir;
  files::write(dir / "g.mtx", matrix_market);
  files::write(dir / "u.csv", "source,target,weight\n0,1,0.5\n0,3,1\n1,2,0.25\n2,2,0.125\n3,0,1\n");
  graph_import_options o = options_of(dir / "g.mtx");
  o.theta = 100;
  o.retention_file = (dir / "u.csv").string();
  const imported_graph made = import_graph(o);
  CHECK(made.partners_added == 5);
  const direct_circuits& g = made.result.direct();
  CHECK(g.gs.edges() == 10);
  CHECK(g.gs.weights()[*g.gs.find(1, 3)] == 0.0f);
  CHECK(g.retention[*g.gs.find(0, 2)] == 0.25f);
  CHECK(made.result.rotation().frequency().size() == 2);
  o.heads = 3;
  CHECK(contains(import_refusal(o), "--heads: 3, expected a divisor of the 4 neurons"));
}

TEST_CASE(
    "a random sensory projection has K different neurons for each token, the same for the same "
    "seed") {
  const files::folder dir;
  std::string ring = "source,target\n";
  for (int i = 0; i < 40; ++i)
    ring += std::to_string(i) + "," + std::to_string((i + 1) % 40) + "\n";
  files::write(dir / "ring.csv", ring);
  graph_import_options o = options_of(dir / "ring.csv");
  const auto sensory = [&](const char* how) {
    o.sensory = how;
    const model m = import_graph(o).result;
    const projection& s = m.direct().sensory;
    return std::vector<neuron_id>(s.indices().begin(), s.indices().end());
  };
  for (const std::size_t k : {1u, 7u, 39u, 40u})
    CHECK(sensory(("random:" + std::to_string(k) + "@3").c_str()).size() == 3 * k);
  CHECK(sensory("random:7@3") == sensory("random:7@3"));
  CHECK(sensory("random:7@3") != sensory("random:7@4"));
  CHECK(sensory("").size() == 3 * 2);  // 5 %
  for (const char* bad : {"random:0@1", "random:41@1", "random:1", "random:1@", "random:x@1",
                          "random:1@x", "random:1@18446744073709551616", "random:"}) {
    CAPTURE(bad);
    o.sensory = bad;
    CHECK(contains(
        import_refusal(o),
        "--sensory: '" + std::string(bad) +
            "', expected random:K@SEED with K from 1 to 40 and a seed below 2^64, or a file"));
  }
  o.vocabulary.reset();
  CHECK(sensory("random:2@1").size() == 512);
}

TEST_CASE("an imported graph runs, and survives its file") {
  const files::folder dir;
  files::write(dir / "g.csv", csv);
  graph_import_options o = options_of(dir / "g.csv");
  o.theta = 10;
  o.retention = 0.9;
  save_model(import_graph(o).result, dir / "m.bdh.h5", false);
  const model m = load_model(dir / "m.bdh.h5");
  CHECK(m.neuron_named("d") == 2);
  simulator brain(m, cpu_engine(m, {}));
  std::uint64_t active = 0;
  for (token_id t : {0u, 1u, 2u, 1u, 0u}) active += brain.step(t).active_x[0];
  CHECK(active > 0);
  CHECK(brain.logits().empty());
}

TEST_CASE("a weight in Matrix Market is the float32 nearest to its double, however it is written") {
  const files::folder dir;
  std::vector<std::string> written{"1",
                                   "-1",
                                   "0",
                                   "-0",
                                   "007",
                                   "1.",
                                   "-.5",
                                   "+2",
                                   "1e-3",
                                   "-2.5E+2",
                                   "0.1",
                                   "16777217",
                                   "0.333333333333333",
                                   "1e22",
                                   "1E+23",
                                   "9.99999999999999e-22",
                                   "1e-23",
                                   "5.e1",
                                   "1e-40",
                                   "1e-45"};
  for (int k = 1; k <= 200; ++k)
    for (const char* format :
         {"%.1f", "%.7f", "%.13f", "%.14f", "%.16g", "%.17g", "%e", "%.14E", "%.15E", "%.0f"}) {
      char text[64];
      std::snprintf(text, sizeof text, format, (k % 3 == 0 ? -1.0 : 1.0) * k / 7.0);
      written.emplace_back(text);
    }
  std::string text = "%%MatrixMarket matrix coordinate real general\n1 " +
                     std::to_string(written.size()) + " " + std::to_string(written.size()) + "\n";
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char* const blank = i % 10 == 9 ? "\t" : " ";
    if (i % 50 == 0) text += "% a remark\n\n";
    text += "1" + std::string(blank) + std::to_string(i + 1) + " " + written[i] +
            (i % 10 == 8 ? " " : "") + (i % 10 == 7 ? "\r\n" : "\n");
  }
  files::write(dir / "g", text);
  const edge_list read = read_graph_file((dir / "g").string(), between(false));
  REQUIRE(read.edges.size() == written.size());
  std::uint64_t line = 2;
  for (std::size_t i = 0; i < written.size(); ++i) {
    line += i % 50 == 0 ? 3 : 1;
    CAPTURE(written[i]);
    CHECK(read.edges[i].source == i);
    CHECK(read.edges[i].line == line);
    const float expected = static_cast<float>(std::strtod(written[i].c_str(), nullptr));
    CHECK(read.edges[i].weight == expected);
    CHECK(std::signbit(read.edges[i].weight) == std::signbit(expected));
  }
}

TEST_CASE("what is wrong with a Matrix Market file is reported with its line") {
  const files::folder dir;
  const std::string head = "%%MatrixMarket matrix coordinate real general\n";
  CHECK(contains(refusal(dir, "%%MatrixMarket vector array real general\n2 2\n"),
                 "g:1: 'vector array', expected matrix coordinate or matrix array"));
  CHECK(contains(refusal(dir, "%%MatrixMarket matrix coordinate complex general\n2 2 0\n"),
                 "g:1: 'complex' entries"));
  CHECK(contains(refusal(dir, "%%MatrixMarket matrix coordinate real hermitian\n2 2 0\n"),
                 "g:1: 'hermitian' storage, expected general, symmetric or skew-symmetric"));
  CHECK(contains(refusal(dir, head), "g: no line with the size"));
  CHECK(contains(refusal(dir, head + "2 3 0\n"), "g:2: 2 x 3, expected as many rows as columns"));
  CHECK(refusal(dir, head + "2 3 0\n", false) == "no error");
  CHECK(contains(refusal(dir, head + "2 2\n"), "g:2: '', expected rows, columns and entries"));
  CHECK(contains(refusal(dir, head + "4000000000 4000000000 1\n1 1 1\n"),
                 "g:2: 4000000000 rows or columns, expected 1 to 1000000"));
  CHECK(contains(refusal(dir, head + "2 2 99999999999\n1 1 1\n"),
                 "g:2: 99999999999 entries, expected no more than the file has room for"));
  CHECK(contains(refusal(dir, head + "2 2 2\n1 1 1\n"),
                 "g: 1 entries, expected 2, as the file says; is it cut short?"));
  CHECK(contains(refusal(dir, head + "2 2 1\n1 1 1\n1 2 1\n"), "g:4: more entries, expected 1"));
  CHECK(contains(refusal(dir, head + "2 2 1\n0 1 1\n"), "g:3: row '0', expected 1 to 2"));
  CHECK(contains(refusal(dir, head + "2 2 1\n1 3 1\n"), "g:3: column '3', expected 1 to 2"));
  CHECK(contains(refusal(dir, head + "2 2 1\n1 -1 1\n"), "g:3: column '-1'"));
  for (const char* bad : {"nan", "inf", "1e99", "0x1", "", "1,5", "--1"})
    CHECK(contains(refusal(dir, head + "2 2 1\n1 1 " + bad + "\n"),
                   "g:3: '" + std::string(bad) + "', expected a finite weight"));
  CHECK(contains(refusal(dir, head + "2 2 1\n1 1 1 1\n"), "g:3: '1' behind the entry"));
}

TEST_CASE("what is wrong with a CSV file is reported with its line") {
  const files::folder dir;
  CHECK(contains(refusal(dir, "a,b\n"), "g:1: 'a' and no columns source and target"));
  CHECK(contains(refusal(dir, "source,target,source\n"), "g:1: two columns called source"));
  CHECK(contains(refusal(dir, "source,target,weight\na,b\n"), "g:2: 2 fields, expected 3"));
  CHECK(contains(refusal(dir, "source,target,weight\na,,1\n"), "g:2: a node without a name"));
  CHECK(contains(refusal(dir, "source,target,weight\na," + std::string(256, 'x') + ",1\n"),
                 "g:2: a name of 256 bytes"));
  CHECK(contains(refusal(dir, "source,target,weight\na,\x1b[31m,1\n"),
                 "g:2: a name of 5 bytes, expected 1 to 255 bytes of UTF-8"));
  CHECK(contains(refusal(dir, "source,target,weight\na,\xc3\x28,1\n"),
                 "g:2: a name of 2 bytes, expected 1 to 255 bytes of UTF-8"));
  CHECK(refusal(dir, "source,target,weight\na,\xc3\xa5,1\n") == "no error");
  CHECK(
      contains(refusal(dir, "source,target,weight\na,\"b,1\n"), "g:2: a quote that does not end"));
  CHECK(contains(refusal(dir, "source,target,weight\na,\"b\"x,1\n"), "g:2: text behind a quote"));
  CHECK(contains(refusal(dir, "source,target,weight\n\n0,1,nan\n"),
                 "g:3: 'nan', expected a finite weight"));
  CHECK(contains(refusal(dir, "source,target,weight,type\na,b,1,inhibitory\n"),
                 "g:2: inhibitory with weight 1.0"));
  CHECK(contains(refusal(dir, "source,target,weight,type\na,b,-1,Excitatory\n"),
                 "g:2: excitatory with weight -1.0"));
  CHECK(contains(refusal(dir, "source,target,weight,type\na,b,-1,Undirected\n"),
                 "g:2: an undirected edge"));
  CHECK(contains(refusal(dir, "\n\n"), "g: no text"));
  CHECK(contains(refusal(dir, std::string("\0\x01\x02", 3)), "g:1: "));
  files::write(dir / "g", "source,target\na,b\nb,a\na,b\n");
  CHECK(contains(import_refusal(options_of(dir / "g")),
                 "g:4: an edge again that is in " + (dir / "g:2").string()));
  files::write(dir / "gs", "source,target,weight\na,b,-1\n");
  graph_import_options o = options_of(dir / "g");
  files::write(dir / "g", "source,target\na,b\nb,a\n");
  o.gs = (dir / "gs").string();
  CHECK(contains(import_refusal(o), "gs:2: plasticity rate -1.000000, expected 0 or more"));
  o.gs.reset();
  files::write(dir / "s", "source,target\n0,a\n3,b\n");
  o.sensory = (dir / "s").string();
  CHECK(contains(import_refusal(o),
                 "s:3: token 3, expected below 3, the vocabulary; --vocabulary sets it"));
  files::write(dir / "s", "source,target\n0,a\n1,z\n");
  CHECK(contains(import_refusal(o), "s: node 'z', expected a neuron of the circuits"));
  files::write(dir / "s", "source,target\nx,a\n");
  CHECK(contains(import_refusal(o), "s:2: token 'x', expected token ids"));
}

TEST_CASE("what is wrong with a GraphML file is reported") {
  const files::folder dir;
  const auto with = [&](const std::string& body, const std::string& edgedefault = "directed") {
    return refusal(dir, "<graphml>\n<graph edgedefault=\"" + edgedefault + "\">\n" + body +
                            "</graph></graphml>\n");
  };
  const std::string nodes = "<node id=\"a\"/><node id=\"b\"/>\n";
  CHECK(with(nodes + "<edge source=\"a\" target=\"b\"/>") == "no error");
  CHECK(contains(with(nodes + "<edge source=\"a\" target=\"b\"/>", "undirected"),
                 "g:4: an undirected edge"));
  CHECK(contains(with(nodes + "\n<edge source=\"a\" target=\"z\"/>"),
                 "g:5: an edge of a node that is not in the file"));
  CHECK(contains(with(nodes + "<node id=\"a\"/>"), "g:4: node 'a' again"));
  CHECK(contains(with("<node/>"), "g:3: a node without id"));
  CHECK(contains(with(""), "g: a graph without nodes"));
  CHECK(contains(with("<node id=\"a\"><graph/></node>"), "g:3: a nested graph"));
  CHECK(contains(with(nodes + "<hyperedge/>"), "g:4: a hyperedge"));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<x>";
  CHECK(contains(with(deep), "g:3: elements nested more than 64 deep"));
  CHECK(contains(refusal(dir, "<graphml><graph"), "g:1: no sound XML: unclosed token"));
  CHECK(contains(refusal(dir, "<graphml/>"), "no graph"));
  CHECK(contains(refusal(dir, "<!DOCTYPE x><graphml/>"), "g:1: a document type"));
  CHECK(contains(refusal(dir, "<graphml><graph><node id=\"a\"/></graph>"), "g:1: no sound XML"));
  const std::string whole = graphml;
  for (std::size_t size = 1; size < whole.size() - 12; size += 5)
    CHECK(refusal(dir, whole.substr(0, size)) != "no error");
  const std::string weights =
      "<graphml><key id=\"w\" for=\"edge\" attr.name=\"weight\" attr.type=\"double\"/><graph "
      "edgedefault=\"directed\">\n";
  CHECK(contains(refusal(dir, weights + nodes +
                                  "<edge source=\"a\" target=\"b\"><data "
                                  "key=\"w\">nan</data></edge></graph></graphml>"),
                 "g:3: 'nan', expected a finite weight"));
  CHECK(contains(refusal(dir, whole, false), "GraphML for edges between two kinds of nodes"));
}

TEST_CASE("what is wrong with a matrix in HDF5 is reported") {
  const files::folder dir;
  const auto at = [&](auto... more) {
    write_csr(dir / "g.h5", more...);
    return message_of([&] { read_graph_file((dir / "g.h5").string() + ":/graph"); });
  };
  using list = std::vector<std::int64_t>;
  const list indices{3, 0, 1, 2, 0};
  CHECK(at() == "no error");
  CHECK(contains(at(list{0, 1, 2, 4, 6}), "g.h5:/graph/indptr[4]: 6, expected 0 to 5"));
  CHECK(contains(at(list{0, 3, 2, 4, 5}), "g.h5:/graph/indptr[2]: 2, expected at least 3"));
  CHECK(contains(at(list{0, 1, 2, 4, 4}), "g.h5:/graph/indptr: 0 to 4, expected 0 to 5"));
  CHECK(contains(at(list{0, 1, 2, 5}), "g.h5:/graph@shape: 3 x 4"));
  CHECK(contains(at(list{0, 1, 2, 4, 5}, list{4, 0, 1, 2, 0}),
                 "g.h5:/graph/indices[0]: 4, expected 0 to 3"));
  CHECK(contains(at(list{0, 1, 2, 4, 5}, list{-1, 0, 1, 2, 0}),
                 "g.h5:/graph/indices[0]: -1, expected 0 to 3"));
  CHECK(
      contains(at(list{0, 1, 2, 4, 5}, list{0, 1}), "g.h5:/graph/indices: 2 entries, expected 5"));
  CHECK(at(list{0, 1, 2, 4, 5}, indices, "csc_matrix") == "no error");
  CHECK(contains(at(list{0, 1, 2, 4, 5}, indices, "csc_matrix", 3), "g.h5:/graph@shape: 4 x 3"));
  CHECK(contains(at(list{0, 1, 2, 4, 5}, indices, "coo_matrix"),
                 "g.h5:/graph@encoding-type: 'coo_matrix', expected csr_matrix or csc_matrix"));
  CHECK(contains(at(list{0, 1, 2, 4, 5}, indices, "csr_matrix", std::int64_t{1} << 40),
                 "g.h5:/graph@shape: 1099511627776 rows"));
  const std::string file = (dir / "g.h5").string();
  CHECK(contains(message_of([&] { read_graph_file(file); }),
                 "g.h5: an HDF5 file, expected the group in it"));
  CHECK(contains(message_of([&] { read_graph_file(file + ":/none"); }), "g.h5:/none: missing"));
  CHECK(contains(message_of([&] { read_graph_file((dir / "none.h5:/graph").string()); }),
                 "no such file"));
  const std::string good = files::read(dir / "g.h5");
  write_csr(dir / "g.h5");
  for (std::size_t size = 0; size < good.size() / 2; size += 211) {
    files::write(dir / "g.h5", good.substr(0, size));
    CHECK(message_of([&] { read_graph_file(file + ":/graph"); }) != "no error");
  }
}

TEST_CASE(
    "a matrix by columns in HDF5 has the edges of its transpose by rows, the other way round") {
  const files::folder dir;
  write_csr(dir / "r.h5");
  write_csr(dir / "c.h5", {0, 1, 2, 4, 5}, {3, 0, 1, 2, 0}, "csc_matrix");
  const edge_list by_rows = read_graph_file((dir / "r.h5:/graph").string());
  const edge_list by_columns = read_graph_file((dir / "c.h5:/graph").string());
  REQUIRE(by_columns.edges.size() == 5);
  for (std::size_t e = 0; e < 5; ++e) {
    CHECK(by_columns.edges[e].source == by_rows.edges[e].target);
    CHECK(by_columns.edges[e].target == by_rows.edges[e].source);
    CHECK(by_columns.edges[e].weight == by_rows.edges[e].weight);
  }
}

TEST_CASE("files with damaged bytes are refused or read, never more") {
  const files::folder dir;
  write_csr(dir / "g.h5");
  std::size_t refused = 0;
  for (const std::string& good :
       {std::string(matrix_market), std::string(csv), std::string(graphml)})
    for (std::uint64_t round = 0; round < 1500; ++round) {
      std::string bad = good;
      const auto draw = [&](std::uint64_t step, std::size_t below) {
        return static_cast<std::size_t>(uniform(round, purpose::test_weights, bad.size(), step) *
                                        static_cast<double>(below));
      };
      for (std::uint64_t edit = 0; edit < 1 + round % 3; ++edit)
        if (round % 2 == 0)
          bad[draw(edit, bad.size())] = static_cast<char>(draw(100 + edit, 256));
        else
          bad.insert(draw(edit, bad.size()),
                     good.substr(draw(200 + edit, good.size()), 1 + draw(300 + edit, 9)));
      refused += refusal(dir, bad, round % 5 != 0) != "no error";
    }
  CHECK(refused > 1000);
}

TEST_CASE("files of different sizes do not make one model") {
  const files::folder dir;
  files::write(dir / "x.mtx", matrix_market);
  files::write(dir / "y.mtx", "%%MatrixMarket matrix coordinate pattern general\n3 3 1\n1 2\n");
  graph_import_options o = options_of(dir / "x.mtx");
  o.gy = (dir / "y.mtx").string();
  CHECK(contains(import_refusal(o), "y.mtx: 3 neurons, expected 4, as the files before have"));
  files::write(dir / "y.csv", "source,target\n0,4\n");
  o.gy = (dir / "y.csv").string();
  CHECK(contains(import_refusal(o), "y.csv:2: neuron 4, expected below 4"));
}

TEST_CASE(
    "edges come into the order of a comparison, however many they are and wherever they lie") {
  struct shape {
    std::size_t edges;
    neuron_id sources, targets;
  };
  // Few, and just above; one source, one target; one pass of buckets, and two; numbers of 32 bits.
  for (const shape& s : {shape{2, 400, 400},
                         {512, 1000, 1000},
                         {513, 4000000000u, 3},
                         {20000, 1, 4000000000u},
                         {20000, 4000000000u, 1},
                         {600000, 300000, 300000},
                         {600000, 5, 4000000000u},
                         {600000, 1, 4000000000u}}) {
    CAPTURE(s.edges);
    CAPTURE(s.sources);
    edge_list list;
    std::mt19937 draw(1);
    for (std::uint32_t i = 0; i < s.edges; ++i)
      list.edges.push_back({static_cast<neuron_id>(draw() % s.sources),
                            static_cast<neuron_id>(draw() % s.targets), static_cast<float>(i), i});
    std::ranges::sort(list.edges, graph_formats::before);
    const auto same_ends = [](const graph_edge& a, const graph_edge& b) {
      return a.source == b.source && a.target == b.target;
    };
    list.edges.erase(std::unique(list.edges.begin(), list.edges.end(), same_ends),
                     list.edges.end());
    const std::vector<graph_edge> expected = list.edges;
    std::ranges::shuffle(list.edges, draw);
    graph_formats::order_edges(list);
    CHECK(std::ranges::equal(list.edges, expected, [&](const graph_edge& a, const graph_edge& b) {
      return same_ends(a, b) && a.weight == b.weight && a.line == b.line;
    }));
  }
}

TEST_CASE("of edges that come again the first pair in order is named, by its first two lines") {
  for (const std::size_t others : {std::size_t{0}, std::size_t{700000}}) {
    edge_list list;
    list.file = "g";
    std::uint32_t line = 1;
    const auto add = [&](neuron_id source, neuron_id target) {
      list.edges.push_back({source, target, 1, ++line});
    };
    add(9, 9), add(7, 3), add(7, 3), add(9, 9), add(7, 3);
    for (std::size_t i = 0; i < others; ++i) add(static_cast<neuron_id>(others - i + 10), 0);
    std::ranges::reverse(list.edges);
    std::string message;
    try {
      graph_formats::order_edges(list);
    } catch (const input_error& e) {
      message = e.what();
    }
    CHECK(message == "g:4: an edge again that is in g:3, expected each edge once");
  }
}
