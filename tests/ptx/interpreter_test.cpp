// The interpreter of PTX by itself: what instructions compute, and that it finds what is wrong with
// a kernel, in any order of threads. The kernels are texts here, so nvcc is not needed.
#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <set>

#include "ptx/machine.hpp"
#include "ptx/operations.hpp"
#include "ptx/parser.hpp"

namespace {

using tests::item_order;
using tests::ptx::fault;
using tests::ptx::word;

constexpr auto orders = {item_order::ascending, item_order::descending, item_order::scattered};

// A kernel for one array of 32-bit values: %rd1 is where it begins, %r1 the thread's number in its
// block, %rd3 the value of that number, %r9 is 7.
std::string kernel_text(const std::string& statements, const std::string& threads = "32") {
  return R"(
.visible .entry planted(
	.param .u64 planted_param_0
)
.maxntid )" +
         threads + R"(, 1, 1
{
	.reg .pred 	%p<9>;
	.reg .b32 	%r<9>;
	.reg .b64 	%rd<9>;

	ld.param.u64 	%rd1, [planted_param_0];
	mov.u32 	%r1, %tid.x;
	mul.wide.u32 	%rd2, %r1, 4;
	add.s64 	%rd3, %rd1, %rd2;
	mov.u32 	%r9, 7;
)" + statements +
         "\tret;\n}\n";
}

// 64 values in memory of 96: the rest is another array's, or none's.
struct trial {
  explicit trial(item_order order = item_order::ascending, bool written = true)
      : machine(memory, order) {
    std::iota(values.begin(), values.end(), 100u);
    memory.add(values.data(), 64 * sizeof values[0], "64 values");
    if (written) memory.mark_written(values.data(), 64 * sizeof values[0]);
  }
  void run(const std::string& statements, const std::string& threads = "32",
           std::uint32_t blocks = 1) {
    const auto kernels = tests::ptx::parse(kernel_text(statements, threads),
                                           [](const std::string&) { return true; });
    REQUIRE(kernels.size() == 1);
    const std::uint32_t* const at = values.data();
    const std::span<const std::byte> arguments[] = {std::as_bytes(std::span(&at, 1))};
    machine.launch(kernels[0], arguments, blocks);
  }
  alignas(16) std::array<std::uint32_t, 96> values{};
  tests::ptx::memory memory;
  tests::ptx::machine machine;
};

// What is found wrong; empty: nothing.
std::string found(const std::string& statements, item_order order = item_order::ascending,
                  const std::string& threads = "32", std::uint32_t blocks = 1,
                  bool written = true) {
  trial t(order, written);
  try {
    t.run(statements, threads, blocks);
  } catch (const fault& f) {
    return f.what();
  }
  return {};
}

// Found in every order, with a text that has `part`.
void check_found(const std::string& statements, const std::string& part,
                 const std::string& threads = "32", std::uint32_t blocks = 1) {
  for (const item_order order : orders) {
    const std::string text = found(statements, order, threads, blocks);
    CAPTURE(statements);
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  }
}
void check_right(const std::string& statements, const std::string& threads = "32",
                 std::uint32_t blocks = 1) {
  for (const item_order order : orders) {
    CAPTURE(statements);
    CHECK(found(statements, order, threads, blocks) == "");
  }
}

word computed(const std::string& name, std::initializer_list<word> operands) {
  const tests::ptx::known_operation known = tests::ptx::find_operation(name);
  const bool is_known = known.compute;
  REQUIRE(is_known);
  REQUIRE(known.operands == operands.size());
  word registers[6] = {};
  tests::ptx::instruction i;
  i.to[0] = 1;
  std::uint32_t at = 2;
  for (const word value : operands) {
    i.from[at - 2] = at;
    registers[at++] = value;
  }
  known.compute(registers, i);
  return registers[1];
}

// Every thread stores, all meet, every thread loads its neighbour's.
const std::string store_own = "\tst.global.u32 \t[%rd3], %r1;\n",
                  neighbour =
                      "\txor.b32 \t%r2, %r1, 1;\n\tmul.wide.u32 \t%rd4, %r2, 4;\n"
                      "\tadd.s64 \t%rd5, %rd1, %rd4;\n",
                  load_neighbour = "\tld.global.u32 \t%r3, [%rd5];\n",
                  all_meet = "\tbar.warp.sync \t-1;\n",
                  exchange = "\tshfl.sync.bfly.b32 \t%r4|%p1, %r3, 1, 31, -1;\n";

}  // namespace

