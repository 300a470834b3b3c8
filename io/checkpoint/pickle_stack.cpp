#include "io/checkpoint/pickle_stack.hpp"

#include <string_view>

#include "io/files/mapped_file.hpp"

namespace bdh::pickle {
namespace {

constexpr std::size_t max_values = std::size_t{1} << 20;

}  // namespace

std::span<const std::byte> pickle_bytes::take(std::uint64_t count) {
  if (count > bytes_.size() - position_)
    throw input_error(place_, "the end after " + std::to_string(bytes_.size()) + " bytes",
                      "a complete pickle");
  const auto taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

std::string pickle_bytes::text(std::uint64_t size) { return std::string(as_text(take(size))); }

std::string pickle_bytes::line() {
  const std::string_view rest = as_text(bytes_.subspan(position_));
  const std::size_t end = rest.find('\n');
  const std::string line = text(end == std::string_view::npos ? rest.size() + 1 : end + 1);
  return line.substr(0, line.size() - 1);
}

void pickle_stack::expect_room(std::size_t count) const {
  if (count >= max_values)
    fail("more than " + std::to_string(max_values) + " values", "a description of tensors",
         hint_state);
}

void pickle_stack::push(value v) {
  expect_room(result_.values.size());
  refer(static_cast<handle>(result_.values.size()));
  result_.values.push_back(std::move(v));
}

void pickle_stack::refer(handle h) {
  expect_room(stack_.size());
  stack_.push_back(h);
}

handle pickle_stack::top() const {
  if (stack_.size() <= floor()) fail("an instruction without operand", "a complete pickle");
  return stack_.back();
}

handle pickle_stack::pop() {
  const handle h = top();
  stack_.pop_back();
  return h;
}

std::vector<handle> pickle_stack::pop(std::size_t count) {
  if (stack_.size() - floor() < count) fail("an instruction without operand", "a complete pickle");
  std::vector<handle> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return items;
}

void pickle_stack::mark() {
  expect_room(marks_.size());
  marks_.push_back(stack_.size());
}

std::vector<handle> pickle_stack::pop_to_mark() {
  if (marks_.empty()) fail("an instruction without mark", "a complete pickle");
  std::vector<handle> items = pop(stack_.size() - marks_.back());
  marks_.pop_back();
  return items;
}

void pickle_stack::discard() {
  if (!marks_.empty() && marks_.back() == stack_.size())
    marks_.pop_back();
  else
    pop();
}

void pickle_stack::store(std::uint32_t index) {
  expect_room(memo_.size());
  memo_[index] = top();
}

void pickle_stack::recall(std::uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end())
    fail("memo " + std::to_string(index) + ", never stored", "a complete pickle");
  refer(found->second);
}

}  // namespace bdh::pickle
