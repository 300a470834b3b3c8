// Shapes and texts as SVG. Units are px; x grows to the right, y downwards.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "apps/plot/figure/colours.hpp"

namespace bdh::figure {

struct point {
  double x = 0, y = 0;
};

struct box {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const noexcept { return right - left; }
  double height() const noexcept { return bottom - top; }
  bool meets(const box& o) const noexcept {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
  bool holds(const box& o) const noexcept {
    return left <= o.left && top <= o.top && right >= o.right && bottom >= o.bottom;
  }
};

enum class anchor { start, middle, end };
enum class shape { disc, square, triangle, diamond, cross };

struct stroke {
  colour of = ink;
  double width = 1;
  std::string dashes{};  // "4 3"; whole where there are none
  double offset = 0;     // px, of the dashes
};

struct text_style {
  double size = 11;
  anchor at = anchor::start;
  bool bold = false, upwards = false;  // upwards: read from below
  bool over_shapes = false;            // with a white rim
  colour of = ink;
};

// Where a text's ink can be: `at` is its anchor on the base line.
box text_box(point at, std::string_view text, const text_style& style);

class canvas {
 public:
  // A tip is what a pointer that rests on the shape shows. `interactive`: shapes have none; the
  // values of a panel are read through values().
  explicit canvas(bool interactive = false) : interactive_(interactive) {}
  bool interactive() const noexcept { return interactive_; }

  void line(point from, point to, const stroke& s);
  void polyline(std::span<const point> points, const stroke& s);
  void polygon(std::span<const point> corners, colour fill);
  void dots(std::span<const point> centres, double diameter, colour fill);  // many, as one path
  void marker(point centre, shape kind, double diameter, std::optional<colour> fill,
              std::string_view tip = {});  // no colour: only its tip
  void rectangle(const box& b, colour fill, std::optional<stroke> border = std::nullopt,
                 std::string_view tip = {});
  void image(const box& b, const std::string& png);  // its pixels stretched, not smoothed
  void text(point at, std::string_view text, const text_style& style);
  // An area that pointer and keyboard reach, with its values as JSON for a script.
  void values(const box& b, std::string_view name, std::string_view json);

  // What is drawn in between is cut off outside of the box.
  void begin_clip(const box& b);
  void end_clip();

  // A whole picture on white. Title and description are for those who cannot see it.
  std::string document(double width, double height, std::string_view title,
                       std::string_view description) const;

 private:
  void shape_with_tip(const std::string& element, const std::string& attributes,
                      std::string_view tip);

  std::string body_;
  bool interactive_;
};

}  // namespace bdh::figure
