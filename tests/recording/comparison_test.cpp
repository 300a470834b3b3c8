// What differs between two runs is found where it differs, and the course of a neuron or synapse is
// what was recorded.
#include "io/recording/comparison.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include <bdh/error.hpp>

#include "../files/support.hpp"
#include "graph/edge_ids.hpp"
#include "io/recording/recording_plan.hpp"
#include "io/recording/run_writer.hpp"
#include "io/recording/time_series.hpp"

using namespace bdh;

namespace {

using change_row = std::function<void(const recording_description&, std::uint64_t, recording_row&)>;

struct made_run {
  std::vector<const char*> requests{"events", "logits", "synapses:3->7,1->2", "x:all every 2"};
  std::vector<token_id> tokens{1, 4, 2, 2, 0, 3, 1, 1};
  change_row change = [](const recording_description&, std::uint64_t, recording_row&) {};
  neuron_id active = 4;  // neurons with X > 0, in summary.csv
  double retention = 1;
  bool direct = false;
};

// Value of neuron, synapse or readout node k.
float value_of(const recording_description& d, std::uint64_t position, std::uint64_t k) {
  return static_cast<float>((position * 31 + k * 17 + d.layer * 5) % 23) / 8;
}

std::vector<recording_row> rows_at(const std::vector<recording_description>& recordings,
                                   std::uint64_t position, const change_row& change) {
  std::vector<recording_row> all;
  for (const recording_description& d : recordings) {
    recording_row row;
    for (std::uint64_t k = 0; k < d.width; ++k) {
      const float v = value_of(d, position,
                               d.layout == recording_layout::frames && d.synapses.empty() &&
                                       !d.node_ids.empty() && d.node_ids.size() == d.width
                                   ? d.node_ids[k]
                                   : k);
      if (d.layout == recording_layout::events &&
          (v == 0 || (d.top != 0 && row.values.size() == d.top)))
        continue;
      row.values.push_back(v);
      if (d.layout == recording_layout::events) row.nodes.push_back(k);
      if (d.layout == recording_layout::events && d.what == quantity::synapses)
        row.edges.push_back(k);
    }
    change(d, position, row);
    all.push_back(std::move(row));
  }
  return all;
}

model subject_of(const made_run& r) {
  return r.direct ? files::small_direct_model() : files::small_model();
}

run_reader make(const std::filesystem::path& folder, const made_run& r) {
  const model m = subject_of(r);
  std::vector<recording_request> requests;
  for (const char* text : r.requests) requests.push_back(parse_recording(text));
  const std::string options = "{\"retention\": " + std::to_string(r.retention) +
                              ", \"threads\": " + std::to_string(r.tokens.size()) +
                              ", \"model\": \"nowhere\"}";
  run_writer run = run_writer::create(folder, m, options, plan_recordings(m, requests, 0));
  for (std::uint64_t t = 0; t < r.tokens.size(); ++t) {
    step_report report;
    report.position = t;
    report.token = r.tokens[t];
    report.active_x.assign(m.layers(), r.active);
    report.active_y.assign(m.layers(), 2);
    run.append(report, t == 0 ? "a,\"b\"\n" : "c", false, rows_at(run.recordings(), t, r.change));
  }
  run.finish(run_status::complete);
  return run_reader(folder);
}

// Adds to the value of one neuron, or of one logit or synapse, wherever it is recorded.
change_row added(quantity what, layer_id layer, std::uint64_t from, std::uint64_t id, float more) {
  return [=](const recording_description& d, std::uint64_t position, recording_row& row) {
    if (d.what != what || d.layer != layer || position < from) return;
    const auto& ids = d.layout == recording_layout::events ? row.nodes : d.node_ids;
    const bool by_id = what == quantity::x || what == quantity::y;
    const auto at =
        by_id ? static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin()) : id;
    if (at < row.values.size()) row.values[at] += more;
  };
}

}  // namespace

