// State files: a run goes on from what was saved, and only with its own model.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include <bdh/bfloat16.hpp>
#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/state_file.hpp>

#include "io/files/checksum_header.hpp"
#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

model saved_model(const files::folder& dir, const files::choice& kind = {}) {
  save_model(files::small_model(kind), dir / "m.bdh.h5", true);
  return load_model(dir / "m.bdh.h5");
}

model saved_direct_model(const files::folder& dir, const files::direct_choice& kind) {
  save_model(files::small_direct_model(kind), dir / "m.bdh.h5", true);
  return load_model(dir / "m.bdh.h5");
}

run_state state_of(const model& m) {
  run_state s;
  s.model_sha256 = m.content_sha256();
  s.tokens = 100;
  s.retention = 0.99;
  for (layer_id l = 1; l <= m.layers(); ++l) {
    state_arrays layer(variables_of(m), true);
    layer.clock() = 100;
    for (std::size_t i = 0; i < layer.last_used().size(); ++i) layer.last_used()[i] = 100 - i;
    layer.strengths() = files::weights(m.synapses(), l);
    s.layers.push_back(std::move(layer));
  }
  s.logits.assign(m.readout_nodes(), 0.125f);
  s.probes = {{{{1, 2}, 2, probe_factor::w}, 0, 0.25, -0.5},
              {{{3, 0}, 1, probe_factor::y}, 7, 1e-30, 1e30}};
  return s;
}

// Strengths that are bfloat16, as a run leaves them that stores them so.
run_state rounded_state_of(const model& m) {
  run_state s = state_of(m);
  s.rounded = true;
  for (state_arrays& l : s.layers)
    for (float& f : l.strengths()) f = to_float(to_bfloat16(f));
  return s;
}

void check_round_trip(const files::folder& dir, const model& m) {
  const run_state before = state_of(m);
  save_state(before, m, dir / "s.h5");
  save_state(before, m, dir / "s.h5");  // over the older one
  const run_state after = load_state(dir / "s.h5", m);
  CHECK(after.model_sha256 == m.content_sha256());
  CHECK(after.tokens == 100);
  CHECK(after.retention == 0.99);
  REQUIRE(after.layers.size() == 3);
  CHECK(after.logits == before.logits);
  REQUIRE(after.probes.size() == 2);
  for (std::size_t p = 0; p < 2; ++p) {
    CHECK(after.probes[p].what == before.probes[p].what);
    CHECK(after.probes[p].since == before.probes[p].since);
    CHECK(after.probes[p].strength == before.probes[p].strength);
    CHECK(after.probes[p].partner == before.probes[p].partner);
  }
  for (std::size_t l = 0; l < 3; ++l) {
    CHECK(after.layers[l].clock() == 100);
    CHECK(std::equal(after.layers[l].last_used().begin(), after.layers[l].last_used().end(),
                     before.layers[l].last_used().begin(), before.layers[l].last_used().end()));
    CHECK(std::equal(after.layers[l].strengths().begin(), after.layers[l].strengths().end(),
                     before.layers[l].strengths().begin(), before.layers[l].strengths().end()));
  }
  CHECK(identify(dir / "s.h5") == file_kind::state);
  CHECK(dir.entries() == 2);
}

}  // namespace

TEST_CASE("a state of strengths in bfloat16 says so, and has no others") {
  const files::folder dir;
  const model m = saved_model(dir);
  const run_state before = rounded_state_of(m);
  save_state(before, m, dir / "s.h5");
  const run_state after = load_state(dir / "s.h5", m);
  CHECK(after.rounded);
  for (std::size_t l = 0; l < before.layers.size(); ++l)
    CHECK(std::equal(after.layers[l].strengths().begin(), after.layers[l].strengths().end(),
                     before.layers[l].strengths().begin()));
  run_state wide = state_of(m);
  save_state(wide, m, dir / "s.h5");
  CHECK_FALSE(load_state(dir / "s.h5", m).rounded);
  wide.rounded = true;
  CHECK_THROWS_WITH_AS(save_state(wide, m, dir / "t.h5"),
                       doctest::Contains("a bfloat16, as @synapses says"), input_error);
}

