#include "apps/plot/figure/panel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "apps/plot/figure/image.hpp"
#include "apps/plot/figure/marks.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/figure/values.hpp"

namespace bdh::figure {
namespace {

constexpr double bar_width = 12;  // px, of the colour bar
// px of a cell: so that each has the middle of a pixel, wherever the picture begins
constexpr double least_cell = 1.25;
constexpr double x_tick_room = 45, y_tick_room = 22;  // px, of a tick, at the least
constexpr double axis_off = 0.5;                      // px beside the frame: covers no cell
constexpr double between_labels = 8;                  // px

constexpr double band_line = 5, band_height = 4, least_band = 1.5;  // px

std::size_t bands_of(const panel& p) {
  return static_cast<std::size_t>(std::count_if(
      p.marks.begin(), p.marks.end(), [](const mark& m) { return m.how == form::bands; }));
}

colour paler(const colour& c) {
  const auto mixed = [](double part) {
    return static_cast<std::uint8_t>(255 + 0.13 * (part - 255));
  };
  return {mixed(c.red), mixed(c.green), mixed(c.blue)};
}

struct extent {
  double least = std::numeric_limits<double>::infinity(),
         most = -std::numeric_limits<double>::infinity();
  void take(double v) {
    least = std::min(least, v);
    most = std::max(most, v);
  }
  bool known() const { return least <= most; }
};

bool fits(const axis& a, double v) {
  return std::isfinite(v) && (a.kind == spacing::linear || v > 0);
}

// Of what can be shown on both axes.
std::pair<extent, extent> extents(const panel& p) {
  extent x, y;
  for (const mark& m : p.marks)
    for (std::size_t k = 0; k < std::min(m.x.size(), m.y.size()); ++k) {
      if (!fits(p.x, m.x[k]) || !fits(p.y, m.y[k])) continue;
      const double half = m.how == form::bars ? m.size / 2 : 0;
      for (double edge : {m.x[k] - half, m.x[k] + half})
        if (fits(p.x, edge)) x.take(edge);
      y.take(m.y[k]);
      if (m.how == form::bars && p.y.kind == spacing::linear) y.take(0);
    }
  if (p.heat && p.heat->rows != 0 && p.heat->columns != 0) {
    x.take(p.heat->left), x.take(p.heat->right);
    y.take(p.heat->bottom), y.take(p.heat->top);
  }
  return {x, y};
}

std::string with_exponent(const std::string& label, int exponent) {
  if (exponent == 0) return label;
  const std::string factor = "×" + power_of_ten(exponent);
  return label.empty() ? factor : label + " (" + factor + ")";
}

double widest(const tick_list& list) {
  double width = 0;
  for (const tick& t : list.ticks) width = std::max(width, text_width(t.label, tick_size));
  return width;
}

// Places along an axis, each given once.
class free_places {
 public:
  bool take(double from, double to) {
    for (const auto& [a, b] : taken_)
      if (from < b && a < to) return false;
    taken_.emplace_back(from, to);
    return true;
  }