TEST_CASE("courses follow a neuron and a synapse") {
  const files::folder dir;
  made_run how;
  how.requests = {"x:5,7 every 2", "events layers 2", "y:top:3 layers 3", "synapses:3->7,1->2",
                  "snapshot every 4"};
  const run_reader run = make(dir / "run", how);
  CHECK(run.texts[0] == "a,\"b\"\\n");
  CHECK(run.tokens == how.tokens);
  const auto series = neuron_series(run, 5, std::nullopt);
  REQUIRE(series.size() == 5);  // x of 1, x and y of 2, x and y of 3
  CHECK(series[0].file == "x_1.h5");
  CHECK(series[0].positions == std::vector<std::uint64_t>{0, 2, 4, 6});
  CHECK(series[1].file == "events_x_2.h5");  // knows more than x_2.h5
  CHECK(series[1].positions.size() == 8);
  CHECK(series[4].what == quantity::y);
  for (const time_series& c : series)
    for (std::size_t k = 0; k < c.positions.size(); ++k) {
      recording_description d;
      d.layer = c.layer;
      const float expected = value_of(d, c.positions[k], 5);
      CAPTURE(c.file);
      if (c.file == "top_y_3.h5" &&
          std::isnan(c.values[k])) {  // three others are listed: the first three that are not zero
        int before = 0;
        for (std::uint64_t i = 0; i < 5; ++i) before += value_of(d, c.positions[k], i) != 0;
        CHECK(before >= 3);
      } else {
        CHECK(c.values[k] == expected);
      }
    }
  CHECK(neuron_series(run, 6, layer_id{1}).empty());
  const auto strengths = synapse_series(run, {1, 2, false}, nullptr, layer_id{3});
  REQUIRE(strengths.size() == 1);
  recording_description d;
  d.layer = 3;
  for (std::uint64_t t = 0; t < 8; ++t)
    CHECK(strengths[0].values[t] == value_of(d, t, 0));  // 1->2 comes before 3->7: by target
  const auto to_hub = synapse_series(run, {5, 2, true}, nullptr, layer_id{1});
  REQUIRE(to_hub.size() == 1);
  d.layer = 1;
  CHECK(to_hub[0].positions == std::vector<std::uint64_t>{0, 4});
  CHECK(to_hub[0].values[1] == value_of(d, 4, 2 * 16 + 5));
  CHECK(synapse_series(run, {7, 3, false}, nullptr, std::nullopt).empty());
  CHECK(find_model(run).missing == "nowhere is not there");
}

TEST_CASE("synapses of sparse graphs are found in snapshots with the model at hand") {
  const files::folder dir;
  made_run how;
  how.direct = true;
  how.requests = {"snapshot every 4", "synapses:top:4"};
  const run_reader run = make(dir / "run", how);
  const model m = subject_of(how);
  const projection& gs = m.direct().gs;
  int found = 0;
  for (neuron_id i = 0; i < m.neurons(); ++i)
    for (neuron_id j = 0; j < m.sources(); ++j) {
      const auto edge = gs.find(i, j);
      const auto series = synapse_series(run, {i, j, false}, &m, layer_id{1});
      if (!edge) {
        CHECK(series.empty());
        continue;
      }
      const edge_id chosen[] = {*edge};
      const edge_id place = file_positions(gs, chosen)[0];
      recording_description d;
      d.layer = 1;
      REQUIRE(series.size() == 1);
      for (std::size_t k = 0; k < series[0].positions.size(); ++k)
        if (!std::isnan(series[0].values[k])) {
          CHECK(series[0].values[k] == value_of(d, series[0].positions[k], place));
          ++found;
        }
    }
  CHECK(found >= 2 * static_cast<int>(gs.edges()));
}

TEST_CASE("runs that are the same do not differ, whatever else they were made with") {
  const files::folder dir;
  made_run how;
  const run_reader a = make(dir / "a", how);
  how.retention = 0.5;
  const run_reader b = make(dir / "b", how);
  const run_comparison c = compare(a, b, 0, 5);
  CHECK(!c.differ());
  CHECK(c.until == 8);
  CHECK(c.activity.values > 16 * 3 * 4);
  CHECK(c.synapses.compared == 6);
  REQUIRE(c.settings.size() == 1);
  CHECK(c.settings[0].name == "retention");
  CHECK(c.settings[0].b == "0.5");
}

TEST_CASE("the first neuron that differs is found, by token, layer, X before Y, and number") {
  struct row {
    quantity what;
    layer_id layer;
    std::uint64_t position, neuron;
  };
  const std::vector<std::vector<const char*>> recordings{
      {"events"},
      {"x:all", "y:all"},
      {"x:all every 1", "events layers 3", "y:2-14"},
      {"events", "x:3,9 every 2"}};
  const files::folder dir;
  made_run how;
  std::vector<run_reader> all_a;
  for (std::size_t k = 0; k < recordings.size(); ++k) {
    how.requests = recordings[k];
    all_a.push_back(make(dir / ("a" + std::to_string(k)).c_str(), how));
  }
  for (const row& r : {row{quantity::x, 1, 0, 2}, row{quantity::y, 3, 7, 9},
                       row{quantity::x, 3, 4, 3}, row{quantity::y, 1, 6, 14}})
    for (const auto& of_b : recordings) {
      const files::folder of_row;
      CAPTURE(r.position);
      how.requests = of_b;
      how.change = added(r.what, r.layer, r.position, r.neuron, 0.25f);
      const run_reader b = make(of_row / "b", how);
      recording_description d;
      d.layer = r.layer;
      REQUIRE(value_of(d, r.position, r.neuron) != 0);  // or events would have nothing to change
      for (const run_reader& a : all_a) {
        const run_comparison c = compare(a, b, 0, 5);
        REQUIRE(c.activity.first);
        CHECK(c.activity.first->position == r.position);
        CHECK(c.activity.first->layer == r.layer);
        CHECK(c.activity.first->what == r.what);
        CHECK(c.activity.first->particle == r.neuron);
        CHECK(*c.activity.first->b - *c.activity.first->a == doctest::Approx(0.25));
        CHECK(!compare(a, b, 0.3, 5).differ());
      }
    }
}

