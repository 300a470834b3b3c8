// A report is read as it was written, up to the commit marker, or refused.
#include "io/recording/recording_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <bdh/error.hpp>

#include "../files/support.hpp"
#include "descriptions.hpp"
#include "io/hdf5/file.hpp"

using namespace bdh;

namespace {

using tests::logits;

recording_description frames() {
  recording_description d = tests::frames();
  d.synapses.back() = {1, 7, recorded_synapse::no_edge, 4};  // probed from token 4 on
  return d;
}

recording_description events(const char* request = "events") {
  recording_description d = tests::events(4096);
  d.request = request;
  d.every = 3;
  d.start = 6;
  return d;
}

// Of events: none at some positions, hundreds at others, so that blocks end inside of rows.
recording_row row_at(const recording_description& d, std::uint64_t position) {
  recording_row row;
  const auto value = [&](std::uint64_t k) {
    return static_cast<float>(position) + static_cast<float>(k) / 1024;
  };
  std::uint64_t count = d.width;
  if (d.layout == recording_layout::events) count = position % 5 == 0 ? 0 : position * 7 % 400;
  for (std::uint64_t k = 0; k < count; ++k) {
    row.values.push_back(value(k));
    if (d.layout == recording_layout::events) row.nodes.push_back(3 * k + position % 3);
  }
  return row;
}

std::filesystem::path recorded(const files::folder& dir, const recording_description& d,
                               std::uint64_t committed, std::uint64_t more) {
  recording r = recording::create(dir.path(), d);
  for (std::uint64_t k = 0; k < committed + more; ++k) {
    if (k == committed) {
      r.sync();
      r.mark();
    }
    r.append(r.next(), 0, row_at(d, r.next()));
  }
  if (more == 0) r.close();
  return dir / d.name.c_str();
}

bool operator==(const recording_row& a, const recording_row& b) {
  return a.nodes == b.nodes && a.edges == b.edges && a.values == b.values;
}

}  // namespace

TEST_CASE("rows are read as they were written, in any order, up to the commit marker") {
  for (const recording_description& d : {frames(), events(), logits()}) {
    const files::folder dir;
    CAPTURE(d.name);
    recording_reader reader(recorded(dir, d, 2000, 17));
    CHECK(reader.what().what == d.what);
    CHECK(reader.what().layout == d.layout);
    CHECK(reader.what().layer == d.layer);
    CHECK(reader.what().request == d.request);
    REQUIRE(reader.rows() == 2000);
    recording_row row;
    for (std::uint64_t k = 0; k < 2000; ++k) {
      REQUIRE(reader.next(row));
      REQUIRE(row == row_at(d, reader.position(k)));
    }
    CHECK(!reader.next(row));
    for (std::uint64_t k : {1999, 0, 3, 1000, 1001, 17, 0}) {
      reader.seek(k);
      REQUIRE(reader.next(row));
      REQUIRE(row == row_at(d, reader.position(k)));
    }
    reader.seek(2000);
    CHECK(!reader.next(row));
    CHECK(reader.position(1) == d.start + d.every);
    CHECK(reader.row_from(0) == 0);
    CHECK(reader.row_from(d.start + 1) == 1);
    CHECK(reader.row_from(d.start + 1999 * d.every) == 1999);
    CHECK(!reader.row_from(d.start + 1999 * d.every + 1));
    if (d.layout == recording_layout::events) continue;
    const std::vector<float> column = reader.column(2);
    REQUIRE(column.size() == 2000);
    for (std::uint64_t k = 0; k < 2000; ++k)
      REQUIRE(column[k] == row_at(d, reader.position(k)).values[2]);
    CHECK_THROWS_AS(reader.column(d.width), input_error);
  }
}

TEST_CASE("the synapses of a report are read with it") {
  const files::folder dir;
  const recording_reader reader(recorded(dir, frames(), 0, 0));
  CHECK(reader.rows() == 0);
  REQUIRE(reader.what().synapses.size() == 3);
  CHECK(reader.what().synapses[1].pre == 4);
  CHECK(reader.what().synapses[1].edge == 6);
  CHECK(reader.what().synapses[2].edge == recorded_synapse::no_edge);
  CHECK(reader.what().synapses[2].since == 4);
}

namespace {

// A small report, with any of its parts made wrong.
struct parts {
  std::string format = "bdh-report", request = "events", population = "neurons", variable = "x";
  std::vector<double> time{0, 3, 1}, times{0, 0, 2};
  std::vector<std::uint64_t> nodes{1, 4, 2}, events{3};
  std::vector<float> values{1, 2, 3};
  std::uint64_t layer = 1;
  bool float_nodes = false;

