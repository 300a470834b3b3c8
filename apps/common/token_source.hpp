// Where the tokens of a run come from: an argument, a file, or standard input while it is being
// written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/model.hpp>

namespace bdh::app {

class command_line;

class token_source {
 public:
  virtual ~token_source() = default;
  // The next token; nothing at the end, or when a stop was requested. Throws input_error for what
  // is no token of the model.
  virtual std::optional<token_id> next() = 0;
  // Tokens in all, where known beforehand; with a limit, at most so many.
  virtual std::optional<std::uint64_t> total() const = 0;
  virtual void on_wait(std::function<void()>
                           call) = 0;  // to be called when the next token lets itself be waited for
};

// The options of which one must be given, and how many tokens of it are read.
struct token_choice {
  std::optional<std::string> text, text_file, tokens, tokens_file;
  std::string standard_input;          // "-"
  std::optional<std::uint64_t> limit;  // tokens at most

  void add_to(command_line& command, bool only_files);
  int given() const {
    return text.has_value() + text_file.has_value() + tokens.has_value() + tokens_file.has_value() +
           !standard_input.empty();
  }
  void check(bool only_files) const;  // throws usage_error unless exactly one is given
  std::unique_ptr<token_source> open(const model& m) const;

 private:
  std::unique_ptr<token_source> open_all(const model& m) const;
};

// A line as a prompt: text, or token ids where tokens are ids only. Throws
// input_error naming `place` when it has no tokens, or one that the model does not know.
std::unique_ptr<token_source> open_line(const std::string& place, const std::string& line,
                                        const model& m);

}  // namespace bdh::app
