// Run folders: what was committed is there and right, whatever ends the run.
#include "io/recording/run_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include <bdh/error.hpp>

#include "io/model/file_kind.hpp"
#include "io/recording/recording_plan.hpp"
#include "io/recording/reference_outputs.hpp"
#include "io/recording/run_reader.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

step_report report_of(std::uint64_t t) {
  step_report r;
  r.position = t;
  r.token = static_cast<token_id>(t % 5);
  r.active_x = {4, 2, 1};
  r.active_y = {1, 0, 16};
  r.synaptic_events = 1000 + t;
  r.hebbian_writes = 10;
  r.bytes_exchanged = 0;
  if (t % 2 == 0) r.surprisal = 1.25;
  r.seconds = 0.001;
  return r;
}

std::vector<float> logits(std::uint64_t t) {
  std::vector<float> values;
  for (std::uint64_t k = 0; k < 5; ++k) values.push_back(static_cast<float>(t * 5 + k));
  return values;
}

std::vector<recording_description> with_logits() {
  return plan_recordings(files::small_model(), {parse_recording("logits")}, 0);
}

recording_row logits_row(std::uint64_t t) { return {{}, {}, logits(t)}; }

void write_tokens(run_writer& run, std::uint64_t count) {
  for (std::uint64_t end = run.tokens() + count; run.tokens() < end;) {
    const std::uint64_t t = run.tokens();
    const recording_row rows[] = {logits_row(t)};
    run.append(report_of(t), "a,\"b\"\n", t >= 3,
               run.recordings().empty() ? std::span<const recording_row>()
                                        : std::span<const recording_row>(rows));
  }
}

void check_rows(const reference_outputs& e) {
  REQUIRE(e.logits.size() == e.tokens.size() * 5);
  for (std::size_t t = 0; t < e.tokens.size(); ++t) {
    REQUIRE(e.tokens[t] == t % 5);
    for (std::size_t k = 0; k < 5; ++k)
      REQUIRE(e.logits[t * 5 + k] == static_cast<float>(t * 5 + k));
  }
}

}  // namespace

TEST_CASE("a finished run is read back") {
  const files::folder dir;
  const model m = files::small_model();
  auto run = run_writer::create(dir / "run", m, R"({"seed": 7})", with_logits());
  write_tokens(run, 1000);
  run.finish(run_status::complete);
  CHECK(run.tokens() == 1000);

  CHECK(identify(dir / "run") == file_kind::run);
  const run_reader r(dir / "run");
  CHECK(r.status == run_status::complete);
  CHECK(r.options == std::map<std::string, std::string>{{"seed", "7"}});
  CHECK(r.model_sha256.size() == 64);
  CHECK(r.started.size() == std::string("2026-01-31T12:00:00+01:00").size());
  CHECK(r.json.find("\"tokens\":1000") != std::string::npos);
  REQUIRE(r.tokens.size() == 1000);
  CHECK(r.tokens[13] == 3);
  CHECK(r.texts[13] == "a,\"b\"\\n");
  CHECK(!r.generated[2]);
  CHECK(r.generated[3]);
  REQUIRE(r.recordings.size() == 1);
  CHECK(r.recordings[0].file == "logits.h5");
  const summary_table summary = r.summary();
  const std::vector<std::string> columns = {
      "position",        "token",          "active_x_1", "active_x_2",      "active_x_3",
      "active_y_1",      "active_y_2",     "active_y_3", "synaptic_events", "hebbian_writes",
      "bytes_exchanged", "surprisal_nats", "seconds"};
  CHECK(summary.names == columns);
  REQUIRE(summary.rows == 1000);
  CHECK(summary.column("position")[13] == 13);
  CHECK(summary.column("active_x_1")[13] == 0.25);
  CHECK(summary.column("active_y_3")[13] == 1);
  CHECK(summary.column("synaptic_events")[13] == 1013);
  CHECK(std::isnan(summary.column("surprisal_nats")[0]));  // of the first token it is not kept
  CHECK(std::isnan(summary.column("surprisal_nats")[13]));
  CHECK(summary.column("surprisal_nats")[14] == 1.25);
  CHECK_THROWS_AS(summary.column("active_x_4"), input_error);

  const reference_outputs e = read_reference_outputs(dir / "run/logits.h5");
  CHECK(e.tokens.size() == 1000);
  check_rows(e);
  const std::string lines = files::read(dir / "run/tokens.csv");
  CHECK(lines.starts_with("position,token,text,generated\n0,0,\"a,\"\"b\"\"\\n\",0\n1,1,"));
}

