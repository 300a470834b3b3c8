// Generated tokens, as they come: text as it is, escaped on a terminal; ids separated by commas. Or
// kept, to be printed otherwise.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <bdh/model.hpp>

#include "apps/common/console.hpp"

namespace bdh::app {

class token_printer {
 public:
  enum class output { print, keep };

  // The model must outlive it.
  token_printer(const model& m, output to);

  void write(token_id token);
  void finish();

  bool is_terminal() const noexcept { return terminal_; }
  const std::vector<token_id>& tokens() const noexcept { return tokens_; }  // that were kept
  // Their bytes; empty where tokens are not bytes.
  const std::string& text() const noexcept { return text_; }
  nlohmann::ordered_json json() const;  // of both

 private:
  const model& model_;
  const bool keep_, terminal_;
  bool written_ = false;
  std::vector<token_id> tokens_;
  std::string text_;
  terminal_text escaped_;
};

}  // namespace bdh::app
