#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bdh/array.hpp>
#include <bdh/error.hpp>

#include "core/base/decimal.hpp"
#include "core/base/executor.hpp"
#include "core/base/random.hpp"
#include "core/base/rounded.hpp"
#include "core/base/sincos.hpp"
#include "core/base/sort_unique.hpp"
#include "core/base/top_k.hpp"
#include "core/base/utf8.hpp"

TEST_CASE("an error is one line of the common grammar, with the same values as members") {
  const bdh::input_error e("net.bdh.h5:/projections/e/indices[1041]", "neuron 5021", "< 4096",
                           "see 'bdh info'");
  CHECK(std::string(e.what()) ==
        "net.bdh.h5:/projections/e/indices[1041]: neuron 5021, expected < 4096; see 'bdh info'");
  CHECK(e.place() == "net.bdh.h5:/projections/e/indices[1041]");
  CHECK(e.found() == "neuron 5021");
  CHECK(e.expected() == "< 4096");
  CHECK(e.hint() == "see 'bdh info'");
  CHECK(e.kind() == bdh::error_kind::input);
  CHECK(std::string(bdh::input_error("a", "b").what()) == "a: b");
  CHECK(std::string(bdh::shape_error("evil\nname\x1b[2J", "x").what()) == "evil?name?[2J: x");
}

TEST_CASE("of a long text the start and the end are shown, and no character is cut") {
  CHECK(bdh::shortened("0123456789abcdef", 16) == "0123456789abcdef");
  CHECK(bdh::shortened("0123456789abcdefg", 16) == "0123456...bcdefg");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xa4";
  for (std::size_t most = 16; most < 24; ++most) {
    const std::string text = bdh::shortened(umlauts, most);
    CHECK(text.size() <= most);
    CHECK(text.size() + 4 > most);
    CHECK(bdh::is_utf8(text));
  }
  CHECK(bdh::shortened(std::string(100, '\x80'), 16).size() <= 16);
  const std::string found = "a" + std::string(2000, 'x') + "z", shown = bdh::shortened(found, 400),
                    advised = bdh::shortened(found, 1200);
  CHECK(shown.size() == 400);
  const bdh::input_error e(found, found, found, found);
  CHECK(e.what() == shown + ": " + shown + ", expected " + advised + "; " + advised);
  CHECK(e.found() == found);
}

TEST_CASE("an error is thrown on as its own type") {
  const auto thrown = [](bdh::error_kind kind) { bdh::throw_error(kind, "a", "b", "c", "d"); };
  CHECK_THROWS_WITH_AS(thrown(bdh::error_kind::input), "a: b, expected c; d", bdh::input_error);
  CHECK_THROWS_AS(thrown(bdh::error_kind::shape), bdh::shape_error);
  CHECK_THROWS_AS(thrown(bdh::error_kind::device), bdh::device_error);
  CHECK_THROWS_AS(thrown(bdh::error_kind::unavailable), bdh::unavailable_error);
}

