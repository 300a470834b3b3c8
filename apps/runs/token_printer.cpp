#include "apps/runs/token_printer.hpp"

#include <nlohmann/json.hpp>

#include "apps/common/token_source.hpp"

namespace bdh::app {

token_printer::token_printer(const model& m, output to)
    : model_(m),
      keep_(to == output::keep),
      terminal_(to == output::print && output_is_terminal()) {}

void token_printer::write(token_id token) {
  const auto byte = byte_of(model_, token);
  if (keep_) {
    tokens_.push_back(token);
    if (byte) text_ += *byte;
  } else if (model_.tokens() == tokenizer::ids) {
    print((written_ ? "," : "") + std::to_string(token));
  } else if (byte) {
    print(terminal_ ? escaped_.add({&*byte, 1}) : std::string(1, *byte));
  }
  written_ = true;
}

void token_printer::finish() {
  if (keep_ || !written_) return;
  if (terminal_) print(escaped_.finish() + "\n");
  if (!terminal_ && model_.tokens() == tokenizer::ids) print("\n");
}

nlohmann::ordered_json token_printer::json() const {
  nlohmann::ordered_json all{{"tokens", tokens_}};
  if (model_.tokens() != tokenizer::ids) all["text"] = text_;
  return all;
}

}  // namespace bdh::app
