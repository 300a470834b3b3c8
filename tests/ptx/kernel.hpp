// A kernel of a PTX text, ready to be interpreted: instructions whose operands are numbers of
// registers. A constant is a register that no instruction writes, so there is one kind of operand.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tests::ptx {

// What a register holds: a value of up to 64 bits, zeros above it.
using word = std::uint64_t;

// What is wrong with a text, or with what a thread does.
struct fault : std::logic_error {
  using std::logic_error::logic_error;
};

enum class action : std::uint8_t { compute, load, store, branch, meet, exchange, leave };

struct instruction;
using operation = void (*)(word* registers, const instruction&);

struct instruction {
  action what = action::compute;
  // action::compute
  operation compute = nullptr;
  std::uint32_t guard = 0;  // 0: always; else the predicate under which it is carried out,
  bool guard_is = true;     // if it is this
  // load: the elements; exchange: the value, whether there was one (0: not wanted)
  std::array<std::uint32_t, 4> to{};
  // store: address, elements; load: address; meet: mask; exchange: value, lane or distance, clamp
  // and segment, mask
  std::array<std::uint32_t, 5> from{};
  std::int64_t offset = 0;    // of load and store, from the address
  std::uint8_t elements = 1;  // of a load or store
  std::uint8_t bytes = 0;     // of an element
  bool butterfly = false;     // exchange: with lane xor distance, else with a lane by number
  std::uint32_t target = 0;   // branch: instruction
  std::uint32_t line = 0;     // in the text
};

struct parameter {
  std::size_t offset, bytes;
};

// Registers that are not an instruction's: the machine sets them.
struct special {
  enum : std::uint32_t {
    none,  // not a register
    thread,
    block,
    blocks,
    threads,     // of a block
    parameters,  // address of the block of parameters
    count
  };
};

struct kernel {
  std::string name;  // as in the text
  std::vector<instruction> code;
  std::uint32_t registers = special::count;
  std::vector<std::pair<std::uint32_t, word>> constants;  // register, value
  std::vector<parameter> parameters;
  std::size_t parameter_bytes = 0;
  std::uint32_t block_threads = 0;  // as .maxntid says
};

}  // namespace tests::ptx
