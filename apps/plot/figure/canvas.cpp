#include "apps/plot/figure/canvas.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "apps/plot/figure/image.hpp"
#include "apps/plot/figure/text.hpp"

namespace bdh::figure {
namespace {

constexpr double ascent = 0.95, descent = 0.25;  // of the size

std::string stroke_attributes(const stroke& s) {
  std::string all = fmt::format(R"(stroke="{}" stroke-width="{}")", s.of.text(), number(s.width));
  if (!s.dashes.empty()) all += fmt::format(R"( stroke-dasharray="{}")", s.dashes);
  if (!s.dashes.empty() && s.offset != 0)
    all += fmt::format(R"( stroke-dashoffset="{}")", number(s.offset));
  return all;
}

std::string pair(point p) { return number(p.x) + " " + number(p.y); }

std::string box_attributes(const box& b) {
  return fmt::format(R"(x="{}" y="{}" width="{}" height="{}")", number(b.left), number(b.top),
                     number(std::max(0.0, b.width())), number(std::max(0.0, b.height())));
}

std::string closed_path(std::initializer_list<point> corners) {
  std::string d;
  for (point p : corners) d += (d.empty() ? "M" : "L") + pair(p);
  return d + "Z";
}

std::string outline(point c, shape kind, double r) {
  switch (kind) {
    case shape::square:
      return closed_path(
          {{c.x - r, c.y - r}, {c.x + r, c.y - r}, {c.x + r, c.y + r}, {c.x - r, c.y + r}});
    case shape::triangle:
      return closed_path({{c.x, c.y - r}, {c.x + r, c.y + r}, {c.x - r, c.y + r}});
    case shape::diamond:
      return closed_path({{c.x, c.y - r}, {c.x + r, c.y}, {c.x, c.y + r}, {c.x - r, c.y}});
    default: {  // a cross
      const double w = r * 0.35;
      return closed_path({{c.x - w, c.y - r},
                          {c.x + w, c.y - r},
                          {c.x + w, c.y - w},
                          {c.x + r, c.y - w},
                          {c.x + r, c.y + w},
                          {c.x + w, c.y + w},
                          {c.x + w, c.y + r},
                          {c.x - w, c.y + r},
                          {c.x - w, c.y + w},
                          {c.x - r, c.y + w},
                          {c.x - r, c.y - w},
                          {c.x - w, c.y - w}});
    }
  }
}

}  // namespace

box text_box(point at, std::string_view text, const text_style& s) {
  const double width = text_width(text, s.size, s.bold);
  double before = s.at == anchor::middle ? width / 2 : width;
  if (s.at == anchor::start) before = 0;
  if (s.upwards)
    return {at.x - ascent * s.size, at.y + before - width, at.x + descent * s.size, at.y + before};
  return {at.x - before, at.y - ascent * s.size, at.x - before + width, at.y + descent * s.size};
}

void canvas::line(point from, point to, const stroke& s) {
  body_ += fmt::format(R"(<path d="M{}L{}" fill="none" {}/>)", pair(from), pair(to),
                       stroke_attributes(s)) +
           "\n";
}

void canvas::polyline(std::span<const point> points, const stroke& s) {
  if (points.empty()) return;
  body_ += R"(<path d=")";
  for (std::size_t k = 0; k < points.size(); ++k) body_ += (k == 0 ? "M" : "L") + pair(points[k]);
  // A single point shows as a dot of the line's width.
  body_ += fmt::format(R"({}" fill="none" stroke-linejoin="round" stroke-linecap="{}" {}/>)",
                       points.size() == 1 ? "h0" : "", s.dashes.empty() ? "round" : "butt",
                       stroke_attributes(s)) +
           "\n";
}

void canvas::polygon(std::span<const point> corners, colour fill) {
  body_ += R"(<path d=")";
  for (std::size_t k = 0; k < corners.size(); ++k) body_ += (k == 0 ? "M" : "L") + pair(corners[k]);
  body_ += fmt::format("Z\" fill=\"{}\"/>\n", fill.text());
}

