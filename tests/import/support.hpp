// What the importer's tests share: the reference checkpoint, its conversions by
// tests/tools/convert_checkpoint.py, comparisons.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>

#ifndef BDH_PYTHON
#define BDH_PYTHON "python3"
#endif

namespace import_tests {

inline const std::filesystem::path reference =
    BDH_SOURCE_DIR "/tests/data/random-64/model.safetensors";

// A fresh folder of this test program, emptied when it starts.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path made = [] {
    std::filesystem::path p = std::filesystem::path(BDH_BINARY_DIR) / "import_test_files";
    std::filesystem::remove_all(p);
    std::filesystem::create_directories(p);
    return p;
  }();
  return made;
}

// The reference, converted: "model.pt", "--layout listing ..." -> the new file's path.
inline std::filesystem::path converted(const std::string& name, const std::string& arguments) {
  const std::filesystem::path target = folder() / name;
  const std::string command =
      std::string("'" BDH_PYTHON "' '" BDH_SOURCE_DIR "/tests/tools/convert_checkpoint.py' '") +
      reference.string() + "' '" + target.string() + "' " + arguments;
  REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
  return target;
}

inline bdh::import_options with_layers(bdh::layer_id layers = 3) {
  bdh::import_options o;
  o.layers = layers;
  return o;
}

inline std::vector<std::byte> contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> read{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> bytes(read.size());
  std::transform(read.begin(), read.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

inline void check_same_projections(const bdh::model& a, const bdh::model& b) {
  CHECK(a.heads() == b.heads());
  CHECK(a.layers() == b.layers());
  CHECK(same_bits(a.circuits().e.weights(), b.circuits().e.weights()));
  CHECK(same_bits(a.circuits().sensory.weights(), b.circuits().sensory.weights()));
  CHECK(same_bits(a.circuits().dx.weights(), b.circuits().dx.weights()));
  CHECK(same_bits(a.circuits().dy.weights(), b.circuits().dy.weights()));
  CHECK(same_bits(a.circuits().readout.weights(), b.circuits().readout.weights()));
}

// The message of the bdh::error that `f` throws; "" when it throws nothing.
template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const bdh::error& e) {
    return e.what();
  }
  return "";
}

inline std::string import_refusal(const std::filesystem::path& file,
                                  const bdh::import_options& options = with_layers()) {
  return refusal([&] { bdh::import_checkpoint(file, options); });
}

inline bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE("'" << text << "' lacks '" << part << "'");
  return false;
}

inline bool has_line(const bdh::model& m, const std::string& part) {
  const auto& lines = m.origin().inferred;
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

}  // namespace import_tests