TEST_CASE("a state survives a file") {
  const files::folder dir;
  for (bool rotates : {true, false}) {
    check_round_trip(dir, saved_model(dir, {"gpu-release", 2, false, false, rotates}));
    check_round_trip(dir, saved_direct_model(dir, {.rotates = rotates}));
    check_round_trip(
        dir, saved_direct_model(dir, {.pool = true, .own_retention = true, .rotates = rotates}));
  }
}

TEST_CASE("synapses that are written part by part lie in the file as in memory") {
  constexpr neuron_id n = 20000, d = 250;  // 19 MiB; parts of 16 MiB end within it
  const auto dense = [](const char* name, neuron_id sources, neuron_id targets, major rows) {
    return projection::dense(name, {"", sources}, {"", targets}, rows,
                             array<float>(std::size_t{sources} * targets));
  };
  model_spec parts;
  parts.rules = dynamics::named("gpu-release");
  parts.layers = 1;
  parts.circuits.e = dense("e", n, d, major::source);
  parts.circuits.sensory = dense("sensory", 3, d, major::source);
  parts.circuits.dx = dense("dx", d, n, major::target);
  parts.circuits.dy = dense("dy", d, n, major::target);
  parts.circuits.readout = dense("readout", d, 3, major::target);
  const files::folder dir;
  save_model(model(std::move(parts)), dir / "m.bdh.h5", false);
  const model m = load_model(dir / "m.bdh.h5");
  run_state before = state_of(m);
  before.probes.clear();
  for (std::size_t i = 0; i < before.layers[0].last_used().size(); ++i)
    before.layers[0].last_used()[i] = i % 101;
  for (std::size_t e = 0; e < m.synapses(); ++e)
    before.layers[0].strengths()[e] = static_cast<float>(e % 1000003);
  save_state(before, m, dir / "s.h5");
  const array<float>& expected = before.layers[0].strengths();
  {
    const hdf5::file file =
        hdf5::file::open(dir / "s.h5", {std::filesystem::file_size(dir / "s.h5"), true});
    const array<float> stored = file.root()
                                    .open_group("layers")
                                    .open_group("1")
                                    .open_dataset("synapses")
                                    .read<float>({n, d});
    CHECK(std::equal(stored.begin(), stored.end(), expected.begin(), expected.end()));
  }
  const run_state after = load_state(dir / "s.h5", m);
  const array<float>& found = after.layers[0].strengths();
  CHECK(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
  CHECK(load_state_head(dir / "s.h5", m).layers.empty());
  before.layers[0].strengths()[m.synapses() - 1] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(save_state(before, m, dir / "t.h5"),
                       "state/layers/1/synapses[4999999]: inf, expected a finite value",
                       input_error);
  CHECK_FALSE(std::filesystem::exists(dir / "t.h5"));
}

TEST_CASE(
    "a state of many layers survives a file, whose list of layers has its B-tree on two levels") {
  const files::folder dir;
  model_spec p = files::small_parts();
  p.layers = 300;
  save_model(model(std::move(p)), dir / "m.bdh.h5", false);
  const model m = load_model(dir / "m.bdh.h5");
  save_state(state_of(m), m, dir / "s.h5");
  CHECK(load_state(dir / "s.h5", m).layers.size() == 300);
  std::string bytes = files::read(dir / "s.h5");
  const std::size_t upper = bytes.find(std::string("TREE\0\1", 6));
  REQUIRE(upper != std::string::npos);
  // Behind a forged checksum, a node that is its own child.
  const std::uint64_t itself = upper - checksum_header_bytes;
  bytes.replace(upper + 32, sizeof itself, reinterpret_cast<const char*>(&itself), sizeof itself);
  files::write(dir / "s.h5", bytes);
  write_checksum_header(dir / "s.h5", checksummed::state);
  try {
    load_state(dir / "s.h5", m);
    FAIL("no error");
  } catch (const input_error& e) {
    CHECK(e.found() == "another kind of B-tree in the place of something else");
    CHECK(e.place() == (dir / "s.h5").string() + ":/layers");
  }
}

TEST_CASE("a variable that this version does not have is refused by its name") {
  const files::folder dir;
  const model m = saved_model(dir);
  save_state(state_of(m), m, dir / "s.h5");
  std::string bytes = files::read(dir / "s.h5");
  const std::string known("clock\0", 6), unknown("clocx\0", 6);
  for (std::size_t at = bytes.find(known); at != std::string::npos; at = bytes.find(known, at))
    bytes.replace(at, known.size(), unknown);
  files::write(dir / "s.h5", bytes);
  write_checksum_header(dir / "s.h5", checksummed::state);
  CHECK_THROWS_WITH_AS(load_state(dir / "s.h5", m),
                       doctest::Contains("layers/1/clocx: unknown in a state of this model, "
                                         "expected clock, last_used, synapses"),
                       input_error);
}

TEST_CASE("every variable that is kept is in a state, by its name and size") {
  const files::folder dir;
  for (const model& m : {saved_model(dir), saved_direct_model(dir, {})}) {
    const run_state s = state_of(m);
    for (const variable_info& v : variables_of(m)) {
      CAPTURE(v.name);
      const state_arrays& in = v.per_layer ? s.layers[0] : s.network;
      const state_arrays::entry* const e = in.find(v.what);
      REQUIRE((e != nullptr) == v.kept);
      if (e) CHECK(size_of(*e) == v.size);
    }
  }
}

TEST_CASE("a state of another model is refused") {
  const files::folder dir;
  const model m = saved_model(dir);
  save_state(state_of(m), m, dir / "s.h5");
  const model other = saved_model(dir, {"gpu-release", 1});
  try {
    load_state(dir / "s.h5", other);
    FAIL("read");
  } catch (const input_error& e) {
    CHECK(std::string(e.what()).find("s.h5:/@model_sha256: a state of model " +
                                     m.content_sha256().substr(0, 16)) != std::string::npos);
  }
  CHECK_THROWS_AS(load_state(dir / "m.bdh.h5", other), input_error);
  CHECK_THROWS_AS(load_model(dir / "s.h5"), input_error);
}

TEST_CASE("a state that does not fit or has bad values is not written") {
  const files::folder dir;
  const model m = saved_model(dir);
  const auto refused = [&](auto change) {
    run_state s = state_of(m);
    change(s);
    CHECK_THROWS_AS(save_state(s, m, dir / "s.h5"), error);
    CHECK(!std::filesystem::exists(dir / "s.h5"));
  };
  refused([](auto& s) { s.layers.pop_back(); });
  refused([](auto& s) { s.layers[1].strengths()[5] = std::numeric_limits<float>::infinity(); });
  refused([](auto& s) { s.layers[1].last_used()[5] = 101; });
  refused([](auto& s) { s.layers[2].strengths() = array<float>(3); });
  refused([](auto& s) { s.layers[2].last_used() = array<std::uint64_t>(3); });
  refused([](auto& s) { s.retention = 0; });
  refused([](auto& s) { s.model_sha256 = "another"; });
}

TEST_CASE("a damaged state is refused, a full disk keeps the old one") {
  const files::folder dir;
  const model m = saved_model(dir);
  save_state(state_of(m), m, dir / "s.h5");
  const std::string good = files::read(dir / "s.h5");
  for (std::size_t i = 0; i < good.size(); i += 37) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] + 1);
    files::write(dir / "bad.h5", bad);
    CAPTURE(i);
    REQUIRE_THROWS_AS(load_state(dir / "bad.h5", m), input_error);
  }
  std::filesystem::remove(dir / "bad.h5");
  for (std::uint64_t limit :
       {std::size_t{0}, std::size_t{700}, good.size() / 2, good.size() - 100}) {
    const int code = files::with_full_disk(limit, [&] {
      try {
        save_state(state_of(m), m, dir / "s.h5");
      } catch (const device_error&) {
        return 7;
      }
      return 9;
    });
    CHECK(code == 7);
    CHECK(files::read(dir / "s.h5") == good);
    CHECK(dir.entries() == 2);
  }
}
