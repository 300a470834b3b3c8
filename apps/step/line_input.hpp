// Lines that a person types at a prompt, with editing, history and completion, or that come from a
// file or a pipe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bdh::app {

class line_input {
 public:
  virtual ~line_input() = default;
  // Without its line end. Nothing at the end of the input, or when a stop was requested
  // (apps/common/signals.hpp).
  virtual std::optional<std::string> next(const std::string& prompt) = 0;
};

// What the word that begins at `begin` of the line may become.
struct completion {
  std::size_t begin = 0;
  std::vector<std::string> candidates;
};
using completer = std::function<completion(std::string_view until_cursor)>;

// The longest beginning that all have in common.
std::string common_beginning(const std::vector<std::string>& all);

// `history_file` may be empty: then lines are remembered until the end only.
std::unique_ptr<line_input> lines_of_terminal(completer complete, std::string history_file);
std::unique_ptr<line_input> lines_of_standard_input();

}  // namespace bdh::app
