#include "io/checkpoint/pickle_calls.hpp"

#include <algorithm>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle_language.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace bdh::pickle {

namespace {

constexpr std::size_t max_copied = std::size_t{64} << 20;  // bytes
constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

}  // namespace

void pickle_calls::count_copy(std::size_t bytes) {
  copied_ += bytes;
  if (copied_ > max_copied)
    fail("the same values again and again", "a description of tensors", hint_state);
}

void pickle_calls::push_result(std::string name, handle arguments) {
  const std::vector<handle>& given = items(arguments);
  count_copy(name.size());
  // What copyreg calls is an instance of its first argument, a class.
  if ((name == "copyreg._reconstructor" || name == "copy_reg._reconstructor" ||
       name == "copyreg.__newobj__") &&
      !given.empty())
    if (const auto* const type = stack_.find<global>(given.front())) {
      if (is_dictionary(type->name)) return stack_.push(dictionary{});
      return stack_.push(object{.type = type->name, .arguments = arguments});
    }
  if (push_torch(name, arguments) || push_container(name, arguments)) return;
  stack_.push(object{.type = std::move(name), .arguments = arguments});
}

bool pickle_calls::push_container(const std::string& name, handle arguments) {
  const std::vector<handle>& given = items(arguments);
  if (is_dictionary(name)) {
    push_dictionary(arguments);
    return true;
  }
  if (is_set(name) || is_list(name)) {
    if (given.empty()) {
      stack_.push(sequence{});
    } else {
      stack_.expect<sequence>(given[0], "a list or tuple");
      stack_.refer(given[0]);
    }
    return true;
  }
  if (name == "_codecs.encode" && !given.empty()) {
    push_encoded(arguments);
    return true;
  }
  if (!is_byte_array(name)) return false;
  if (given.empty()) {
    stack_.push(byte_string{});
    return true;
  }
  if (stack_.find<byte_string>(given[0]) == nullptr) return false;
  stack_.refer(given[0]);
  return true;
}

// From a dictionary, from pairs of key and value in a list, or empty; a default for missing keys
// has no meaning here.
void pickle_calls::push_dictionary(handle arguments) {
  dictionary made;
  for (const handle h : items(arguments)) {
    if (stack_.find<dictionary>(h) != nullptr) return stack_.refer(h);
    const auto* const pairs = stack_.find<sequence>(h);
    if (pairs == nullptr) continue;
    count_copy(pairs->items.size() * sizeof(made.items[0]));
    for (const handle item : pairs->items) {
      const auto& pair = stack_.expect<sequence>(item, "a pair of key and value").items;
      if (pair.size() != 2) fail("an item of " + std::to_string(pair.size()), "key and value");
      made.items.emplace_back(pair[0], pair[1]);
    }
  }
  stack_.push(std::move(made));
}

// How protocols below 3 write bytes: the characters U+0000 to U+00FF of a text.
void pickle_calls::push_encoded(handle arguments) {
  const auto& text = stack_.expect<std::string>(items(arguments)[0], "a text");
  count_copy(text.size());
  byte_string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      bytes.data.push_back(text[i]);
    } else if ((first == 0xc2 || first == 0xc3) && i + 1 < text.size()) {
      const auto second = static_cast<unsigned char>(text[++i]);
      bytes.data.push_back(static_cast<char>((first & 3) << 6 | (second & 0x3f)));
    } else {
      return stack_.push(object{.type = "_codecs.encode", .arguments = arguments});
    }
  }
  stack_.push(std::move(bytes));
}

bool pickle_calls::push_torch(const std::string& name, handle arguments) {
  if (name == "torch._utils._rebuild_tensor") {
    push_tensor(arguments, nowhere, nowhere);
  } else if (name == "torch._utils._rebuild_tensor_v2") {
    push_tensor(arguments, nowhere, 6);
  } else if (name == "torch._utils._rebuild_tensor_v3") {
    push_tensor(arguments, 6, 7);
  } else if (name == "torch._tensor._rebuild_from_type_v2") {
    push_typed(arguments);
  } else if (name == "torch._utils._rebuild_parameter" ||
             name == "torch._utils._rebuild_parameter_with_state") {
    push_parameter(name, arguments);
  } else {
    return false;
  }
  return true;
}

