// XML, element by element, through expat: a file of any size takes as much memory as its deepest
// element. What is read is hostile until checked: no document type, and so no entities of its own
// and nothing that is fetched; elements nested 64 deep at most, and no piece of markup above 1 MiB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace bdh {

struct xml_attribute {
  std::string_view name, value;
};

// The receiver of what a file has. Names are without prefixes; elements and attributes of another
// namespace than the root's are foreign. What its functions throw ends the reading.
class xml_handler {
 public:
  virtual ~xml_handler() = default;
  virtual void start(std::string_view name, std::span<const xml_attribute> attributes,
                     std::uint64_t line) = 0;
  virtual void end(std::string_view name) = 0;
  // Characters of the element that is open, in one piece or several.
  virtual void text(std::string_view) {}
  // An element of another namespace begins, which is skipped with all that is in it; its name has
  // its namespace before it: "http://www.yworks.com/xml/graphml ShapeNode".
  virtual void foreign(std::string_view) {}
  // So many bytes of the file have been read; now and then.
  virtual void progress(std::uint64_t) {}
};

// Throws input_error: missing, unreadable, empty; with its line what is no sound XML, a document
// type, too deep, or another encoding than UTF-8, UTF-16, ISO-8859-1 and US-ASCII.
void read_xml(const std::filesystem::path& file, xml_handler& handler);

// The name of the first element, without its prefix; empty where the file does not begin as XML
// does. Throws as read_xml does.
std::string xml_root(const std::filesystem::path& file);

}  // namespace bdh