  bool frames = false;
  std::uint64_t rows = 3, width = 2;
  std::vector<std::uint64_t> ids{3, 7}, pointers{0, 1, 2};
  std::vector<std::uint32_t> elements{0, 0};
};

template <class T>
void put(hdf5::group& in, const char* name, const std::vector<T>& values) {
  in.create_dataset<T>(name, {values.size()}).template write<T>(values);
}

void write(const std::filesystem::path& path, const parts& p) {
  std::filesystem::remove(path);
  hdf5::file f = hdf5::file::create(path);
  {
    hdf5::group root = f.root(), mapping = root.create_group("mapping");
    root.set_text("format", p.format);
    root.set_text("request", p.request);
    put(mapping, "time", p.time);
    put(mapping, "events", p.events);
    hdf5::group population =
        root.create_group(p.frames ? "report" : "spikes").create_group(p.population.c_str());
    population.set_text("variable", p.variable);
    population.set_number("layer", p.layer);
    if (p.frames) {
      hdf5::group own = population.create_group("mapping");
      population.create_dataset<float>("data", {p.rows, p.width})
          .write<float>(std::vector<float>(p.rows * p.width));
      put(own, "node_ids", p.ids);
      put(own, "index_pointers", p.pointers);
      put(own, "element_ids", p.elements);
    } else {
      put(population, "timestamps", p.times);
      if (p.float_nodes)
        put(population, "node_ids", p.values);
      else
        put(population, "node_ids", p.nodes);
      put(population, "values", p.values);
    }
  }
  f.close();
}

std::uint64_t events_in(const std::filesystem::path& file) {
  recording_reader reader(file);
  std::uint64_t events = 0;
  for (recording_row row; reader.next(row);) events += row.values.size();
  return events;
}

}  // namespace

TEST_CASE("a report that contradicts itself is refused") {
  const files::folder dir;
  const auto file = dir / "r.h5";
  write(file, {});
  CHECK(events_in(file) == 3);
  const double nan = std::nan("");
  const std::vector<std::pair<const char*, std::function<void(parts&)>>> changes{
      {"format", [](parts& p) { p.format = "bdh-model"; }},
      {"population", [](parts& p) { p.population = "glia"; }},
      {"variable", [](parts& p) { p.variable = "z"; }},
      {"layer", [](parts& p) { p.layer = 0; }},
      {"request", [](parts& p) { p.request = "x:0-9"; }},
      {"time of two",
       [](parts& p) {
         p.time = {0, 3};
       }},
      {"time is NaN", [=](parts& p) { p.time[1] = nan; }},
      {"time is endless", [](parts& p) { p.time[1] = 1e300; }},
      {"stop before start", [](parts& p) { p.time[0] = 4; }},
      {"no step", [](parts& p) { p.time[2] = 0; }},
      {"part of a step",
       [](parts& p) {
         p.time = {0, 3, 2};
       }},
      {"half a step", [](parts& p) { p.time[2] = 0.5; }},
      {"more events than there are", [](parts& p) { p.events = {4}; }},
      {"events beyond counting", [](parts& p) { p.events = {~std::uint64_t{0}}; }},
      {"fewer values", [](parts& p) { p.values.pop_back(); }},
      {"nodes of another type", [](parts& p) { p.float_nodes = true; }},
      {"times that go back",
       [](parts& p) {
         p.times = {2, 0, 2};
       }},
      {"a time between positions", [](parts& p) { p.times[2] = 1.5; }},
      {"a time that is none", [=](parts& p) { p.times[2] = nan; }},
      {"a time behind the end", [](parts& p) { p.times[2] = 7; }},
      {"a neuron twice", [](parts& p) { p.nodes[1] = 1; }},
      {"more than the largest", [](parts& p) { p.request = "x:top:1"; }},
      {"frames: fewer rows", [](parts& p) { p.frames = true, p.rows = 2; }},
      {"frames: too few pointers",
       [](parts& p) {
         p.frames = true, p.pointers = {0, 2};
       }},
      {"frames: pointers beyond the row",
       [](parts& p) {
         p.frames = true, p.pointers = {0, 1, 3};
       }},
      {"frames: pointers that go back",
       [](parts& p) {
         p.frames = true, p.pointers = {0, 3, 2};
       }},
      {"frames: neurons out of order",
       [](parts& p) {
         p.frames = true, p.ids = {7, 3};
       }},
      {"frames: fewer elements", [](parts& p) { p.frames = true, p.elements.pop_back(); }},
      {"frames: two values of a neuron",
       [](parts& p) {
         p.frames = true, p.ids = {3}, p.pointers = {0, 2};
       }},
      {"frames: synapses without a table",
       [](parts& p) { p.frames = true, p.variable = "synapses"; }},
  };
  for (const auto& one : changes) {
    CAPTURE(one.first);
    parts p;
    one.second(p);
    write(file, p);
    CHECK_THROWS_AS(events_in(file), input_error);
  }
  parts sound;
  sound.frames = true;
  write(file, sound);
  CHECK(recording_reader(file).rows() == 3);
  files::write(file, "no HDF5");
  CHECK_THROWS_AS(recording_reader{file}, input_error);
  CHECK_THROWS_AS(recording_reader{dir / "none.h5"}, input_error);
}
