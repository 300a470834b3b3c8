#include "io/checkpoint/pickle.hpp"

#include <bit>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "core/base/error.hpp"
#include "io/checkpoint/pickle_language.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/files/mapped_file.hpp"

namespace bdh::pickle {
namespace {

constexpr std::size_t max_bytes =
    std::size_t{64} << 20;  // a description of tensors; real ones have some hundred bytes a tensor
constexpr std::size_t max_values = std::size_t{1} << 20;
constexpr const char* hint_state =
    "save the state dictionary alone: torch.save(model.state_dict(), FILE)";

class machine {
 public:
  machine(std::span<const std::byte> bytes, const std::string& place)
      : bytes_(bytes), place_(place) {
    if (bytes.size() > max_bytes)
      fail(std::to_string(bytes.size()) + " bytes", "at most " + std::to_string(max_bytes),
           hint_state);
  }

  document run() {
    for (;;) {
      const std::size_t here = position_;
      const std::uint8_t op = number<std::uint8_t>();
      if (op == op_stop) break;
      if (!constant(op) && !container(op) && !stack_or_memo(op) && !object(op)) {
        char hex[] = {"0123456789abcdef"[op >> 4], "0123456789abcdef"[op & 15], 0};
        fail(std::string("opcode 0x") + hex + " at byte " + std::to_string(here),
             "only tensors, numbers, strings and containers", hint_state);
      }
    }
    result_.root = pop();
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(place_, found, expected, hint);
  }

  // Bytes.

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - position_)
      fail("the end after " + std::to_string(bytes_.size()) + " bytes", "a complete pickle");
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  std::string line() {
    const std::string_view rest = as_text(bytes_.subspan(position_));
    const std::size_t end = rest.find('\n');
    const std::string text(
        as_text(take(end == std::string_view::npos ? rest.size() + 1 : end + 1)));
    return text.substr(0, text.size() - 1);
  }

  // The stack, and the marks that divide it.

  void bound(std::size_t count) const {
    if (count >= max_values)
      fail("more than " + std::to_string(max_values) + " values", "a description of tensors",
           hint_state);
  }

  void refer(handle h) {
    bound(stack_.size());
    stack_.push_back(h);
  }
  void push(value v) {
    bound(result_.values.size());
    refer(static_cast<handle>(result_.values.size()));
    result_.values.push_back(std::move(v));
  }

  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }

