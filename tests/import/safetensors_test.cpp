// The safetensors reader: numbers exactly, and every way in which a header can lie.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "io/checkpoint/tensor_file.hpp"
#include "support.hpp"

using namespace import_tests;

namespace {

std::vector<std::byte> safetensors(const std::string& header,
                                   const std::vector<std::uint8_t>& body) {
  std::vector<std::byte> file(8 + header.size() + body.size());
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  if (!body.empty()) std::memcpy(file.data() + 8 + header.size(), body.data(), body.size());
  return file;
}

template <class T>
std::vector<std::uint8_t> bytes_of_values(const std::vector<T>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<float> weights_of(const char* type, const std::vector<T>& values) {
  const auto file = safetensors(std::string(R"({"w":{"dtype":")") + type + R"(","shape":[)" +
                                    std::to_string(values.size()) + R"(],"data_offsets":[0,)" +
                                    std::to_string(values.size() * sizeof(T)) + "]}}",
                                bytes_of_values(values));
  const auto read = bdh::read_safetensors(file, "f");
  const auto weights = read->weights(read->tensors().at(0));
  return {weights.begin(), weights.end()};
}

std::string header_refusal(const std::string& header, std::size_t body = 8) {
  const auto file = safetensors(header, std::vector<std::uint8_t>(body));
  return refusal([&] { bdh::read_safetensors(file, "f"); });
}

}  // namespace

TEST_CASE("float16: every value, subnormals included, is the float32 of the same value") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const std::uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) continue;
    const double magnitude = exponent == 0
                                 ? std::ldexp(fraction, -24)
                                 : std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
    const float got = weights_of("F16", std::vector{static_cast<std::uint16_t>(bits)}).at(0);
    if (got != (bits & 0x8000 ? -magnitude : magnitude) ||
        std::signbit(got) != ((bits & 0x8000) != 0))
      FAIL("float16 bits " << bits);
  }
  CHECK(contains(refusal([] {
                   weights_of("F16", std::vector<std::uint16_t>{0, 0x7c00});
                 }),
                 "f:w[1]: inf"));
  CHECK(contains(refusal([] { weights_of("F16", std::vector<std::uint16_t>{0x7e00}); }),
                 "f:w[0]: nan"));
}

TEST_CASE("float32: the bits of the file, and the first value that is not finite is named") {
  std::vector<float> values(201);  // three blocks that are checked at once, and a rest
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(i * 0x01234567u & 0xbf7fffffu));
  values[7] = std::numeric_limits<float>::denorm_min();
  values[8] = -0.0f;
  values[9] = std::numeric_limits<float>::max();
  CHECK(bytes_of_values(weights_of("F32", values)) == bytes_of_values(values));
  for (const std::size_t bad : {0u, 63u, 64u, 191u, 192u, 200u}) {
    auto changed = values;
    changed[200] = std::numeric_limits<float>::infinity();
    changed[bad] = std::numeric_limits<float>::quiet_NaN();
    CAPTURE(bad);
    CHECK(contains(refusal([&] { weights_of("F32", changed); }),
                   "f:w[" + std::to_string(bad) + "]: nan"));
  }
}

TEST_CASE("bfloat16 is the upper half of a float32") {
  const auto got = weights_of("BF16", std::vector<std::uint16_t>{0x3f80, 0xc000, 0x0001, 0x7f7f});
  CHECK(got == std::vector{1.0f, -2.0f, std::bit_cast<float>(0x00010000u),
                           std::bit_cast<float>(0x7f7f0000u)});
  CHECK(contains(refusal([] { weights_of("BF16", std::vector<std::uint16_t>{0x7f80}); }),
                 "f:w[0]: inf"));
}