TEST_CASE("instructions compute what PTX says") {
  const word one = 0x3f800000, two = 0x40000000, nan = 0x7fc00000;
  CHECK(computed("add.rn.f32", {one, one}) == two);
  CHECK(computed("div.rn.f32", {one, 0x40400000}) == 0x3eaaaaab);
  CHECK(computed("sqrt.rn.f32", {two}) == 0x3fb504f3);
  CHECK(computed("neg.f32", {one}) == 0xbf800000);
  CHECK(computed("mul.rn.f64", {0x3ff8000000000000, 0x4000000000000000}) == 0x4008000000000000);
  CHECK(computed("add.s32", {0xffffffff, 1}) == 0);
  CHECK(computed("add.s32", {0x7fffffff, 1}) == 0x80000000);
  CHECK(computed("sub.s64", {0, 1}) == ~word{0});
  CHECK(computed("mul.lo.s64", {~word{0}, 3}) == ~word{2});
  CHECK(computed("mul.wide.u32", {0xffffffff, 0xffffffff}) == 0xfffffffe00000001);
  CHECK(computed("mul.wide.s32", {0xffffffff, 2}) == ~word{1});
  CHECK(computed("mad.lo.s32", {3, 5, 0xfffffff0}) == 0xffffffff);
  CHECK(computed("div.u32", {7, 2}) == 3);
  CHECK(computed("rem.u64", {1000000000007, 10}) == 7);
  CHECK_THROWS_AS(computed("rem.u32", {1, 0}), fault);
  CHECK(computed("min.s32", {0xffffffff, 1}) == 0xffffffff);
  CHECK(computed("min.u32", {0xffffffff, 1}) == 1);
  CHECK(computed("shl.b32", {1, 32}) == 0);
  CHECK(computed("shl.b64", {1, 32}) == word{1} << 32);
  CHECK(computed("shr.u32", {0x80000000, 31}) == 1);
  CHECK(computed("shr.s32", {0x80000000, 40}) == 0xffffffff);
  CHECK(computed("not.b32", {0}) == 0xffffffff);
  CHECK(computed("not.pred", {0}) == 1);
  CHECK(computed("bfi.b32", {0xff, 0xabcd0000, 4, 8}) == 0xabcd0ff0);
  CHECK(computed("selp.f32", {one, two, 0}) == two);
  CHECK(computed("setp.eq.s16", {0xffffffff, 0xffff}) == 1);
  CHECK(computed("setp.lt.s32", {0xffffffff, 0}) == 1);
  CHECK(computed("setp.lt.u32", {0xffffffff, 0}) == 0);
  for (const char* ordered : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    CHECK(computed(std::string("setp.") + ordered + ".f32", {nan, one}) == 0);
    CHECK(computed(std::string("setp.") + ordered + "u.f32", {nan, one}) == 1);
  }
  CHECK(computed("setp.ne.f32", {two, one}) == 1);
  CHECK(computed("setp.leu.f32", {two, one}) == 0);
  CHECK(computed("cvt.rmi.f64.f64", {0xbff8000000000000}) == 0xc000000000000000);
  CHECK(computed("cvt.rzi.s32.f64", {0xbff8000000000000}) == 0xffffffff);
  CHECK(computed("cvt.rzi.s32.f64", {0x43e0000000000000}) == 0x7fffffff);
  CHECK(computed("cvt.rzi.s64.f64", {0x7ff8000000000000}) == 0);
  CHECK(computed("popc.b64", {0x8000000000000101}) == 3);
  CHECK(computed("cvt.rzi.u64.f64", {0xbff8000000000000}) == 0);
  CHECK(computed("cvt.rzi.u64.f64", {0x43e0000000000000}) == word{1} << 63);
  CHECK(computed("cvt.s64.s32", {0xfffffffe}) == ~word{1});
  CHECK(computed("cvt.u32.u64", {0x500000006}) == 6);
  CHECK(computed("cvt.rn.f32.u32", {16777217}) == 0x4b800000);
  CHECK(computed("cvt.rn.f32.f64", {0x3ff0000010000000}) == one);
  CHECK(computed("mov.b64 {}", {5, 6}) == 0x600000005);
}

TEST_CASE("what is not known is refused by name when the text is loaded") {
  const auto refused = [](const std::string& statement) { return found("\t" + statement + "\n"); };
  CHECK(refused("fma.rn.f32 \t%f1, %f2, %f3, %f4;") == "line 16: unknown instruction fma.rn.f32");
  CHECK(refused("atom.global.add.u32 \t%r2, [%rd1], 1;").find("atom.global.add.u32") !=
        std::string::npos);
  CHECK(refused("ld.shared.u32 \t%r2, [%rd1];") == "line 16: unknown instruction ld.shared.u32");
  CHECK(refused("st.global.u8 \t[%rd1], %r1;") == "line 16: unknown instruction st.global.u8");
  CHECK(refused("div.approx.f32 \t%f1, %f2, %f3;").find("div.approx.f32") != std::string::npos);
  CHECK(refused("mov.u32 \t%r2, %laneid;") == "line 16: unknown register %laneid");
  CHECK(refused("mov.u32 \t%tid.x, 1;") == "line 16: %tid.x is written");
  CHECK(refused("bar.sync \t0;").find("bar.sync") != std::string::npos);
  CHECK(refused("add.s32 \t%r2, %r1;") == "line 16: add.s32: 1 operands, expected 2");
  CHECK(refused("bra \t$nowhere;").find("no label $nowhere") != std::string::npos);
  CHECK(refused(".shared .align 4 .b8 here[8];").find("unknown directive .shared") !=
        std::string::npos);
}

