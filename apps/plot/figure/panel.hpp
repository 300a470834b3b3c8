// One panel of a drawing: how much room it needs around its frame, and what is in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/plot/figure/drawing.hpp"

namespace bdh::figure {

inline constexpr double label_size = 11, tick_size = 10, title_size = 12, gap = 6,
                        tick_length = 4;  // px

struct margins {
  double left = 0, top = 0, right = 0, bottom = 0;
};

class panel_view {
 public:
  // `width`, `height`: of its frame, px. `pixels`: that a px will be drawn with.
  panel_view(const panel& p, double width, double height, double pixels);

  margins needed() const;
  void draw(canvas& on, const box& frame) const;
  std::vector<std::string> notes() const;  // what was left out or thinned

 private:
  struct side {
    scale measure;
    tick_list list;
  };
  static side fitted(const axis& a, double least, double most, bool horizontal, double length);
  point at(const box& frame, double x, double y) const;

  void draw_x_axis(canvas& on, const box& frame) const;
  void draw_y_axis(canvas& on, const box& frame) const;
  void draw_grid(canvas& on, const box& frame) const;
  void draw_bands(canvas& on, const box& frame) const;
  void draw_heat(canvas& on, const box& frame) const;
  void draw_colour_bar(canvas& on, const box& frame) const;

  const panel& panel_;
  std::optional<heat_map> heat_;  // as it is drawn
  bool empty_ = false;
  side x_, y_, bar_;
};

}  // namespace bdh::figure