void canvas::dots(std::span<const point> centres, double diameter, colour fill) {
  if (centres.empty()) return;
  body_ += R"(<path d=")";
  for (point p : centres) body_ += "M" + number(p.x, 1) + " " + number(p.y, 1) + "h0";
  body_ += fmt::format(R"(" fill="none" stroke-linecap="round" {}/>)",
                       stroke_attributes({fill, diameter})) +
           "\n";
}

void canvas::shape_with_tip(const std::string& element, const std::string& attributes,
                            std::string_view tip) {
  if (tip.empty() || interactive_) {
    body_ += fmt::format("<{} {}/>\n", element, attributes);
    return;
  }
  const std::string safe = escaped(tip);
  body_ += fmt::format("<{0} {1}><title>{2}</title></{0}>\n", element, attributes, safe);
}

void canvas::marker(point c, shape kind, double diameter, std::optional<colour> fill,
                    std::string_view tip) {
  const double r = diameter / 2;
  const std::string paint =
      fill ? fmt::format(R"(fill="{}")", fill->text()) : R"(fill="none" pointer-events="all")";
  if (kind == shape::disc)
    shape_with_tip(
        "circle",
        fmt::format(R"(cx="{}" cy="{}" r="{}" {})", number(c.x), number(c.y), number(r), paint),
        tip);
  else
    shape_with_tip("path", fmt::format(R"(d="{}" {})", outline(c, kind, r), paint), tip);
}

void canvas::rectangle(const box& b, colour fill, std::optional<stroke> border,
                       std::string_view tip) {
  shape_with_tip("rect",
                 fmt::format(R"({} fill="{}"{})", box_attributes(b), fill.text(),
                             border ? " " + stroke_attributes(*border) : ""),
                 tip);
}

void canvas::image(const box& b, const std::string& png) {
  body_ += fmt::format(
      R"(<image {} preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="data:image/png;base64,{}"/>)",
      box_attributes(b), in_base64(png));
  body_ += "\n";
}

void canvas::text(point at, std::string_view text, const text_style& s) {
  static constexpr const char* anchors[] = {"start", "middle", "end"};
  if (text.empty()) return;
  std::string more = s.bold ? R"( font-weight="bold")" : "";
  if (s.upwards) more += fmt::format(R"x( transform="rotate(-90 {})")x", pair(at));
  if (s.over_shapes)
    more += R"( stroke="#ffffff" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke")";
  body_ +=
      fmt::format(R"(<text x="{}" y="{}" font-size="{}" text-anchor="{}" fill="{}"{}>{}</text>)",
                  number(at.x), number(at.y), number(s.size), anchors[static_cast<int>(s.at)],
                  s.of.text(), more, escaped(text));
  body_ += "\n";
}

void canvas::values(const box& b, std::string_view name, std::string_view json) {
  body_ += fmt::format(
      R"(<g class="values"><rect {} fill="none" pointer-events="all" tabindex="0" role="application" aria-roledescription="values" aria-label="{}"/><metadata>)",
      box_attributes(b), escaped(name));
  for (char c : json) {  // in JSON these are parts of strings
    if (c == '<' || c == '>' || c == '&')
      body_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      body_ += c;
  }
  body_ += "</metadata></g>\n";
}

// An inner picture cuts off at its edges, and needs no name that another one could have, too.
void canvas::begin_clip(const box& b) {
  body_ += fmt::format(R"(<svg {} viewBox="{} {} {} {}" overflow="hidden">)", box_attributes(b),
                       number(b.left), number(b.top), number(b.width()), number(b.height())) +
           "\n";
}

void canvas::end_clip() { body_ += "</svg>\n"; }

std::string canvas::document(double width, double height, std::string_view title,
                             std::string_view description) const {
  const std::string name = escaped(title);
  return fmt::format(
             R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" font-family="sans-serif" role="{2}" aria-label="{3}">)",
             number(width), number(height), interactive_ ? "group" : "img", name) +
         "\n<title>" + name + "</title>\n<desc>" + escaped(description) + "</desc>\n" +
         fmt::format(R"(<rect width="{}" height="{}" fill="#ffffff"/>)", number(width),
                     number(height)) +
         "\n" + body_ + "</svg>\n";
}

}  // namespace bdh::figure
