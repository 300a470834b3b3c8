// Damaged and hostile model files: refused with a message or read as the same model, never a crash,
// never other numbers.
#include <doctest/doctest.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <span>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/state_file.hpp>

#include "io/files/checksum_header.hpp"
#include "io/model/file_kind.hpp"
#include "io/model/model_image.hpp"
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

// The same for an image whose checksum is not compared: other numbers are possible, but finite
// ones.
std::string image_outcome(const std::string& bytes) {
  try {
    const model m = load_model_image(std::as_bytes(std::span(bytes)), "net.bdh.h5");
    const hub_circuits& c = m.circuits();
    std::vector<const projection*> all = {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout};
    if (m.is_direct()) {
      const direct_circuits& g = m.direct();
      for (const projection* p : {&g.gx_excitatory, &g.gx_inhibitory, &g.gy_excitatory,
                                  &g.gy_inhibitory, &g.gs, &g.sensory, &g.readout})
        all.push_back(p);
    }
    for (const projection* p : all)
      if (!std::all_of(p->weights().begin(), p->weights().end(),
                       [](float w) { return std::isfinite(w); }))
        return "not finite";
    return "read";
  } catch (const error& e) {
    return e.what();
  }
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// The bytes of a small model file. Saving syncs to disk, which takes longer than everything else
// here: once for each kind.
const std::string& image_of(const files::choice& kind) {
  static std::map<std::string, std::string> images;
  std::string& image = images[kind.variant + std::to_string(kind.heads) +
                              (kind.is_sparse ? "sparse" : "") + (kind.renumbered ? "ids" : "")];
  if (image.empty()) {
    const files::folder dir;
    save_model(files::small_model(kind), dir / "m.bdh.h5", false);
    image = files::read(dir / "m.bdh.h5");
  }
  return image;
}

// The same of a model with explicit edges, with everything that such a model can have.
const std::string& direct_image() {
  static std::string image;
  if (image.empty()) {
    const files::folder dir;
    save_model(files::small_direct_model(
                   {.pool = true, .own_retention = true, .named = true, .rotates = true}),
               dir / "m.bdh.h5", false);
    image = files::read(dir / "m.bdh.h5");
  }
  return image;
}

// A model file whose HDF5 part `change` has edited, as an image.
template <class Change>
std::string edited(const files::folder& dir, const files::choice& kind, Change change) {
  const auto path = dir / "edited.bdh.h5";
  std::filesystem::remove(path);
  files::write(path, image_of(kind));
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST,
                       H5F_LIBVER_LATEST);  // what is refused is the content, not a newer format
  const hid_t f = H5Fopen(path.c_str(), H5F_ACC_RDWR, access);
  REQUIRE(f >= 0);
  change(f);
  H5Pclose(access);
  REQUIRE(H5Fclose(f) >= 0);
  return files::read(path);
}

// Changes the file in its place: writing it anew would wait for the disk each time.
void poke(const std::filesystem::path& file, std::size_t at, char value) {
  std::fstream f(file, std::ios::binary | std::ios::in | std::ios::out);
  f.seekp(static_cast<std::streamoff>(at)).put(value);
}

char flipped(const std::string& bytes, std::size_t i) {
  return static_cast<char>(bytes[i] ^ (1 << (i % 8)));
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
  const hid_t a = H5Acreate_by_name(f, object, name, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT,
                                    H5P_DEFAULT);
  REQUIRE(H5Awrite(a, H5T_NATIVE_UINT64, &value) >= 0);
  H5Aclose(a);
  H5Sclose(space);
}

// The attribute has this value now, whether it was there or not.
void replace_text(hid_t f, const char* object, const char* name, const std::string& value) {
  if (H5Aexists_by_name(f, object, name, H5P_DEFAULT) > 0)
    REQUIRE(H5Adelete_by_name(f, object, name, H5P_DEFAULT) >= 0);
  const hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, std::max<std::size_t>(1, value.size()));
  const hid_t a =
      H5Acreate_by_name(f, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(a, type, value.data()) >= 0);
  H5Aclose(a);
  H5Tclose(type);
  H5Sclose(space);
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a file is found") {
  const files::folder dir;
  const auto path = dir / "bad.bdh.h5";
  const std::string& good = image_of({"gpu-release", 2, true, true});
  files::write(path, good);
  REQUIRE(outcome(path, load_model(path).content_sha256()) == "read");
  for (std::size_t i = 0; i < good.size(); i += i < 4096 ? 1 : 13) {
    poke(path, i, flipped(good, i));
    CAPTURE(i);
    REQUIRE(contains(outcome(path, ""), "bad.bdh.h5: "));
    poke(path, i, good[i]);
  }
}

