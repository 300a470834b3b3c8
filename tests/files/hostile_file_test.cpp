// Damaged and hostile model files: refused with a message or read as the same model, never a crash, never other numbers.
#include <doctest/doctest.h>
#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "core/base/error.hpp"
#include "io/file_kind.hpp"
#include "io/model_file.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

// "read" when the model is the same, else what was thrown; anything else fails the test.
std::string outcome(const std::filesystem::path& file, const std::string& hash) {
  try {
    return content_hash(load_model(file)) == hash ? "read" : "other numbers";
  } catch (const error& e) {
    return e.what();
  }
}

// The same for an image whose seal is not looked at: other numbers are possible, crashes are not.
std::string image_outcome(const std::string& bytes) {
  try {
    load_model_image(std::as_bytes(std::span(bytes)), "net.bdh.h5");
    return "read";
  } catch (const error& e) {
    return e.what();
  }
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void find_flipped_bits(const model& m) {
  const files::folder dir;
  const std::string hash = save_model(m, dir / "m.bdh.h5", false);
  const std::string good = files::read(dir / "m.bdh.h5");
  REQUIRE(outcome(dir / "m.bdh.h5", hash) == "read");
  for (std::size_t i = 0; i < good.size(); i += i < 4096 ? 1 : 13) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    files::write(dir / "bad.bdh.h5", bad);
    const std::string found = outcome(dir / "bad.bdh.h5", hash);
    CAPTURE(i);
    REQUIRE(contains(found, "bad.bdh.h5: "));
  }
}