TEST_CASE("a right kernel has the right values, in any order of threads") {
  for (const item_order order : orders) {
    trial t(order);
    t.run(store_own + all_meet + neighbour + load_neighbour + all_meet +
              "\tsetp.eq.u32 \t%p1, %r1, 5;\n\t@%p1 bra \t$skip;\n"
              "\tst.global.u32 \t[%rd3], %r3;\n$skip:\n",
          "64");
    for (std::uint32_t k = 0; k < 64; ++k) CHECK(t.values[k] == (k == 5 ? 5 : (k ^ 1)));
    CHECK(t.machine.counted().launches == 1);
    CHECK(t.machine.counted().barriers == 4);
    CHECK(t.machine.counted().instructions > 64 * 12);
    // Groups of eight, each with its own mask; lane 2 of each gives its value.
    t.run(
        "\tand.b32 \t%r2, %r1, -8;\n\tmov.u32 \t%r3, 255;\n\tshl.b32 \t%r4, %r3, %r2;\n"
        "\tshfl.sync.idx.b32 \t%r5|%p1, %r1, 2, 6175, %r4;\n\tst.global.u32 \t[%rd3], %r5;\n");
    for (std::uint32_t k = 0; k < 32; ++k) CHECK(t.values[k] == k / 8 * 8 + 2);
  }
}

TEST_CASE("a wrong mask is found") {
  check_found("\tbar.warp.sync \t255;\n", "for lanes 0,1,2,3,4,5,6,7, of which it is none");
  check_found("\tsetp.eq.u32 \t%p1, %r1, 3;\n\t@%p1 ret;\n" + all_meet,
              "of which are there 0,1,2,4");  // one has gone
  check_found("\tsetp.eq.u32 \t%p1, %r1, 3;\n\t@%p1 bra \t$other;\n" + all_meet +
                  "\tret;\n$other:\n" + all_meet,
              "of which are there 0,1,2,4");  // one is elsewhere
  // A group of eight exchanges with lanes beyond it.
  check_found(
      "\tand.b32 \t%r2, %r1, -8;\n\tmov.u32 \t%r3, 255;\n\tshl.b32 \t%r4, %r3, %r2;\n"
      "\tshfl.sync.bfly.b32 \t%r5|%p1, %r1, 8, 31, %r4;\n",
      "takes the value of lane");
  check_found(all_meet +
                  "\tand.b32 \t%r2, %r1, -8;\n\tmov.u32 \t%r3, 255;\n\tshl.b32 \t%r4, %r3, %r2;\n"
                  "\tbar.warp.sync \t%r4;\n",
              ", and before for 0,1,2,3,");
}

TEST_CASE("a missing barrier is found") {
  check_right(store_own + all_meet + neighbour + load_neighbour);
  check_found(store_own + neighbour + load_neighbour, "a race: ");
  // An exchange does not order what was written, but all have read what they read before it.
  check_found(store_own + "\tmov.u32 \t%r3, 0;\n" + exchange + neighbour + load_neighbour,
              "wrote without a barrier");
  check_right(neighbour + load_neighbour + exchange + store_own);
  check_found(neighbour + load_neighbour + store_own, "a race: ");
  // Of halves of a warp, and by one that reads and writes in turn.
  check_right(
      "\tand.b32 \t%r2, %r1, 16;\n\tmov.u32 \t%r3, 65535;\n\tshl.b32 \t%r4, %r3, %r2;\n"
      "\tld.global.u32 \t%r5, [%rd3];\n\tst.global.u32 \t[%rd3], %r9;\n"
      "\tbar.warp.sync \t%r4;\n" +
      neighbour + load_neighbour + "\tbar.warp.sync \t%r4;\n" + store_own);
  check_found("\tand.b32 \t%r2, %r1, 16;\n\tmov.u32 \t%r3, 65535;\n\tshl.b32 \t%r4, %r3, %r2;\n" +
                  store_own +
                  "\tbar.warp.sync \t%r4;\n\txor.b32 \t%r2, %r1, 16;\n"
                  "\tmul.wide.u32 \t%rd4, %r2, 4;\n\tadd.s64 \t%rd5, %rd1, %rd4;\n" +
                  load_neighbour,
              "a race: ");
}