TEST_CASE("a run without logits") {
  const files::folder dir;
  auto run = run_writer::create(dir / "run", files::small_model(), "{}");
  run.append(report_of(0), "\xff", false, {});
  run.finish(run_status::interrupted);
  const run_reader r(dir / "run");
  CHECK(r.status == run_status::interrupted);
  CHECK(r.summary().rows == 1);
  CHECK(r.recordings.empty());
}

TEST_CASE("a folder that is in use is left alone") {
  const files::folder dir;
  files::write(dir / "thesis.tex", "precious");
  CHECK_THROWS_AS(run_writer::create(dir.path(), files::small_model(), "{}", with_logits()),
                  input_error);
  CHECK_THROWS_AS(run_writer::create(dir / "thesis.tex", files::small_model(), "{}", with_logits()),
                  input_error);
  CHECK(dir.entries() == 1);
  std::filesystem::create_directory(dir / "empty");
  CHECK_NOTHROW(run_writer::create(dir / "empty", files::small_model(), "{}", with_logits()));
  CHECK_NOTHROW(run_writer::create(dir / "new/deep", files::small_model(), "{}", with_logits()));
}

TEST_CASE("values of another shape are refused") {
  const files::folder dir;
  auto run = run_writer::create(dir / "run", files::small_model(), "{}", with_logits());
  const recording_row wrong[] = {{{}, {}, {1, 2, 3, 4}}}, right[] = {logits_row(0)};
  CHECK_THROWS_AS(run.append(report_of(0), "", false, wrong), shape_error);
  CHECK_THROWS_AS(run.append(report_of(0), "", false, {}), shape_error);
  step_report r = report_of(0);
  r.active_x.pop_back();
  CHECK_THROWS_AS(run.append(r, "", false, right), shape_error);
}

TEST_CASE("what was committed survives a kill at any moment") {
  for (std::uint64_t least :
       {0, 1, 16, 40, 100, 250, 400, 600}) {  // tokens, of which every 16 are committed
    const files::folder dir;
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) {
      const model m = files::small_model();
      auto run = run_writer::create(dir / "run", m, "{}", with_logits());
      files::write(dir / "ready", "");
      for (std::uint64_t t = 0;; ++t) {
        const recording_row rows[] = {logits_row(t)};
        run.append(report_of(t), "x", true, rows);
        if (t % 16 == 15) {
          run.commit();
          files::write(dir / "committed.new", std::to_string(t + 1));
          std::filesystem::rename(dir / "committed.new", dir / "committed");
        }
      }
    }
    const auto committed_tokens = [&] {
      const std::string said = files::read(dir / "committed");
      return said.empty() ? 0 : std::stoull(said);
    };
    while (!std::filesystem::exists(dir / "ready") || committed_tokens() + 16 < least)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    // A look at a run that goes on: as good as after its end.
    if (least == 100) CHECK_NOTHROW(run_reader(dir / "run").summary());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    const std::uint64_t committed = committed_tokens();
    CAPTURE(committed);
    const run_reader r(dir / "run");
    CHECK(r.status == run_status::interrupted);
    const std::uint64_t rows = r.summary().rows;
    CHECK(rows >= committed);
    for (std::size_t t = 0; t < r.tokens.size(); ++t) REQUIRE(r.tokens[t] == t % 5);
    if (rows == 0) continue;
    const reference_outputs e = read_reference_outputs(dir / "run/logits.h5");
    CHECK(e.tokens.size() >= committed);
    check_rows(e);
  }
}

TEST_CASE("torn last lines are not for readers") {
  const files::folder dir;
  auto run = run_writer::create(dir / "run", files::small_model(), "{}");
  write_tokens(run, 5);
  run.finish(run_status::failed);
  const std::string whole = files::read(dir / "run/summary.csv");
  files::write(dir / "run/summary.csv", whole.substr(0, whole.size() - 4));
  CHECK(run_reader(dir / "run").summary().rows == 4);
  files::write(dir / "run/summary.csv", "nonsense\n");
  CHECK_THROWS_AS(run_reader(dir / "run").summary(), input_error);
  files::write(dir / "run/run.json", "[]");
  CHECK_THROWS_AS(run_reader(dir / "run").summary(), input_error);
}

