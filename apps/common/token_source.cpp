#include "apps/common/token_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bdh/error.hpp>

#include "apps/common/command_line.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_text.hpp"
#include "io/files/text_start.hpp"

namespace bdh::app {
namespace {

// Bytes one after the other, from memory or from a file descriptor. A byte order mark at the start
// of a file is no part of it.
class byte_stream {
 public:
  byte_stream(std::string place, std::string text)
      : place_(std::move(place)), text_(std::move(text)), size_(text_.size()) {}
  byte_stream(std::string place, int descriptor, bool close)
      : place_(std::move(place)), descriptor_(descriptor), close_(close) {
    struct stat about;
    if (::fstat(descriptor_, &about) == 0 && S_ISREG(about.st_mode))
      size_ = static_cast<std::uint64_t>(about.st_size);
  }
  byte_stream(byte_stream&& other) noexcept
      : place_(std::move(other.place_)),
        text_(std::move(other.text_)),
        size_(other.size_),
        at_(other.at_),
        on_wait_(std::move(other.on_wait_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        close_(other.close_),
        begun_(other.begun_) {}
  ~byte_stream() {
    if (close_ && descriptor_ >= 0) ::close(descriptor_);
  }

  std::optional<char> next() {
    if (at_ == text_.size() && !refill()) return std::nullopt;
    return text_[at_++];
  }
  // All that is there now, of a file up to 64 KiB; nothing at the end.
  std::string_view next_piece() {
    if (at_ == text_.size() && !refill()) return {};
    return std::string_view(text_).substr(std::exchange(at_, text_.size()));
  }
  std::optional<std::uint64_t> size() const { return size_; }
  const std::string& place() const { return place_; }
  void on_wait(std::function<void()> call) { on_wait_ = std::move(call); }

  // Reads the first bytes, which no file that is not being written lets wait for.
  bool begin() {
    begun_ = true;
    std::string start;
    while (may_become_mark(start) && read()) start += text_;
    at_ = byte_order_mark(start, place_);
    if (size_) *size_ -= at_;
    text_ = std::move(start);
    return at_ < text_.size() || read();
  }

 private:
  bool refill() {
    if (descriptor_ < 0) return false;
    return begun_ ? read() : begin();
  }
  bool read() {
    text_.resize(65536);
    at_ = 0;
    const std::ptrdiff_t got =
        read_unless_stopped(descriptor_, std::as_writable_bytes(std::span(text_)), on_wait_);
    text_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (got < 0) throw input_error(place_, std::strerror(errno), "a file that can be read");
    return got > 0;
  }

  std::string place_, text_;
  std::optional<std::uint64_t> size_;
  std::size_t at_ = 0;
  std::function<void()> on_wait_;
  int descriptor_ = -1;
  bool close_ = false, begun_ = false;
};

byte_stream open_file(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw input_error(file, std::strerror(errno), "a file that can be read");
  struct stat about;
  if (::fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode)) {
    ::close(descriptor);
    throw input_error(file, "a folder", "a file");
  }
  byte_stream bytes(file, descriptor, true);
  if (bytes.size()) bytes.begin();
  return bytes;
}

// A text whose tokens come as soon as its vocabulary lets them. Where a token is more than a byte
// and the text is there as a whole, it is encoded at once: a character without a token shows before
// the work, and the number of tokens is known.
class text_as_tokens final : public token_source {
 public:
  text_as_tokens(byte_stream from, std::shared_ptr<const vocabulary> by)
      : from_(std::move(from)), by_(std::move(by)), encoder_(by_->encoder(from_.place())) {
    if (by_->token_is_byte()) {
      total_ = from_.size();
    } else if (from_.size()) {
      while (!ended_) refill();
      total_ = tokens_.size();
    }
  }
  std::optional<token_id> next() override {
    while (at_ == tokens_.size()) {
      if (ended_) return std::nullopt;
      tokens_.clear();
      at_ = 0;
      refill();
    }
    return tokens_[at_++];
  }
  std::optional<std::uint64_t> total() const override { return total_; }
  void on_wait(std::function<void()> call) override { from_.on_wait(std::move(call)); }

 private:
  void refill() {
    const std::string_view bytes = from_.next_piece();
    if (!bytes.empty()) return encoder_->add(bytes, tokens_);
    ended_ = true;
    // A text that a stop has cut off has no last token.
    if (stop_requested() == 0) encoder_->finish(tokens_);
  }

  byte_stream from_;
  std::shared_ptr<const vocabulary> by_;
  std::unique_ptr<text_encoder> encoder_;
  std::vector<token_id> tokens_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::optional<std::uint64_t> total_;
};

// Decimal numbers, separated by blanks, line ends or commas; between two commas there is one.
class numbers_as_tokens final : public token_source {
 public:
  numbers_as_tokens(byte_stream from, neuron_id vocabulary,
                    std::optional<std::uint64_t> total = std::nullopt)
      : from_(std::move(from)), vocabulary_(vocabulary), total_(total) {}
  std::optional<token_id> next() override {
    std::string word;
    for (;;) {
      const auto byte = from_.next();
      const bool separates =
          !byte || *byte == ' ' || *byte == ',' || *byte == '\n' || *byte == '\t' || *byte == '\r';
      // A number that a stop has cut off is no number.
      if (!byte && (word.empty() || stop_requested() != 0)) return std::nullopt;
      if (!separates && word.size() < 24) word += *byte;
      const bool comma = byte && *byte == ',';
      if (comma && word.empty() && (comma_ || count_ == 0))
        throw input_error(fmt::format("{}[{}]", from_.place(), count_), "nothing before a comma",
                          "a token");
      if (!separates || comma) comma_ = comma;
      if (separates && !word.empty()) return number(word);
    }
  }
  std::optional<std::uint64_t> total() const override { return total_; }
  void on_wait(std::function<void()> call) override { from_.on_wait(std::move(call)); }