TEST_CASE("a file cut short or grown is found") {
  const files::folder dir;
  const auto path = dir / "bad.bdh.h5";
  const std::string& good = image_of({});
  files::write(path, good + '\0');
  CHECK(contains(outcome(path, ""), "checksum"));
  for (std::size_t size = good.size(); size > 0;
       size -= std::min<std::size_t>(size, size > 600 ? 501 : 7)) {
    if (size < good.size()) {
      std::filesystem::resize_file(path, size);
      CAPTURE(size);
      REQUIRE(contains(outcome(path, ""), "bad.bdh.h5: "));
    }
  }
}

TEST_CASE("behind a forged checksum, a changed file is refused or read as finite numbers") {
  for (const std::string* image : {&image_of({"gpu-release", 2, false, true}),
                                   &image_of({"gpu-release", 2, true, true}), &direct_image()}) {
    const std::string& good = *image;
    REQUIRE(image_outcome(good) == "read");
    std::size_t refused = 0, read = 0;
    for (std::size_t i = checksum_header_bytes; i < good.size(); i += 41)
      for (char value : {flipped(good, i), '\xff'}) {
        std::string bad = good;
        bad[i] = value;
        const std::string found = image_outcome(bad);
        CAPTURE(i);
        REQUIRE(found != "not finite");
        ++(found == "read" ? read : refused);
      }
    CHECK(refused > 200);
    CHECK(read > 200);
    for (std::size_t size = 0; size < good.size(); size += 97)
      REQUIRE(image_outcome(good.substr(0, size)) != "read");
    CHECK(contains(image_outcome(good + '\0'), "net.bdh.h5: another file size than written"));
  }
}

// What the library would follow, one structure at a time. The bytes are found by what the file has
// around them.
TEST_CASE("hostile structures are refused before HDF5 opens the file") {
  const std::string& good = image_of({"gpu-release", 2, true, true});
  const auto changed = [&](std::string_view around, std::size_t at, std::string_view bytes) {
    const std::size_t found = good.find(around, checksum_header_bytes);
    REQUIRE(found != std::string::npos);
    return image_outcome(std::string(good).replace(found + at, bytes.size(), bytes));
  };
  using namespace std::string_view_literals;
  const auto far = "\0\0\0\0\0\0\0\x7f"sv, none = "\xff\xff\xff\xff\xff\xff\xff\xff"sv;
  CHECK(contains(changed("\x89HDF", 8, "\2"), "net.bdh.h5: another file version"));
  CHECK(contains(changed("\x89HDF", 64, far), "net.bdh.h5:/: another kind of object header"));
  CHECK(contains(changed("\x89HDF", 72, "\0"sv), "net.bdh.h5: another kind of link"));
  CHECK(contains(changed("TREE", 8, far), "net.bdh.h5:/: B-tree nodes out of order"));
  CHECK(contains(changed("TREE", 32, far), "net.bdh.h5:/: another kind of symbol node"));
  CHECK(contains(changed("TREE", 6, "\x21"), "net.bdh.h5:/: a B-tree node of another size"));
  CHECK(contains(changed("TREE", 5, "\3"), "net.bdh.h5:/: another kind of B-tree"));
  CHECK(contains(changed("HEAP", 8, far), "net.bdh.h5:/: too many names"));
  CHECK(contains(changed("HEAP", 8, "\0\0\1\0"sv), "net.bdh.h5:/: names"));
  CHECK(contains(changed("HEAP", 16, "\x58"), "net.bdh.h5:/: a free block outside of its heap"));
  CHECK(contains(changed("HEAP", 24, none), "net.bdh.h5:/: names"));
  CHECK(contains(changed("nodes\0"sv, 1, "\x1b"), "net.bdh.h5:/: a name of other characters"));
  CHECK(contains(changed("SNOD", 6, "\x09"), "net.bdh.h5:/: another kind of symbol node"));
  CHECK(contains(changed("SNOD", 24, "\2"), "net.bdh.h5:/nodes: a link to elsewhere"));
  // An object that contains itself.
  CHECK(contains(changed("SNOD", 16, "\x60\0"sv),
                 "another kind of object header in the place of something else"));
  CHECK(contains(changed("\x0c\0\x30\0\0\0\0\0\1\0\7\0"sv, 2, "\x38"), "net.bdh.h5:/: "));
  CHECK(contains(changed("\x0c\0\x30\0\0\0\0\0\1\0\7\0"sv, 10, "\xff"),
                 "net.bdh.h5:/: another kind of attribute"));
  CHECK(contains(changed("format\0\0\x13"sv, 8, "\x19"),
                 "net.bdh.h5:/: another element type"));  // variable length
  CHECK(contains(changed("format\0\0\x13"sv, 12, "\x11"),
                 "net.bdh.h5:/: an attribute of another size than its message"));
  CHECK(contains(changed("shape\0\0\0"sv, 25, "\x20"), "another kind of extents"));
  CHECK(contains(changed("shape\0\0\0"sv, 32, far), "net.bdh.h5:/projections/dx: "));
}

