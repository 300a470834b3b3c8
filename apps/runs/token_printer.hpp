// Generated tokens, as they come: text as it is, escaped on a terminal; ids separated by commas. Or
// kept, to be printed otherwise.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "io/text/vocabulary.hpp"

namespace bdh::app {

class token_printer {
 public:
  enum class output { print, keep };

  token_printer(const model& m, output to);

  void write(token_id token);
  void finish();

  bool is_terminal() const noexcept { return terminal_; }
  const std::vector<token_id>& tokens() const noexcept { return tokens_; }  // that were kept
  // Theirs, once finish() was called; empty where tokens are ids only.
  const std::string& text() const noexcept { return text_; }
  nlohmann::ordered_json json() const;  // of both

 private:
  void show(const std::string& text);

  std::shared_ptr<const vocabulary> by_;
  std::unique_ptr<text_decoder> decoder_;  // nullptr: tokens are ids only
  const bool keep_, terminal_;
  bool written_ = false;
  std::vector<token_id> tokens_;
  std::string text_;
  terminal_text escaped_;
};

}  // namespace bdh::app