// A model file whose HDF5 part `change` has edited, as an image.
template <class Change>
std::string edited(const files::folder& dir, const model& m, Change change) {
  save_model(m, dir / "edited.bdh.h5", true);
  const hid_t f = H5Fopen((dir / "edited.bdh.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  REQUIRE(f >= 0);
  change(f);
  REQUIRE(H5Fclose(f) >= 0);
  return files::read(dir / "edited.bdh.h5");
}

template <class Change>
std::string edited(const files::folder& dir, const files::choice& kind, Change change) {
  return edited(dir, files::small_model(kind), change);
}

// Puts a float32 dataset of these extents in the place of another.
void replace_dataset(hid_t f, const char* name, std::vector<hsize_t> dims, hid_t plan) {
  REQUIRE(H5Ldelete(f, name, H5P_DEFAULT) >= 0);
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t set = H5Dcreate2(f, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
  REQUIRE(set >= 0);
  H5Dclose(set);
  H5Sclose(space);
}

void replace_number(hid_t f, const char* object, const char* name, std::uint64_t value) {
  REQUIRE(H5Adelete_by_name(f, object, name, H5P_DEFAULT) >= 0);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t a = H5Acreate_by_name(f, object, name, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(a, H5T_NATIVE_UINT64, &value) >= 0);
  H5Aclose(a);
  H5Sclose(space);
}

void replace_text(hid_t f, const char* object, const char* name, const std::string& value) {
  REQUIRE(H5Adelete_by_name(f, object, name, H5P_DEFAULT) >= 0);
  const hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, std::max<std::size_t>(1, value.size()));
  const hid_t a = H5Acreate_by_name(f, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(a, type, value.data()) >= 0);
  H5Aclose(a);
  H5Tclose(type);
  H5Sclose(space);
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a file is found") {
  find_flipped_bits(files::small_model({"gpu-release", 2, true, true}));
  find_flipped_bits(files::small_direct_model({.own_retention = true, .named = true, .rotates = true}));
}

TEST_CASE("a file cut short or grown is found") {
  const files::folder dir;
  const std::string hash = save_model(files::small_model(), dir / "m.bdh.h5", false);
  const std::string good = files::read(dir / "m.bdh.h5");
  for (std::size_t size = 0; size < good.size(); size += size < 600 ? 7 : 501) {
    files::write(dir / "bad.bdh.h5", good.substr(0, size));
    CAPTURE(size);
    REQUIRE(contains(outcome(dir / "bad.bdh.h5", hash), "bad.bdh.h5: "));
  }
  files::write(dir / "bad.bdh.h5", good + '\0');
  CHECK(contains(outcome(dir / "bad.bdh.h5", hash), "checksum"));
}

// Raw values only: HDF5 1.10 itself reads behind damaged attributes, from which the seal protects. Returns how many were refused.
std::size_t overwrite_bytes(const files::folder& dir, const model& m, std::initializer_list<const char*> datasets) {
  save_model(m, dir / "m.bdh.h5", true);
  const std::string good = files::read(dir / "m.bdh.h5");
  REQUIRE(image_outcome(good) == "read");
  const hid_t f = H5Fopen((dir / "m.bdh.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  std::size_t all_refused = 0;
  for (const char* name : datasets) {
    const hid_t set = H5Dopen2(f, name, H5P_DEFAULT);
    const std::size_t first = H5Dget_offset(set), size = H5Dget_storage_size(set);
    H5Dclose(set);
    std::size_t refused = 0;
    for (std::size_t i = first; i < first + size; ++i) {
      std::string bad = good;
      bad[i] = '\xff';
      refused += image_outcome(bad) != "read";
    }
    CAPTURE(name);
    CHECK((refused > 0 || contains(name, "data") || contains(name, "frequency") || contains(name, "name")));
    all_refused += refused;
  }
  H5Fclose(f);
  for (std::size_t size = 512; size < good.size(); size += 97) CHECK(image_outcome(good.substr(0, size)) != "read");
  return all_refused;
}

TEST_CASE("behind a forged seal, changed values and cut images do not crash the reader") {
  const files::folder dir;
  overwrite_bytes(dir, files::small_model({"gpu-release", 2, false, true}),
                  {"/projections/dx/data", "/projections/e/data", "/nodes/neurons/original_id", "/rotation/frequency"});
  overwrite_bytes(dir, files::small_model({"gpu-release", 2, true, true}),
                  {"/projections/dx/data", "/projections/e/data", "/projections/e/indptr", "/projections/e/indices",
                   "/nodes/neurons/original_id", "/rotation/frequency"});
  CHECK(overwrite_bytes(dir, files::small_direct_model({.own_retention = true, .named = true, .rotates = true}),
                        {"/projections/gs/indptr", "/projections/gs/indices", "/projections/gs/data", "/projections/gs/retention",
                         "/projections/gy_inhibitory/indices", "/nodes/neurons/name"}) > 100);
}

TEST_CASE("bad values of a model with explicit edges are told with their place in the file") {
  const files::folder dir;
  const auto with_float = [&](const char* name, std::size_t at, float value) {
    return image_outcome(edited(dir, files::small_direct_model({.own_retention = true}), [&](hid_t f) {
      const hid_t set = H5Dopen2(f, name, H5P_DEFAULT);
      std::vector<float> values(H5Dget_storage_size(set) / sizeof(float));
      REQUIRE(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
      values.at(at) = value;
      REQUIRE(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
      H5Dclose(set);
    }));
  };
  CHECK(contains(with_float("/projections/gy_inhibitory/data", 3, -1),
                 "net.bdh.h5:/projections/gy_inhibitory/data[3]: -1.000000, expected a weight >= 0"));
  CHECK(contains(with_float("/projections/gs/data", 0, -1), "net.bdh.h5:/projections/gs/data[0]: -1.000000"));
  CHECK(contains(with_float("/projections/gs/retention", 0, 1.5f), "net.bdh.h5:/projections/gs/retention["));
  CHECK(contains(with_float("/projections/gs/retention", 2, NAN), "net.bdh.h5:/projections/gs/retention[2]: nan"));
  const auto without = [&](const char* name) {
    return image_outcome(edited(dir, files::small_direct_model(), [&](hid_t f) { REQUIRE(H5Ldelete(f, name, H5P_DEFAULT) >= 0); }));
  };
  CHECK(contains(without("/projections/gx_inhibitory"), "net.bdh.h5:/projections/gx_inhibitory: missing"));
  CHECK(contains(without("/projections/sensory"), "net.bdh.h5:/projections/sensory: "));
  CHECK(contains(without("/projections/gs"), "net.bdh.h5:/projections/dx: missing"));
}

TEST_CASE("absurd extents are refused before memory is taken") {
  const files::folder dir;
  const auto huge = [&](const files::choice& kind, const char* name, std::vector<hsize_t> dims) {
    return image_outcome(edited(dir, kind, [&](hid_t f) { replace_dataset(f, name, dims, H5P_DEFAULT); }));
  };
  CHECK(contains(huge({}, "/projections/dx/data", {1ull << 40, 4}),
                 "net.bdh.h5:/projections/dx/data: shape 1099511627776 x 4, expected 16 x 4"));
  CHECK(contains(huge({"bdh", 1, true}, "/projections/dx/data", {1ull << 40}), "expected at most"));
  CHECK(contains(huge({"bdh", 1, true}, "/projections/dx/data", {100}), "0 stored bytes, expected 400"));
  const std::string neurons = image_outcome(edited(dir, {}, [&](hid_t f) { replace_number(f, "/nodes/neurons", "size", 4000000000u); }));
  CHECK(contains(neurons, "net.bdh.h5:/nodes/neurons@size: 4000000000, expected at most"));
  const std::string sensory =
      image_outcome(edited(dir, {"bdh", 1, true}, [&](hid_t f) { replace_number(f, "/nodes/sensory", "size", 1ull << 32); }));
  CHECK(contains(sensory, "net.bdh.h5:/nodes/sensory@size"));
}

TEST_CASE("chunked, compressed and external data are refused") {
  const files::folder dir;
  const auto with_plan = [&](auto make) {
    const hid_t plan = H5Pcreate(H5P_DATASET_CREATE);
    make(plan);
    const std::string bytes = edited(dir, {}, [&](hid_t f) { replace_dataset(f, "/projections/dx/data", {16, 4}, plan); });
    H5Pclose(plan);
    return image_outcome(bytes);
  };
  const hsize_t chunk[] = {16, 4};
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_chunk(p, 2, chunk); }), "/projections/dx/data: a chunked, compact or compressed dataset"));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_chunk(p, 2, chunk), H5Pset_deflate(p, 4); }), "a chunked, compact or compressed dataset"));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_layout(p, H5D_COMPACT); }), "a chunked, compact or compressed dataset"));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_external(p, "/etc/passwd", 0, 256); }), "data kept in another file"));
}