TEST_CASE("behind a forged checksum, a changed state is refused or read") {
  const files::folder dir;
  files::write(dir / "m.bdh.h5", image_of({}));
  const model m = load_model(dir / "m.bdh.h5");
  run_state s;
  s.model_sha256 = m.content_sha256();
  s.tokens = 100;
  s.retention = 0.99;
  for (layer_id l = 0; l < m.layers(); ++l) {
    s.layers.emplace_back(variables_of(m), true);
    s.layers[l].clock() = 100;
    std::fill(s.layers[l].last_used().begin(), s.layers[l].last_used().end(), 50);
    std::fill(s.layers[l].strengths().begin(), s.layers[l].strengths().end(), 0.5f);
  }
  const auto path = dir / "s.h5";
  save_state(s, m, path);
  const std::string good = files::read(path);
  std::size_t refused = 0;
  for (std::size_t i = checksum_header_bytes; i < good.size(); i += 23) {
    poke(path, i, flipped(good, i));
    write_checksum_header(path, checksummed::state);
    try {
      load_state(path, m);
    } catch (const error&) {
      ++refused;
    }
    poke(path, i, good[i]);
  }
  CHECK(refused > 100);
}

TEST_CASE("absurd extents are refused before memory is taken") {
  const files::folder dir;
  const auto huge = [&](const files::choice& kind, const char* name, std::vector<hsize_t> dims) {
    return image_outcome(
        edited(dir, kind, [&](hid_t f) { replace_dataset(f, name, dims, H5P_DEFAULT); }));
  };
  CHECK(contains(huge({}, "/projections/dx/data", {1ull << 40, 4}),
                 "/dx/data: 17592186044416 stored bytes for 4398046511104 elements"));
  CHECK(contains(huge({"bdh", 1, true}, "/projections/dx/data", {1ull << 40}),
                 "net.bdh.h5:/projections/dx/data: 4398046511104 stored"));
  CHECK(contains(huge({"bdh", 1, true}, "/projections/dx/data", {100}),
                 "net.bdh.h5:/projections/dx/data: 400 stored bytes"));
  CHECK(contains(huge({"bdh", 1, true}, "/projections/dx/data", {0}),
                 "net.bdh.h5:/projections/dx/indices: shape"));
  const std::string neurons = image_outcome(
      edited(dir, {}, [&](hid_t f) { replace_number(f, "/nodes/neurons", "size", 4000000000u); }));
  CHECK(contains(neurons, "net.bdh.h5:/nodes/neurons@size: 4000000000, expected at most"));
  const std::string sensory = image_outcome(edited(dir, {"bdh", 1, true}, [&](hid_t f) {
    replace_number(f, "/nodes/sensory", "size", 1ull << 32);
  }));
  CHECK(contains(sensory, "net.bdh.h5:/nodes/sensory@size"));
}

TEST_CASE("chunked, compressed and external data are refused") {
  const files::folder dir;
  const auto with_plan = [&](auto make) {
    const hid_t plan = H5Pcreate(H5P_DATASET_CREATE);
    make(plan);
    const std::string bytes = edited(dir, {}, [&](hid_t f) {
      replace_dataset(f, "/projections/dx/data", {16, 4}, plan);
    });
    H5Pclose(plan);
    return image_outcome(bytes);
  };
  const hsize_t chunk[] = {16, 4};
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_chunk(p, 2, chunk); }),
                 "net.bdh.h5:/projections/dx/data: chunked, compact or virtual data"));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_chunk(p, 2, chunk), H5Pset_deflate(p, 4); }),
                 "net.bdh.h5:/projections/dx/data: "));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_layout(p, H5D_COMPACT); }),
                 "net.bdh.h5:/projections/dx/data: "));
  CHECK(contains(with_plan([&](hid_t p) { H5Pset_external(p, "/etc/passwd", 0, 256); }),
                 "net.bdh.h5:/projections/dx/data: a message of type 7"));
}

