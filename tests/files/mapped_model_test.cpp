// Models that are mapped instead of read: the same model, what is still checked, and what
// `check_model` finds in the rest.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/files/checksum_header.hpp"
#include "io/model/model_image.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

constexpr std::uint64_t largest_read = std::uint64_t{1}
                                       << 26;  // smaller than the program's, for smaller files

array<float> some_weights(std::size_t size, bool positive = false) {
  array<float> w(size);
  std::uint32_t next = 1;
  for (float& weight : w)
    weight = static_cast<float>((next = next * 1664525u + 1013904223u) >> 8) * 0x1p-24f -
             (positive ? 0.0f : 0.5f);
  return w;
}

// 70 MB through hubs.
model large_model() {
  constexpr neuron_id n = 36864, d = 160;
  const population neurons{"neurons", n}, hubs{"hubs", d}, sensory{"sensory", 5},
      readout{"readout", 5};
  const auto dense = [](const char* name, const population& s, const population& t, major o) {
    return projection::dense(name, s, t, o, some_weights(std::size_t{s.size} * t.size));
  };
  model_spec p = files::small_parts();
  p.circuits.e = dense("e", neurons, hubs, major::source);
  p.circuits.sensory = dense("sensory", sensory, hubs, major::source);
  p.circuits.dx = dense("dx", hubs, neurons, major::target);
  p.circuits.dy = dense("dy", hubs, neurons, major::target);
  p.circuits.readout = dense("readout", hubs, readout, major::target);
  p.rotation = rotation::geometric(65536, n / p.heads);
  return model(std::move(p));
}

projection complete(const char* name, const population& s, const population& t, major o) {
  const neuron_id rows = o == major::source ? s.size : t.size,
                  columns = o == major::source ? t.size : s.size;
  array<edge_id> indptr(rows + std::size_t{1});
  array<neuron_id> indices(std::size_t{rows} * columns);
  for (std::size_t r = 0; r <= rows; ++r) indptr[r] = r * columns;
  for (std::size_t e = 0; e < indices.size(); ++e) indices[e] = static_cast<neuron_id>(e % columns);
  const std::size_t edges = indices.size();
  return projection::sparse(name, s, t, o, std::move(indptr), std::move(indices),
                            some_weights(edges, true));
}

constexpr neuron_id direct_neurons = 1400;

// 78 MB of explicit edges.
model large_direct_model() {
  const population neurons{"neurons", direct_neurons}, sources{"sources", direct_neurons},
      tokens{"sensory", 5}, readout{"readout", 5};
  model_spec p = files::small_parts({"bdh", 1, false, false, false});
  p.circuits = {};
  p.direct = direct_circuits{};
  direct_circuits& g = *p.direct;
  g.gx_excitatory = complete("gx_excitatory", sources, neurons, major::source);
  g.gx_inhibitory = complete("gx_inhibitory", sources, neurons, major::source);
  g.gy_excitatory = complete("gy_excitatory", sources, neurons, major::target);
  g.gy_inhibitory = complete("gy_inhibitory", sources, neurons, major::target);
  g.gs = complete("gs", neurons, sources, major::source);
  g.sensory = complete("sensory", tokens, neurons, major::source);
  g.readout = complete("readout", sources, readout, major::target);
  return model(std::move(p));
}

bool same(const projection& a, const projection& b) {
  return a.rows_are() == b.rows_are() && std::ranges::equal(a.weights(), b.weights()) &&
         std::ranges::equal(a.indices(), b.indices()) && std::ranges::equal(a.indptr(), b.indptr());
}

std::string message_of(const auto& work) {
  try {
    work();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Edits the HDF5 part of a file in its place.
void edit(const std::filesystem::path& file, const auto& change) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_small_data_block_size(access, 0);  // what is created lies where the file ended
  H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
  const hid_t f = H5Fopen(file.c_str(), H5F_ACC_RDWR, access);
  REQUIRE(f >= 0);
  change(f);
  H5Pclose(access);
  REQUIRE(H5Fclose(f) >= 0);
}

// Overwrites one value of a dataset for as long as `look` runs.
template <class T>
void with_value(const std::filesystem::path& file, const char* dataset, std::uint64_t index,
                T value, const auto& look) {
  const hid_t f = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT),
              d = H5Dopen2(f, dataset, H5P_DEFAULT);
  const auto at = static_cast<off_t>(H5Dget_offset(d) + index * sizeof(T));
  H5Dclose(d);
  H5Fclose(f);
  const int descriptor = ::open(file.c_str(), O_RDWR);
  T before{};
  REQUIRE(::pread(descriptor, &before, sizeof(T), at) == sizeof(T));
  REQUIRE(::pwrite(descriptor, &value, sizeof(T), at) == sizeof(T));
  look();
  REQUIRE(::pwrite(descriptor, &before, sizeof(T), at) == sizeof(T));
  ::close(descriptor);
}

