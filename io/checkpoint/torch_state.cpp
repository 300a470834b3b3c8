#include "io/checkpoint/torch_state.hpp"

#include <algorithm>
#include <iterator>

#include <bdh/error.hpp>

#include "io/checkpoint/configuration_keys.hpp"
#include "io/checkpoint/tensor_file.hpp"

namespace bdh {
namespace {

constexpr const char* hint = "torch.save(model.state_dict(), FILE)";
constexpr std::string_view wrappers[] = {
    "model",   "state_dict", "model_state_dict", "model_state", "bdh_state_dict", "weights",
    "network", "net",        "model_weights"};

bool is_wrapper(std::string_view name) {
  return std::find(std::begin(wrappers), std::end(wrappers), name) != std::end(wrappers);
}

// States of the training: they hold tensors that are no weights.
bool is_training_state(std::string_view name) {
  for (const std::string_view start : {"optim", "sched", "lr_sched", "scaler", "rng", "amp"})
    if (name.starts_with(start)) return true;
  return name.find("optimizer") != std::string_view::npos || name.ends_with("rng_state");
}

// Attributes that PyTorch itself gives tensors.
bool is_usual_attribute(std::string_view name) {
  for (const std::string_view usual :
       {"_is_buffer", "persistent", "_is_param", "requires_grad", "_backward_hooks", "grad",
        "tensor_model_parallel", "partition_dim", "partition_stride", "_no_weight_decay"})
    if (name == usual) return true;
  return false;
}

bool is_tensor(const plain_value::entry& item) { return item.second.type.starts_with("tensor ("); }

// By the name of a configuration, and a key that states something about a model.
bool is_configuration(const std::string& name, const plain_value::map& items) {
  if (kind_of_object(name) != object_kind::configuration) return false;
  return std::any_of(items.begin(), items.end(), [](const plain_value::entry& item) {
    const auto* const key = item.first.as<std::string>();
    if (key == nullptr || key->size() == 1) return false;
    const key_role role = meaning_of_key(*key).role;
    return role != key_role::unknown && role != key_role::harmless && role != key_role::nested &&
           role != key_role::aside;
  });
}

}  // namespace

torch_state::torch_state(const pickle::document& document, const std::string& place)
    : document_(document),
      place_(place),
      values_(document),
      handle_(document.root),
      visited_(document.values.size()),
      of_tensors_(document.values.size(), unknown) {
  std::string where = "the file";
  for (int depth = 0; depth < 4; ++depth) {
    const auto inside = wrapped();
    if (!inside) break;
    std::string name;
    for (const auto& [key, value] : dictionary().items) {
      if (value == *inside)
        name = name_of(key);
      else
        add_beside(key, value, where);
    }
    where = "'" + name + "' in the file";
    handle_ = *inside;
  }
  read_state();
}

const pickle::dictionary& torch_state::dictionary() const {
  if (const auto* const found = document_.as<pickle::dictionary>(handle_)) return *found;
  const auto* const object = document_.as<pickle::object>(handle_);
  throw input_error(
      place_,
      object != nullptr ? "an object " + object->type.substr(0, 200) : std::string("no dictionary"),
      "a state dictionary", hint);
}

std::string torch_state::name_of(pickle::handle key) const {
  if (const auto* const text = document_.as<std::string>(key))
    return text->substr(0, max_tensor_name);
  if (const auto* const number = document_.as<std::int64_t>(key)) return std::to_string(*number);
  return "a key that is no text";
}

bool torch_state::holds_tensors(pickle::handle h) {
  const auto* const inner = document_.as<pickle::dictionary>(h);
  if (inner == nullptr) return false;
  if (of_tensors_[h] == unknown)
    of_tensors_[h] = std::any_of(inner->items.begin(), inner->items.end(),
                                 [&](const auto& item) {
                                   return document_.as<pickle::tensor>(item.second) != nullptr;
                                 })
                         ? yes
                         : no;
  return of_tensors_[h] == yes;
}

// A dictionary of tensors, or of one that may hold them; a 'model' may also be a configuration.
bool torch_state::wraps_tensors(pickle::handle h) {
  if (holds_tensors(h)) return true;
  const auto* const inner = document_.as<pickle::dictionary>(h);
  return inner != nullptr &&
         std::any_of(inner->items.begin(), inner->items.end(), [&](const auto& item) {
           const auto* const name = document_.as<std::string>(item.first);
           return name != nullptr && is_wrapper(*name) &&
                  document_.as<pickle::dictionary>(item.second) != nullptr;
         });
}

// By one of the usual names; or the only dictionary of tensors, where no weight lies beside it.
std::optional<pickle::handle> torch_state::wrapped() {
  std::optional<pickle::handle> result, other;
  std::size_t named = 0, others = 0;
  const std::string* whole = nullptr;  // the name of a module that was saved whole
  for (const auto& [key, value] : dictionary().items) {
    const auto* const name = document_.as<std::string>(key);
    if (name == nullptr) continue;
    if (is_wrapper(*name) && document_.as<pickle::object>(value) != nullptr) whole = name;
    if (!is_wrapper(*name)) {
      if (is_training_state(*name) || !holds_tensors(value)) continue;
      other = value;
      ++others;
      continue;
    }
    if (++named <= std::size(wrappers) && !wraps_tensors(value)) continue;
    if (result || named > std::size(wrappers))
      throw input_error(place_, "several state dictionaries, '" + *name + "' one of them", "one",
                        "save the one to import alone");
    result = value;
  }
  if (result || holds_tensors(handle_) || (others == 0 && whole == nullptr)) return result;
  if (others == 0)
    throw input_error(place_, "'" + *whole + "' as an object", "a state dictionary", hint);
  if (others > 1)
    throw input_error(place_, std::to_string(others) + " dictionaries of tensors",
                      "one, or one called 'model' or 'state_dict'", "save the one to import alone");
  return other;
}

void torch_state::add_beside(pickle::handle key, pickle::handle value, const std::string& where) {
  std::string name = name_of(key);
  // Not walked through: there is nothing about the model in it.
  if (is_training_state(name) && document_.as<pickle::object>(value) == nullptr) return;
  plain_value read = values_.plain(value);
  if (const auto* const items = read.as<plain_value::map>();
      items != nullptr && !items->empty() && std::all_of(items->begin(), items->end(), is_tensor) &&
      !is_configuration(name, *items)) {
    read.data = std::monostate{};
    read.type = "dictionary of tensors";
  }
  beside_.push_back({std::move(name), std::move(read), where});
}

bool torch_state::holds_tensor(pickle::handle from) {
  std::vector<pickle::handle> open{from};
  while (!open.empty()) {
    const pickle::handle h = open.back();
    open.pop_back();
    if (visited_[h]) continue;
    visited_[h] = true;
    if (document_.as<pickle::tensor>(h) != nullptr || document_.as<pickle::storage>(h) != nullptr)
      return true;
    if (const auto* list = document_.as<pickle::sequence>(h))
      open.insert(open.end(), list->items.begin(), list->items.end());
    if (const auto* map = document_.as<pickle::dictionary>(h))
      for (const auto& [key, value] : map->items) open.push_back(value);
    if (const auto* object = document_.as<pickle::object>(h)) {
      open.insert(open.end(), object->items.begin(), object->items.end());
      for (const auto& [key, value] : object->entries) open.push_back(value);
      if (object->arguments) open.push_back(*object->arguments);
      if (object->state) open.push_back(*object->state);
    }
  }
  return false;
}

void torch_state::read_state() {
  for (const auto& [key, value] : dictionary().items) {
    const auto* const text = document_.as<std::string>(key);
    if (const auto* const t = document_.as<pickle::tensor>(value)) {
      if (text == nullptr || text->size() > max_tensor_name)
        throw input_error(place_, "a tensor without a usable name",
                          "a string of at most " + std::to_string(max_tensor_name) + " bytes");
      tensors_.emplace_back(*text, t);
      add_attributes(*text, *t);
      continue;
    }
    const auto* const object = document_.as<pickle::object>(value);
    const bool aside = text != nullptr && is_training_state(*text);
    if (!aside && holds_tensor(value)) {
      const std::string name = text != nullptr ? "'" + text->substr(0, max_tensor_name) + "'"
                                               : std::string("a container");
      if (object != nullptr)
        throw input_error(place_, name + " as " + object->type.substr(0, 200),
                          "a tensor of float32, float16, bfloat16 or float64",
                          "load it in PyTorch and save it as such");
      throw input_error(place_, "tensors inside " + name, "a state dictionary of tensors", hint);
    }
    add_beside(key, value, "the file");
  }
}

void torch_state::add_attributes(const std::string& name, const pickle::tensor& t) {
  if (!t.attributes) return;
  const plain_value attributes = values_.plain(*t.attributes);
  const auto* const items = attributes.as<plain_value::map>();
  if (items == nullptr) return;
  for (const auto& [key, value] : *items) {
    const auto* const text = key.as<std::string>();
    if (text != nullptr && !is_usual_attribute(*text))
      beside_.push_back({*text, value, "attribute of " + name});
  }
}

}  // namespace bdh
