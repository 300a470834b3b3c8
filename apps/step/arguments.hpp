// The words behind a command of bdh step. Double quotes keep blanks, commas and arrows in a word;
// next() takes them off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

namespace bdh::app {

class arguments {
 public:
  arguments(std::string_view command, std::string_view rest, const char* usage);

  std::string_view text() const { return text_; }  // all of it, as typed
  bool empty() const { return words_.empty(); }
  std::string next();  // throws input_error with the usage when there is none
  std::optional<std::string> next_if_any();
  // A choice of neurons or synapses, for bdh/selection.hpp, which knows quotes: off they go
  // only where they hold no name but the whole choice.
  std::string selection(const model& m);
  bool take(std::string_view word);  // the next word, if it is this one
  std::optional<std::string> option(
      std::string_view name);  // the word behind the word `name`, wherever it stands
  std::optional<std::uint64_t> count(std::string_view name, std::uint64_t least = 1);
  std::optional<layer_id> layer(const model& m);  // "layer l"
  void end() const;                               // throws input_error when words are left
  [[noreturn]] void refuse(std::string_view found) const;

  std::uint64_t number(std::string_view word, std::uint64_t least) const;

 private:
  std::string next_word();

  std::string place_, text_, usage_;
  std::vector<std::string> words_;
};

}  // namespace bdh::app