// Puts the same values, of another file type and behind `gap` more bytes, in the place of a
// dataset.
void store_again(const std::filesystem::path& file, const std::string& name, hid_t type,
                 hsize_t gap) {
  edit(file, [&](hid_t f) {
    const hid_t plan = H5Pcreate(H5P_DATASET_CREATE), bytes = H5Screate_simple(1, &gap, nullptr);
    H5Pset_alloc_time(plan, H5D_ALLOC_TIME_EARLY);
    H5Dclose(H5Dcreate2(f, (name + "_gap").c_str(), H5T_STD_U8LE, bytes, H5P_DEFAULT, plan,
                        H5P_DEFAULT));
    const hid_t old = H5Dopen2(f, name.c_str(), H5P_DEFAULT), space = H5Dget_space(old);
    std::vector<float> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    REQUIRE(H5Dread(old, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    H5Dclose(old);
    const hid_t set =
        H5Dcreate2(f, (name + "_new").c_str(), type, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    REQUIRE(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    CHECK((H5Dget_offset(set) % 4 != 0) == (gap % 4 != 0));
    H5Dclose(set);
    REQUIRE(H5Ldelete(f, name.c_str(), H5P_DEFAULT) >= 0);
    REQUIRE(H5Lmove(f, (name + "_new").c_str(), f, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0);
    for (hid_t id : {plan}) H5Pclose(id);
    for (hid_t id : {bytes, space}) H5Sclose(id);
  });
  write_checksum_header(file, checksummed::model);
}

}  // namespace

TEST_CASE(
    "a large model through hubs is mapped, its weights are not looked at, and a check finds what "
    "is wrong with them") {
  const files::folder dir;
  const auto file = dir / "m.bdh.h5";
  const model before = large_model();
  const std::string hash = save_model(before, file, false);
  REQUIRE(std::filesystem::file_size(file) > largest_read);
  for (const model& m : {load_model(file, largest_read), check_model(file, largest_read)}) {
    CHECK(m.content_sha256() == hash);
    for (auto p : {&hub_circuits::e, &hub_circuits::dx, &hub_circuits::dy}) {
      CHECK((m.circuits().*p).is_mapped());
      CHECK(reinterpret_cast<std::uintptr_t>((m.circuits().*p).weights().data()) % 64 == 0);
    }
    for (auto p : {&hub_circuits::e, &hub_circuits::dx, &hub_circuits::dy, &hub_circuits::sensory,
                   &hub_circuits::readout})
      CHECK(same(m.circuits().*p, before.circuits().*p));
  }

  with_value(file, "/projections/dy/data", 5000000, std::numeric_limits<float>::quiet_NaN(), [&] {
    CHECK(load_model(file, largest_read).circuits().dy.first_not_finite() == 5000000);
    CHECK(contains(message_of([&] { check_model(file, largest_read); }),
                   "m.bdh.h5: bytes that do not match the checksum in its head"));
    write_checksum_header(file, checksummed::model);
    CHECK(contains(message_of([&] { check_model(file, largest_read); }),
                   "m.bdh.h5:/projections/dy/data[5000000]: nan, expected a finite weight"));
  });
  with_value(file, "/projections/dx/data", 7, 0.25f, [&] {
    write_checksum_header(file, checksummed::model);
    CHECK(contains(message_of([&] { check_model(file, largest_read); }),
                   "m.bdh.h5:/@content_sha256: " + hash + ", expected "));
  });
  write_checksum_header(file, checksummed::model);
  CHECK(message_of([&] { check_model(file, largest_read); }) == "no error");

  // An open model keeps the file that it was opened from.
  const model open = load_model(file, largest_read);
  save_model(files::small_model(), file, true);
  CHECK(same(open.circuits().dy, before.circuits().dy));
}

TEST_CASE("weights that do not lie in the file as in memory are read, and looked at") {
  const files::folder dir;
  const auto file = dir / "m.bdh.h5";
  const model before = large_model();
  save_model(before, file, false);
  store_again(file, "/projections/dx/data", H5T_IEEE_F32BE, 4);
  store_again(file, "/projections/dy/data", H5T_IEEE_F32LE, 3);
  {
    const model m = check_model(file, largest_read);
    CHECK(m.circuits().e.is_mapped());
    CHECK(!m.circuits().dx.is_mapped());
    CHECK(!m.circuits().dy.is_mapped());
    CHECK(same(m.circuits().dx, before.circuits().dx));
    CHECK(same(m.circuits().dy, before.circuits().dy));
  }
  const std::uint64_t size = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, size + 1);
  CHECK(contains(message_of([&] { load_model(file, largest_read); }),
                 "m.bdh.h5: bytes that do not match the checksum in its head"));
  std::filesystem::resize_file(file, size - 1000000);
  CHECK(contains(message_of([&] { load_model(file, largest_read); }),
                 "m.bdh.h5: bytes that do not match the checksum in its head"));
}

TEST_CASE(
    "every index and weight of a large model with explicit edges is checked, mapped as it is") {
  const files::folder dir;
  const auto file = dir / "m.bdh.h5";
  const model before = large_direct_model();
  const std::string hash = save_model(before, file, false);
  REQUIRE(std::filesystem::file_size(file) > largest_read);
  {
    const model m = load_model(file, largest_read);
    CHECK(content_hash(m) == hash);
    for (auto p :
         {&direct_circuits::gx_excitatory, &direct_circuits::gx_inhibitory,
          &direct_circuits::gy_excitatory, &direct_circuits::gy_inhibitory, &direct_circuits::gs}) {
      CHECK((m.direct().*p).is_mapped());
      CHECK(same(m.direct().*p, before.direct().*p));
    }
  }
  const auto refusal = [&](const char* dataset, std::uint64_t index, auto value) {
    std::string message;
    with_value(file, dataset, index, value,
               [&] { message = message_of([&] { load_model(file, largest_read); }); });
    return message;
  };
  constexpr std::uint64_t edges = std::uint64_t{direct_neurons} * direct_neurons, last = edges - 1;
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(),
                  infinite = std::numeric_limits<float>::infinity();
  CHECK(contains(
      refusal("/projections/gx_excitatory/indices", last, neuron_id{direct_neurons}),
      "m.bdh.h5:/projections/gx_excitatory/indices[1959999]: neurons 1400, expected < 1400"));
  CHECK(contains(refusal("/projections/gs/indices", last, ~neuron_id{0}),
                 "gs/indices[1959999]: sources 4294967295, expected < 1400"));
  CHECK(contains(refusal("/projections/gy_inhibitory/indices", 1400 * 700 + 5, neuron_id{4}),
                 "gy_inhibitory/indices[980005]: a duplicate"));
  CHECK(contains(refusal("/projections/gy_inhibitory/indices", 1400 * 700 + 5, neuron_id{3}),
                 "gy_inhibitory/indices[980005]: an index"));
  CHECK(contains(refusal("/projections/gs/indptr", 77, std::uint64_t{1} << 40),
                 "gs/indptr[77]: 1099511627776, expected between"));
  CHECK(contains(refusal("/projections/gs/indptr", direct_neurons, edges - 1),
                 "gs/indptr[1400]: 1959999, expected 1960000"));
  CHECK(contains(refusal("/projections/gy_excitatory/data", last, nan),
                 "gy_excitatory/data[1959999]: nan, expected a finite weight"));
  CHECK(contains(refusal("/projections/gx_inhibitory/data", 0, -infinite),
                 "gx_inhibitory/data[0]: -inf, expected a finite weight"));
  CHECK(contains(refusal("/projections/gx_inhibitory/data", 1000003, -0.5f),
                 "gx_inhibitory/data[1000003]: -0.5"));
  CHECK(refusal("/projections/gx_inhibitory/data", 1000003, -0.0f) == "no error");
}

TEST_CASE(
    "files whose sparse projections lie by target, and are brought into order when they are "
    "opened, are the same models") {
  const std::string bytes = files::read(BDH_SOURCE_DIR "/tests/fuzz/corpus/model/sparse.h5");
  REQUIRE(contains(bytes, "kernel_order"));
  REQUIRE(!contains(bytes, "csc_matrix"));
  const model m = load_model_image(std::as_bytes(std::span(bytes)), "sparse.h5");
  CHECK(content_hash(m) == m.content_sha256());
}