TEST_CASE("of several differences the first is shown, in whatever order the reports come") {
  const files::folder dir;
  made_run how;
  how.requests = {"y:all layers 3", "y:all layers 1-2", "x:9-15", "x:0-8"};
  const run_reader a = make(dir / "a", how);
  how.change = [](const recording_description& d, std::uint64_t position, recording_row& row) {
    for (const change_row& change :
         {added(quantity::x, 1, 5, 2, 1), added(quantity::x, 3, 4, 0, 1),
          added(quantity::y, 3, 4, 0, 1), added(quantity::y, 2, 4, 1, 1),
          added(quantity::x, 2, 4, 11, 1), added(quantity::x, 2, 4, 7, 1)})
      change(d, position, row);
  };
  const auto first = compare(a, make(dir / "b", how), 0, 0).activity.first;
  REQUIRE(first);
  CHECK(first->position == 4);
  CHECK(first->layer == 2);
  CHECK(first->what == quantity::x);
  CHECK(first->particle == 7);
}

TEST_CASE("of the largest values, only what is certain counts as a difference") {
  const files::folder dir;
  made_run how;
  how.tokens = {1, 4};
  const auto with = [&](const char* name, const char* request, std::vector<std::uint64_t> nodes,
                        std::vector<float> values) {
    how.requests = {request};
    how.change = [=](const recording_description& d, std::uint64_t position, recording_row& row) {
      row = {};
      if (position != 1 || d.layer != 1) return;
      row.nodes = nodes;
      row.values = values;
    };
    return make(dir / name, how);
  };
  const run_reader two = with("two", "x:top:2", {1, 6}, {4, 2}),
                   other = with("other", "x:top:2", {1, 3}, {4, 3});
  const run_reader all = with("all", "events layers 1", {1, 5, 6}, {4, 1, 2}),
                   more = with("more", "events layers 1", {1, 5, 6}, {4, 2.5, 2});
  CHECK(!compare(two, all, 0, 0).activity.first);  // 5 has too little to be among the two
  const auto first = compare(two, other, 0, 0).activity.first;
  REQUIRE(first);
  CHECK(first->particle ==
        3);  // 3 has more than the least of `two`; of 6, the least, nothing is certain
  CHECK(!first->a);
  CHECK(*first->b == 3);
  const auto unlisted = compare(two, more, 0, 0).activity.first;
  REQUIRE(unlisted);
  CHECK(unlisted->particle == 5);
}

TEST_CASE("without common neurons the summary decides, and without it the logits") {
  const files::folder dir;
  made_run how;
  how.requests = {"x:1", "logits"};
  const run_reader a = make(dir / "a", how);
  how.requests = {"x:2", "logits"};
  how.active = 5;
  const run_comparison c = compare(a, make(dir / "b", how), 0, 5);
  CHECK(c.activity.from == activity_comparison::basis::summary);
  REQUIRE(c.activity.first);
  CHECK(c.activity.first->layer == 1);
  CHECK(*c.activity.first->b == doctest::Approx(5.0 / 16));
  how.active = 4;
  how.change = added(quantity::logits, 0, 3, 2, 0.5f);
  const run_comparison of_logits = compare(a, make(dir / "c", how), 0, 5);
  CHECK(of_logits.activity.from == activity_comparison::basis::logits);
  REQUIRE(of_logits.activity.first);
  CHECK(of_logits.activity.first->position == 3);
  CHECK(of_logits.activity.first->particle == 2);
}

