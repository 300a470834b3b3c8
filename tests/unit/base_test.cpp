#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "core/base/array.hpp"
#include "core/base/error.hpp"
#include "core/base/executor.hpp"
#include "core/base/random.hpp"
#include "core/base/turn.hpp"

TEST_CASE("an error is one line of the common grammar, with the same values as members") {
  const bdh::input_error e("net.bdh.h5:/projections/e/indices[1041]", "neuron 5021", "< 4096", "see 'bdh info'");
  CHECK(std::string(e.what()) == "net.bdh.h5:/projections/e/indices[1041]: neuron 5021, expected < 4096; see 'bdh info'");
  CHECK(e.place() == "net.bdh.h5:/projections/e/indices[1041]");
  CHECK(e.found() == "neuron 5021");
  CHECK(e.expected() == "< 4096");
  CHECK(e.hint() == "see 'bdh info'");
  CHECK(std::string(bdh::error("a", "b").what()) == "a: b");
  CHECK(std::string(bdh::shape_error("evil\nname\x1b[2J", "x").what()) == "evil?name?[2J: x");
}

TEST_CASE("arrays start at zero, aligned, small and large") {
  for (std::size_t size : {1u, 17u, 1u << 20}) {
    bdh::array<float> a(size);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    bool zero = true;
    for (float f : a) zero = zero && f == 0.0f;
    CHECK(zero);
    a[size - 1] = 3.0f;
    bdh::array<float> b = std::move(a);
    CHECK(b[size - 1] == 3.0f);
    CHECK(a.empty());
  }
  CHECK(bdh::array<float>(0).empty());
  CHECK_THROWS_AS(bdh::array<float>(std::size_t{1} << 60), bdh::device_error);
  CHECK_THROWS_AS(bdh::array<float>(std::size_t{1} << 62), bdh::device_error);  // its bytes would wrap to 0
}

TEST_CASE("every executor does all the work, each piece once") {
  std::vector<std::unique_ptr<bdh::executor>> all;
  all.push_back(bdh::serial_executor());
  all.push_back(bdh::thread_executor(3));
  all.push_back(bdh::default_executor(4));
  for (auto& e : all)
    for (std::size_t count : {0u, 1u, 2u, 100u}) {
      std::vector<std::atomic<int>> done(count);
      e->for_each(count, [&](std::size_t i) { ++done[i]; });
      for (auto& d : done) CHECK(d == 1);
    }
  CHECK(all[1]->threads() == 3);
}

TEST_CASE("phases run one after the other, every piece once in each, on any executor") {
  std::vector<std::unique_ptr<bdh::executor>> all;
  all.push_back(bdh::serial_executor());
  for (std::size_t threads : {2u, 3u, 16u}) {
    all.push_back(bdh::thread_executor(threads));
    all.push_back(bdh::default_executor(threads));
  }
  for (auto& e : all)
    for (std::size_t pieces : {0u, 1u, 2u, 7u, 40u}) {
      constexpr std::size_t phases = 50;
      std::vector<std::uint64_t> value(pieces, 1), next(pieces);  // plain memory: what a phase wrote, the next one reads
      std::vector<std::uint64_t> expected = value;
      std::size_t ended = 0;
      std::atomic<std::size_t> wrong{0};
      bdh::run_phases(
          *e, pieces, phases,
          [&](std::size_t phase, std::size_t i) {
            if (phase != ended) ++wrong;
            next[i] = 3 * value[i] + value[(i + 1) % pieces] + phase;
          },
          [&](std::size_t phase) {
            if (phase != ended++) ++wrong;
            std::swap(value, next);
          });
      for (std::size_t phase = 0; phase < phases; ++phase) {
        const auto before = expected;
        for (std::size_t i = 0; i < pieces; ++i) expected[i] = 3 * before[i] + before[(i + 1) % pieces] + phase;
      }
      CHECK(wrong == 0);
      CHECK(ended == phases);
      CHECK(value == expected);
      ended = 0;
      CHECK_THROWS_AS(bdh::run_phases(
                          *e, pieces, phases, [](std::size_t, std::size_t) {},
                          [&](std::size_t phase) {
                            ++ended;
                            if (phase == 20) throw bdh::input_error("exchange", "broken");
                          }),
                      bdh::input_error);
      CHECK(ended == 21);
    }
}

TEST_CASE("Philox4x32-10 gives the published answers") {
  // Known-answer vectors of the Random123 distribution.
  using four = std::array<std::uint32_t, 4>;
  CHECK(bdh::philox({0, 0, 0, 0}, {0, 0}) == four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(bdh::philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(bdh::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("uniform and normal draws have their moments and depend on every argument") {
  double sum = 0, square = 0, mean = 0;
  const int count = 20000;
  for (int i = 0; i < count; ++i) {
    const double u = bdh::uniform(7, bdh::purpose::sampling, static_cast<std::uint64_t>(i), 0);
    REQUIRE((u >= 0 && u < 1));
    mean += u / count;
    const double z = bdh::normal(7, bdh::purpose::sampling, static_cast<std::uint64_t>(i), 1);
    sum += z / count;
    square += z * z / count;
  }
  CHECK(std::abs(mean - 0.5) < 0.01);
  CHECK(std::abs(sum) < 0.03);
  CHECK(std::abs(square - 1) < 0.04);
  const double base = bdh::uniform(1, bdh::purpose::sampling, 2, 3);
  CHECK(base == bdh::uniform(1, bdh::purpose::sampling, 2, 3));
  CHECK(base != bdh::uniform(2, bdh::purpose::sampling, 2, 3));
  CHECK(base != bdh::uniform(1, bdh::purpose::test_weights, 2, 3));
  CHECK(base != bdh::uniform(1, bdh::purpose::sampling, 3, 3));
  CHECK(base != bdh::uniform(1, bdh::purpose::sampling, 2, 4));
}

TEST_CASE("turn is cosine and sine of whole turns, to the last digits of a double") {
  for (int i = -2000; i <= 2000; ++i) {
    const double turns = i / 733.0, angle = 2 * std::numbers::pi * turns;
    const bdh::direction d = bdh::turn(turns);
    // std::cos sees an angle rounded to double: up to |angle| 1e-16 off.
    CHECK(std::abs(d.cosine - std::cos(angle)) < 6e-15);
    CHECK(std::abs(d.sine - std::sin(angle)) < 6e-15);
    CHECK(std::abs(d.cosine * d.cosine + d.sine * d.sine - 1) < 1e-15);
  }
  CHECK(bdh::turn(0).cosine == 1);
  CHECK(bdh::turn(0.25).sine == 1);
  CHECK(bdh::turn(0.5).cosine == -1);
  CHECK(bdh::turn(1e9 + 0.125).sine == bdh::turn(0.125).sine);
}

TEST_CASE("integer powers") {
  CHECK(bdh::power(0.5, 0) == 1);
  CHECK(bdh::power(0.5, 1) == 0.5);
  CHECK(bdh::power(0.5, 10) == 1.0 / 1024);
  CHECK(bdh::power(1.0, ~std::uint64_t{0}) == 1);
  CHECK(std::abs(bdh::power(0.998, 1537) / std::pow(0.998, 1537) - 1) < 1e-12);
}