// Tensor, requires_grad, hooks, attributes.
void pickle_calls::push_parameter(const std::string& name, handle arguments) {
  const std::vector<handle>& given = items(arguments);
  if (given.empty()) fail("a parameter without tensor", "a tensor");
  if (stack_.find<object>(given[0]) != nullptr)  // of a tensor that is not known
    return stack_.push(object{.type = name, .arguments = arguments});
  stack_.expect<tensor>(given[0], "a tensor");
  stack_.refer(given[0]);
  set_attributes(arguments);
}

void pickle_calls::set_attributes(handle arguments) {
  const std::vector<handle>& given = items(arguments);
  tensor* const made = stack_.find<tensor>(stack_.top());
  if (made != nullptr && given.size() > 3) made->attributes = given[3];
}

void pickle_calls::push_typed(handle arguments) {
  const std::vector<handle>& given = items(arguments);
  if (given.size() < 3) fail("a tensor without class", "function, class and arguments");
  const std::string function = stack_.expect<global>(given[0], "a function").name;
  const std::string type = stack_.expect<global>(given[1], "a class").name;
  const bool known = type == "torch.Tensor" || type == "torch.nn.parameter.Parameter" ||
                     type == "torch.nn.parameter.Buffer";
  if (!known || function == "torch._tensor._rebuild_from_type_v2")
    return stack_.push(object{.type = type, .arguments = arguments});
  push_result(function, given[2]);
  set_attributes(arguments);
}

std::uint64_t pickle_calls::size(handle h) {
  const std::int64_t number = stack_.expect<std::int64_t>(h, "a number");
  if (number < 0) fail("a size of " + std::to_string(number), ">= 0");
  return static_cast<std::uint64_t>(number);
}

std::vector<std::uint64_t> pickle_calls::sizes(handle h) {
  const auto& items = stack_.expect<sequence>(h, "a tuple of sizes").items;
  if (items.size() > max_tensor_rank)
    fail("a tensor with " + std::to_string(items.size()) + " axes",
         "at most " + std::to_string(max_tensor_rank));
  std::vector<std::uint64_t> result;
  for (const handle item : items) result.push_back(size(item));
  return result;
}

void pickle_calls::push_tensor(handle arguments, std::size_t type, std::size_t metadata) {
  const std::vector<handle>& given = items(arguments);
  if (given.size() < 4) fail("a tensor without shape", "storage, offset, shape and stride");
  stack_.expect<storage>(given[0], "a storage");
  tensor t{.where = given[0],
           .offset = size(given[1]),
           .shape = sizes(given[2]),
           .stride = sizes(given[3])};
  if (t.shape.size() != t.stride.size())
    fail("shape and stride of different length", "one stride for each axis");
  if (type < given.size()) {
    const std::string& name = stack_.expect<global>(given[type], "an element type").name;
    t.type = name.substr(name.find('.') + 1);
  }
  t.negated = metadata < given.size() && is_negated(given[metadata]);
  stack_.push(std::move(t));
}

bool pickle_calls::is_negated(handle metadata) {
  const auto* const bits = stack_.find<dictionary>(metadata);
  if (bits == nullptr) return false;
  constexpr std::size_t most = 16;
  if (bits->items.size() > most) fail("a tensor with much metadata", "bits 'conj' and 'neg'");
  return std::any_of(bits->items.begin(), bits->items.end(), [&](const auto& item) {
    const auto* const name = stack_.find<std::string>(item.first);
    const auto* const set = stack_.find<bool>(item.second);
    return name != nullptr && *name == "neg" && set != nullptr && *set;
  });
}

void pickle_calls::push_storage(handle description) {
  const std::vector<handle>& items = stack_.expect<sequence>(description, "a storage").items;
  if (items.size() < 5 || stack_.expect<std::string>(items[0], "'storage'") != "storage")
    fail("an unknown persistent object", "a storage");
  const std::string& type = stack_.expect<global>(items[1], "a storage type").name;
  if (!is_storage(type)) fail("a storage of type " + type, "torch.FloatStorage or one like it");
  stack_.push(storage{.type = type.substr(type.rfind('.') + 1),
                      .key = stack_.expect<std::string>(items[2], "a storage's key"),
                      .elements = size(items[4])});
}

}  // namespace bdh::pickle