TEST_CASE("an overrun and an address that is not aligned are found") {
  check_found("\tld.global.u32 \t%r2, [%rd3+132];\n", "bytes 256 to 259 of 64 values");
  check_found("\tst.global.u32 \t[%rd1+256], %r9;\n", "bytes 256 to 259 of 64 values");
  check_found("\tld.global.u32 \t%r2, [%rd1+-4];\n", "an address ");
  check_found("\tld.global.v2.u32 \t{%r2, %r3}, [%rd1+252];\n", "an access of 8 bytes");
  check_found("\tld.global.v4.u32 \t{%r2, %r3, %r4, %r5}, [%rd1+4];\n",
              "an access of 16 bytes at an address that is 4 past a multiple");
  check_found("\tst.global.u32 \t[%rd3+2], %r9;\n", "at an address that is 2 past a multiple");
  check_found("\tld.param.u64 \t%rd4, [planted_param_0+8];\n", "of the arguments, which has 8");
  check_found("\tmov.b64 \t%rd4, planted_param_0;\n\tst.u32 \t[%rd4], %r9;\n",
              "a write to the arguments");
}

TEST_CASE("races between threads of any warps and blocks are found, but not of equal values") {
  check_found("\tst.global.u32 \t[%rd1], %r1;\n", "wrote another value");
  check_found("\tst.global.u32 \t[%rd1], %r1;\n", "wrote another value", "64");
  check_found("\tmov.u32 \t%r2, %ctaid.x;\n\tst.global.u32 \t[%rd1], %r2;\n", "wrote another value",
              "32", 2);
  check_found(store_own + "\tld.global.u32 \t%r2, [%rd1+128];\n", "a race: ", "64");
  check_right("\tst.global.u32 \t[%rd1], %r9;\n", "64", 3);
  check_right("\tld.global.u32 \t%r2, [%rd1];\n", "64", 3);
  check_found("\tld.global.u32 \t%r2, [%rd1];\n\tst.global.u32 \t[%rd1], %r9;\n", "a race: ");
  // Halves of a word are different places, a word and its half are not.
  const std::string own_half =
      "\tmul.wide.u32 \t%rd4, %r1, 2;\n\tadd.s64 \t%rd5, %rd1, %rd4;\n"
      "\tst.global.u16 \t[%rd5], %r1;\n";
  check_right(own_half, "64");
  check_found(own_half + "\tst.global.u32 \t[%rd3], %r9;\n", "a race: ", "32");
  // Another launch comes after the first.
  trial t;
  t.run(store_own);
  t.run(neighbour + load_neighbour + all_meet + store_own);
}

TEST_CASE("a read of memory that was never written is found") {
  for (const item_order order : orders) {
    CHECK(found("\tld.global.u32 \t%r2, [%rd1+8];\n", order, "32", 1, false)
              .find("byte 8 of 64 values is read and was never written") != std::string::npos);
    CHECK(found(store_own + all_meet + neighbour + load_neighbour, order, "32", 1, false) == "");
    CHECK(found(store_own + "\tld.global.u32 \t%r2, [%rd1+128];\n", order, "32", 1, false)
              .find("never written") != std::string::npos);
  }
  trial t;
  CHECK_THROWS_AS(t.memory.expect_written(t.values.data() + 60, 20), fault);
  t.memory.add(t.values.data() + 8, 16, "an array in it");
  CHECK_THROWS_AS(t.memory.expect_written(t.values.data() + 8, 4), fault);
  CHECK_THROWS_AS(t.memory.mark_written(t.values.data(), 4), fault);
}

TEST_CASE("arguments of another size, blocks of part of a warp, and an end without ret") {
  CHECK(found("", item_order::ascending, "40").find("blocks of 40 threads") != std::string::npos);
  trial t;
  const auto kernels =
      tests::ptx::parse(kernel_text(""), [](const std::string& name) { return name == "planted"; });
  const std::uint32_t small = 3;
  const std::span<const std::byte> arguments[] = {std::as_bytes(std::span(&small, 1))};
  CHECK_THROWS_WITH_AS(t.machine.launch(kernels.at(0), arguments, 1),
                       "planted: argument 0 has 4 bytes, expected 8", fault);
  CHECK_THROWS_AS(t.machine.launch(kernels.at(0), {}, 1), fault);
  CHECK(tests::ptx::parse(kernel_text(""), [](const std::string&) { return false; }).empty());
  auto endless = kernels;
  endless[0].code.pop_back();
  const std::uint32_t* const at = t.values.data();
  const std::span<const std::byte> right[] = {std::as_bytes(std::span(&at, 1))};
  CHECK_THROWS_AS(t.machine.launch(endless[0], right, 1), fault);
}
