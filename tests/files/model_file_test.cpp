// Model files: what goes in comes out, whole or not at all, and other programs can read it.
#include <doctest/doctest.h>
#include <hdf5.h>

#include <algorithm>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/hdf5/file.hpp"
#include "io/model/file_kind.hpp"
#include "io/model/model_image.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

bool same(const projection& a, const projection& b) {
  return a.source().size == b.source().size && a.target().size == b.target().size &&
         a.rows_are() == b.rows_are() && std::ranges::equal(a.weights(), b.weights()) &&
         std::ranges::equal(a.indices(), b.indices()) && std::ranges::equal(a.indptr(), b.indptr());
}

void check_same(const model& a, const model& b) {
  CHECK(same(a.circuits().e, b.circuits().e));
  CHECK(same(a.circuits().sensory, b.circuits().sensory));
  CHECK(same(a.circuits().dx, b.circuits().dx));
  CHECK(same(a.circuits().dy, b.circuits().dy));
  CHECK(same(a.circuits().readout, b.circuits().readout));
  REQUIRE(a.is_direct() == b.is_direct());
  if (a.is_direct()) {
    const direct_circuits &g = a.direct(), &k = b.direct();
    for (auto p : {&direct_circuits::gx_excitatory, &direct_circuits::gx_inhibitory,
                   &direct_circuits::gy_excitatory, &direct_circuits::gy_inhibitory,
                   &direct_circuits::gs, &direct_circuits::sensory, &direct_circuits::readout})
      CHECK(same(g.*p, k.*p));
    CHECK(std::ranges::equal(std::span<const float>(g.retention),
                             std::span<const float>(k.retention)));
  }
  CHECK(a.neuron_names() == b.neuron_names());
  CHECK(a.sources() == b.sources());
  CHECK(a.synapses() == b.synapses());
  CHECK(a.sensory_nodes() == b.sensory_nodes());
  CHECK(a.readout_nodes() == b.readout_nodes());
  CHECK(std::ranges::equal(a.rotation().frequency(), b.rotation().frequency()));
  CHECK(a.rules().name() == b.rules().name());
  CHECK(a.rules().epsilon() == b.rules().epsilon());
  CHECK(a.layers() == b.layers());
  CHECK(a.heads() == b.heads());
  CHECK(a.retention() == b.retention());
  CHECK(a.tokens() == b.tokens());
  CHECK(a.training_window() == b.training_window());
  CHECK(std::ranges::equal(a.memory_order(), b.memory_order()));
  CHECK(a.renumbered() == b.renumbered());
  for (neuron_id i = 0; i < a.neurons(); ++i) CHECK(a.original_id(i) == b.original_id(i));
  CHECK(a.origin().creator == b.origin().creator);
  CHECK(a.origin().source == b.origin().source);
  CHECK(a.origin().source_sha256 == b.origin().source_sha256);
  CHECK(a.origin().layout == b.origin().layout);
  CHECK(a.origin().inferred == b.origin().inferred);
  CHECK(a.origin().not_used == b.origin().not_used);
  CHECK(a.origin().recipe == b.origin().recipe);
  CHECK(a.origin().learning == b.origin().learning);
  CHECK(a.origin().tuning == b.origin().tuning);
}

