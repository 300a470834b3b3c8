#include "apps/step/line_input.hpp"

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstring>
#include <cwchar>
#include <filesystem>
#include <string_view>
#include <utility>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "io/files/text_start.hpp"

namespace bdh::app {
namespace {

constexpr int history_lines = 1000;
constexpr std::size_t longest_line = 1 << 20;  // bytes

class terminal_lines final : public line_input {
 public:
  terminal_lines(completer complete, std::string history_file)
      : complete_(std::move(complete)), history_file_(std::move(history_file)) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    editor_ = el_init("bdh", stdin, stdout, stderr);
    history_ = history_init();
    if (!editor_ || !history_)
      throw device_error("terminal", "cannot be used for editing lines", "a terminal",
                         "give commands by a pipe");
    HistEvent event;
    history(history_, &event, H_SETSIZE, history_lines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!history_file_.empty())
      history(history_, &event, H_LOAD, history_file_.c_str());  // none yet: no history
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &terminal_lines::prompt_of);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, &terminal_lines::read_key);
    el_wset(editor_, EL_ADDFN, L"bdh-complete", L"complete the word",
            &terminal_lines::complete_word);  // el_set() leaks its copies
    el_set(editor_, EL_BIND, "^I", "bdh-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }
  ~terminal_lines() override {
    HistEvent event;
    if (!history_file_.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(std::filesystem::path(history_file_).parent_path(),
                                          ignored);
      history(history_, &event, H_SAVE, history_file_.c_str());
    }
    history_end(history_);
    el_end(editor_);
  }
  terminal_lines(const terminal_lines&) = delete;
  terminal_lines& operator=(const terminal_lines&) = delete;

  std::optional<std::string> next(const std::string& prompt) override {
    prompt_ = prompt;
    el_resize(editor_);
    el_set(editor_, EL_PREP_TERM,
           1);  // before the prompt shows: what is typed at it belongs to the editor
    int length = 0;
    const char* line = el_gets(editor_, &length);
    if (!line || length <= 0) {
      const LineInfo* typed = el_line(editor_);
      print(stop_requested() == SIGINT && typed->lastchar == typed->buffer
                ? "\nquit or Ctrl-D leaves\n"
                : "\n");
      return std::nullopt;
    }
    std::string text(line, static_cast<std::size_t>(length));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    HistEvent event;
    if (text.find_first_not_of(" \t") != text.npos)
      history(history_, &event, H_ENTER, text.c_str());
    return text;
  }

 private:
  static terminal_lines& self(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<terminal_lines*>(data);
  }
  static char* prompt_of(EditLine* editor) { return self(editor).prompt_.data(); }

  // One character; 0 at the end and when a stop was requested. The built-in reader would swallow
  // the first Ctrl-C.
  static int read_key(EditLine*, wchar_t* key) {
    std::mbstate_t state{};
    for (;;) {
      char byte = 0;
      const std::ptrdiff_t got =
          read_unless_stopped(STDIN_FILENO, std::as_writable_bytes(std::span(&byte, 1)), {});
      if (got <= 0) return static_cast<int>(got);
      const std::size_t used = std::mbrtowc(key, &byte, 1, &state);
      if (used == static_cast<std::size_t>(-2)) continue;  // more bytes of this character come
      if (used == static_cast<std::size_t>(-1)) *key = L'?';
      return 1;
    }
  }

  static unsigned char complete_word(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const std::string before(line->buffer, line->cursor);
    const completion found = self(editor).complete_(before);
    if (found.candidates.empty()) return CC_ERROR;
    std::string more = common_beginning(found.candidates).substr(before.size() - found.begin);
    const char last = found.candidates[0].empty() ? ' ' : found.candidates[0].back();
    if (found.candidates.size() == 1 && last != ':' && last != '/') more += ' ';
    if (!more.empty()) return el_insertstr(editor, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::string list = "\n";
    for (const std::string& c : found.candidates) list += one_line(c) + "  ";
    print(list + "\n");
    return CC_REDISPLAY;
  }

  completer complete_;
  std::string history_file_, prompt_;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
};

class plain_lines final : public line_input {
 public:
  std::optional<std::string> next(const std::string&) override {
    for (;;) {
      const std::size_t end = text_.find('\n', at_);
      if (end != text_.npos) return take(end, end + 1);
      text_.erase(0, at_);
      at_ = 0;
      if (text_.size() > longest_line)
        throw input_error("standard input", "a line of more than a megabyte",
                          "commands, one a line");
      char bytes[4096];
      const std::ptrdiff_t got =
          read_unless_stopped(STDIN_FILENO, std::as_writable_bytes(std::span(bytes)), {});
      if (got < 0)
        throw input_error("standard input", std::strerror(errno), "something that can be read");
      if (stop_requested() != 0 || (got == 0 && text_.empty())) return std::nullopt;
      if (got == 0) return take(text_.size(), text_.size());
      text_.append(bytes, static_cast<std::size_t>(got));
    }
  }

 private:
  std::string take(std::size_t end, std::size_t next) {
    std::string_view taken = std::string_view(text_).substr(at_, end - at_);
    if (std::exchange(first_, false)) taken = without_byte_order_mark(taken, "standard input");
    std::string line(taken);
    at_ = next;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

  std::string text_;
  std::size_t at_ = 0;
  bool first_ = true;  // the next line is
};

}  // namespace

std::string common_beginning(const std::vector<std::string>& all) {
  std::string common = all.empty() ? "" : all[0];
  for (const std::string& one : all) {
    const auto ends = std::mismatch(common.begin(), common.end(), one.begin(), one.end());
    common.erase(ends.first, common.end());
  }
  return common;
}

std::unique_ptr<line_input> lines_of_terminal(completer complete, std::string history_file) {
  return std::make_unique<terminal_lines>(std::move(complete), std::move(history_file));
}
std::unique_ptr<line_input> lines_of_standard_input() { return std::make_unique<plain_lines>(); }

}  // namespace bdh::app
