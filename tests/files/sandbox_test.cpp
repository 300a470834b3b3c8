// Reading in a child process: what comes back, and that hostile HDF5 ends that process at
// worst.
#include "io/files/sandbox.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <new>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/graph/graph_file.hpp"
#include "io/recording/reference_outputs.hpp"
#include "support.hpp"

using namespace bdh;

namespace {

template <class Work>
std::string error_of(Work work) {
  try {
    work();
    return "none";
  } catch (const error& e) {
    return e.what();
  }
}

void nothing(value_pipe&) {}

// `read` of the file's bytes cut short and with single bits flipped: an answer or an error,
// whatever libhdf5 makes of them.
template <class Read>
void read_damaged(const std::filesystem::path& good, const std::filesystem::path& damaged,
                  Read read) {
  const std::string whole = files::read(good);
  std::size_t refused = 0, cases = 0;
  const auto attempt = [&](const std::string& bytes) {
    files::write(damaged, bytes);
    ++cases;
    refused += error_of([&] { read(damaged); }) != "none";
  };
  for (std::size_t k = 0; k < 20; ++k) attempt(whole.substr(0, whole.size() * k / 20));
  CHECK(refused == 20);
  random_stream random(1, purpose::test_weights, 0);
  for (std::size_t k = 0; k < 150; ++k) {
    std::string bytes = whole;
    // Structure lies mostly in the first kilobytes.
    bytes[random.below(static_cast<std::uint32_t>(
        k % 2 == 0 ? std::min<std::size_t>(whole.size(), 4096) : whole.size()))] ^=
        static_cast<char>(1 << random.below(8));
    attempt(bytes);
  }
  CHECK(cases == 170);
  CHECK(error_of([&] { read(good); }) == "none");
}

}  // namespace

TEST_CASE("values come back in their order") {
  const std::vector<double> many(300000, 0.5);
  std::vector<double> found;
  std::string text;
  array<float> none;
  int answer = 0;
  read_in_child(
      "f",
      [&](value_pipe& to) {
        to.put_value(42);
        to.put(std::span<const double>(many));
        to.put(std::span<const char>(std::string_view("abc")));
        to.put(std::span<const float>());
      },
      [&](value_pipe& from) {
        answer = from.take_value<int>();
        found = from.take<std::vector<double>>();
        text = from.take<std::string>();
        none = from.take<array<float>>();
      });
  CHECK(answer == 42);
  CHECK(found == many);
  CHECK(text == "abc");
  CHECK(none.empty());
  CHECK_THROWS_AS(read_in_child("f", nothing, [](value_pipe& from) { from.take_value<int>(); }),
                  input_error);
  const auto too_many = [](value_pipe& to) { to.put_value<std::uint64_t>(std::uint64_t{1} << 60); };
  CHECK_THROWS_AS(
      read_in_child("f", too_many, [](value_pipe& from) { from.take<std::vector<int>>(); }),
      input_error);
}

TEST_CASE("errors come back as they are, and a death is an error of the file") {
  CHECK_THROWS_WITH_AS(
      read_in_child(
          "f", [](value_pipe&) { throw input_error("here", "this", "that", "help"); }, nothing),
      "here: this, expected that; help", input_error);
  CHECK_THROWS_AS(read_in_child(
                      "f", [](value_pipe&) { throw shape_error("here", "this", "that"); }, nothing),
                  shape_error);
  CHECK_THROWS_AS(
      read_in_child(
          "f", [](value_pipe&) { throw unavailable_error("here", "this", "that"); }, nothing),
      unavailable_error);
  CHECK_THROWS_AS(
      read_in_child(
          "f", [](value_pipe&) { throw device_error("here", "this", "that"); }, nothing),
      device_error);
  CHECK_THROWS_AS(read_in_child(
                      "f", [](value_pipe&) { throw std::bad_alloc(); }, nothing),
                  std::bad_alloc);
  for (const int number : {SIGKILL, SIGABRT})
    CHECK_THROWS_WITH_AS(
        read_in_child(
            "f.h5", [&](value_pipe&) { ::raise(number); }, nothing),
        "f.h5: damaged in a way that libhdf5 does not survive, expected a whole HDF5 file",
        input_error);
}

TEST_CASE("damaged graph files and expected values are read or refused, and this process lives") {
  const files::folder dir;
  save_model(files::small_direct_model({}), dir / "m.h5", false);
  read_damaged(dir / "m.h5", dir / "damaged.h5", [](const std::filesystem::path& file) {
    read_graph_file(file.string() + ":/projections/gs");
  });
  read_damaged(BDH_SOURCE_DIR "/tests/data/random-64/expected.h5", dir / "damaged.h5",
               [](const std::filesystem::path& file) { read_reference_outputs(file); });
}
