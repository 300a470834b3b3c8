// Parts of figures: round ticks, places on scales, texts that are safe and measured, colours,
// layouts.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "apps/plot/figure/colours.hpp"
#include "apps/plot/figure/drawing.hpp"
#include "apps/plot/figure/image.hpp"
#include "apps/plot/figure/scale.hpp"
#include "apps/plot/figure/text.hpp"

using namespace bdh::figure;

namespace {

std::string labels(const tick_list& list) {
  std::string text;
  for (const tick& t : list.ticks)
    if (!t.label.empty()) text += (text.empty() ? "" : " ") + t.label;
  return text;
}

std::string linear(double least, double most, int count, bool whole = false) {
  return labels(scale(spacing::linear, least, most).ticks(count, whole));
}
std::string logarithmic(double least, double most, int count) {
  return labels(scale(spacing::logarithmic, least, most).ticks(count));
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Of every text that says this.
std::vector<box> boxes(const std::string& svg, const std::string& text) {
  std::vector<box> all;
  for (std::size_t end = svg.find(">" + text + "<"); end != svg.npos;
       end = svg.find(">" + text + "<", end + 1)) {
    const std::string tag = svg.substr(svg.rfind("<text", end), end - svg.rfind("<text", end));
    const auto value = [&](const std::string& name) {
      return tag.substr(tag.find(name + "=\"") + name.size() + 2);
    };
    const std::string side = value("text-anchor");
    text_style style{.size = std::stod(value("font-size")), .at = anchor::end};
    if (side.starts_with("s")) style.at = anchor::start;
    if (side.starts_with("m")) style.at = anchor::middle;
    all.push_back(text_box({std::stod(value(" x")), std::stod(value(" y"))}, text, style));
  }
  return all;
}

drawing one_panel(mark m) {
  drawing d;
  d.panels.push_back(
      {.title = "title", .x = {.label = "x"}, .y = {.label = "y"}, .marks = {std::move(m)}});
  return d;
}

}  // namespace

TEST_CASE("ticks are at round values, no more than requested") {
  CHECK(linear(0, 10, 5) == "0 2 4 6 8 10");
  CHECK(linear(0, 1, 4) == "0.0 0.5 1.0");
  CHECK(linear(-0.3, 0.25, 6) == "−0.3 −0.2 −0.1 0.0 0.1 0.2");
  CHECK(linear(0, 3, 10, true) == "0 1 2 3");
  CHECK(linear(0, 3, 10) == "0.0 0.5 1.0 1.5 2.0 2.5 3.0");
  CHECK(linear(0, 100000, 2) == "0 50,000 100,000");
  for (int count : {1, 2, 3, 7, 20})
    for (double span : {1e-30, 0.037, 1.0, 7.3, 9999.0, 1e30}) {
      const auto list = scale(spacing::linear, 0, span).ticks(count).ticks;
      CHECK(list.size() <= static_cast<std::size_t>(count) + 1);
      CHECK(list.size() >= 1);
    }
}

TEST_CASE("very large and very small values are shown in units of a power of ten") {
  const tick_list small = scale(spacing::linear, 0, 4e-7).ticks(4);
  CHECK(small.exponent == -7);
  CHECK(labels(small) == "0 1 2 3 4");
  const tick_list large = scale(spacing::linear, 0, 2.5e9).ticks(5);
  CHECK(large.exponent == 9);
  CHECK(labels(large) == "0.0 0.5 1.0 1.5 2.0 2.5");
  CHECK(scale(spacing::linear, 0, 999999).ticks(3).exponent == 0);
}

TEST_CASE("logarithmic ticks") {
  CHECK(logarithmic(1, 1000, 5) == "1 10 100 1,000");
  CHECK(logarithmic(0.001, 1, 5) == "0.001 0.01 0.1 1");
  CHECK(logarithmic(1, 1e8, 10) == "10⁰ 10¹ 10² 10³ 10⁴ 10⁵ 10⁶ 10⁷ 10⁸");
  CHECK(logarithmic(1, 1e8, 4) == "10⁰ 10² 10⁴ 10⁶ 10⁸");
  CHECK(logarithmic(1, 1e8, 3) == "10⁰ 10³ 10⁶");
  CHECK(logarithmic(1, 8, 5) == "1 2 5");
  CHECK(scale(spacing::logarithmic, 1, 100).ticks(5).ticks.size() == 3 + 2 * 8);
}

TEST_CASE("a scale of equal ends is widened; places are shares") {
  for (double v : {0.0, 5.0, -3e-12, 1e30}) {
    const scale s(spacing::linear, v, v);
    CHECK(s.least() < v);
    CHECK(s.most() > v);
    CHECK(s.place(v) == doctest::Approx(0.5));
    CHECK(s.ticks(5).ticks.size() >= 1);
  }
  CHECK(scale(spacing::linear, -1, 3).place(0) == 0.25);
  CHECK(scale(spacing::logarithmic, 1, 10000).place(100) == doctest::Approx(0.5));
  CHECK(scale(spacing::logarithmic, 7, 7).place(7) == doctest::Approx(0.5));
  CHECK(!scale(spacing::logarithmic, 1, 10).shows(0));
  CHECK(!scale(spacing::linear, 1, 10).shows(std::nan("")));
  const scale round = scale(spacing::linear, 0.13, 8.7).rounded(5);
  CHECK(round.least() == 0);
  CHECK(round.most() == 10);
}

TEST_CASE("texts from strangers are harmless") {
  CHECK(escaped("<script>&\"'") == "&lt;script&gt;&amp;&quot;&#39;");
  CHECK(escaped("σ → ∞") == "σ → ∞");
  const std::string none = "\xef\xbf\xbd";
  CHECK(escaped(std::string("a\0b\x1b\x7f", 5)) == "a" + none + "b" + none + none);
  CHECK(escaped("\xff\xc3") == none + none);
  CHECK(escaped("\xc0\x80") == none + none);             // a longer form than needed
  CHECK(escaped("\xed\xa0\x80") == none + none + none);  // half of a pair
  CHECK(escaped("\xe2\x80\xae"
                "evil") == none + "evil");  // from right to left
  CHECK(escaped("\xef\xbf\xbf") == none);
  CHECK(escaped("a\nb\tc") == "a\nb\tc");
}

TEST_CASE("texts are measured, cut and wrapped") {
  CHECK(text_width("", 10) == 0);
  CHECK(text_width("MM", 10) == doctest::Approx(2 * 8.63));
  CHECK(text_width("MM", 10, true) > text_width("MM", 10));
  CHECK(text_width("語", 10) >= 10);
  CHECK(cut("short", 100, 10) == "short");
  const std::string less = cut("a long name that has no room", 60, 10);
  CHECK(less.ends_with("…"));
  CHECK(text_width(less, 10) <= 60);
  CHECK(cut("äöü", 13.5, 10) == "…");
  CHECK(cut_inside("short", 100, 10) == "short");
  const std::string ends = cut_inside("pyramidal cell of layer 5, number 12", 60, 10);
  CHECK(ends.starts_with("pyr"));
  CHECK(ends.ends_with("12"));
  CHECK(text_width(ends, 10) <= 60);
  CHECK(cut_inside("äöü", 13.5, 10) == "…");
  for (const std::string& line :
       wrapped("some words of different length and averyverylongwordwithoutanyblank", 80, 10))
    CHECK(text_width(line, 10) <= 80);
  CHECK(wrapped("a b", 100, 10) == std::vector<std::string>{"a b"});
  CHECK(wrapped("", 100, 10).empty());
  CHECK(number(1.50) == "1.5");
  CHECK(number(-0.001) == "0");
  CHECK(number(10) == "10");
  CHECK(power_of_ten(-12) == "10⁻¹²");
}

TEST_CASE("colours: maps have their ends, and what is no number is white") {
  CHECK(sequential(0).text() == "#440154");
  CHECK(sequential(1).text() == "#fde725");
  CHECK(sequential(7).text() == "#fde725");
  CHECK(sequential(std::nan("")).text() == "#ffffff");
  CHECK(diverging(-1).text() == "#053061");
  CHECK(diverging(0).text() == "#f7f7f7");
  CHECK(diverging(1).text() == "#67001f");
  for (std::size_t count : {1u, 7u, 8u, 40u})
    for (std::size_t k = 0; k + 1 < count; ++k)
      CHECK(!(series_colour(k, count) == series_colour(k + 1, count)));
}

TEST_CASE("the same drawing has the same bytes, and says when there is nothing to show") {
  const drawing d = one_panel({.name = "a", .x = {1, 2, 3}, .y = {1, 4, 9}});
  CHECK(in_svg(d) == in_svg(d));
  CHECK(in_svg(d).find("no data") == std::string::npos);
  CHECK(in_svg(one_panel({})).find(">no data<") != std::string::npos);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(in_svg(one_panel({.x = {1, infinity}, .y = {std::nan(""), 2}})).find(">no data<") !=
        std::string::npos);
}

TEST_CASE("a gap breaks a line") {
  const auto paths = [](std::vector<double> y) {
    return times(in_svg(one_panel({.of = {1, 2, 3}, .x = {1, 2, 3, 4, 5}, .y = std::move(y)})),
                 "#010203");
  };
  CHECK(paths({1, 2, 3, 4, 5}) == 1);
  CHECK(paths({1, 2, std::nan(""), 4, 5}) == 2);
}

TEST_CASE("long series are drawn with as many points as can be seen, and every extreme") {
  mark m{.x = {}, .y = {}};
  for (int k = 0; k < 1'000'000; ++k) {
    m.x.push_back(k);
    m.y.push_back(k == 123456 ? 50 : std::sin(k * 0.1));
  }
  const std::string line = in_svg(one_panel(m));
  CHECK(line.size() < 100'000);
  m.how = form::points;
  CHECK(in_svg(one_panel(m)).size() < 2'000'000);
  CHECK(in_svg(one_panel(m)).find("drawn once") != std::string::npos);
}

TEST_CASE("values on a logarithmic axis that are not positive are noted") {
  drawing d = one_panel({.x = {1, 2, 3}, .y = {0, -1, 5}});
  d.panels[0].y.kind = spacing::logarithmic;
  CHECK(in_svg(d).find("2 values that are not positive") != std::string::npos);
}

TEST_CASE("a narrow picture has its panels below each other, with whole labels") {
  drawing d = one_panel({.x = {1, 2, 3}, .y = {1, 2, 3}});
  d.panels[0].x.label = "edges that leave a neuron";
  d.panels.push_back(d.panels[0]);
  d.columns = 2;
  for (const double width : {300.0, 400.0, 720.0}) {
    d.width = width;
    const std::string svg = in_svg(d);
    CHECK(svg.find("edges that leave a neuron") != std::string::npos);
    CHECK(svg.find("edges that …") == std::string::npos);
  }
}

TEST_CASE("cells of a heat map are joined evenly: to the largest in size, or to the mean") {
  heat_map h{
      .rows = 3,
      .columns = 5,
      .values = {1, 2, 3, 4, 5, 1, 2, -8, 4, 5, 7, std::nan(""), std::nan(""), std::nan(""), 9},
      .right = 5,
      .top = 3,
      .row_names = {.what = "row", .first = {"a", "b", "c"}, .last = {"a", "b", "c"}}};
  const heat_map largest = binned(h, 2, 3);  // rows 0 and 1, and 2; columns 0 1, 2 3, 4
  CHECK(largest.rows == 2);
  CHECK(largest.columns == 3);
  CHECK(std::vector<double>(largest.values.begin(), largest.values.begin() + 4) ==
        std::vector<double>{2, -8, 5, 7});
  CHECK(std::isnan(largest.values[4]));
  CHECK(largest.values[5] == 9);
  CHECK(largest.right == 5);  // nothing reaches beyond the whole
  CHECK(largest.top == 3);
  CHECK(largest.row_names.first == std::vector<std::string>{"a", "c"});
  CHECK(largest.row_names.last == std::vector<std::string>{"b", "c"});
  CHECK(largest.row_names.sizes == std::vector<double>{2, 1});
  h.joined = joined_as::mean;
  const heat_map mean = binned(h, 2, 3);
  CHECK(mean.values[0] == 1.5);
  CHECK(mean.values[1] == 0.75);
  CHECK(mean.values[3] == 7);                                                     // of the numbers
  CHECK(binned(mean, 1, 3).values[0] == doctest::Approx((4 * 1.5 + 2 * 7) / 6));  // by their sizes
  CHECK(binned(h, 3, 5).values[7] == -8);
}

TEST_CASE("a heat map has no more cells than pixels, and says what a cell is") {
  drawing d;
  d.panels.push_back({});
  d.panels[0].heat = heat_map{.rows = 2000,
                              .columns = 2000,
                              .values = std::vector<double>(4'000'000, 0.5),
                              .right = 2000,
                              .top = 2000};
  const auto cells = [&](const char* joined, double pixels) {
    const std::string svg = in_svg(d, {.interactive = true, .pixels = pixels});
    CHECK(svg.size() < 1'000'000);
    CHECK(svg.find(std::string("each is the ") + joined + " of up to ") != std::string::npos);
    const auto value = [&](const std::string& name, std::size_t from) {
      return std::stod(svg.substr(svg.find(name, from) + name.size()));
    };
    const std::size_t clip = svg.find("<svg x=");
    const double width = value("width=\"", clip), height = value("height=\"", clip);
    CHECK(value("\"columns\":", 0) <= pixels * width);
    CHECK(value("\"columns\":", 0) > 0.75 * pixels * width);
    CHECK(value("\"rows\":", 0) <= pixels * height);
    CHECK(value("\"rows\":", 0) > 0.75 * pixels * height);
  };
  cells("largest", 1);
  cells("largest", 0.5);
  d.panels[0].heat->joined = joined_as::mean;
  cells("mean", 1);
}

TEST_CASE("all panels have the same size, and begin between pixels") {
  drawing d = one_panel({.x = {1, 2, 3}, .y = {1, 2, 3}});
  d.panels[0].y.label = "a label";
  d.panels.push_back({.marks = {{.x = {1, 2}, .y = {1e5, 2e5}}}});
  d.panels.push_back({.heat = heat_map{.rows = 1, .columns = 2, .values = {1, 2}, .label = "v"}});
  d.panels.push_back(d.panels[0]);
  d.panels.back().marks.push_back({.how = form::bands, .name = "band", .x = {1, 2}, .y = {}});
  d.columns = 2;
  const std::string svg = in_svg(d, {.interactive = true});
  std::vector<std::string> sizes;
  const std::string begin = "<g class=\"values\"><rect x=\"";
  for (std::size_t at = svg.find(begin); at != svg.npos; at = svg.find(begin, at + 1)) {
    const double left = std::stod(svg.substr(at + begin.size()));
    CHECK(left == std::floor(left));
    const std::size_t size = svg.find("width=", at);
    sizes.push_back(svg.substr(size, svg.find(" fill", size) - size));
  }
  REQUIRE(sizes.size() == 4);
  for (const std::string& one : sizes) CHECK(one == sizes[0]);
}

TEST_CASE("the values of a panel are JSON in an area that the keyboard reaches") {
  drawing d = one_panel({.name = "a<b", .x = {1, 2, 3}, .y = {4, 5, std::nan("")}});
  d.panels[0].x.names = {"one", "\x1b</metadata>"};
  d.panels[0].x.names_from = 1;
  const std::string svg = in_svg(d, {.interactive = true});
  CHECK(times(svg, "tabindex=\"0\" role=\"application\"") == 1);
  CHECK(times(svg, "aria-label=\"title: arrow keys go through its values\"") == 1);
  CHECK(times(svg, "\"name\":\"a\\u003cb\"") == 1);
  CHECK(times(svg, "\"x\":[1,2],\"y\":[4,5]") == 1);
  CHECK(times(svg, "</metadata>") == 1);
  CHECK(times(svg, "\x1b") == 0);
  CHECK(times(in_svg(d), "tabindex") == 0);
  CHECK(times(in_svg(one_panel({}), {.interactive = true}), "tabindex") == 0);
}

TEST_CASE("bands have a line above the frame and a pale field in it, however short they are") {
  drawing d = one_panel({.x = {0, 1000}, .y = {1, 2}});
  d.panels[0].marks.push_back(
      {.how = form::bands, .name = "pulse", .of = {1, 2, 3}, .x = {500, 501, 2000, 3000}, .y = {}});
  const std::string svg = in_svg(d);
  CHECK(times(svg, ">pulse<") == 1);
  CHECK(times(svg, "#010203") == 2);  // one outside of the axis is not drawn; the legend
  CHECK(times(svg, " width=\"1.5\"") == 2);
}

TEST_CASE("logarithmic ticks of counts begin at 1") {
  const auto counts = [](double least, double most) {
    return labels(scale(spacing::logarithmic, least, most).ticks(5, true));
  };
  CHECK(counts(0.5, 1) == "1");
  CHECK(counts(0.5, 3) == "1 2");
  CHECK(counts(0.5, 200) == "1 10 100");
}

TEST_CASE("lines that are the same are drawn in turns, others whole") {
  const auto drawn = [](std::vector<double> y) {
    drawing d = one_panel({.x = {1, 2, 3}, .y = {1, 4, 9}});
    d.panels[0].marks.push_back({.of = {1, 2, 3}, .x = {1, 2, 3}, .y = std::move(y)});
    return in_svg(d);
  };
  const std::string same = drawn({1, 4, 9}), other = drawn({1, 4, 8});
  CHECK(times(same, "stroke-dasharray=\"6 6\"") == 2);
  CHECK(times(same, "stroke-dashoffset=\"-6\"") == 1);
  CHECK(times(same, "drawn in turns") == 2);  // for readers, and for those who cannot see it
  CHECK(times(other, "stroke-dasharray") == 0);
  CHECK(times(other, "drawn in turns") == 0);
}

TEST_CASE("points of short series have markers, and one on top of another is smaller") {
  drawing d = one_panel({.of = {1, 2, 3}, .x = {1}, .y = {1}, .size = 2, .marked = true});
  d.panels[0].marks.push_back({.of = {4, 5, 6}, .x = {1}, .y = {1}, .size = 2, .marked = true});
  CHECK(times(in_svg(d), "r=\"4.5\" fill=\"#010203\"") == 1);
  CHECK(times(in_svg(d), "r=\"2.7\" fill=\"#040506\"") == 1);
  mark many{.x = {}, .y = {}, .marked = true};
  for (int k = 0; k < 100; ++k) many.x.push_back(k), many.y.push_back(k);
  CHECK(times(in_svg(one_panel(many)), "<circle") == 0);
}

TEST_CASE("a series without elements is a remark of the legend, without a sample") {
  const std::string svg = in_svg(one_panel({.name = "nothing fitted", .of = {1, 2, 3}}));
  CHECK(times(svg, ">nothing fitted<") == 1);
  CHECK(times(svg, "#010203") == 0);
}

TEST_CASE("labels are beside arrows where there is room, and never on each other") {
  // A star whose rays leave room above its centre only.
  mark rays{.how = form::arrows, .x = {}, .y = {}};
  for (int k = 0; k < 24; ++k) {
    const double angle =
        3.1416 *
        (0.28 +
         1.44 * k / 23);  // from the centre to the upper right, over below, to the upper left
    rays.x.insert(rays.x.end(), {0, std::sin(angle)});
    rays.y.insert(rays.y.end(), {0, std::cos(angle)});
  }
  drawing d = one_panel(rays);
  d.panels[0].title.clear();  // so that its centre is that of the picture
  d.panels[0].x = d.panels[0].y = {.least = -1.1, .most = 1.1, .tight = true, .hidden = true};
  d.width = d.panel_height = 500;
  d.panels[0].marks.push_back(
      {.how = form::texts, .x = {0}, .y = {0}, .size = 11, .labels = {"hub"}, .bold = true});
  const std::string svg = in_svg(d);
  const std::size_t end = svg.find(">hub<"), begin = svg.rfind("<text", end);
  REQUIRE(end != svg.npos);
  const auto value = [&](const std::string& name) {
    return std::stod(svg.substr(svg.find(name + "=\"", begin) + name.size() + 2));
  };
  CHECK(std::abs(value(" x") - 250) < 20);
  CHECK(value(" y") < 250);

  drawing crowd = one_panel({.how = form::texts, .x = {}, .y = {}, .size = 11});
  for (int k = 0; k < 200; ++k) {
    crowd.panels[0].marks[0].x.push_back(k % 5);
    crowd.panels[0].marks[0].y.push_back(k % 7);
    crowd.panels[0].marks[0].labels.push_back("neuron");
  }
  const std::vector<box> all = boxes(in_svg(crowd), "neuron");
  CHECK(all.size() >= 35);
  for (std::size_t a = 0; a < all.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) CHECK(!all[a].meets(all[b]));
}

TEST_CASE("panels without room are an error") {
  drawing d;
  d.panels.resize(20);
  d.height = 200;
  CHECK_THROWS_AS(in_svg(d), bdh::input_error);
}

TEST_CASE("base64") {
  CHECK(in_base64("") == "");
  CHECK(in_base64("bdh!") == "YmRoIQ==");
  CHECK(in_png({{255, 0, 0}, {0, 255, 0}}, 1).substr(1, 3) == "PNG");
}
