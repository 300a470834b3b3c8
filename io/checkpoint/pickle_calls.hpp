// What a call in a pickle stands for: a container, the description of a tensor, or the description
// of an object. Nothing is called. Internal to the reader of pickles.
#pragma once

#include <string>
#include <vector>

#include "io/checkpoint/pickle_stack.hpp"

namespace bdh::pickle {

class pickle_calls {
 public:
  pickle_calls(pickle_stack& stack, const std::string& place) : stack_(stack), place_(place) {}

  // Pushes what the global of this name gives for these arguments, a sequence. Throws input_error.
  void push_result(std::string name, handle arguments);
  // Pushes the storage that ('storage', type, key, device, elements) describes.
  void push_storage(handle description);

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(place_, found, expected, hint);
  }
  // Valid until the next push of a value.
  const std::vector<handle>& items(handle sequence_of_arguments) {
    return stack_.expect<sequence>(sequence_of_arguments, "a tuple of arguments").items;
  }
  bool push_container(const std::string& name, handle arguments);
  bool push_torch(const std::string& name, handle arguments);
  void push_dictionary(handle arguments);
  void push_encoded(handle arguments);  // text, "latin1"
  void push_parameter(const std::string& name, handle arguments);
  void push_typed(handle arguments);  // function, class, arguments, attributes
  // Storage, offset, shape, stride, ...: the element type is argument `type` and the metadata is
  // argument `metadata`, where there are that many.
  void push_tensor(handle arguments, std::size_t type, std::size_t metadata);
  void set_attributes(handle arguments);  // of the tensor on top
  void count_copy(std::size_t bytes);     // of values that may be recalled any number of times
  bool is_negated(handle metadata);
  std::uint64_t size(handle h);
  std::vector<std::uint64_t> sizes(handle h);

  pickle_stack& stack_;
  const std::string& place_;
  std::size_t copied_ = 0;  // bytes
};

}  // namespace bdh::pickle
