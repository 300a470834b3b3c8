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

TEST_CASE("a global that only an attack has is refused when it is met") {
  CHECK(contains(read_refusal("cos\nsystem\n(X\x02"),
                 "p: global os.system, expected only tensors, numbers, strings and containers"));
  CHECK(contains(read_refusal(raw("\x8c\x02os\x8c\x06system\x93.")), "global os.system"));
  CHECK(contains(read_refusal("(S'ls'\nios\nsystem\n."), "opcode 0x53"));
  CHECK(contains(read_refusal("(ios\nsystem\n."), "global os.system"));
  CHECK(contains(read_refusal("ctorch.storage\n_load_from_bytes\n."),
                 "global torch.storage._load_from_bytes"));
  CHECK(contains(read_refusal("cbuiltins\neval\n."), "global builtins.eval"));
  CHECK(contains(read_refusal("c__builtin__\neval\n."), "global __builtin__.eval"));
  CHECK(contains(read_refusal("cposix\nsystem\n."), "global posix.system"));
  CHECK(contains(read_refusal("csubprocess\nPopen\n."), "global subprocess.Popen"));
}

TEST_CASE("an object is described, not made") {
  // bdh.Config(), with {"n_layer": 3} as its state
  const auto d = read(raw("cbdh\nConfig\n)\x81}X\x07\x00\x00\x00n_layerK\x03sb."));
  const auto* made = d.as<pickle::object>(d.root);
  REQUIRE(made != nullptr);
  CHECK(made->type == "bdh.Config");
  REQUIRE(made->state);
  const auto* state = d.as<pickle::dictionary>(*made->state);
  REQUIRE(state != nullptr);
  CHECK(*d.as<std::int64_t>(state->items[0].second) == 3);
  for (const std::string& text :
       {raw("cbdh\nMap\n)\x81(K\x01K\x02u."), raw("cbdh\nMap\n)RK\x01K\x02s."),
        raw("(cbdh\nMap\noK\x01K\x02s."), raw("(ibdh\nMap\nK\x01K\x02s."),
        raw("ccopy_reg\n_reconstructor\n(cbdh\nMap\nc__builtin__\nobject\nNtRK\x01K\x02s.")}) {
    const auto map = read(text);
    const auto* one = map.as<pickle::object>(map.root);
    REQUIRE(one != nullptr);
    CHECK(one->type == "bdh.Map");
    CHECK(one->entries.size() == 1);
  }
  const auto list =
      read(raw("cbdh\nList\n)\x81(K\x01K\x02"
               "e."));
  CHECK(list.as<pickle::object>(list.root)->items.size() == 2);
  const auto named =
      read(raw("cbdh\nConfig\n)}X\x01\x00\x00\x00"
               "aK\x03s\x92."));
  CHECK(named.as<pickle::object>(named.root)->state.has_value());
}

TEST_CASE("containers and bytes that functions make") {
  const auto ordered =
      read(raw("ccollections\nOrderedDict\n]]K\x01"
               "aK\x02"
               "aa\x85R."));
  CHECK(ordered.as<pickle::dictionary>(ordered.root)->items.size() == 1);
  const auto defaults =
      read(raw("ccollections\ndefaultdict\nc__builtin__\nint\n\x85RK\x01K\x02s."));
  CHECK(defaults.as<pickle::dictionary>(defaults.root)->items.size() == 1);
  const auto encoded =
      read(raw("c_codecs\nencode\nX\x05\x00\x00\x00"
               "a\xc3\xbf\xc2\x80"
               "X\x06\x00\x00\x00latin1\x86R."));
  CHECK(encoded.as<pickle::byte_string>(encoded.root)->data == "a\xff\x80");
  const auto array =
      read(raw("cbuiltins\nbytearray\nC\x02"
               "ab\x85R."));
  CHECK(array.as<pickle::byte_string>(array.root)->data == "ab");
}

TEST_CASE("values that are recalled again and again take no memory for each time") {
  // a text of 2^20 characters, which is encoded a thousand times
  std::string text = raw("X") + raw("\x00\x00\x10\x00") + std::string(1 << 20, 'a') +
                     raw("q\x00"
                         "0");
  for (int i = 0; i < 1000; ++i)
    text +=
        raw("c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
            "0");
  CHECK(contains(read_refusal(text + "N."), "the same values again and again"));
  // pairs of keys and values, of which dictionaries are made
  text = "](";
  for (int i = 0; i < 10000; ++i) text += raw("K\x01K\x02\x86");
  text +=
      raw("eq\x00"
          "0");
  for (int i = 0; i < 10000; ++i)
    text +=
        raw("ccollections\nOrderedDict\nh\x00\x85R"
            "0");
  CHECK(contains(read_refusal(text + "N."), "the same values again and again"));
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
                                  raw("NNb."),
                                  raw("(o."),
                                  raw("K\x01)\x81."),
                                  raw("cbdh\nA\n)K\x01\x92R."),
                                  raw("ctorch._utils\n_rebuild_parameter\n)R."),
                                  raw("ctorch._tensor\n_rebuild_from_type_v2\n)R."),
                                  raw("ctorch._utils\n_rebuild_tensor_v2\n)R."),
                                  raw("(0.")})
    CHECK_FALSE(read_refusal(text).empty());
  CHECK(contains(read_refusal("ctorch\nSize\n(K\x01K\x02tR."), "expected a list or tuple"));
  CHECK(contains(read_refusal(std::string(std::size_t{2} << 20, 'N')), "values"));
  CHECK(contains(read_refusal(std::string(std::size_t{2} << 20, '(')), "values"));
  CHECK(contains(read_refusal("N" + std::string(std::size_t{2} << 20, '2')), "values"));
}
