// One page of HTML that needs nothing else: its style and its script are in it, and it may load
// nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/plot/figure/output.hpp"

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

// px: what a picture may use of the width of the page
inline constexpr double page_width = 928;

// The line in which a text or a picture shows single values.
inline constexpr const char* tip_line = "<p class=\"tip\" role=\"status\"></p>\n";

// A picture with such a line below it, as HTML; or why there is none, as a sentence.
std::string figure_html(const std::function<figure::picture()>& make, const std::string& caption);

}  // namespace bdh::app