TEST_CASE("the divergence of the output is that of its definition") {
  const files::folder dir;
  made_run how;
  const run_reader a = make(dir / "a", how);
  how.change = added(quantity::logits, 0, 5, 1, 1.5f);
  const run_reader b = make(dir / "b", how);
  const run_comparison c = compare(a, b, 0, 5);
  REQUIRE(c.output);
  REQUIRE(c.output->nats.size() == 8);
  for (std::uint64_t t = 0; t < 8; ++t) {
    CHECK(c.output->largest[t] == (t < 5 ? 0 : 1.5));
    double sum_a = 0, sum_b = 0, expected = 0;
    for (std::uint64_t k = 0; k < 5; ++k) {
      const double z = value_of({}, t, k);
      sum_a += std::exp(z);
      sum_b += std::exp(z + (t >= 5 && k == 1 ? 1.5 : 0));
    }
    for (std::uint64_t k = 0; k < 5; ++k) {
      const double z = value_of({}, t, k), p = std::exp(z) / sum_a,
                   q = std::exp(z + (t >= 5 && k == 1 ? 1.5 : 0)) / sum_b;
      expected += p * std::log(p / q);
    }
    CHECK(c.output->nats[t] == doctest::Approx(expected).epsilon(1e-12));
    if (t >= 5) CHECK(c.output->of[t] == 1);
  }
}

TEST_CASE("only what comes before the first different token is compared") {
  const files::folder dir;
  made_run how;
  const run_reader a = make(dir / "a", how);
  how.tokens = {1, 4, 2, 2, 1, 3};
  how.change = added(quantity::x, 2, 4, 8, 1);
  const run_comparison c = compare(a, make(dir / "b", how), 0, 5);
  CHECK(c.token == 4);
  CHECK(c.until == 4);
  CHECK(!c.activity.first);
  CHECK(c.only_a == 2);
  CHECK(c.only_b == 0);
  CHECK(c.output->positions.size() == 4);
  CHECK(c.differ());
}

TEST_CASE("the synapses that differ most come first") {
  const files::folder dir;
  made_run how;
  how.requests = {"snapshot every 3", "synapses:3->7,1->2"};
  const run_reader a = make(dir / "a", how);
  how.change = [](const recording_description& d, std::uint64_t position, recording_row& row) {
    if (d.layer == 2 && d.what == quantity::snapshot && position == 6) {
      row.values[2 * 16 + 5] += 2;
      row.values[3 * 16 + 1] -= 4;
    }
    if (d.layer == 3 && d.what == quantity::synapses) row.values[1] += 3;
  };
  const run_comparison c = compare(a, make(dir / "b", how), 0, 2);
  CHECK(c.synapses.compared == 3 * 64 + 6);
  CHECK(c.synapses.differing == 3);
  REQUIRE(c.synapses.largest.size() == 2);
  const synapse_difference &most = c.synapses.largest[0], &second = c.synapses.largest[1];
  CHECK(most.layer == 2);
  CHECK(most.position == 6);
  CHECK(most.to_hub);
  CHECK(most.pre == 1);
  CHECK(most.post == 3);
  CHECK(most.b - most.a == -4);
  CHECK(second.layer == 3);
  CHECK(second.position == 7);
  CHECK(second.pre == 3);
  CHECK(second.post == 7);
}

TEST_CASE("a run that is not sound is refused, one that was killed is read as far as it goes") {
  const files::folder dir;
  make(dir / "run", {});
  const auto folder = dir / "run";
  const std::string description = files::read(folder / "run.json"),
                    tokens = files::read(folder / "tokens.csv");
  files::write(folder / "tokens.csv", tokens.substr(0, tokens.size() - 3));
  CHECK(run_reader(folder).tokens.size() == 7);
  CHECK_THROWS_AS(run_reader(folder).open(run_reader(folder).recordings[0]),
                  input_error);  // more rows than tokens
  files::write(folder / "tokens.csv", "token\n");
  CHECK_THROWS_AS(run_reader{folder}, input_error);
  files::write(folder / "tokens.csv", tokens);
  for (const auto& [from, to] :
       std::map<std::string, std::string>{{"events_x_1.h5", "../../etc/passwd"},
                                          {"\"layers\": 3", "\"layers\": -3"},
                                          {"\"reports\"", "\"reporters\""}}) {
    std::string changed = description;
    changed.replace(changed.find(from), from.size(), to);
    files::write(folder / "run.json", changed);
    CHECK_THROWS_AS(run_reader{folder}, input_error);
  }
  files::write(folder / "run.json", description);
  files::write(folder / "events_x_1.h5", "torn");
  const run_reader run(folder);
  CHECK_THROWS_WITH_AS(run.open(run.recordings[0]), doctest::Contains("events_x_1.h5"),
                       input_error);
  files::write(folder / "events_x_1.h5.journal", "journal");
  CHECK_THROWS_WITH_AS(run.open(run.recordings[0]), doctest::Contains("bdh repair"), input_error);
}