 private:
  std::vector<std::pair<double, double>> taken_;
};

bool overlap(const scale& s, const tick_list& list, double length) {
  double end = -std::numeric_limits<double>::infinity();
  for (const tick& t : list.ticks) {
    if (t.label.empty()) continue;
    const double at = s.place(t.value) * length, half = text_width(t.label, tick_size) / 2;
    if (at - half < end + between_labels) return true;
    end = at + half;
  }
  return false;
}

// Share of the limits. On white the largest value is the darkest, and the smallest can be seen.
colour colour_of(const heat_map& h, double share) {
  if (h.is_signed) return diverging(share);
  constexpr double lightest = 0.85;
  return sequential(h.zero_is_white ? lightest * (1 - share) : share);
}

// The limits that values have: of signed ones the same on both sides.
std::pair<double, double> limits(const heat_map& h) {
  extent all;
  for (double v : h.values)
    if (std::isfinite(v)) all.take(v);
  if (!all.known()) all = {0, 1};
  if (!h.is_signed) {
    const double least = h.least.value_or(all.least), most = h.most.value_or(all.most);
    return {least, most > least ? most : least + 1};
  }
  const double most =
      std::max(std::abs(h.least.value_or(all.least)), std::abs(h.most.value_or(all.most)));
  return {-most, most};
}

}  // namespace

panel_view::panel_view(const panel& p, double width, double height, double pixels)
    : panel_(p), x_{{spacing::linear, 0, 1}, {}}, y_(x_), bar_(x_) {
  const auto [x, y] = extents(p);
  empty_ = !x.known() || !y.known();
  if (empty_) return;
  x_ = fitted(p.x, x.least, x.most, true, width);
  y_ = fitted(p.y, y.least, y.most, false, height);
  if (p.heat) {
    // Of a heat map that covers a part of the frame only that part counts.
    const auto cells = [&](double length, const scale& s, double low, double high) {
      const double covered = std::clamp(s.place(high) - s.place(low), 0.0, 1.0);
      return static_cast<std::size_t>(length * covered * std::min(pixels, 1.0) / least_cell);
    };
    heat_ = binned(*p.heat, cells(height, y_.measure, p.heat->bottom, p.heat->top),
                   cells(width, x_.measure, p.heat->left, p.heat->right));
    const auto [least, most] = limits(*heat_);
    bar_ = fitted({.label = heat_->label, .tight = true}, least, most, false, height);
  }
}

panel_view::side panel_view::fitted(const axis& a, double least, double most, bool horizontal,
                                    double length) {
  least = a.least.value_or(least);
  most = a.most.value_or(most);
  if (!(least <= most)) std::swap(least, most);
  const int count =
      std::max(1, static_cast<int>(length / (horizontal ? x_tick_room : y_tick_room)));
  scale s(a.kind, least, most);
  if (!a.tight) {
    const scale round = s.rounded(count);
    s = scale(a.kind, a.least.value_or(round.least()), a.most.value_or(round.most()));
  }
  if (!a.ticks.empty()) {
    tick_list list;
    for (const tick& t : a.ticks)
      if (s.shows(t.value) && s.place(t.value) > -1e-9 && s.place(t.value) < 1 + 1e-9)
        list.ticks.push_back(t);
    return {s, list};
  }
  tick_list list = s.ticks(count, a.whole);
  for (int fewer = count - 1; horizontal && fewer > 0 && overlap(s, list, length); --fewer)
    list = s.ticks(fewer, a.whole);
  return {s, list};
}

margins panel_view::needed() const {
  margins m{gap, gap, gap, gap};
  if (!panel_.title.empty()) m.top = title_size * 1.3 + gap;
  m.top += static_cast<double>(bands_of(panel_)) * band_line;
  const double text_line = label_size * 1.3 + gap;
  if (!panel_.y.hidden) {
    m.left += tick_length + gap / 2 + widest(y_.list);
    if (!panel_.y.label.empty() || y_.list.exponent != 0) m.left += text_line;
  }
  if (!panel_.x.hidden) {
    m.bottom += tick_length + (panel_.x.upwards ? widest(x_.list) : tick_size * 1.2);
    if (!panel_.x.label.empty() || x_.list.exponent != 0) m.bottom += text_line;
    if (!panel_.x.upwards) {  // labels at the ends reach beyond them
      const double half = widest(x_.list) / 2 + gap / 2;
      m.left = std::max(m.left, half);
      m.right = std::max(m.right, half);
    }
  }
  if (heat_ && !empty_)
    m.right += 2 * gap + bar_width + tick_length + gap / 2 + widest(bar_.list) + text_line;
  return m;
}

void panel_view::draw(canvas& on, const box& frame) const {
  on.text({frame.left, frame.top - gap - static_cast<double>(bands_of(panel_)) * band_line},
          cut(panel_.title, frame.width(), title_size, true), {.size = title_size, .bold = true});
  if (empty_) {
    on.rectangle(frame, {0xff, 0xff, 0xff}, stroke{pale});
    on.text({(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2},
            cut(panel_.nothing, frame.width() - gap, label_size),
            {.size = label_size, .at = anchor::middle, .of = grey});
    return;
  }
  draw_bands(on, frame);
  if (!panel_.y.hidden && !heat_) draw_grid(on, frame);
  if (heat_) draw_heat(on, frame);
  draw_marks(on, frame, panel_.marks, {x_.measure, y_.measure});
  if (!panel_.x.hidden) draw_x_axis(on, frame);
  if (!panel_.y.hidden) draw_y_axis(on, frame);
  if (heat_) draw_colour_bar(on, frame);
  if (on.interactive()) {
    const std::string values =
        values_of(panel_, heat_ ? &*heat_ : nullptr, frame, {x_.measure, y_.measure});
    if (!values.empty())
      on.values(frame,
                (panel_.title.empty() ? panel_.y.label : panel_.title) +
                    ": arrow keys go through its values",
                values);
  }
}

// At the ticks whose labels have room.
void panel_view::draw_grid(canvas& on, const box& frame) const {
  free_places places;
  for (const tick& t : y_.list.ticks) {
    if (t.label.empty()) continue;
    const double y = at(frame, 0, t.value).y;
    if (places.take(y - tick_size * 0.6, y + tick_size * 0.6))
      on.line({frame.left, y}, {frame.right, y}, {pale, 0.6});
  }
}

// Where another band begins before the last one ends by a pixel, both are one.
void panel_view::draw_bands(canvas& on, const box& frame) const {
  double line = 0;
  for (const mark& m : panel_.marks) {
    if (m.how != form::bands) continue;
    const double bottom = frame.top - 1 - line++ * band_line;
    std::vector<std::pair<double, double>> all;
    for (std::size_t k = 0; k + 1 < m.x.size(); k += 2) {
      const double from = std::clamp(x_.measure.place(m.x[k]), 0.0, 1.0),
                   to = std::clamp(x_.measure.place(m.x[k + 1]), 0.0, 1.0);
      if (from < to)
        all.emplace_back(frame.left + from * frame.width(), frame.left + to * frame.width());
    }
    std::sort(all.begin(), all.end());
    for (std::size_t k = 0; k < all.size();) {
      auto [from, to] = all[k];
      for (++k; k < all.size() && all[k].first < to + 1; ++k) to = std::max(to, all[k].second);
      const double wider = std::max(0.0, least_band - (to - from)) / 2;
      if (!heat_) on.rectangle({from - wider, frame.top, to + wider, frame.bottom}, paler(m.of));
      on.rectangle({from - wider, bottom - band_height, to + wider, bottom}, m.of);
    }
  }
}

std::vector<std::string> panel_view::notes() const {
  std::vector<std::string> all = notes_of(panel_.marks, {x_.measure, y_.measure});
  if (panel_.heat && heat_ && heat_->values.size() != panel_.heat->values.size())
    all.push_back(
        fmt::format("So that no cell is smaller than a pixel, each is the {} of up to "
                    "{} × {} (across × down) values of the table.",
                    heat_->joined == joined_as::mean ? "mean" : "largest",
                    (panel_.heat->columns + heat_->columns - 1) / heat_->columns,
                    (panel_.heat->rows + heat_->rows - 1) / heat_->rows));
  return all;
}

point panel_view::at(const box& frame, double x, double y) const {
  return {frame.left + x_.measure.place(x) * frame.width(),
          frame.bottom - y_.measure.place(y) * frame.height()};
}

void panel_view::draw_x_axis(canvas& on, const box& frame) const {
  on.line({frame.left - axis_off, frame.bottom + axis_off}, {frame.right, frame.bottom + axis_off},
          {ink, 0.8});
  free_places places;
  for (const tick& t : x_.list.ticks) {
    const double x = frame.left + x_.measure.place(t.value) * frame.width();
    const double half = panel_.x.upwards ? tick_size * 0.6 : text_width(t.label, tick_size) / 2 + 1;
    on.line({x, frame.bottom},
            {x, frame.bottom + (t.label.empty() ? tick_length / 2 : tick_length)}, {ink, 0.8});
    if (t.label.empty() || !places.take(x - half, x + half)) continue;
    if (panel_.x.upwards)
      on.text({x + tick_size * 0.35, frame.bottom + tick_length + gap / 2}, t.label,
              {.size = tick_size, .at = anchor::end, .upwards = true});
    else
      on.text({x, frame.bottom + tick_length + tick_size}, t.label,
              {.size = tick_size, .at = anchor::middle});
  }
  const double below = frame.bottom + tick_length + gap / 2 +
                       (panel_.x.upwards ? widest(x_.list) : tick_size) + label_size + gap / 2;
  on.text({(frame.left + frame.right) / 2, below},
          cut(with_exponent(panel_.x.label, x_.list.exponent), frame.width(), label_size),
          {.size = label_size, .at = anchor::middle});
}

void panel_view::draw_y_axis(canvas& on, const box& frame) const {
  on.line({frame.left - axis_off, frame.top}, {frame.left - axis_off, frame.bottom + axis_off},
          {ink, 0.8});
  free_places places;
  for (const tick& t : y_.list.ticks) {
    const double y = frame.bottom - y_.measure.place(t.value) * frame.height();
    on.line({frame.left - (t.label.empty() ? tick_length / 2 : tick_length), y}, {frame.left, y},
            {ink, 0.8});
    if (t.label.empty() || !places.take(y - tick_size * 0.6, y + tick_size * 0.6)) continue;
    on.text({frame.left - tick_length - gap / 2, y + tick_size * 0.35}, t.label,
            {.size = tick_size, .at = anchor::end});
  }
  const double beside = frame.left - tick_length - gap / 2 - widest(y_.list) - gap;
  on.text({beside, (frame.top + frame.bottom) / 2},
          cut(with_exponent(panel_.y.label, y_.list.exponent), frame.height(), label_size),
          {.size = label_size, .at = anchor::middle, .upwards = true});
}

void panel_view::draw_heat(canvas& on, const box& frame) const {
  const heat_map& h = *heat_;
  const auto [least, most] = limits(h);
  const double middle = h.is_signed ? 0 : least, span = most > middle ? most - middle : 1;
  // Every cell several pixels, so that viewers that smooth leave its middle as it is.
  const std::size_t across = std::max<std::size_t>(1, 1024 / h.columns),
                    down = std::max<std::size_t>(1, 512 / h.rows);
  std::vector<colour> pixels;
  pixels.reserve(h.values.size() * across * down);
  for (std::size_t row = h.rows; row-- > 0;)
    for (std::size_t again = 0; again < down; ++again)
      for (std::size_t column = 0; column < h.columns; ++column) {
        const double v = h.values[row * h.columns + column];
        const double share = (v - middle) / span;
        const bool white = std::isnan(v) || (h.zero_is_white && v == 0);
        const colour shade = white ? colour{0xff, 0xff, 0xff} : colour_of(h, share);
        pixels.insert(pixels.end(), across, shade);
      }
  const point low = at(frame, h.left, h.bottom), high = at(frame, h.right, h.top);
  on.begin_clip(frame);
  on.image({low.x, high.y, high.x, low.y}, in_png(pixels, h.columns * across));
  on.end_clip();
}

void panel_view::draw_colour_bar(canvas& on, const box& frame) const {
  const double left = frame.right + 2 * gap;
  const box b{left, frame.top, left + bar_width, frame.bottom};
  constexpr std::size_t steps = 128;
  std::vector<colour> pixels;
  for (std::size_t k = steps; k-- > 0;) {
    const double share = (static_cast<double>(k) + 0.5) / steps;
    pixels.push_back(colour_of(*heat_, heat_->is_signed ? 2 * share - 1 : share));
  }
  on.image(b, in_png(pixels, 1));
  free_places places;
  for (const tick& t : bar_.list.ticks) {
    const double y = b.bottom - bar_.measure.place(t.value) * b.height();
    on.line({b.right, y}, {b.right + tick_length, y}, {ink, 0.8});
    if (!t.label.empty() && places.take(y - tick_size * 0.6, y + tick_size * 0.6))
      on.text({b.right + tick_length + gap / 2, y + tick_size * 0.35}, t.label,
              {.size = tick_size});
  }
  on.text({b.right + tick_length + gap / 2 + widest(bar_.list) + gap / 2 + label_size,
           (b.top + b.bottom) / 2},
          cut(with_exponent(heat_->label, bar_.list.exponent), b.height(), label_size),
          {.size = label_size, .at = anchor::middle, .upwards = true});
}

}  // namespace bdh::figure