  handle top() const {
    if (stack_.size() <= floor()) fail("an instruction without operand", "a complete pickle");
    return stack_.back();
  }
  handle pop() {
    const handle h = top();
    stack_.pop_back();
    return h;
  }
  std::vector<handle> pop(std::size_t count) {
    if (stack_.size() - floor() < count)
      fail("an instruction without operand", "a complete pickle");
    std::vector<handle> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<handle> pop_to_mark() {
    if (marks_.empty()) fail("an instruction without mark", "a complete pickle");
    std::vector<handle> items = pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  template <class T>
  T& expect(handle h, const char* what) {
    T* const found = std::get_if<T>(&result_.values[h]);
    if (found == nullptr) fail("an instruction with the wrong operand", what);
    return *found;
  }

  // Instructions, in four groups; each returns false for one that is not its own.

  bool constant(std::uint8_t op) {
    switch (op) {
      case op_none:
        push(none{});
        return true;
      case op_true:
        push(true);
        return true;
      case op_false:
        push(false);
        return true;
      case op_binint:
        push(std::int64_t{number<std::int32_t>()});
        return true;
      case op_binint1:
        push(std::int64_t{number<std::uint8_t>()});
        return true;
      case op_binint2:
        push(std::int64_t{number<std::uint16_t>()});
        return true;
      case op_long1:
        push_long(number<std::uint8_t>());
        return true;
      case op_long4:
        push_long(number<std::uint32_t>());
        return true;
      case op_binfloat:
        push_float();
        return true;
      case op_short_binstring:
      case op_short_binunicode:
        push(text(number<std::uint8_t>()));
        return true;
      case op_binstring:
      case op_binunicode:
        push(text(number<std::uint32_t>()));
        return true;
      case op_binunicode8:
        push(text(number<std::uint64_t>()));
        return true;
      case op_short_binbytes:
        push_bytes(number<std::uint8_t>());
        return true;
      case op_binbytes:
        push_bytes(number<std::uint32_t>());
        return true;
      case op_binbytes8:
      case op_bytearray8:
        push_bytes(number<std::uint64_t>());
        return true;
      default:
        return false;
    }
  }

  std::string text(std::uint64_t size) { return std::string(as_text(take(size))); }

  void push_bytes(std::uint64_t size) {
    take(size);
    push(opaque{"bytes"});
  }

  void push_long(std::uint64_t size) {  // two's complement, little-endian
    const auto digits = take(size);
    if (size > 8) return push(opaque{"a long integer"});
    std::uint64_t bits =
        size > 0 && (digits.back() & std::byte{0x80}) != std::byte{0} ? ~std::uint64_t{0} : 0;
    for (std::size_t i = size; i-- > 0;)
      bits = bits << 8 | std::to_integer<std::uint64_t>(digits[i]);
    push(static_cast<std::int64_t>(bits));
  }

  void push_float() {  // big-endian
    std::uint64_t bits = 0;
    for (const std::byte b : take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(b);
    push(std::bit_cast<double>(bits));
  }

  bool container(std::uint8_t op) {
    switch (op) {
      case op_empty_list:
      case op_empty_tuple:
      case op_empty_set:
        push(sequence{});
        return true;
      case op_list:
      case op_tuple:
      case op_frozenset:
        push(sequence{pop_to_mark()});
        return true;
      case op_tuple1:
        push(sequence{pop(1)});
        return true;
      case op_tuple2:
        push(sequence{pop(2)});
        return true;
      case op_tuple3:
        push(sequence{pop(3)});
        return true;
      case op_append:
        append(pop(1));
        return true;
      case op_appends:
      case op_additems:
        append(pop_to_mark());
        return true;
      case op_empty_dict:
        push(dictionary{});
        return true;
      case op_dict: {
        const std::vector<handle> items = pop_to_mark();
        push(dictionary{});
        insert(items);
        return true;
      }
      case op_setitem:
        insert(pop(2));
        return true;
      case op_setitems:
        insert(pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  void append(const std::vector<handle>& items) {
    auto& list = expect<sequence>(top(), "a list").items;
    list.insert(list.end(), items.begin(), items.end());
  }

  void insert(const std::vector<handle>& items) {  // key, value, key, value, ...
    if (items.size() % 2 != 0) fail("a key without value", "a complete pickle");
    auto& pairs = expect<dictionary>(top(), "a dictionary").items;
    for (std::size_t i = 0; i < items.size(); i += 2) pairs.emplace_back(items[i], items[i + 1]);
  }

  bool stack_or_memo(std::uint8_t op) {
    switch (op) {
      case op_mark:
        bound(marks_.size());
        marks_.push_back(stack_.size());
        return true;
      case op_pop:
        discard();
        return true;
      case op_pop_mark:
        pop_to_mark();
        return true;
      case op_dup:
        refer(top());
        return true;
      case op_binget:
        recall(number<std::uint8_t>());
        return true;
      case op_long_binget:
        recall(number<std::uint32_t>());
        return true;
      case op_binput:
        store(number<std::uint8_t>());
        return true;
      case op_long_binput:
        store(number<std::uint32_t>());
        return true;
      case op_memoize:
        store(static_cast<std::uint32_t>(memo_.size()));
        return true;
      case op_proto:
        if (const int protocol = number<std::uint8_t>(); protocol > 5)
          fail("pickle protocol " + std::to_string(protocol), "at most 5");
        return true;
      case op_frame:
        number<std::uint64_t>();
        return true;
      default:
        return false;
    }
  }

  void discard() {
    if (!marks_.empty() && marks_.back() == stack_.size())
      marks_.pop_back();
    else
      pop();
  }

  void store(std::uint32_t index) {
    bound(memo_.size());
    memo_[index] = top();
  }

  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end())
      fail("memo " + std::to_string(index) + ", never stored", "a complete pickle");
    refer(found->second);
  }

  bool object(std::uint8_t op) {
    switch (op) {
      case op_global:
      case op_inst: {
        const std::string module = line();
        push_global(module + "." + line());
        return op == op_global;
      }
      case op_stack_global: {
        const handle name = pop(), module = pop();
        push_global(expect<std::string>(module, "a module's name") + "." +
                    expect<std::string>(name, "a global's name"));
        return true;
      }
      case op_reduce:
        reduce();
        return true;
      case op_build:
        pop();  // what state_dict() hangs on its dictionary: versions of modules
        expect<dictionary>(top(), "an ordered dictionary");
        return true;
      case op_binpersid:
        push_storage(pop());
        return true;
      default:
        return false;
    }
  }

  void push_global(std::string name) {
    if (!is_storage(name) && !is_callable(name) && !is_element_type(name))
      fail("global " + name.substr(0, 200), "only tensors, numbers, strings and containers",
           "a checkpoint with code in it is never executed; " + std::string(hint_state));
    push(is_element_type(name) ? value(opaque{std::move(name)}) : value(global{std::move(name)}));
  }

  void reduce() {
    const std::vector<handle>& arguments = expect<sequence>(pop(), "a tuple of arguments")
                                               .items;  // valid until the next push of a value
    const std::string name = expect<global>(pop(), "a global to call").name;
    if (name == "torch._utils._rebuild_tensor_v2") return push_tensor(arguments);
    if (name == "collections.OrderedDict" && arguments.empty()) return push(dictionary{});
    if (name == "torch.device" && !arguments.empty()) return push(opaque{name});
    if (name == "torch._utils._rebuild_parameter" && !arguments.empty()) {
      expect<tensor>(arguments[0], "a tensor");
      return refer(arguments[0]);
    }
    if ((name == "torch.Size" || is_set(name)) && arguments.size() == 1) {
      expect<sequence>(arguments[0], "a list or tuple");
      return refer(arguments[0]);
    }
    fail("a call of " + name, "only tensors, numbers, strings and containers", hint_state);
  }

  std::uint64_t size(handle h) {
    const std::int64_t number = expect<std::int64_t>(h, "a number");
    if (number < 0) fail("a size of " + std::to_string(number), ">= 0");
    return static_cast<std::uint64_t>(number);
  }

  std::vector<std::uint64_t> sizes(handle h) {
    const auto& items = expect<sequence>(h, "a tuple of sizes").items;
    if (items.size() > max_tensor_rank)
      fail("a tensor with " + std::to_string(items.size()) + " axes",
           "at most " + std::to_string(max_tensor_rank));
    std::vector<std::uint64_t> result;
    for (const handle item : items) result.push_back(size(item));
    return result;
  }

  void push_tensor(const std::vector<handle>& arguments) {  // storage, offset, shape, stride,
                                                            // requires_grad, hooks[, metadata]
    if (arguments.size() < 4) fail("a tensor without shape", "storage, offset, shape and stride");
    expect<storage>(arguments[0], "a storage");
    tensor t{arguments[0], size(arguments[1]), sizes(arguments[2]), sizes(arguments[3])};
    if (t.shape.size() != t.stride.size())
      fail("shape and stride of different length", "one stride for each axis");
    push(std::move(t));
  }

  void push_storage(handle id) {  // ('storage', type, key, device, elements)
    const std::vector<handle>& items = expect<sequence>(id, "a storage").items;
    if (items.size() < 5 || expect<std::string>(items[0], "'storage'") != "storage")
      fail("an unknown persistent object", "a storage");
    const std::string& type = expect<global>(items[1], "a storage type").name;
    if (!is_storage(type)) fail("a storage of type " + type, "torch.FloatStorage or one like it");
    push(storage{type.substr(type.find('.') + 1), expect<std::string>(items[2], "a storage's key"),
                 size(items[4])});
  }

  std::span<const std::byte> bytes_;
  const std::string& place_;
  std::size_t position_ = 0;
  document result_;
  std::vector<handle> stack_;
  std::vector<std::size_t> marks_;  // stack sizes, ascending
  std::unordered_map<std::uint32_t, handle> memo_;
};

}  // namespace

document read(std::span<const std::byte> bytes, const std::string& place) {
  return machine(bytes, place).run();
}

}  // namespace bdh::pickle
