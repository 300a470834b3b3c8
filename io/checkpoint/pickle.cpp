#include "io/checkpoint/pickle.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle_calls.hpp"
#include "io/checkpoint/pickle_language.hpp"
#include "io/checkpoint/pickle_stack.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace bdh::pickle {
namespace {

// The description of tensors; real ones have some hundred bytes a tensor.
constexpr std::size_t max_bytes = std::size_t{64} << 20;

class pickle_machine {
 public:
  pickle_machine(std::span<const std::byte> bytes, const std::string& place)
      : place_(place), in_(bytes, place), stack_(place), calls_(stack_, place) {
    if (bytes.size() > max_bytes)
      fail(std::to_string(bytes.size()) + " bytes", "at most " + std::to_string(max_bytes),
           hint_state);
  }

  document run() {
    for (;;) {
      at_ = in_.position();
      op_ = in_.number<std::uint8_t>();
      if (op_ == op_stop) return stack_.take_document();
      const auto* const found = std::ranges::find(instructions, op_, &instruction::op);
      if (found == std::end(instructions)) refuse_instruction();
      (this->*found->run)();
    }
  }

 private:
  struct instruction {
    std::uint8_t op;
    void (pickle_machine::*run)();
  };
  static const instruction instructions[54];

  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(place_, found, expected, hint);
  }
  [[noreturn]] void refuse_instruction() {
    const char hex[] = {"0123456789abcdef"[op_ >> 4], "0123456789abcdef"[op_ & 15], 0};
    fail(std::string("opcode 0x") + hex + " at byte " + std::to_string(at_),
         "only tensors, numbers, strings and containers", hint_state);
  }

  // Constants. Size, Number: the type of the number that follows the opcode.
  void push_none() { stack_.push(none{}); }
  template <bool Value>
  void push_bool() {
    stack_.push(Value);
  }
  template <class Number>
  void push_integer() {
    stack_.push(std::int64_t{in_.number<Number>()});
  }
  template <class Size>
  void push_long();
  void push_float();
  template <class Size>
  void push_text() {
    stack_.push(in_.text(in_.number<Size>()));
  }
  template <class Size>
  void push_bytes() {
    stack_.push(byte_string{in_.text(in_.number<Size>())});
  }

  // Containers.
  void push_empty_sequence() { stack_.push(sequence{}); }
  void push_marked_sequence() { stack_.push(sequence{stack_.pop_to_mark()}); }
  template <std::size_t Count>
  void push_tuple() {
    stack_.push(sequence{stack_.pop(Count)});
  }
  void append_one() { append(stack_.pop(1)); }
  void append_marked() { append(stack_.pop_to_mark()); }
  void append(const std::vector<handle>& items);
  void push_empty_dictionary() { stack_.push(dictionary{}); }
  void push_marked_dictionary();
  void insert_one() { insert(stack_.pop(2)); }
  void insert_marked() { insert(stack_.pop_to_mark()); }
  void insert(const std::vector<handle>& items);  // key, value, key, value, ...

  // Stack and memo.
  void mark() { stack_.mark(); }
  void discard() { stack_.discard(); }
  void discard_marked() { stack_.pop_to_mark(); }
  void duplicate() { stack_.refer(stack_.top()); }
  template <class Size>
  void recall() {
    stack_.recall(in_.number<Size>());
  }
  template <class Size>
  void store() {
    stack_.store(in_.number<Size>());
  }
  void store_next() { stack_.store(); }
  void expect_protocol();
  void skip_frame() { in_.number<std::uint64_t>(); }

  // Objects: nothing is made but their description.
  void push_named_global();
  void push_stacked_global();
  void push_global(std::string name);
  void call();
  void instantiate_with_names();  // class, arguments, named arguments
  void instantiate_marked();      // mark, class, argument, ...
  void instantiate_named();       // mark, argument, ...; the class follows the opcode
  void set_state();
  void push_storage() { calls_.push_storage(stack_.pop()); }

  const std::string& place_;
  pickle_bytes in_;
  pickle_stack stack_;
  pickle_calls calls_;
  std::size_t at_ = 0;   // byte of the instruction that runs
  std::uint8_t op_ = 0;  // its opcode
};

using m = pickle_machine;
const m::instruction m::instructions[] = {
    {op_none, &m::push_none},
    {op_true, &m::push_bool<true>},
    {op_false, &m::push_bool<false>},
    {op_binint, &m::push_integer<std::int32_t>},
    {op_binint1, &m::push_integer<std::uint8_t>},
    {op_binint2, &m::push_integer<std::uint16_t>},
    {op_long1, &m::push_long<std::uint8_t>},
    {op_long4, &m::push_long<std::uint32_t>},
    {op_binfloat, &m::push_float},
    {op_short_binstring, &m::push_text<std::uint8_t>},
    {op_short_binunicode, &m::push_text<std::uint8_t>},
    {op_binstring, &m::push_text<std::uint32_t>},
    {op_binunicode, &m::push_text<std::uint32_t>},
    {op_binunicode8, &m::push_text<std::uint64_t>},
    {op_short_binbytes, &m::push_bytes<std::uint8_t>},
    {op_binbytes, &m::push_bytes<std::uint32_t>},
    {op_binbytes8, &m::push_bytes<std::uint64_t>},
    {op_bytearray8, &m::push_bytes<std::uint64_t>},
    {op_empty_list, &m::push_empty_sequence},
    {op_empty_tuple, &m::push_empty_sequence},
    {op_empty_set, &m::push_empty_sequence},
    {op_list, &m::push_marked_sequence},
    {op_tuple, &m::push_marked_sequence},
    {op_frozenset, &m::push_marked_sequence},
    {op_tuple1, &m::push_tuple<1>},
    {op_tuple2, &m::push_tuple<2>},
    {op_tuple3, &m::push_tuple<3>},
    {op_append, &m::append_one},
    {op_appends, &m::append_marked},
    {op_additems, &m::append_marked},
    {op_empty_dict, &m::push_empty_dictionary},
    {op_dict, &m::push_marked_dictionary},
    {op_setitem, &m::insert_one},
    {op_setitems, &m::insert_marked},
    {op_mark, &m::mark},
    {op_pop, &m::discard},
    {op_pop_mark, &m::discard_marked},
    {op_dup, &m::duplicate},
    {op_binget, &m::recall<std::uint8_t>},
    {op_long_binget, &m::recall<std::uint32_t>},
    {op_binput, &m::store<std::uint8_t>},
    {op_long_binput, &m::store<std::uint32_t>},
    {op_memoize, &m::store_next},
    {op_proto, &m::expect_protocol},
    {op_frame, &m::skip_frame},
    {op_global, &m::push_named_global},
    {op_stack_global, &m::push_stacked_global},
    {op_inst, &m::instantiate_named},
    {op_reduce, &m::call},
    {op_newobj, &m::call},
    {op_newobj_ex, &m::instantiate_with_names},
    {op_obj, &m::instantiate_marked},
    {op_build, &m::set_state},
    {op_binpersid, &m::push_storage},
};