TEST_CASE("links to elsewhere are refused") {
  const files::folder dir;
  save_model(files::small_model(), dir / "other.bdh.h5", false);
  const std::string other = (dir / "other.bdh.h5").string();
  const std::string external = image_outcome(edited(dir, {}, [&](hid_t f) {
    H5Ldelete(f, "/projections/dx", H5P_DEFAULT);
    REQUIRE(H5Lcreate_external(other.c_str(), "/projections/dx", f, "/projections/dx", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  }));
  CHECK(contains(external, "net.bdh.h5:/projections/dx: a link to elsewhere"));
  const std::string soft = image_outcome(edited(dir, {}, [&](hid_t f) {
    H5Ldelete(f, "/projections/dx/data", H5P_DEFAULT);
    REQUIRE(H5Lcreate_soft("/projections/dy/data", f, "/projections/dx/data", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  }));
  CHECK(contains(soft, "net.bdh.h5:/projections/dx/data: a link to elsewhere"));
}

TEST_CASE("wrong kinds, versions and rules are told") {
  const files::folder dir;
  const auto with_text = [&](const char* object, const char* name, const std::string& value) {
    return image_outcome(edited(dir, {"gpu-release", 2, true}, [&](hid_t f) { replace_text(f, object, name, value); }));
  };
  CHECK(contains(with_text("/", "format", "bdh-dog"), "net.bdh.h5:/@format: 'bdh-dog', expected 'bdh-model'"));
  CHECK(contains(with_text("/", "dynamics", "{"), "net.bdh.h5:/@dynamics: no JSON object"));
  CHECK(contains(with_text("/", "dynamics", "{}"), "net.bdh.h5:/@dynamics/name: missing"));
  CHECK(contains(with_text("/", "dynamics", std::string(60000, '[')), "net.bdh.h5:/@dynamics: no JSON object"));
  CHECK(contains(with_text("/", "inferred", "[1]"), "net.bdh.h5:/@inferred: 1, expected a text"));
  CHECK(contains(with_text("/", "content_sha256", "abc"), "expected 64 hexadecimal digits"));
  CHECK(contains(with_text("/projections/e", "orientation", "row=source,col=target"), "net.bdh.h5:/projections/e@orientation"));
  CHECK(contains(with_text("/projections/e", "kernel_order", "sideways"), "expected by_source or by_target"));
  // The kernels read dx by target; the model's constructor says so, and the file is named.
  CHECK(contains(with_text("/projections/dx", "kernel_order", "by_source"), "net.bdh.h5:/projections/dx: "));
  const std::string version = image_outcome(edited(dir, {}, [](hid_t f) { replace_number(f, "/", "format_version", 2); }));
  CHECK(contains(version, "net.bdh.h5:/@format_version: 2, expected 1"));
  const std::string gone = image_outcome(edited(dir, {}, [](hid_t f) { H5Ldelete(f, "/projections/dy", H5P_DEFAULT); }));
  CHECK(contains(gone, "net.bdh.h5:/projections/dy: missing"));
  const auto rules = [](int heads, const std::string& w) {
    return R"({"name":"gpu-release","epsilon":1e-5,"layers":3,"heads":)" + std::to_string(heads) +
           R"(,"retention":1.0,"tokenizer":"ids","x":"replace","w":")" + w + R"(","token_gain":true,"attention_gain":true,"centred":true})";
  };
  CHECK(
      contains(with_text("/", "dynamics", rules(3, "leaky_sum")), "net.bdh.h5:/@dynamics/heads: 3, expected a divisor of the 16 neurons"));
  CHECK(
      contains(with_text("/", "dynamics", rules(2, "y")), "net.bdh.h5:/@dynamics/w: \"y\", expected \"leaky_sum\", as gpu-release has it"));
}