TEST_CASE("links to elsewhere are refused") {
  const files::folder dir;
  save_model(files::small_model(), dir / "other.bdh.h5", false);
  const std::string other = (dir / "other.bdh.h5").string();
  const std::string external = image_outcome(edited(dir, {}, [&](hid_t f) {
    H5Ldelete(f, "/projections/dx", H5P_DEFAULT);
    REQUIRE(H5Lcreate_external(other.c_str(), "/projections/dx", f, "/projections/dx", H5P_DEFAULT,
                               H5P_DEFAULT) >= 0);
  }));
  CHECK(contains(external, "net.bdh.h5:/projections: a message of type"));
  const std::string soft = image_outcome(edited(dir, {}, [&](hid_t f) {
    H5Ldelete(f, "/projections/dx/data", H5P_DEFAULT);
    REQUIRE(H5Lcreate_soft("/projections/dy/data", f, "/projections/dx/data", H5P_DEFAULT,
                           H5P_DEFAULT) >= 0);
  }));
  CHECK(contains(soft, "net.bdh.h5:/projections/dx/data: a link to elsewhere"));
}

TEST_CASE("wrong kinds, versions and rules are refused") {
  const files::folder dir;
  const auto with_text = [&](const char* object, const char* name, const std::string& value) {
    return image_outcome(edited(dir, {"gpu-release", 2, true},
                                [&](hid_t f) { replace_text(f, object, name, value); }));
  };
  CHECK(contains(with_text("/", "format", "bdh-dog"),
                 "net.bdh.h5:/@format: 'bdh-dog', expected 'bdh-model'"));
  CHECK(contains(with_text("/", "dynamics", "{"), "net.bdh.h5:/@dynamics: no JSON object"));
  CHECK(contains(with_text("/", "dynamics", "{}"), "net.bdh.h5:/@dynamics/name: missing"));
  CHECK(contains(with_text("/", "dynamics", std::string(60000, '[')),
                 "net.bdh.h5:/@dynamics: no JSON object"));
  CHECK(contains(with_text("/", "inferred", "[1]"), "net.bdh.h5:/@inferred: 1, expected a text"));
  CHECK(contains(with_text("/", "not_used", "7"), "net.bdh.h5:/@not_used: no JSON list"));
  CHECK(contains(with_text("/", "recipe", "[7]"), "net.bdh.h5:/@recipe: no JSON object"));
  CHECK(contains(with_text("/", "recipe", "{\"degree\": [1]}"),
                 "net.bdh.h5:/@recipe/degree: [1], expected a text or a number"));
  CHECK(contains(with_text("/", "content_sha256", "abc"), "expected 64 hexadecimal digits"));
  CHECK(contains(with_text("/projections/e", "orientation", "row=source,col=target"),
                 "net.bdh.h5:/projections/e@orientation"));
  CHECK(contains(with_text("/projections/e", "kernel_order", "sideways"),
                 "expected by_source or by_target"));
  // The kernels read dx by target; the model's constructor says so, and the file is named.
  CHECK(contains(with_text("/projections/dx", "kernel_order", "by_source"),
                 "net.bdh.h5:/projections/dx: "));
  const std::string version =
      image_outcome(edited(dir, {}, [](hid_t f) { replace_number(f, "/", "format_version", 2); }));
  CHECK(contains(version, "net.bdh.h5:/@format_version: 2, expected 1"));
  const std::string gone =
      image_outcome(edited(dir, {}, [](hid_t f) { H5Ldelete(f, "/projections/dy", H5P_DEFAULT); }));
  CHECK(contains(gone, "net.bdh.h5:/projections/dy: missing"));
  const auto rules = [](int heads, const std::string& w) {
    return R"({"name":"gpu-release","epsilon":1e-5,"layers":3,"heads":)" + std::to_string(heads) +
           R"(,"retention":1.0,"tokenizer":"ids","x":"replace","w":")" + w +
           R"(","token_gain":true,"attention_gain":true,"centred":true})";
  };
  CHECK(contains(with_text("/", "dynamics", rules(3, "leaky_sum")),
                 "net.bdh.h5:/@dynamics/heads: 3, expected a divisor of the 16 neurons"));
  CHECK(contains(with_text("/", "dynamics", rules(2, "y")),
                 "net.bdh.h5:/@dynamics/w: \"y\", expected \"leaky_sum\", as gpu-release has it"));
}
