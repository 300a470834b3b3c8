// One page of HTML that needs nothing else: its style and its script are in it, and it may load
// nothing.
#pragma once

#include <string>
#include <vector>

namespace bdh::app {

struct page_section {
  std::string name;     // for links, one word
  std::string heading;  // text
  std::string body;     // HTML
};

struct page {
  std::string title, summary;  // text
  std::vector<page_section> sections;
  std::string data;  // JSON that the script reads
};

std::string in_html(const page& p);

}  // namespace bdh::app