TEST_CASE("float64 is rounded to float32, and refused where float32 has no such number") {
  CHECK(weights_of("F64", std::vector{0.1, -1e-300, 3.4e38}) == std::vector{0.1f, -0.0f, 3.4e38f});
  CHECK(contains(refusal([] { weights_of("F64", std::vector{1.0, 1e39}); }), "f:w[1]"));
  CHECK(contains(refusal([] { weights_of("I64", std::vector<std::int64_t>{1}); }), "I64 elements"));
}

TEST_CASE("headers that lie") {
  const std::string good = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  CHECK(header_refusal("{" + good + "}").empty());
  CHECK(header_refusal("{" + good + "}  \n ").empty());
  CHECK(contains(header_refusal("{" + good + "}", 12), "12 bytes of data"));
  CHECK(contains(header_refusal("{" + good + "}", 4), "data_offsets"));
  CHECK(contains(header_refusal("{" + good + "," + good + "}"), "'w' twice"));
  CHECK(contains(
      header_refusal(R"({"w":{"dtype":"F32","dtype":"F64","shape":[2],"data_offsets":[0,8]}})"),
      "'dtype' twice"));
  CHECK(contains(
      header_refusal(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
      "overlap"));
  CHECK(contains(header_refusal(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
                 "belong to no tensor"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
                 "the size of (3) F32"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"),
                 "data_offsets"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})"),
                 "data_offsets"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"),
                 "shape"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}})"),
                 "shape"));
  CHECK(contains(
      header_refusal(R"({"w":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}})"),
      "long array"));
  CHECK(
      contains(header_refusal(
                   R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})"),
               "the size of"));
  CHECK(contains(
      header_refusal(R"({"w":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}})"),
      "the size of"));
  CHECK(contains(header_refusal(R"({"w":{"dtype":7,"shape":[2],"data_offsets":[0,8]}})"),
                 "no dtype"));
  CHECK(contains(header_refusal(R"({"w":3})"), "f:w"));
  CHECK(contains(header_refusal(R"({"__metadata__":{"a":1}})", 0), "__metadata__"));
  CHECK(contains(header_refusal("[1]"), "no JSON object"));
  CHECK(contains(header_refusal("{" + good), "damaged header"));
  CHECK(contains(header_refusal("{\"\xff\xfe\":1}"), "damaged header"));
  CHECK(contains(header_refusal("{\"" + std::string(600, 'n') +
                                R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
                 "name of 600 bytes"));
  CHECK(contains(header_refusal("{\"w\":" + std::string(100000, '[')), "nested"));
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  CHECK(contains(header_refusal(deep), "nested"));
}

TEST_CASE("a header longer than the file") {
  for (const std::uint64_t length :
       {std::uint64_t{1000}, ~std::uint64_t{0}, ~std::uint64_t{0} - 7, std::uint64_t{1} << 63}) {
    std::vector<std::byte> file = safetensors("{}", {});
    std::memcpy(file.data(), &length, 8);
    CHECK(contains(refusal([&] { bdh::read_tensor_file(file, "f"); }), "a header of"));
  }
}

TEST_CASE("a file cut off anywhere is refused") {
  const auto whole = contents(reference);
  for (std::size_t part = 0; part < 64; ++part) {
    const std::vector<std::byte> file(
        whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * part / 64));
    CHECK_FALSE(refusal([&] { bdh::read_tensor_file(file, "f"); }).empty());
  }
  CHECK(refusal([&] { bdh::read_tensor_file(whole, "f"); }).empty());
}

TEST_CASE(
    "of an element type that is not known, the tensor is known by name; its numbers are refused") {
  const auto file = safetensors(R"({"w":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}})",
                                std::vector<std::uint8_t>(8));
  const auto read = bdh::read_tensor_file(file, "f");
  REQUIRE(read->tensors().size() == 1);
  CHECK(read->tensors()[0].type == "F4");
  CHECK(
      refusal([&] { read->weights(read->tensors()[0]); }) ==
      "f:w: F4 elements, expected float32, float16, bfloat16 or float64; cast it in PyTorch, with "
      "its scales where it has some: tensor.to(torch.bfloat16)");
}
