#include "io/files/xml.hpp"

#include <expat.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "io/files/file_pieces.hpp"

namespace bdh {
namespace {

constexpr int deepest = 64;
constexpr std::int64_t longest_markup = std::int64_t{1} << 20;
constexpr char separator = ' ';  // between a namespace and a name; neither has one

struct free_parser {
  void operator()(XML_ParserStruct* p) const noexcept { XML_ParserFree(p); }
};

// expat is C: what a function of the handler throws is kept, and thrown when expat has returned.
class parse {
 public:
  parse(const std::filesystem::path& file, xml_handler& handler)
      : file_(file),
        handler_(handler),
        pieces_(file),
        parser_(XML_ParserCreateNS(nullptr, separator)) {
    if (!parser_) throw std::bad_alloc();
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser_.get(), on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
  }

  // Until the end of the file, or where the handler has what it wants.
  void run() {
    std::int64_t given = 0;
    while (true) {
      const auto piece = pieces_.next();
      const auto* const bytes = reinterpret_cast<const char*>(piece.data());
      const XML_Status status =
          XML_Parse(parser_.get(), bytes, static_cast<int>(piece.size()), piece.empty());
      if (thrown_) std::rethrow_exception(thrown_);
      if (status == XML_STATUS_ERROR) fail_syntax();
      if (piece.empty()) return;
      given += static_cast<std::int64_t>(piece.size());
      handler_.progress(static_cast<std::uint64_t>(given));
      const std::int64_t read = XML_GetCurrentByteIndex(parser_.get());
      if (read >= 0 && given - read > longest_markup)
        fail("markup of more than " + std::to_string(longest_markup) + " bytes", "'>'");
    }
  }

 private:
  std::uint64_t line() const { return XML_GetCurrentLineNumber(parser_.get()); }

  [[noreturn]] void fail(const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw input_error(file_.string() + ":" + std::to_string(line()), found, expected, hint);
  }

  [[noreturn]] void fail_syntax() const {
    const XML_Error code = XML_GetErrorCode(parser_.get());
    if (code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING)
      fail("an encoding that is not read", "UTF-8, UTF-16, ISO-8859-1 or US-ASCII",
           "save it as UTF-8");
    const bool short_file = code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN ||
                            code == XML_ERROR_UNCLOSED_CDATA_SECTION;
    const bool open = code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_TAG_MISMATCH;
    fail(std::string("no sound XML: ") + XML_ErrorString(code),
         open ? "elements that are closed" : "well-formed XML",
         short_file ? "is the file cut short?" : "");
  }

  // Calls f, unless something was thrown before.
  template <class F>
  void guarded(F f) noexcept {
    if (thrown_) return;
    try {
      f();
    } catch (...) {
      thrown_ = std::current_exception();
      XML_StopParser(parser_.get(), XML_FALSE);
    }
  }

  struct name_parts {
    std::string_view space, name;
  };
  static name_parts parts_of(std::string_view text) {
    const std::size_t at = text.rfind(separator);
    if (at == text.npos) return {{}, text};
    return {text.substr(0, at), text.substr(at + 1)};
  }

  void start(std::string_view full, const char** attributes) {
    if (++depth_ > deepest)
      fail("elements nested more than " + std::to_string(deepest) + " deep", "fewer");
    const auto [space, name] = parts_of(full);
    if (depth_ == 1) root_space_ = space;
    if (skipped_below_ != 0) return;
    if (space != root_space_) {
      skipped_below_ = depth_;
      return handler_.foreign(full);
    }
    attributes_.clear();
    for (; *attributes != nullptr; attributes += 2)
      if (const auto [of, called] = parts_of(attributes[0]); of.empty() || of == root_space_)
        attributes_.push_back({called, attributes[1]});
    handler_.start(name, attributes_, line());
  }

  void end(std::string_view full) {
    const int depth = depth_--;
    if (skipped_below_ == 0) return handler_.end(parts_of(full).name);
    if (depth == skipped_below_) skipped_below_ = 0;
  }

  static parse& of(void* data) { return *static_cast<parse*>(data); }
  static void on_start(void* data, const char* name, const char** attributes) {
    of(data).guarded([&] { of(data).start(name, attributes); });
  }
  static void on_end(void* data, const char* name) {
    of(data).guarded([&] { of(data).end(name); });
  }
  static void on_text(void* data, const char* text, int size) {
    parse& p = of(data);
    p.guarded([&] {
      if (p.skipped_below_ == 0) p.handler_.text({text, static_cast<std::size_t>(size)});
    });
  }
  static void on_doctype(void* data, const char*, const char*, const char*, int) {
    of(data).guarded([&] { of(data).fail("a document type", "XML without one"); });
  }

  std::filesystem::path file_;
  xml_handler& handler_;
  file_pieces pieces_;
  std::unique_ptr<XML_ParserStruct, free_parser> parser_;
  std::exception_ptr thrown_;
  int depth_ = 0, skipped_below_ = 0;  // 0: nothing is skipped
  std::string root_space_;
  std::vector<xml_attribute> attributes_;
};

struct root_found {};
class root_finder final : public xml_handler {
 public:
  void start(std::string_view name, std::span<const xml_attribute>, std::uint64_t) override {
    root = name;
    throw root_found();
  }
  void end(std::string_view) override {}

  std::string root;
};

}  // namespace

void read_xml(const std::filesystem::path& file, xml_handler& handler) {
  parse(file, handler).run();
}

std::string xml_root(const std::filesystem::path& file) {
  root_finder finder;
  try {
    read_xml(file, finder);
  } catch (const root_found&) {
  }
  return finder.root;
}

}  // namespace bdh
