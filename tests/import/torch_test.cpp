// The reader of PyTorch files: archives and descriptions that must be refused, and damage anywhere.
#include "io/checkpoint/tensor_file.hpp"
#include "support.hpp"

using namespace import_tests;

TEST_CASE("archives that must be refused") {
  const auto hostile = [](const std::string& kind) {
    return import_refusal(converted("hostile.pt", "--hostile " + kind));
  };
  CHECK(contains(hostile("global"),
                 "hostile.pt:data.pkl: global posix.system, expected only tensors, numbers, "
                 "strings and containers; "
                 "a checkpoint with code in it is never executed"));
  CHECK(contains(hostile("absolute-name"), "/etc/passwd: an absolute name"));
  CHECK(contains(hostile("parent-name"), "archive/../../x: an absolute name or one with '..'"));
  CHECK(contains(hostile("deflate"), "a compressed entry"));
  CHECK(contains(hostile("big-endian"), "byteorder: 'big', expected little"));
  CHECK(contains(hostile("missing-storage"), "hostile.pt:decoder: no entry data/0"));
  CHECK(contains(hostile("short-storage"), "hostile.pt:decoder: a storage of 2047 bytes"));
  CHECK(contains(hostile("reach"),
                 "hostile.pt:decoder: shape (64, 8) with strides (8, 1) from element 1"));
  CHECK(contains(hostile("self-reference"), "tensors inside 'loop'"));
  CHECK(contains(hostile("nested"), "tensors inside 'layers'"));
  CHECK(contains(hostile("shared"), "no tensors"));
  CHECK(contains(hostile("script"), "TorchScript"));
}

TEST_CASE("damage anywhere is refused or harmless") {
  const auto whole = contents(BDH_SOURCE_DIR "/tests/data/random-64/model.pt");
  const auto read_all = [](const std::vector<std::byte>& bytes) {
    return refusal([&] {
      const auto file = bdh::read_tensor_file(bytes, "f");
      for (const bdh::tensor& t : file->tensors()) file->weights(t);
    });
  };
  REQUIRE(read_all(whole).empty());
  for (std::size_t part = 0; part < 64; ++part) {
    const std::vector<std::byte> file(
        whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * part / 64));
    CHECK_FALSE(read_all(file).empty());
  }
  std::vector<std::byte> file = whole;
  for (std::size_t i = 0; i < whole.size();
       i += 7) {  // the archive's checksums catch flips in weights
    file[i] ^= std::byte{0x55};
    read_all(file);
    file[i] = whole[i];
  }
  const std::size_t data = whole.size() / 2;  // inside the weights
  file[data] ^= std::byte{1};
  CHECK(contains(read_all(file), "damaged"));
}

TEST_CASE(
    "a configuration called 'model' is not mistaken for the state dictionary; two state "
    "dictionaries are refused") {
  const auto both = [](const std::string& kind) {
    return import_refusal(converted("both.pt", "--wrapper state_dict --hostile " + kind));
  };
  CHECK(both("model-configuration").empty());
  CHECK(contains(both("two-states"), "several state dictionaries"));
}
