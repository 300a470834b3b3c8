// What is requested is what is recorded, and recording changes no bit.
#include "io/recording/recorder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "../files/support.hpp"
#include "graph/edge_ids.hpp"
#include "io/recording/recording_plan.hpp"

using namespace bdh;

namespace {

const token_id text[] = {1, 4, 2, 2, 0, 3, 1, 1, 4, 0, 2, 3};

std::vector<recording_description> plan(const model& m, std::initializer_list<const char*> requests,
                                        std::uint64_t position = 0) {
  std::vector<recording_request> all;
  for (const char* r : requests) all.push_back(parse_recording(r));
  return plan_recordings(m, all, position);
}

std::string refusal(const model& m, const char* request) {
  try {
    plan(m, {request});
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

// The rows of a run: of each recording, one for each token, empty where none is due.
struct run_rows {
  std::vector<recording_description> recordings;
  std::vector<std::vector<recording_row>> rows;  // [recording][token]
};
template <class Look>
run_rows run(const model& m, std::initializer_list<const char*> requests, Look look) {
  simulator brain(m, cpu_engine(m));
  run_rows all{plan(m, requests), {}};
  recorder r(brain, all.recordings);
  all.rows.resize(all.recordings.size());
  for (token_id t : text) {
    brain.step(t);
    const auto rows = r.rows(brain.tokens() - 1);
    for (std::size_t k = 0; k < rows.size(); ++k)
      all.rows[k].push_back(all.recordings[k].due(brain.tokens() - 1) ? rows[k] : recording_row{});
    look(brain, all);
  }
  return all;
}

std::vector<std::string> names(const std::vector<recording_description>& recordings) {
  std::vector<std::string> all;
  for (const recording_description& d : recordings) all.push_back(d.name);
  return all;
}

}  // namespace

TEST_CASE("file positions are those of the transposed projection") {
  const projection sparse = files::sparse("p", {"a", 16}, {"b", 21}, major::source, 3),
                   rows = sparse.transposed();
  std::vector<edge_id> all(sparse.edges());
  std::iota(all.begin(), all.end(), edge_id{0});
  const auto positions = file_positions(sparse, all);
  for (neuron_id i = 0; i < 16; ++i)
    for (neuron_id j = 0; j < 21; ++j)
      if (const auto e = sparse.find(i, j)) REQUIRE(positions[*e] == *rows.find(i, j));
  std::vector<edge_id> some;
  for (edge_id e = 1; e < sparse.edges(); e += 3) some.push_back(e);
  const auto of_some = file_positions(sparse, some);
  REQUIRE(of_some.size() == some.size());
  for (std::size_t k = 0; k < some.size(); ++k) CHECK(of_some[k] == positions[some[k]]);
  const projection dense =
      projection::dense("d", {"a", 3}, {"b", 5}, major::source, files::weights(15, 1));
  for (neuron_id i = 0; i < 3; ++i)
    for (neuron_id j = 0; j < 5; ++j) {
      const edge_id e[] = {*dense.find(i, j)};
      CHECK(file_positions(dense, e) == std::vector<edge_id>{*dense.transposed().find(i, j)});
    }
}

TEST_CASE("requests are read from the end, where names cannot mislead") {
  const recording_request r = parse_recording("  x:0-99,#7   every 10 layers 1-2 ");
  CHECK(r.what == "x:0-99,#7");
  CHECK(r.every == 10);
  CHECK(r.layers == "1-2");
  CHECK(parse_recording("synapses:3->7 layers 2 every 4").every == 4);
  CHECK(parse_recording("y:neuron 5,neuron 6").what == "y:neuron 5,neuron 6");
  for (const char* bad : {"", "dreams", "x", "x:", "z:1", "logits:3", "snapshot:1", "x:1 every 0",
                          "x:1 every -1", "x:1 every ten", "x:1 every 2x", "logits layers 1",
                          "summary every 2", "events every", "logits logits"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_recording(bad), input_error);
  }
}

TEST_CASE("requests from a file") {
  const files::folder dir;
  files::write(dir / "plan.json",
               R"(["events every 3", {"what": "x:1-2", "every": 10, "layers": "1-2"},
          {"what": "snapshot", "layers": 2}])");
  const auto all = read_recordings(dir / "plan.json");
  REQUIRE(all.size() == 3);
  CHECK(all[0].every == 3);
  CHECK(all[1].what == "x:1-2");
  CHECK(all[1].layers == "1-2");
  CHECK(all[2].layers == "2");
  CHECK(names(plan_recordings(files::small_model(), all, 0)).size() == 6 + 2 + 1);
  for (const char* bad : {"{}", "", "[1]", "[{}]", R"([{"what": "x:1", "every": 0}])",
                          R"([{"what": "x:1", "often": 1}])", R"([{"what": "x"}])",
                          R"([{"what": "x:1", "every": 1.5}])", R"(["x:1 every 0"])", "[\"x:1\""}) {
    CAPTURE(bad);
    files::write(dir / "plan.json", bad);
    CHECK_THROWS_AS(read_recordings(dir / "plan.json"), input_error);
  }
  CHECK_THROWS_AS(read_recordings(dir / "none.json"), input_error);
}

TEST_CASE("a bad choice is refused with the range that is valid") {
  const model hubs = files::small_model(), direct = files::small_direct_model({.named = true}),
              mute = files::small_direct_model({.readout = false});
  CHECK(refusal(hubs, "x:16").find("0 to 15") != std::string::npos);
  CHECK(refusal(hubs, "y:3-99").find("0 to 15") != std::string::npos);
  CHECK(refusal(hubs, "x:1 layers 4").find("1 to 3") != std::string::npos);
  CHECK(refusal(hubs, "events layers 0").find("1 to 3") != std::string::npos);
  CHECK(refusal(hubs, "synapses:1->99").find("0 to 15") != std::string::npos);
  CHECK(refusal(hubs, "synapses:all").find("hubs") != std::string::npos);
  CHECK(refusal(direct, "pairs:top:3") ==
        "--record 'pairs:top:3': a model whose synapses are explicit edges, expected "
        "synapses:top:K, the strongest of these");
  CHECK(refusal(direct, "x:Purkinje").find("name") != std::string::npos);
  CHECK(refusal(direct, "x:neuron 5 every 2").empty());
  CHECK(refusal(mute, "logits").find("logits") != std::string::npos);
  CHECK(refusal(hubs, "x:99 every 10").starts_with("--record 'x:99 every 10'"));
}

TEST_CASE("strengths of pairs are known only from the first token on") {
  try {
    plan(files::small_model(), {"pairs:top:3"}, 7);
    FAIL("accepted");
  } catch (const unavailable_error& e) {
    CHECK(std::string(e.what()) ==
          "--record 'pairs:top:3': strengths of pairs after token 6, expected a run from token 0 "
          "on, without --state: they are known from what all tokens wrote");
  }
}

TEST_CASE("pairs are the largest of all by target and source, through hubs too") {
  const model m = files::small_model();
  const neuron_id n = m.neurons();
  run(m, {"synapses:random:256@1 layers 2-3", "pairs:top:9 every 2 layers 2-3", "pairs:top:4"},
      [&](simulator&, const run_rows& all) {
        for (const std::size_t layer : {0, 1}) {
          if (all.rows[2 + layer].back().values.empty()) continue;
          // Probes of all pairs are the reference.
          const recording_description& d = all.recordings[layer];
          std::vector<std::pair<float, std::size_t>> sorted;
          for (std::size_t k = 0; k < d.synapses.size(); ++k)
            sorted.emplace_back(-std::abs(all.rows[layer].back().values[k]), k);
          std::ranges::sort(sorted);
          const recording_row& row = all.rows[2 + layer].back();
          REQUIRE(d.synapses.size() == std::size_t{n} * n);
          REQUIRE(row.nodes.size() == 9);
          std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
          for (std::size_t k = 0; k < 9; ++k) {
            found.emplace_back(row.nodes[k], row.edges[k]);
            const auto at = std::ranges::find_if(d.synapses, [&](const recorded_synapse& s) {
              return s.pre == row.edges[k] && s.post == row.nodes[k];
            });
            CHECK(row.values[k] ==
                  doctest::Approx(all.rows[layer].back().values[static_cast<std::size_t>(
                                      at - d.synapses.begin())])
                      .epsilon(1e-4));
            CHECK(std::abs(row.values[k]) >= -sorted[9].first * (1 - 1e-4f));
          }
          CHECK(std::ranges::is_sorted(found));
        }
        CHECK(all.rows[4].back().values.empty());  // of layer 1 none is ever written
      });
}

TEST_CASE("reports have names of their own, and start at a multiple of every") {
  const auto all = plan(
      files::small_model(),
      {"x:1 layers 2-3", "x:2 every 10 layers 2", "x:top:3 layers 1", "events layers 1", "logits"},
      33);
  CHECK(names(all) == std::vector<std::string>{"x_2.h5", "x_3.h5", "x-2_2.h5", "top_x_1.h5",
                                               "events_x_1.h5", "events_y_1.h5", "logits.h5"});
  CHECK(all[0].start == 33);
  CHECK(all[2].start == 40);
}

TEST_CASE("activity is that of its layer") {
  for (const model& m : {files::small_model(), files::small_direct_model()}) {
    // As an observer of its own sees it.
    simulator brain(m, cpu_engine(m));
    std::vector<std::vector<float>> x, y;
    brain.observe([&](layer_id layer, moment at) {
      if (layer == 2 && at == moment::x_ready) x.push_back(brain.read(variable::x));
      if (layer == 2 && at == moment::y_ready) y.push_back(brain.read(variable::y));
    });
    for (token_id t : text) brain.step(t);

    const auto all = run(
        m, {"x:2,9-11 layers 2", "y:all every 3 layers 2", "events layers 2", "x:top:2 layers 2"},
        [](auto&...) {});
    bool some = false;
    for (std::size_t t = 0; t < std::size(text); ++t) {
      CHECK(all.rows[0][t].values == std::vector<float>{x[t][2], x[t][9], x[t][10], x[t][11]});
      if (t % 3 == 0) CHECK(all.rows[1][t].values == y[t]);
      for (const auto& [expected, row] :
           {std::pair(&x[t], &all.rows[2][t]), std::pair(&y[t], &all.rows[3][t])}) {
        std::vector<float> from_events(16);
        for (std::size_t k = 0; k < row->nodes.size(); ++k)
          from_events[row->nodes[k]] = row->values[k];
        CHECK(from_events == *expected);
        CHECK(std::none_of(row->values.begin(), row->values.end(), [](float v) { return v == 0; }));
        some = some || !row->values.empty();
      }
      std::vector<float> sorted = x[t], top = all.rows[4][t].values;
      std::sort(sorted.rbegin(), sorted.rend());
      std::sort(top.rbegin(), top.rend());
      sorted.resize(std::min<std::size_t>(
          2, static_cast<std::size_t>(std::find(sorted.begin(), sorted.end(), 0.0f) -
                                      sorted.begin())));
      CHECK(top == sorted);
    }
    CHECK(some);
  }
}

TEST_CASE("synapses and snapshots are what the next token reads") {
  const model direct = files::small_direct_model({.pool = true, .rotates = true}),
              hubs = files::small_model();
  const projection& gs = direct.direct().gs;
  run(direct,
      {"synapses:out:3,in:5,0->0,1->token:2 layers 2", "snapshot layers 2",
       "synapses:top:4 layers 2"},
      [&](simulator& brain, const run_rows& all) {
        const recording_description& d = all.recordings[0];
        for (std::size_t k = 0; k < d.width; ++k) {
          const recorded_synapse& s = d.synapses[k];
          const auto edge = gs.find(s.pre, s.post);
          CHECK(edge.has_value() == (s.edge != recorded_synapse::no_edge));
          const float expected =
              edge ? brain.synapse(2, s.pre, s.post)
                   : static_cast<float>(*brain.probes().strength(2, {s.pre, s.post}));
          CHECK(all.rows[0].back().values[k] == expected);
          if (edge) CHECK(all.rows[1].back().values[s.edge] == expected);
        }
        const recording_row& top = all.rows[2].back();
        std::vector<float> sorted = all.rows[1].back().values;
        std::sort(sorted.begin(), sorted.end(),
                  [](float a, float b) { return std::abs(a) > std::abs(b); });
        for (std::size_t k = 0; k < top.values.size(); ++k) {
          CHECK(all.rows[1].back().values[top.edges[k]] == top.values[k]);
          CHECK(std::abs(top.values[k]) >= std::abs(sorted[3]));
        }
        CHECK(top.values.size() == 4);
      });
  run(hubs, {"snapshot layers 3", "synapses:3->7 layers 3"},
      [&](simulator& brain, const run_rows& all) {
        for (neuron_id i = 0; i < 16; ++i)
          for (neuron_id j = 0; j < 4; ++j)
            CHECK(all.rows[0].back().values[j * 16 + i] == brain.synapse(3, i, j));
        CHECK(all.rows[1].back().values[0] ==
              static_cast<float>(*brain.probes().strength(3, {3, 7})));
      });
}

TEST_CASE("recording changes no bit") {
  for (const model& m :
       {files::small_model(), files::small_direct_model({.pool = true, .rotates = true})}) {
    cpu_options three_sites;
    three_sites.sites = 3;
    simulator_options two_threads;
    two_threads.threads = 2;
    simulator plain(m, cpu_engine(m)), recorded(m, cpu_engine(m, three_sites), two_threads);
    auto recordings = plan(m, {"logits", "events", "x:all", "y:top:2", "synapses:random:20@1",
                               "synapses:0->1", "snapshot every 2"});
    recorder r(recorded, recordings);
    for (token_id t : text) {
      plain.step(t);
      recorded.step(t);
      r.rows(recorded.tokens() - 1);
      REQUIRE(std::equal(plain.logits().begin(), plain.logits().end(), recorded.logits().begin(),
                         recorded.logits().end()));
    }
    const run_state a = plain.save(), b = recorded.save();
    for (std::size_t l = 0; l < 3; ++l) {
      CHECK(std::equal(a.layers[l].strengths().begin(), a.layers[l].strengths().end(),
                       b.layers[l].strengths().begin()));
      CHECK(std::equal(a.layers[l].last_used().begin(), a.layers[l].last_used().end(),
                       b.layers[l].last_used().begin()));
    }
  }
}

TEST_CASE("by factor y every pair is a probe of Eq. 16, edge or not") {
  for (const model& m : {files::small_model({}), files::small_direct_model({})}) {
    const auto all =
        run(m, {"synapses:0->1,1->2,3->0 layers 2 factor y", "synapses:0->1 layers 2"},
            [&](const simulator& brain, const run_rows& r) {
              for (std::size_t k = 0; k < r.recordings[0].synapses.size(); ++k) {
                const recorded_synapse& s = r.recordings[0].synapses[k];
                CHECK(s.edge == recorded_synapse::no_edge);
                const auto probe = brain.probes().find({{s.pre, s.post}, 2, probe_factor::y});
                REQUIRE(probe);
                CHECK(r.rows[0].back().values[k] ==
                      static_cast<float>(brain.probes().strength(*probe)));
              }
            });
    CHECK(all.recordings[0].by_y);
    CHECK_FALSE(all.recordings[1].by_y);
    CHECK(refusal(m, "x:1 factor y") ==
          "--record 'x:1 factor y': a factor of 'x:1', expected synapses:SYNAPSES or pairs:top:K");
    CHECK(refusal(m, "synapses:0->1 factor z") ==
          "--record 'synapses:0->1 factor z': factor 'z', expected w, what acts, or y, the paper's "
          "Eq. 16");
  }
}