TEST_CASE("a full disk is reported, and the rows before it can be read") {
  const files::folder dir;
  const auto run_until_full = [&](const char* name, std::uint64_t limit) {
    return files::with_full_disk(limit, [&] {
      const model m = files::small_model();
      try {
        auto run = run_writer::create(dir / name, m, "{}", with_logits());
        for (std::uint64_t t = 0; t < 100000; ++t) {
          const recording_row rows[] = {logits_row(t)};
          run.append(report_of(t), "x", true, rows);
          if (t % 64 == 63) run.commit();
        }
      } catch (const device_error& e) {
        return std::string(e.what()).find(name) != std::string::npos ? 7 : 8;
      }
      return 9;
    });
  };
  CHECK(run_until_full("csv", 1500000) == 7);
  CHECK(run_until_full("early", 100000) == 7);
  CHECK(run_until_full("start", 3000) == 7);
  CHECK(run_until_full("nothing", 0) == 7);
  CHECK(run_reader(dir / "csv").summary().rows > 5000);
  check_rows(read_reference_outputs(dir / "csv/logits.h5"));
}

TEST_CASE("a complete run has no journals, another one keeps them") {
  for (const run_status end : {run_status::complete, run_status::interrupted, run_status::failed}) {
    const files::folder dir;
    auto run = run_writer::create(dir / "run", files::small_model(), "{}", with_logits());
    write_tokens(run, 10);
    run.finish(end);
    CHECK(std::filesystem::exists(dir / "run/logits.h5.journal") == (end != run_status::complete));
    CHECK(run_reader(dir / "run").summary().rows == 10);
    if (end == run_status::complete)
      CHECK_THROWS_AS(run_writer::reopen(dir / "run", files::small_model(), 5), input_error);
  }
}

TEST_CASE("a reopened run goes on as if it had never stopped") {
  const model m = files::small_model();
  for (bool finished : {false, true}) {
    const files::folder dir;
    {
      auto run = run_writer::create(dir / "run", m, "{}", with_logits());
      write_tokens(run, 100);
      if (finished) run.finish(run_status::interrupted);
    }
    // A kill in the middle of a line.
    files::write(dir / "run/summary.csv", files::read(dir / "run/summary.csv") + "100,0,0.");
    {
      auto run = run_writer::reopen(dir / "run", m, 64);
      CHECK(run.tokens() == 64);
      REQUIRE(run.recordings().size() == 1);
      CHECK(run.recordings()[0].name == "logits.h5");
      write_tokens(run, 136);
      run.finish(run_status::complete);
    }
    auto whole = run_writer::create(dir / "whole", m, "{}", with_logits());
    write_tokens(whole, 200);
    whole.finish(run_status::complete);
    for (const char* same : {"tokens.csv", "summary.csv"})
      CHECK(files::read((dir / "run") / same) == files::read((dir / "whole") / same));
    const reference_outputs e = read_reference_outputs(dir / "run/logits.h5");
    CHECK(e.tokens.size() == 200);
    check_rows(e);
    CHECK(run_reader(dir / "run").status == run_status::complete);
  }
}

