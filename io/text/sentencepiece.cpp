// Vocabularies of SentencePiece: its own library reads the model and finds the tokens of a text.
#include <bdh/error.hpp>

#include "io/text/vocabulary.hpp"

#ifdef BDH_SENTENCEPIECE

#include <sentencepiece_processor.h>

#include <exception>
#include <new>
#include <utility>

#include "io/text/sentencepiece_file.hpp"

namespace bdh {
namespace {

constexpr std::size_t longest_text = std::size_t{1} << 28;  // bytes, encoded as one
constexpr std::string_view space_mark = "\xe2\x96\x81";

class sentencepiece_vocabulary final : public vocabulary {
 public:
  sentencepiece_vocabulary(std::string_view model, const std::string& place)
      : settings_(text::check_sentencepiece(model, place)) {
    guarded(place, [&] { return library_.LoadFromSerializedProto(model); });
    if (library_.GetPieceSize() <= 0) throw input_error(place, "no pieces", "at least one");
  }

  std::unique_ptr<text_encoder> encoder(std::string place) const override;
  std::unique_ptr<text_decoder> decoder(bool begins) const override;

  std::string text_of(token_id token) const override {
    if (token > largest_token()) return {};
    const int id = static_cast<int>(token);
    const std::string& piece = library_.IdToPiece(id);
    if (library_.IsUnknown(id)) return settings_.unknown;
    if (library_.IsControl(id)) return piece;
    // "<0x0A>"
    if (library_.IsByte(id)) return {static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16))};
    return spaced(piece);
  }
  std::uint64_t tokens() const override { return std::uint64_t{largest_token()} + 1; }
  token_id largest_token() const override {
    return static_cast<token_id>(library_.GetPieceSize() - 1);
  }

  // Whether the token begins with the mark of a space that a text need not begin with.
  bool has_front_space(token_id token) const {
    const int id = static_cast<int>(token);
    return token <= largest_token() && !library_.IsUnknown(id) && !library_.IsControl(id) &&
           library_.IdToPiece(id).starts_with(space_mark);
  }
  const text::sentencepiece_settings& settings() const noexcept { return settings_; }

  void encode(std::string_view text, const std::string& place, std::vector<token_id>& to) const {
    std::vector<int> ids;
    guarded(place, [&] { return library_.Encode(text, &ids); });
    to.insert(to.end(), ids.begin(), ids.end());
  }

 private:
  // What the library says of a model, or throws while it builds its tables, is said of the file.
  static void guarded(const std::string& place, const auto& call) {
    const auto refuse = [&](const char* why) {
      throw input_error(place, std::string("refused by SentencePiece (") + why + ")",
                        "a tokenizer.model");
    };
    sentencepiece::util::Status status;
    try {
      status = call();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      refuse(e.what());
    }
    if (!status.ok()) refuse(status.error_message());
  }
  static std::string spaced(std::string_view piece) {
    std::string text;
    for (std::size_t at; (at = piece.find(space_mark)) != piece.npos;) {
      text += piece.substr(0, at);
      text += ' ';
      piece.remove_prefix(at + space_mark.size());
    }
    return text += piece;
  }

  text::sentencepiece_settings settings_;
  sentencepiece::SentencePieceProcessor library_;
};

// Waits for the whole text: what follows may change any token.
class sentencepiece_encoder final : public text_encoder {
 public:
  sentencepiece_encoder(const sentencepiece_vocabulary& by, std::string place)
      : by_(by), place_(std::move(place)) {}
  void add(std::string_view bytes, std::vector<token_id>&) override {
    if (bytes.size() > longest_text - text_.size())
      throw input_error(place_, "a text of more than " + std::to_string(longest_text) + " bytes",
                        "less, since its tokens are found in the whole of it");
    text_ += bytes;
  }
  void finish(std::vector<token_id>& to) override {
    by_.encode(text_, place_, to);
    text_.clear();
  }

 private:
  const sentencepiece_vocabulary& by_;
  std::string place_, text_;
};

class sentencepiece_decoder final : public text_decoder {
 public:
  sentencepiece_decoder(const sentencepiece_vocabulary& by, bool begins)
      : by_(by),
        at_front_(begins &&
                  (by.settings().add_dummy_prefix || by.settings().remove_extra_whitespaces)) {}
  std::string add(token_id token) override {
    std::string text = by_.text_of(token);
    if (!at_front_) return text;
    const bool stripped = by_.has_front_space(token);
    if (stripped) text.erase(0, 1);
    at_front_ = text.empty() && (!stripped || by_.settings().remove_extra_whitespaces);
    return text;
  }
  std::string finish() override { return {}; }

 private:
  const sentencepiece_vocabulary& by_;
  bool at_front_;  // a space that the encoder added goes
};

std::unique_ptr<text_encoder> sentencepiece_vocabulary::encoder(std::string place) const {
  return std::make_unique<sentencepiece_encoder>(*this, std::move(place));
}
std::unique_ptr<text_decoder> sentencepiece_vocabulary::decoder(bool begins) const {
  return std::make_unique<sentencepiece_decoder>(*this, begins);
}

}  // namespace

std::unique_ptr<const vocabulary> make_sentencepiece_vocabulary(std::string_view definition,
                                                                const std::string& place) {
  return std::make_unique<sentencepiece_vocabulary>(definition, place);
}

}  // namespace bdh

#else

namespace bdh {

std::unique_ptr<const vocabulary> make_sentencepiece_vocabulary(std::string_view,
                                                                const std::string& place) {
  throw unavailable_error(place, "a tokenizer of SentencePiece",
                          "a build with -D BDH_SENTENCEPIECE=ON",
                          "its library is libsentencepiece-dev");
}

}  // namespace bdh

#endif
