#include "apps/runs/token_printer.hpp"

#include <nlohmann/json.hpp>

#include "apps/common/token_text.hpp"

namespace bdh::app {

token_printer::token_printer(const model& m, output to)
    : by_(vocabulary_of(m)),
      decoder_(by_ == nullptr ? nullptr : by_->decoder(false)),
      keep_(to == output::keep),
      terminal_(to == output::print && output_is_terminal()) {}

void token_printer::write(token_id token) {
  const std::string text = decoder_ == nullptr ? std::string() : decoder_->add(token);
  if (keep_) {
    tokens_.push_back(token);
    text_ += text;
  } else if (decoder_ == nullptr) {
    print((written_ ? "," : "") + std::to_string(token));
  } else {
    show(text);
  }
  written_ = true;
}

void token_printer::show(const std::string& text) {
  if (!text.empty()) print(terminal_ ? escaped_.add(text) : text);
}

void token_printer::finish() {
  const std::string rest = decoder_ == nullptr ? std::string() : decoder_->finish();
  if (keep_) text_ += rest;
  if (keep_ || !written_) return;
  show(rest);
  if (terminal_) print(escaped_.finish() + "\n");
  if (!terminal_ && decoder_ == nullptr) print("\n");
}

nlohmann::ordered_json token_printer::json() const {
  nlohmann::ordered_json all{{"tokens", tokens_}};
  if (decoder_ != nullptr) all["text"] = text_;
  return all;
}

}  // namespace bdh::app