template <class Size>
void pickle_machine::push_long() {  // two's complement, little-endian
  const auto digits = in_.take(in_.number<Size>());
  if (digits.size() > 8) return stack_.push(object{.type = "a long integer"});
  const bool negative = !digits.empty() && (digits.back() & std::byte{0x80}) != std::byte{0};
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = digits.size(); i-- > 0;)
    bits = bits << 8 | std::to_integer<std::uint64_t>(digits[i]);
  stack_.push(static_cast<std::int64_t>(bits));
}

void pickle_machine::push_float() {  // big-endian
  std::uint64_t bits = 0;
  for (const std::byte b : in_.take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(b);
  stack_.push(std::bit_cast<double>(bits));
}

void pickle_machine::append(const std::vector<handle>& items) {
  object* const instance = stack_.find<object>(stack_.top());
  auto& list =
      instance != nullptr ? instance->items : stack_.expect<sequence>(stack_.top(), "a list").items;
  list.insert(list.end(), items.begin(), items.end());
}

void pickle_machine::push_marked_dictionary() {
  const std::vector<handle> items = stack_.pop_to_mark();
  stack_.push(dictionary{});
  insert(items);
}

void pickle_machine::insert(const std::vector<handle>& items) {
  if (items.size() % 2 != 0) fail("a key without value", "a complete pickle");
  object* const instance = stack_.find<object>(stack_.top());
  auto& pairs = instance != nullptr ? instance->entries
                                    : stack_.expect<dictionary>(stack_.top(), "a dictionary").items;
  for (std::size_t i = 0; i < items.size(); i += 2) pairs.emplace_back(items[i], items[i + 1]);
}

void pickle_machine::expect_protocol() {
  if (const int protocol = in_.number<std::uint8_t>(); protocol > 5)
    fail("pickle protocol " + std::to_string(protocol), "at most 5");
}

void pickle_machine::push_named_global() {
  const std::string module = in_.line();
  push_global(module + "." + in_.line());
}

void pickle_machine::push_stacked_global() {
  const handle name = stack_.pop(), module = stack_.pop();
  push_global(stack_.expect<std::string>(module, "a module's name") + "." +
              stack_.expect<std::string>(name, "a global's name"));
}

void pickle_machine::push_global(std::string name) {
  if (is_attack(name))
    fail("global " + name.substr(0, 200), "only tensors, numbers, strings and containers",
         "a checkpoint with code in it is never executed; " + std::string(hint_state));
  stack_.push(global{std::move(name)});
}

void pickle_machine::call() {
  const handle arguments = stack_.pop(), called = stack_.pop();
  const object* const bound = stack_.find<object>(called);  // a method, or the like
  calls_.push_result(
      bound != nullptr ? bound->type : stack_.expect<global>(called, "a global to call").name,
      arguments);
}

void pickle_machine::instantiate_with_names() {
  const handle named = stack_.pop();
  call();
  if (object* const made = stack_.find<object>(stack_.top())) made->state = named;
}

void pickle_machine::instantiate_marked() {
  std::vector<handle> items = stack_.pop_to_mark();
  if (items.empty()) fail("an object without class", "a complete pickle");
  const std::string name = stack_.expect<global>(items.front(), "a class").name;
  items.erase(items.begin());
  stack_.push(sequence{std::move(items)});
  calls_.push_result(name, stack_.pop());
}

void pickle_machine::instantiate_named() {
  push_named_global();
  const std::string name = stack_.expect<global>(stack_.pop(), "a class").name;
  stack_.push(sequence{stack_.pop_to_mark()});
  calls_.push_result(name, stack_.pop());
}

// Of a dictionary: what state_dict() attaches to it, versions of modules, which is dropped.
void pickle_machine::set_state() {
  const handle state = stack_.pop();
  if (object* const instance = stack_.find<object>(stack_.top()))
    instance->state = state;
  else if (tensor* const described = stack_.find<tensor>(stack_.top()))
    described->attributes = state;
  else
    stack_.expect<dictionary>(stack_.top(), "an object or an ordered dictionary");
}

}  // namespace

document read(std::span<const std::byte> bytes, const std::string& place) {
  return pickle_machine(bytes, place).run();
}

}  // namespace bdh::pickle
