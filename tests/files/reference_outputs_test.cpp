// Reference values: the released code's files, and files that claim too much.
#include "io/recording/reference_outputs.hpp"

#include <doctest/doctest.h>
#include <hdf5.h>

#include <bdh/error.hpp>

#include "support.hpp"

using namespace bdh;

namespace {

// A file with datasets of these extents; integers are int64, filled with `value`.
struct plan {
  const char* name;
  hid_t type;
  std::vector<hsize_t> dims;
  long long value = 0;
  bool compressed = false;
};

void make(const std::filesystem::path& path, const std::vector<plan>& sets) {
  const hid_t f = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  for (const plan& p : sets) {
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t size = 1;
    for (hsize_t n : p.dims) size *= n;
    if (p.compressed) {
      H5Pset_chunk(list, static_cast<int>(p.dims.size()), p.dims.data());
      H5Pset_deflate(list, 9);
    }
    const hid_t space = H5Screate_simple(static_cast<int>(p.dims.size()), p.dims.data(), nullptr);
    const hid_t set = H5Dcreate2(f, p.name, p.type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    REQUIRE(set >= 0);
    if (size < 1000000) {
      const std::vector<long long> values(size, p.value);
      H5Dwrite(set, H5T_NATIVE_LLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
  }
  H5Fclose(f);
}

std::string message_of(const std::filesystem::path& file) {
  try {
    read_reference_outputs(file);
  } catch (const error& e) {
    return e.what();
  }
  return "read";
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the released code's values are read, compressed ones too") {
  const reference_outputs e =
      read_reference_outputs(BDH_SOURCE_DIR "/tests/data/random-64/expected.h5");
  CHECK(e.tokens.size() == 40);
  CHECK(e.vocabulary == 256);
  CHECK(e.logits.size() == 40 * 256);
  CHECK(e.greedy.size() == 60);
  CHECK(std::equal(e.tokens.begin(), e.tokens.end(), e.greedy.begin()));
  CHECK(e.layers == 3);
  CHECK(e.neurons == 64);
  CHECK(e.hubs == 8);
  CHECK(e.x.size() == 40 * 3 * 64);
  CHECK(e.y.size() == 40 * 3 * 64);
  CHECK(e.v.size() == 40 * 4 * 8);
  // Two datasets of the file that say the same thing: x > 0 counted, and active_x.
  for (std::size_t i = 0; i < e.active_x.size(); ++i) {
    std::uint64_t active = 0;
    for (std::size_t k = 0; k < 64; ++k) active += e.x[i * 64 + k] > 0;
    REQUIRE(active == e.active_x[i]);
  }
  const reference_outputs large =
      read_reference_outputs(BDH_SOURCE_DIR "/examples/models/shakespeare-4096/expected.h5");
  CHECK(large.tokens.size() == 160);
  CHECK(large.layers == 4);
  CHECK(large.x.empty());
}

TEST_CASE("files that do not fit themselves, or claim too much, are refused") {
  const files::folder dir;
  const auto p = dir / "e.h5";
  const auto try_with = [&](const std::vector<plan>& sets) {
    make(p, sets);
    return message_of(p);
  };
  const hid_t i64 = H5T_STD_I64LE, f32 = H5T_IEEE_F32LE, f64 = H5T_IEEE_F64LE;
  CHECK(try_with({{"tokens", i64, {3}}, {"logits", f64, {3, 5}}}) == "read");
  CHECK(try_with({{"tokens", H5T_STD_I8LE, {3}}, {"logits", f32, {3, 5}, 0, true}}) == "read");
  CHECK(contains(try_with({{"tokens", i64, {3}, -1}, {"logits", f32, {3, 5}}}),
                 "e.h5:/tokens[0]: -1, expected 0 to 4294967295"));
  CHECK(contains(try_with({{"tokens", i64, {3}, 1ll << 33}, {"logits", f32, {3, 5}}}),
                 "e.h5:/tokens[0]: 8589934592"));
  CHECK(contains(try_with({{"tokens", f32, {3}}, {"logits", f32, {3, 5}}}),
                 "e.h5:/tokens: another element type, expected integers"));
  CHECK(contains(try_with({{"tokens", i64, {3}}, {"logits", i64, {3, 5}}}),
                 "e.h5:/logits: another element type"));
  CHECK(contains(try_with({{"tokens", i64, {3}}, {"logits", f32, {2, 5}}}),
                 "e.h5:/logits: 2 rows, expected 3"));
  CHECK(contains(try_with({{"tokens", i64, {3}}, {"logits", f32, {15}}}),
                 "e.h5:/logits: 1 dimensions, expected 2"));
  CHECK(contains(try_with({{"tokens", i64, {3, 3}}, {"logits", f32, {3, 5}}}),
                 "e.h5:/tokens: 2 dimensions, expected 1"));
  CHECK(contains(try_with({{"tokens", i64, {3}}}), "e.h5:/logits: missing"));
  CHECK(contains(try_with({{"logits", f32, {3, 5}}}), "e.h5:/tokens: missing"));
  CHECK(contains(try_with({{"tokens", i64, {0}}, {"logits", f32, {3, 5}}}),
                 "e.h5:/tokens: no tokens"));
  CHECK(contains(try_with({{"tokens", i64, {3}},
                           {"logits", f32, {3, 5}},
                           {"x", f32, {3, 2, 8}},
                           {"y", f32, {3, 2, 9}}}),
                 "e.h5:/y: extent 9"));
  CHECK(contains(try_with({{"tokens", i64, {3}},
                           {"logits", f32, {3, 5}},
                           {"x", f32, {3, 2, 8}},
                           {"v", f32, {3, 2, 4}}}),
                 "e.h5:/v: extent 2"));
  CHECK(contains(try_with({{"tokens", i64, {1ull << 40}}, {"logits", f32, {1ull << 40, 5}}}),
                 "expected at most 10000000"));
  CHECK(contains(try_with({{"tokens", i64, {3}}, {"logits", f32, {3, 1ull << 40}}}),
                 "e.h5:/logits: too much data"));
  CHECK(contains(try_with({{"tokens", i64, {3}}, {"logits", f32, {3, 1ull << 58}}}),
                 "e.h5:/logits: too much data"));
  files::write(p, "\x89HDF\r\n\x1a\n and nothing more");
  CHECK(contains(message_of(p), "e.h5: not a whole HDF5 file"));
  files::write(p, "text");
  CHECK(contains(message_of(p), "e.h5: not a whole HDF5 file"));
  CHECK(contains(message_of(dir / "none.h5"), "none.h5: no such file"));
}

TEST_CASE("unknown filters are refused before they are looked for") {
  const files::folder dir;
  const hid_t f = H5Fcreate((dir / "e.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[] = {3};
  const hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, dims, nullptr);
  H5Pset_chunk(list, 1, dims);
  H5Pset_filter(list, 32015, H5Z_FLAG_OPTIONAL, 0, nullptr);  // Zstandard
  const hid_t set = H5Dcreate2(f, "tokens", H5T_STD_U32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  REQUIRE(set >= 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Pclose(list);
  H5Fclose(f);
  CHECK(contains(message_of(dir / "e.h5"), "e.h5:/tokens: filter 32015, expected gzip"));
}
