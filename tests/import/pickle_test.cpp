// The pickle reader alone, on hand-written pickles.
#include "io/checkpoint/pickle.hpp"

#include "support.hpp"

using namespace import_tests;
namespace pickle = bdh::pickle;

namespace {

pickle::document read(const std::string& text) {
  return pickle::read(std::as_bytes(std::span(text)), "p");
}
std::string read_refusal(const std::string& text) {
  return refusal([&] { read(text); });
}
template <std::size_t N>
std::string raw(const char (&text)[N]) {
  return {text, N - 1};
}

}  // namespace

TEST_CASE("numbers and strings") {
  const auto integer = [](const std::string& text) {
    const auto d = read(text);
    return *d.as<std::int64_t>(d.root);
  };
  CHECK(integer(raw("K\xff.")) == 255);
  CHECK(integer(raw("M\x34\x12.")) == 0x1234);
  CHECK(integer(raw("J\xff\xff\xff\xff.")) == -1);
  CHECK(integer(raw("\x8a\x00.")) == 0);
  CHECK(integer(raw("\x8a\x01\x80.")) == -128);
  CHECK(integer(raw("\x8a\x05\x00\x00\x00\x00\x01.")) == std::int64_t{1} << 32);
  const auto real = read(raw("G\x3f\xf8\x00\x00\x00\x00\x00\x00."));
  CHECK(*real.as<double>(real.root) == 1.5);
  const auto text = read(raw("X\x02\x00\x00\x00hi."));
  CHECK(*text.as<std::string>(text.root) == "hi");
}

TEST_CASE("containers, shared and inside themselves") {
  const auto d = read(raw("}q\x00(K\x01K\x02X\x01\x00\x00\x00sh\x00u."));
  const auto* map = d.as<pickle::dictionary>(d.root);
  REQUIRE(map != nullptr);
  REQUIRE(map->items.size() == 2);
  CHECK(map->items[1].second == d.root);
}

TEST_CASE("any other global is refused when it is met, whichever way it is written") {
  CHECK(contains(read_refusal("cos\nsystem\n(X\x02"),
                 "p: global os.system, expected only tensors, numbers, strings and containers"));
  CHECK(contains(read_refusal(raw("\x8c\x02os\x8c\x06system\x93.")), "global os.system"));
  CHECK(contains(read_refusal("(S'ls'\nios\nsystem\n."), "opcode 0x53"));
  CHECK(contains(read_refusal("(ios\nsystem\n."), "global os.system"));
  CHECK(contains(read_refusal("ctorch.storage\n_load_from_bytes\n."),
                 "global torch.storage._load_from_bytes"));
  CHECK(contains(read_refusal("ctorch.storage\nUntypedStorage\n."),
                 "global torch.storage.UntypedStorage"));
  CHECK(contains(read_refusal("cnumpy.core.multiarray\nscalar\n."),
                 "global numpy.core.multiarray.scalar"));
  CHECK(contains(read_refusal("cbuiltins\neval\n."), "global builtins.eval"));
}

TEST_CASE("broken pickles") {
  for (const std::string& text : {raw(""),
                                  raw("."),
                                  raw("0."),
                                  raw("t."),
                                  raw("a."),
                                  raw("K"),
                                  raw("u."),
                                  raw("(K\x01u."),
                                  raw("}(K\x01u."),
                                  raw("h\x05."),
                                  raw("R."),
                                  raw(")R."),
                                  raw("))R."),
                                  raw("K\x01Q."),
                                  raw(")Q."),
                                  raw("X\xff\xff\xff\x7f."),
                                  raw("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."),
                                  raw("\x8b\xff\xff\xff\xff."),
                                  raw("\x80\x09N."),
                                  raw("cos"),
                                  raw("K\x01K\x02s."),
                                  raw("]K\x01K\x02s."),
                                  raw("(Na."),
                                  raw("Nb."),
                                  raw("(0.")})
    CHECK_FALSE(read_refusal(text).empty());
  CHECK(contains(read_refusal("ctorch\nSize\n(K\x01K\x02tR."), "a call of torch.Size"));
  CHECK(contains(read_refusal(std::string(std::size_t{2} << 20, 'N')), "values"));
  CHECK(contains(read_refusal(std::string(std::size_t{2} << 20, '(')), "values"));
  CHECK(contains(read_refusal("N" + std::string(std::size_t{2} << 20, '2')), "values"));
}