std::string message_of(const auto& work) {
  try {
    work();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every kind of model survives a file") {
  const files::folder dir;
  const files::choice kinds[] = {{},
                                 {"gpu-release", 2, true},
                                 {"gpu-release", 2, false, true},
                                 {"gpu-release", 2, true, true},
                                 {"gpu-release", 1, false, false, false},
                                 {"gpu-paper", 1},
                                 {"normfree", 1, true},
                                 {"bdh", 1, true, false, false}};
  for (const auto& kind : kinds) {
    CAPTURE(kind.variant);
    CAPTURE(kind.is_sparse);
    const model before = files::small_model(kind);
    const std::string hash = save_model(before, dir / "m.bdh.h5", true);
    const model after = load_model(dir / "m.bdh.h5");
    check_same(before, after);
    CHECK(after.content_sha256() == hash);
    CHECK(content_hash(after) == hash);
    CHECK(identify(dir / "m.bdh.h5") == file_kind::model);
    CHECK(dir.entries() == 1);
  }
}

TEST_CASE("a model with long texts survives a file") {
  const files::folder dir;
  model_spec p = files::small_parts();
  p.origin.source = std::string(60000, 's');
  p.origin.inferred.assign(1000, std::string(50, 'i'));
  p.origin.not_used = {"column 'colour' of edges.csv", "caf\xc3\xa9"};
  const model m(std::move(p));
  save_model(m, dir / "m.bdh.h5", false);
  check_same(m, load_model(dir / "m.bdh.h5"));
}

TEST_CASE(
    "of what an import did not use, a file keeps as much as fits, and the number of the rest") {
  const files::folder dir;
  model_spec p = files::small_parts();
  p.origin.not_used.assign(100000, std::string(50, 'u'));
  save_model(model(std::move(p)), dir / "m.bdh.h5", false);
  const std::vector<std::string> kept = load_model(dir / "m.bdh.h5").origin().not_used;
  REQUIRE(kept.size() > 500);
  CHECK(kept.back() == "and " + std::to_string(100000 - (kept.size() - 1)) + " more");
}

TEST_CASE(
    "every kind of model with explicit edges survives a file, and its hash covers all of it") {
  const files::folder dir;
  const files::direct_choice kinds[] = {
      {},
      {.own_retention = true},
      {.named = true},
      {.rotates = true},
      {.own_retention = true, .named = true, .rotates = true},
      {.readout = false},
      {.pool = true},
      {.pool = true, .own_retention = true, .named = true, .rotates = true}};
  std::vector<std::string> hashes;
  for (const auto& kind : kinds) {
    CAPTURE(kind.pool);
    CAPTURE(kind.own_retention);
    CAPTURE(kind.rotates);
    const model before = files::small_direct_model(kind);
    hashes.push_back(save_model(before, dir / "m.bdh.h5", true));
    const model after = load_model(dir / "m.bdh.h5");
    check_same(before, after);
    CHECK(content_hash(after) == hashes.back());
    CHECK(after.neuron_named("neuron 7") ==
          (kind.named ? std::optional<neuron_id>(7) : std::nullopt));
    CHECK(!after.neuron_named("neuron 16"));
  }
  for (auto p : {&direct_circuits::gx_excitatory, &direct_circuits::gx_inhibitory,
                 &direct_circuits::gy_excitatory, &direct_circuits::gy_inhibitory,
                 &direct_circuits::gs, &direct_circuits::sensory, &direct_circuits::readout}) {
    model_spec changed = files::small_direct_parts();
    projection& g = (*changed.direct).*p;
    g = files::sparse("other", g.source(), g.target(), g.rows_are(), 99, true);
    hashes.push_back(content_hash(model(std::move(changed))));
  }
  model_spec reordered = files::small_direct_parts({.rotates = true});
  for (neuron_id k = 0; k < 16; ++k) reordered.memory_order.push_back((k + 2) % 16);
  const model in_order(std::move(reordered));
  hashes.push_back(save_model(in_order, dir / "m.bdh.h5", true));
  check_same(in_order, load_model(dir / "m.bdh.h5"));
  model_spec renamed = files::small_direct_parts({.named = true});
  renamed.neuron_names[0] = "another";
  hashes.push_back(content_hash(model(std::move(renamed))));
  std::ranges::sort(hashes);
  CHECK(std::ranges::adjacent_find(hashes) == hashes.end());
}

TEST_CASE("names of neurons are refused when they are too many, empty, too long or not unique") {
  const auto refusal = [](auto change) {
    return message_of([&] {
      model_spec p = files::small_direct_parts({.named = true});
      change(p.neuron_names);
      model m(std::move(p));
    });
  };
  CHECK(refusal([](auto& names) { names.push_back("more"); }) ==
        "model/name: 17 names, expected 16, one for each neuron");
  CHECK(refusal([](auto& names) { names[2].clear(); }) ==
        "model/name[2]: a name of 0 bytes, expected 1 to 255 bytes, none of them zero");
  CHECK(refusal([](auto& names) {
          names[2].assign(256, 'a');
        }).starts_with("model/name[2]: a name of 256 bytes"));
  CHECK(refusal([](auto& names) { names[9] = names[4]; }) ==
        "model/name[9]: 'neuron 4' again, expected a name for each neuron alone");
}

TEST_CASE("a projection without edges, and one with a row without edges, survive") {
  const files::folder dir;
  auto parts = files::small_parts({"gpu-release", 2, true});
  const population neurons{"neurons", 16}, hubs{"hubs", 4};
  parts.circuits.dy =
      projection::sparse("dy", hubs, neurons, major::target, array<edge_id>(17), {}, {});
  const model m(std::move(parts));
  save_model(m, dir / "m.bdh.h5", false);
  check_same(m, load_model(dir / "m.bdh.h5"));
}

TEST_CASE("the same model gives the same bytes, a changed one another hash") {
  const files::folder dir;
  const std::string first = save_model(files::small_model(), dir / "a.bdh.h5", false);
  CHECK(first == save_model(files::small_model(), dir / "b.bdh.h5", false));
  CHECK(files::read(dir / "a.bdh.h5") == files::read(dir / "b.bdh.h5"));

  auto changed = files::small_parts();
  changed.retention = 1.0;
  CHECK(content_hash(model(std::move(changed))) != first);
  changed = files::small_parts();
  changed.original_id.assign({1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  CHECK(content_hash(model(std::move(changed))) != first);
  changed = files::small_parts();
  changed.origin.source = "elsewhere";
  CHECK(content_hash(model(std::move(changed))) == first);
}

TEST_CASE("SciPy and AnnData find the CSR and CSC layouts they expect") {
  const files::folder dir;
  const model m = files::small_model({"gpu-release", 2, true});
  save_model(m, dir / "m.bdh.h5", false);
  // Without our own reader: plain HDF5, as h5py opens it.
  const hid_t file = H5Fopen((dir / "m.bdh.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  REQUIRE(file >= 0);
  const auto text = [&](const std::string& object, const char* name) {
    char value[64] = {};
    const hid_t a = H5Aopen_by_name(file, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT),
                type = H5Aget_type(a);
    CHECK(H5Tget_class(type) == H5T_STRING);
    CHECK(H5Aread(a, type, value) >= 0);
    H5Tclose(type);
    H5Aclose(a);
    return std::string(value);
  };
  const auto read = [&](const std::string& name, hid_t type, hid_t file_type, void* to) {
    const hid_t d = H5Dopen2(file, name.c_str(), H5P_DEFAULT), found = H5Dget_type(d);
    CHECK(H5Tequal(found, file_type) > 0);
    CHECK(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0);
    H5Tclose(found);
    H5Dclose(d);
  };
  CHECK(text("/projections/e", "source_population") == "neurons");
  CHECK(text("/projections/e", "target_population") == "hubs");
  for (const projection* p : {&m.circuits().e, &m.circuits().dx}) {
    const bool by_source = p == &m.circuits().e;
    const std::string at = by_source ? "/projections/e" : "/projections/dx";
    CHECK(text(at, "encoding-type") == (by_source ? "csc_matrix" : "csr_matrix"));
    CHECK(text(at, "encoding-version") == "0.1.0");
    CHECK(text(at, "orientation") == "row=target,col=source");
    CHECK(text(at, "kernel_order") == (by_source ? "by_source" : "by_target"));
    std::uint64_t shape[2] = {};
    const hid_t a = H5Aopen_by_name(file, at.c_str(), "shape", H5P_DEFAULT, H5P_DEFAULT);
    CHECK(H5Aread(a, H5T_NATIVE_UINT64, shape) >= 0);
    H5Aclose(a);
    CHECK(shape[0] == p->target().size);
    CHECK(shape[1] == p->source().size);
    std::vector<std::uint64_t> indptr((by_source ? shape[1] : shape[0]) + 1);
    std::vector<std::uint32_t> indices(p->edges());
    std::vector<float> data(p->edges());
    read(at + "/indptr", H5T_NATIVE_UINT64, H5T_STD_U64LE, indptr.data());
    read(at + "/indices", H5T_NATIVE_UINT32, H5T_STD_U32LE, indices.data());
    read(at + "/data", H5T_NATIVE_FLOAT, H5T_IEEE_F32LE, data.data());
    for (neuron_id line = 0; line + 1 < indptr.size(); ++line)
      for (std::uint64_t i = indptr[line]; i < indptr[line + 1]; ++i) {
        const auto edge = by_source ? p->find(line, indices[i]) : p->find(indices[i], line);
        REQUIRE(edge);
        CHECK(p->weight(*edge) == data[i]);
      }
  }
  H5Fclose(file);
}

TEST_CASE("an existing file is kept unless it may be overwritten") {
  const files::folder dir;
  files::write(dir / "m.bdh.h5", "precious");
  const std::string message =
      message_of([&] { save_model(files::small_model(), dir / "m.bdh.h5", false); });
  CHECK(message.find("m.bdh.h5: the file exists") != std::string::npos);
  CHECK(message.find("--force") != std::string::npos);
  CHECK(files::read(dir / "m.bdh.h5") == "precious");
  save_model(files::small_model(), dir / "m.bdh.h5", true);
  CHECK(load_model(dir / "m.bdh.h5").neurons() == 16);
  CHECK_THROWS_AS(save_model(files::small_model(), dir.path(), true), input_error);
  CHECK_THROWS_AS(save_model(files::small_model(), dir / "none/m.bdh.h5", true), input_error);
  CHECK_THROWS_AS(save_model(files::small_model(), "/dev/null", true), input_error);
  CHECK(dir.entries() == 1);
}

TEST_CASE("a full disk is reported, leaves the old file and nothing else, wherever it fills up") {
  const files::folder dir;
  save_model(files::small_model({"bdh", 1}), dir / "m.bdh.h5", false);
  const std::string old = files::read(dir / "m.bdh.h5");
  const std::uint64_t size = old.size();
  for (std::uint64_t limit :
       {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{512}, std::uint64_t{700},
        std::uint64_t{2048}, std::uint64_t{4096}, size / 2, size - 1000}) {
    CAPTURE(limit);
    const int code = files::with_full_disk(limit, [&] {
      try {
        save_model(files::small_model(), dir / "m.bdh.h5", true);
      } catch (const device_error& e) {
        return std::string(e.what()).find("m.bdh.h5: cannot be written: File too large") !=
                       std::string::npos
                   ? 7
                   : 8;
      }
      return 9;
    });
    CHECK(code == 7);
    CHECK(dir.entries() == 1);
    CHECK(files::read(dir / "m.bdh.h5") == old);
  }
}

TEST_CASE("a bad value is reported with the file, the dataset and the position") {
  const files::folder dir;
  save_model(files::small_model(), dir / "m.bdh.h5", false);
  {
    // The checksum is not compared here, so that the edited value itself is found.
    const hid_t f = H5Fopen((dir / "m.bdh.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                d = H5Dopen2(f, "/projections/dx/data", H5P_DEFAULT);
    auto values = files::weights(64, 3);
    values[17] = std::numeric_limits<float>::quiet_NaN();
    H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(d);
    H5Fclose(f);
  }
  const std::string bytes = files::read(dir / "m.bdh.h5");
  const std::string message =
      message_of([&] { load_model_image(std::as_bytes(std::span(bytes)), "net.bdh.h5"); });
  CHECK(message == "net.bdh.h5:/projections/dx/data[17]: nan, expected a finite weight");
  const std::string edited = message_of([&] { load_model(dir / "m.bdh.h5"); });
  CHECK(edited.find("m.bdh.h5: bytes that do not match the checksum") != std::string::npos);
}

TEST_CASE("kinds of files") {
  const files::folder dir;
  files::write(dir / "zip", "PK\x03\x04 and so on");
  files::write(dir / "text", "Shall I compare thee");
  files::write(dir / "empty", "");
  files::write(dir / "tensors", std::string("\x10\0\0\0\0\0\0\0{\"a\":1}", 15));
  CHECK(identify(dir / "zip") == file_kind::pytorch);
  CHECK(identify(dir / "tensors") == file_kind::safetensors);
  CHECK(identify(dir / "text") == file_kind::unknown);
  CHECK(identify(dir / "empty") == file_kind::unknown);
  CHECK(identify(dir / "missing") == file_kind::unknown);
  CHECK(identify(dir.path()) == file_kind::unknown);
  CHECK(identify(BDH_SOURCE_DIR "/tests/data/random-64/expected.h5") == file_kind::expected);
  CHECK(identify(BDH_SOURCE_DIR "/tests/data/random-64/model.pt") == file_kind::pytorch);
  CHECK(identify(BDH_SOURCE_DIR "/tests/data/random-64/model.safetensors") ==
        file_kind::safetensors);
  CHECK_THROWS_AS(load_model(dir / "text"), input_error);
  CHECK_THROWS_AS(load_model(dir / "missing"), input_error);
  CHECK_THROWS_AS(load_model(dir.path()), input_error);
}