TEST_CASE("UTF-8 is decoded as RFC 3629 has it") {
  const auto code = [](std::string_view text) { return bdh::decode_utf8(text).code; };
  CHECK(code("a\xc3") == 'a');
  CHECK(code("\xc3\xa4") == 0xe4);
  CHECK(code("\xe2\x82\xac") == 0x20ac);
  CHECK(code("\xf0\x9f\x98\x80!") == 0x1f600);
  CHECK(bdh::decode_utf8("\xf0\x9f\x98\x80!").length == 4);
  for (const std::string_view malformed :
       {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3z"}) {
    const bdh::utf8_character c = bdh::decode_utf8(malformed);
    CHECK(c.length == 0);
    CHECK_FALSE(c.incomplete);
    CHECK(c.code == bdh::replacement_character);
    CHECK_FALSE(bdh::is_utf8(malformed));
  }
  for (const std::string_view cut : {"", "\xc3", "\xe2\x82", "\xf0\x9f\x98"}) {
    CHECK(bdh::decode_utf8(cut).length == 0);
    CHECK(bdh::decode_utf8(cut).incomplete);
  }
  CHECK(bdh::is_utf8("\xc3\xa4 and \xe2\x82\xac"));
}

TEST_CASE("the k largest are those of a stable sort") {
  bdh::random_stream random(3, bdh::purpose::test_weights, 0);
  for (const std::size_t k : {0u, 1u, 7u, 100u, 5000u}) {
    std::vector<std::pair<double, int>> all;
    bdh::top_k<int> top(k);
    for (int i = 0; i < 4000; ++i) {  // with many ties
      all.emplace_back(1 + random.below(300), i);
      top.offer(all.back().first, i);
      top.offer(0, -1);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    all.resize(std::min(k, all.size()));
    std::vector<int> expected;
    for (const auto& [size, i] : all) expected.push_back(i);
    CHECK(top.entries() == expected);
    CHECK(top.nonzero() == 4000);
  }
}

TEST_CASE("sorted, each once") {
  std::vector<int> values{3, 1, 3, 2, 1};
  bdh::sort_unique(values);
  CHECK(values == std::vector<int>{1, 2, 3});
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
  CHECK_THROWS_AS(bdh::array<float>(std::size_t{1} << 62),
                  bdh::device_error);  // its bytes would wrap to 0
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
      std::vector<std::uint64_t> value(pieces, 1),
          next(pieces);  // plain memory: what a phase wrote, the next one reads
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
        for (std::size_t i = 0; i < pieces; ++i)
          expected[i] = 3 * before[i] + before[(i + 1) % pieces] + phase;
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
  using four = bdh::philox_words;
  const auto same = [](const four& a, const four& b) { return a == b; };
  CHECK(same(bdh::philox_block({}, {}), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
  CHECK(same(bdh::philox_block({{~0u, ~0u, ~0u, ~0u}}, {{~0u, ~0u}}),
             {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
  CHECK(same(bdh::philox_block({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
                               {{0xa4093822, 0x299f31d0}}),
             {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
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
    const bdh::cos_sin d = bdh::sincos_turns(turns);
    // std::cos sees an angle rounded to double: up to |angle| 1e-16 off.
    CHECK(std::abs(d.cosine - std::cos(angle)) < 6e-15);
    CHECK(std::abs(d.sine - std::sin(angle)) < 6e-15);
    CHECK(std::abs(d.cosine * d.cosine + d.sine * d.sine - 1) < 1e-15);
  }
  CHECK(bdh::sincos_turns(0).cosine == 1);
  CHECK(bdh::sincos_turns(0.25).sine == 1);
  CHECK(bdh::sincos_turns(0.5).cosine == -1);
  CHECK(bdh::sincos_turns(1e9 + 0.125).sine == bdh::sincos_turns(0.125).sine);
}

TEST_CASE("rounded functions give the nearest double, also where glibc 2.36 does not") {
  using function = double (*)(double);
  struct known {
    double at, value;  // worked out with 80 digits
  };
  const auto check = [](const char* name, function f, std::initializer_list<known> all) {
    CAPTURE(name);
    for (const known& k : all) {
      CAPTURE(k.at);
      CHECK(f(k.at) == k.value);
    }
  };
  check("log", bdh::rounded::log,
        {{1, 0},
         {0x1.258ef7d8d859cp+1, 0x1.a8fbdd2d779c1p-1},
         {0x1.95c06079b883ep+5, 0x1.f690f9a87209p+1},
         {0x1.3338371b081b7p+7, 0x1.4233dd73698ebp+2}});
  check("log1p", bdh::rounded::log1p,
        {{-0x1.c02f33e90c2c4p-3, -0x1.f9ce331725b8dp-3},
         {-0x1.b32cff2ec9dbp-2, -0x1.1b4fea7d03c35p-1},
         {-0x1.52c69adc1c5f4p-1, -0x1.156fd9258f8f7p+0},
         {-0x1.0b2f4ae4f3992p-2, -0x1.359becd51b8b1p-2}});
  check("exp", bdh::rounded::exp,
        {{0, 1},
         {-0x1.225648176c0d8p+2, 0x1.5ef77d190096fp-7},
         {-0x1.3016d6cc53bdcp+2, 0x1.1b1a94a526713p-7},
         {-0x1.f9abe0bfc331ep+2, 0x1.8451bf92cf001p-12}});
  check("cos", bdh::rounded::cos,
        {{0, 1},
         {0x1.5189f0abd8f15p+0, 0x1.ff377bc64561dp-3},
         {0x1.43e1ba9b60db9p+2, 0x1.5d74d54acd40bp-2},
         {0x1.c57951a689314p+1, -0x1.d759645f68b63p-1}});
  check("powers of 65536", [](double y) { return bdh::rounded::pow(65536, y); },
        {{0, 1},
         {-0.5, 0x1p-8},
         {-0x1.e041d344db434p-2, 0x1.690827f2f281dp-8},
         {-0x1.a97563e593cp-6, 0x1.7fe1628e9ec51p-1},
         {-0x1.142f7fb134e6p-6, 0x1.a8b23d606c7a9p-1}});
  CHECK(bdh::rounded::log(0) == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(bdh::rounded::log(std::numeric_limits<double>::quiet_NaN())));
  CHECK(bdh::rounded::log(0x1p-1074) == std::log(0x1p-1074));
  CHECK(bdh::rounded::exp(-701) == 0);
  CHECK(bdh::rounded::exp(701) == std::numeric_limits<double>::infinity());
}

TEST_CASE("rounded functions: within a unit in the last place of the libm's everywhere") {
  const auto close = [](double a, double b) { return std::abs(a - b) <= 0x1.01p-52 * std::abs(b); };
  for (int i = 1; i < 5000; ++i) {
    const double x = i / 4999.0;
    CAPTURE(x);
    CHECK(close(bdh::rounded::log(x), std::log(x)));
    CHECK(close(bdh::rounded::log(0x1p-500 * x), std::log(0x1p-500 * x)));
    CHECK(close(bdh::rounded::log1p(-0.9999 * x), std::log1p(-0.9999 * x)));
    CHECK(close(bdh::rounded::log1p(-1e-12 * x), std::log1p(-1e-12 * x)));
    CHECK(close(bdh::rounded::exp(1390 * x - 695), std::exp(1390 * x - 695)));
    CHECK(close(bdh::rounded::pow(1e4, x), std::pow(1e4, x)));
    CHECK(close(bdh::rounded::cos(2000 * x - 1000), std::cos(2000 * x - 1000)));
  }
}

TEST_CASE("integer powers") {
  CHECK(bdh::power(0.5, 0) == 1);
  CHECK(bdh::power(0.5, 1) == 0.5);
  CHECK(bdh::power(0.5, 10) == 1.0 / 1024);
  CHECK(bdh::power(1.0, ~std::uint64_t{0}) == 1);
  CHECK(std::abs(bdh::power(0.998, 1537) / std::pow(0.998, 1537) - 1) < 1e-12);
}

TEST_CASE("decimal numbers are what std::from_chars makes of them, to the bit and the character") {
  const auto same = [](const std::string& text) {
    CAPTURE(text);
    double expected = 7, value = 7;
    const char *const first = text.data(), *const last = first + text.size();
    const auto [wanted, fault] = std::from_chars(first, last, expected);
    const auto [end, failed] = bdh::decimal_from_chars(first, last, value);
    CHECK(end == wanted);
    CHECK(failed == fault);
    CHECK(std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(expected));
  };
  for (const char* text : {"",
                           "-",
                           "+1",
                           ".",
                           "-.",
                           ".5",
                           "5.",
                           "-5.,",
                           "0",
                           "-0",
                           "-0.0",
                           "00.10",
                           "1,5",
                           "1.5;2",
                           "1.5e",
                           "1.5e3",
                           "1E-400",
                           "1e999",
                           "2.5x",
                           "1..2",
                           "1.2.3",
                           "0x10",
                           "inf",
                           "-nan",
                           "1 ",
                           "0.000000000000001",
                           "0.0000000000000001",
                           "999999999999999",
                           "9999999999999999",
                           "99999999.9999999",
                           "9007199254740993",
                           "0.1",
                           "-0.3",
                           "1.0000000596046448",
                           "123456789012345678901234567890.5",
                           "0.00000000000000000000000000000000000001"})
    same(text);
  std::mt19937_64 draw(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text = std::to_string(draw()).substr(0, 1 + draw() % 19);
    text.insert(draw() % (text.size() + 1), ".");
    same(draw() % 2 == 0 ? text : "-" + text);
  }
}

TEST_CASE(
    "digits are taken up to the first other byte, whichever it is and wherever the text ends") {
  for (int c = 0; c < 256; ++c)
    for (std::size_t before = 0; before < 12; ++before) {
      const std::string text =
          std::string("987654321098").substr(0, before) + static_cast<char>(c) + "1234567890123";
      const std::size_t wanted = c >= '0' && c <= '9' ? text.size() : before;
      for (std::size_t size = 0; size <= std::min<std::size_t>(text.size(), 18); ++size) {
        const std::string digits = text.substr(0, std::min(wanted, size));
        std::uint64_t number = 7;
        const char* const end = bdh::append_digits(text.data(), text.data() + size, number);
        REQUIRE(end == text.data() + digits.size());
        REQUIRE(number == std::stoull("7" + digits));
      }
    }
}