 private:
  token_id number(const std::string& word) {
    std::uint64_t value = 0;
    bool digits = word.size() < 12;
    for (char c : word) {
      digits = digits && c >= '0' && c <= '9';
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (!digits || value >= vocabulary_)
      throw input_error(fmt::format("{}[{}]", from_.place(), count_), "'" + word + "'",
                        fmt::format("a token, 0 to {}", vocabulary_ - 1));
    ++count_;
    return static_cast<token_id>(value);
  }

  byte_stream from_;
  neuron_id vocabulary_;
  std::optional<std::uint64_t> total_;
  std::uint64_t count_ = 0;
  bool comma_ = false;  // since the last number
};

// The first tokens of another source, which is not read beyond them.
class first_tokens final : public token_source {
 public:
  first_tokens(std::unique_ptr<token_source> all, std::uint64_t limit)
      : all_(std::move(all)), limit_(limit) {}
  std::optional<token_id> next() override {
    if (read_ == limit_) return std::nullopt;
    const auto token = all_->next();
    if (token) ++read_;
    return token;
  }
  std::optional<std::uint64_t> total() const override {
    return std::min(limit_, all_->total().value_or(limit_));
  }
  void on_wait(std::function<void()> call) override { all_->on_wait(std::move(call)); }

 private:
  std::unique_ptr<token_source> all_;
  std::uint64_t limit_, read_ = 0;
};

std::unique_ptr<token_source> numbers(byte_stream from, const model& m) {
  return std::make_unique<numbers_as_tokens>(std::move(from), m.sensory_nodes());
}

// Numbers that can be read twice: a mistake shows before the work, not in the middle of it, and
// their count is known. `open` gives their bytes.
template <class Open>
std::unique_ptr<token_source> counted_numbers(const model& m, Open open) {
  std::uint64_t count = 0;
  for (numbers_as_tokens all(open(), m.sensory_nodes()); all.next();) ++count;
  return std::make_unique<numbers_as_tokens>(open(), m.sensory_nodes(), count);
}

std::unique_ptr<token_source> text_tokens(byte_stream from, const char* option, const model& m) {
  auto by = vocabulary_of(m);
  if (by == nullptr)
    throw unavailable_error(
        option, fmt::format("text for a model whose {} tokens are ids only", m.sensory_nodes()),
        "token ids",
        "give them with --tokens or --tokens-file, or import the model with --tokenizer FILE");
  return std::make_unique<text_as_tokens>(std::move(from), std::move(by));
}

}  // namespace

void token_choice::add_to(command_line& command, bool only_files) {
  if (!only_files) command.add("--text", text, "a text").type_name("S");
  command.add("--text-file", text_file, "a file with a text").type_name("FILE");
  if (!only_files) command.add("--tokens", tokens, "token ids: 1,2,3").type_name("IDS");
  command
      .add("--tokens-file", tokens_file,
           "a file with token ids, separated by blanks, line ends or commas")
      .type_name("FILE");
  if (!only_files)
    command
        .add("INPUT", standard_input,
             "-: standard input, as it comes; text, or token ids where tokens are ids only")
        .type_name("");
  add_number<std::uint64_t>(command, "--limit", limit, positive_count,
                            "read at most N tokens [all]");
}

void token_choice::check(bool only_files) const {
  const char* const all = only_files ? "--text-file or --tokens-file"
                                     : "--text, --text-file, --tokens, --tokens-file or -";
  if (!standard_input.empty() && standard_input != "-")
    throw usage_error("'" + standard_input + "'", std::string("not an option, expected ") + all);
  if (given() == 0) throw usage_error("no text", std::string("expected ") + all);
  if (given() > 1) throw usage_error("more than one text", std::string("expected one of ") + all);
}

std::unique_ptr<token_source> token_choice::open(const model& m) const {
  auto all = open_all(m);
  if (!limit) return all;
  return std::make_unique<first_tokens>(std::move(all), *limit);
}

std::unique_ptr<token_source> token_choice::open_all(const model& m) const {
  if (text) return text_tokens({"--text", *text}, "--text", m);
  if (text_file) return text_tokens(open_file(*text_file), "--text-file", m);
  if (tokens) return counted_numbers(m, [&] { return byte_stream("--tokens", *tokens); });
  if (tokens_file) {
    byte_stream file = open_file(*tokens_file);
    if (!file.size()) return numbers(std::move(file), m);  // a pipe
    return counted_numbers(m, [&] { return open_file(*tokens_file); });
  }
  byte_stream input("standard input", STDIN_FILENO, false);
  if (input.size()) input.begin();
  return m.tokens() == tokenizer::ids ? numbers(std::move(input), m)
                                      : text_tokens(std::move(input), "-", m);
}

std::unique_ptr<token_source> open_line(const std::string& place, const std::string& line,
                                        const model& m) {
  if (m.tokens() != tokenizer::ids) {
    if (line.empty()) throw input_error(place, "an empty line", "a prompt");
    return text_tokens({place, line}, "", m);
  }
  const auto all = numbers({place, line}, m);
  if (!all->next())
    throw input_error(place, "no tokens", "a prompt: token ids, separated by blanks or commas");
  while (all->next()) continue;
  return numbers({place, line}, m);
}

}  // namespace bdh::app