// In a folder of format version 1 the surprisal of a token stands one line earlier, as loss_nats.
void make_version_1(const std::filesystem::path& folder) {
  std::istringstream from(files::read(folder / "summary.csv"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(from, line);) lines.push_back(line);
  std::string all = lines[0];
  all.replace(all.find("surprisal_nats"), 14, "loss_nats");
  const auto surprisal_at = [](const std::string& line) {
    const std::size_t end = line.rfind(','), begin = line.rfind(',', end - 1) + 1;
    return std::pair(begin, end);
  };
  for (std::size_t k = 1; k < lines.size(); ++k) {
    std::string loss;
    if (k + 1 < lines.size()) {
      const auto [begin, end] = surprisal_at(lines[k + 1]);
      loss = lines[k + 1].substr(begin, end - begin);
    }
    const auto [begin, end] = surprisal_at(lines[k]);
    all += "\n" + lines[k].substr(0, begin) + loss + lines[k].substr(end);
  }
  files::write(folder / "summary.csv", all + "\n");
  std::string run = files::read(folder / "run.json");
  run.replace(run.find("\"format_version\": 2"), 19, "\"format_version\": 1");
  files::write(folder / "run.json", run);
}

TEST_CASE("a run of format version 1 reads as one of version 2, and becomes one when it goes on") {
  const model m = files::small_model();
  const files::folder dir;
  const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
      return x == y || (std::isnan(x) && std::isnan(y));
    });
  };
  for (const char* name : {"new", "old"}) {
    auto run = run_writer::create(dir / name, m, "{}", with_logits());
    write_tokens(run, 100);
    run.finish(run_status::interrupted);
  }
  make_version_1(dir / "old");
  const summary_table a = run_reader(dir / "new").summary(), b = run_reader(dir / "old").summary();
  CHECK(a.names == b.names);
  REQUIRE(a.rows == b.rows);
  for (std::size_t c = 0; c < a.columns.size(); ++c) CHECK(same(a.columns[c], b.columns[c]));

  // A damaged line is refused before anything is written.
  const std::string table = files::read(dir / "old/summary.csv");
  std::string damaged = table;
  const std::size_t line = damaged.find("\n5,") + 1;
  damaged.replace(line, damaged.find('\n', line) - line, "garbage");
  files::write(dir / "old/summary.csv", damaged);
  CHECK_THROWS_AS(run_writer::reopen(dir / "old", m, 64), input_error);
  CHECK(files::read(dir / "old/summary.csv") == damaged);

  files::write(dir / "old/summary.csv", table + "100,0,0.");
  // A stop between the two files that change: the new table beside the old run.json.
  const std::string run_json = files::read(dir / "old/run.json");
  for (const char* kept : {"nothing", "run.json"}) {
    for (const char* name : {"new", "old"}) {
      auto run = run_writer::reopen(dir / name, m, 64);
      write_tokens(run, 36);
      run.finish(run_status::interrupted);
    }
    CHECK(files::read(dir / "new/summary.csv") == files::read(dir / "old/summary.csv"));
    CHECK(files::read(dir / "old/run.json").find("\"format_version\": 2") != std::string::npos);
    if (kept == std::string("nothing")) files::write(dir / "old/run.json", run_json);
  }
}

TEST_CASE("what cannot be reopened is refused") {
  const files::folder dir;
  {
    auto run = run_writer::create(dir / "run", files::small_model(), "{}", with_logits());
    write_tokens(run, 20);
  }
  CHECK_THROWS_AS(run_writer::reopen(dir / "run", files::small_model(), 21), input_error);
  CHECK_THROWS_AS(run_writer::reopen(dir / "run", files::small_model({.heads = 1}), 10),
                  input_error);
  CHECK_THROWS_AS(run_writer::reopen(dir / "none", files::small_model(), 0), input_error);
  const std::string journal = files::read(dir / "run/logits.h5.journal");
  files::write(dir / "run/logits.h5.journal", journal.substr(0, journal.size() / 2));
  CHECK_THROWS_AS(run_writer::reopen(dir / "run", files::small_model(), 20), input_error);
}

TEST_CASE("a run is repaired beside the damaged one") {
  const files::folder dir;
  {
    auto run = run_writer::create(dir / "run", files::small_model(), "{}", with_logits());
    write_tokens(run, 50);
  }
  files::write(dir / "run/logits.h5", "no HDF5 file any more");
  const std::string lines = files::read(dir / "run/tokens.csv");
  files::write(dir / "run/tokens.csv", lines.substr(0, lines.size() - 3));
  CHECK_THROWS_AS(run_reader(dir / "run").summary(), input_error);
  const repaired_run made = repair_run(dir / "run", dir / "new");
  CHECK(made.tokens == 49);
  REQUIRE(made.recordings.size() == 1);
  CHECK(made.recordings[0].rows == 49);
  const run_reader r(dir / "new");
  CHECK(r.summary().rows == 49);
  CHECK(r.status == run_status::interrupted);
  check_rows(read_reference_outputs(dir / "new/logits.h5"));
  CHECK(files::read(dir / "run/logits.h5") == "no HDF5 file any more");
  CHECK_THROWS_AS(repair_run(dir / "run", dir / "new"), input_error);
}
