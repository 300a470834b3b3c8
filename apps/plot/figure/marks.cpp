#include "apps/plot/figure/marks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <set>
#include <utility>

namespace bdh::figure {
namespace {

constexpr const char* dashes = "5 3";
constexpr std::size_t most_dots = 20000;  // beyond it, one a pixel
constexpr double points_a_column = 4;     // of a line: first, least, most, last
constexpr std::size_t few = 24;           // points of a line that can have a marker each
constexpr double beyond = 5;              // px that a mark may reach over its frame
constexpr double in_turn = 6;             // px of each of several lines that cover each other
constexpr double smaller = 0.6;           // a marker on top of another one
constexpr double least_marker = 1.5;      // px
constexpr double bend = 0.08;             // of an arrow's length, how far its middle is off

std::size_t elements(const mark& m) { return std::min(m.x.size(), m.y.size()); }
bool shown(const mark& m, std::size_t k, const scales& s) {
  return s.x.shows(m.x[k]) && s.y.shows(m.y[k]);
}

colour colour_of(const mark& m, std::size_t k) {
  return k < m.colours.size() ? m.colours[k] : m.of;
}
double size_of(const mark& m, std::size_t k) { return k < m.sizes.size() ? m.sizes[k] : m.size; }
double clearance_of(const mark& m, std::size_t k) {
  return k < m.clearance.size() ? m.clearance[k] : 0;
}
std::string_view tip_of(const mark& m, std::size_t k) {
  return k < m.tips.size() ? std::string_view(m.tips[k]) : std::string_view();
}
bool all_alike(const mark& m) {
  return m.colours.empty() && m.sizes.empty() && m.with == shape::disc;
}

bool same_line(const mark& a, const mark& b) {
  const auto same = [](const std::vector<double>& u, const std::vector<double>& v) {
    return std::equal(u.begin(), u.end(), v.begin(), v.end(), [](double s, double t) {
      return s == t || (std::isnan(s) && std::isnan(t));
    });
  };
  return a.how == form::line && b.how == form::line && !a.dashed && !b.dashed && elements(a) > 1 &&
         same(a.x, b.x) && same(a.y, b.y);
}

// How many lines are the same as this one, and how many of them come before it.
struct turn {
  std::size_t of = 1, before = 0;
};

turn turn_of(const mark& m, const std::vector<mark>& marks) {
  turn t{0, 0};
  for (const mark& other : marks) {
    if (&other == &m) t.before = t.of;
    t.of += &other == &m || same_line(m, other);
  }
  return t;
}

bool has_markers(const mark& m) { return m.marked && elements(m) <= few; }
double marker_size(const mark& m) { return 2 * m.size + (has_markers(m) ? 5 : 3); }  // px

// By its own tip.
bool is_read(const mark& m, std::size_t k, const canvas& on) {
  return !tip_of(m, k).empty() && !(m.hidden_points && on.interactive());
}

box around(point p, double r) { return {p.x - r, p.y - r, p.x + r, p.y + r}; }

class marks_on {
 public:
  marks_on(canvas& on, const box& frame, const scales& s) : on_(on), frame_(frame), s_(s) {}

  void draw(const mark& m, const turn& t) {
    switch (m.how) {
      case form::line:
      case form::steps:
        return lines(m, t);
      case form::points:
        return points(m);
      case form::bars:
        return bars(m);
      case form::segments:
        return segments(m);
      case form::arrows:
        return arrows(m);
      case form::texts:
        return texts(m);
      case form::bands:;  // by the panel
    }
  }

 private:
  point at(double x, double y) const {
    // Far outside is as good as further: coordinates stay small.
    const auto near = [](double share) { return std::clamp(share, -10.0, 11.0); };
    return {frame_.left + near(s_.x.place(x)) * frame_.width(),
            frame_.bottom - near(s_.y.place(y)) * frame_.height()};
  }

  void lines(const mark& m, const turn& t) {
    stroke s{m.of, m.size, m.dashed ? dashes : ""};
    if (t.of > 1) {
      s.dashes = fmt::format("{} {}", in_turn, in_turn * static_cast<double>(t.of - 1));
      s.offset = -in_turn * static_cast<double>(t.before);
    }
    std::vector<point> run;
    const auto flush = [&] {
      on_.polyline(thinned(run), run.size() == 1 ? stroke{m.of, m.size} : s);
      run.clear();
    };
    for (std::size_t k = 0; k < elements(m); ++k) {
      if (!shown(m, k, s_)) {
        flush();
        continue;
      }
      const point p = at(m.x[k], m.y[k]);
      if (m.how == form::steps && !run.empty()) run.push_back({p.x, run.back().y});
      run.push_back(p);
    }
    flush();
    for (std::size_t k = 0; k < elements(m); ++k) {
      if (!shown(m, k, s_) || (!is_read(m, k, on_) && !has_markers(m))) continue;
      const point p = at(m.x[k], m.y[k]);
      const bool visible = has_markers(m) || !m.hidden_points;
      on_.marker(p, m.with, visible ? on_top(p, marker_size(m)) : marker_size(m),
                 visible ? std::optional(m.of) : std::nullopt, tip_of(m, k));
    }
  }

  // The diameter of one more marker here: those below it stay visible.
  double on_top(point p, double diameter) {
    const int below = markers_[{std::lround(p.x), std::lround(p.y)}]++;
    return std::max(least_marker, diameter * std::pow(smaller, below));
  }

  // Of ascending points as many as can be seen: in each column of pixels the first, the lowest, the
  // highest and the last.
  std::vector<point> thinned(const std::vector<point>& all) const {
    if (static_cast<double>(all.size()) <= points_a_column * frame_.width()) return all;
    if (!std::is_sorted(all.begin(), all.end(), [](point a, point b) { return a.x < b.x; }))
      return all;
    std::vector<point> kept;
    for (std::size_t k = 0; k < all.size();) {
      std::size_t end = k, low = k, high = k;
      for (; end < all.size() && std::floor(all[end].x) == std::floor(all[k].x); ++end) {
        if (all[end].y < all[low].y) low = end;
        if (all[end].y > all[high].y) high = end;
      }
      std::set<std::size_t> those{k, low, high, end - 1};
      for (std::size_t one : those) kept.push_back(all[one]);
      k = end;
    }
    return kept;
  }

  void points(const mark& m) {
    if (!all_alike(m) || (!m.tips.empty() && !on_.interactive())) {
      const bool among_arrows = !drawn_.empty();
      for (std::size_t k = 0; k < elements(m); ++k) {
        if (!shown(m, k, s_)) continue;
        const point p = at(m.x[k], m.y[k]);
        on_.marker(p, m.with, on_top(p, size_of(m, k)), colour_of(m, k), tip_of(m, k));
        if (among_arrows) drawn_.push_back(around(p, size_of(m, k) / 2));
      }
      return;
    }
    std::vector<point> all;
    for (std::size_t k = 0; k < elements(m); ++k)
      if (shown(m, k, s_)) all.push_back(at(m.x[k], m.y[k]));
    if (all.size() > most_dots) {
      std::set<std::pair<long, long>> pixels;
      for (point p : all) pixels.emplace(std::lround(p.x), std::lround(p.y));
      all.clear();
      for (const auto& [x, y] : pixels)
        all.push_back({static_cast<double>(x), static_cast<double>(y)});
    }
    on_.dots(all, m.size, m.of);
  }

  void bars(const mark& m) {
    const double base =
        s_.y.kind() == spacing::linear ? std::clamp(0.0, s_.y.least(), s_.y.most()) : s_.y.least();
    for (std::size_t k = 0; k < elements(m); ++k) {
      if (!shown(m, k, s_)) continue;
      const point a = at(m.x[k] - m.size / 2, base), b = at(m.x[k] + m.size / 2, m.y[k]);
      on_.rectangle(
          {std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)},
          colour_of(m, k), std::nullopt, tip_of(m, k));
    }
  }

  void segments(const mark& m) {
    for (std::size_t k = 0; k + 1 < elements(m); k += 2)
      if (shown(m, k, s_) && shown(m, k + 1, s_))
        on_.line(at(m.x[k], m.y[k]), at(m.x[k + 1], m.y[k + 1]),
                 {colour_of(m, k / 2), size_of(m, k / 2), m.dashed ? dashes : ""});
  }

  void arrows(const mark& m) {
    for (std::size_t k = 0; k + 1 < elements(m); k += 2)
      if (shown(m, k, s_) && shown(m, k + 1, s_))
        arrow(m, at(m.x[k], m.y[k]), at(m.x[k + 1], m.y[k + 1]), clearance_of(m, k),
              clearance_of(m, k + 1), k / 2);
  }

  // A part of a parabola, bent to its left: the one back takes the other side.
  void arrow(const mark& m, point from, point to, double clear_from, double clear_to,
             std::size_t k) {
    const double dx = to.x - from.x, dy = to.y - from.y, length = std::hypot(dx, dy),
                 width = size_of(m, k), head = 3.5 + 1.5 * width;
    const double first = clear_from / length, last = 1 - (clear_to + (m.blunt ? 1 : head)) / length;
    if (!(first < last)) return;
    const auto along = [&](double t) {
      const double aside = bend * 4 * t * (1 - t);
      return point{from.x + t * dx + aside * dy, from.y + t * dy - aside * dx};
    };
    const int pieces = std::clamp(static_cast<int>(length / 12), 8, 60);
    std::vector<point> curve;
    for (int i = 0; i <= pieces; ++i) curve.push_back(along(first + (last - first) * i / pieces));
    const colour of = colour_of(m, k);
    on_.polyline(curve, {of, width, m.dashed ? dashes : ""});
    edges_.push_back(curve);
    const point end = curve.back(), before = curve[pieces - 1];
    const double step = std::hypot(end.x - before.x, end.y - before.y),
                 ux = (end.x - before.x) / step, uy = (end.y - before.y) / step,
                 half = m.blunt ? head * 0.8 : head * 0.45;
    drawn_.push_back(around({end.x, end.y}, head));
    if (m.blunt)
      on_.line({end.x - half * uy, end.y + half * ux}, {end.x + half * uy, end.y - half * ux},
               {of, width + 0.6});
    else
      on_.polygon(std::vector<point>{{end.x - half * uy, end.y + half * ux},
                                     {end.x + head * ux, end.y + head * uy},
                                     {end.x + half * uy, end.y - half * ux}},
                  of);
  }

  // Around the place that a text belongs to: where it covers no other text, and as few nodes, ends
  // of arrows and arrows as can be.
  void texts(const mark& m) {
    for (std::size_t k = 0; k < std::min(elements(m), m.labels.size()); ++k) {
      if (!shown(m, k, s_)) continue;
      text_style style{
          .size = size_of(m, k), .bold = m.bold, .over_shapes = true, .of = colour_of(m, k)};
      const point p = at(m.x[k], m.y[k]);
      std::optional<std::pair<point, anchor>> best;
      double least = std::numeric_limits<double>::infinity();
      // px: further away a small label could be that of another node
      const double farthest = m.bold ? 16 : 8;
      for (double off = 5; off <= farthest; off += 3.5)
        for (const auto& [place, side] : places_around(p, clearance_of(m, k) + off, style.size)) {
          style.at = side;
          const box b = text_box(place, m.labels[k], style);
          if (!frame_.holds(b) ||
              std::any_of(texts_.begin(), texts_.end(), [&](const box& o) { return o.meets(b); }))
            continue;
          const double cost = covered(b) + 0.05 * off;
          if (cost < least) least = cost, best = {place, side};
        }
      if (!best) continue;
      style.at = best->second;
      on_.text(best->first, m.labels[k], style);
      texts_.push_back(text_box(best->first, m.labels[k], style));
    }
  }

  // Sixteen, the one to the right first.
  // Text beside a point: away from it.
  static anchor anchor_towards(double x) {
    if (x > 0.3) return anchor::start;
    return x < -0.3 ? anchor::end : anchor::middle;
  }

  static std::vector<std::pair<point, anchor>> places_around(point p, double off, double size) {
    constexpr int directions = 16;
    std::vector<std::pair<point, anchor>> all;
    for (int k = 0; k < directions; ++k) {
      const double angle = 2 * std::numbers::pi * k / directions, x = std::cos(angle),
                   y = std::sin(angle);
      all.emplace_back(point{p.x + off * x, p.y + off * y + size * (0.35 + 0.35 * y)},
                       anchor_towards(x));
    }
    return all;
  }

  // How much of what is drawn lies in a box: an arrow counts 1, a node or the end of an arrow 3.
  double covered(const box& b) const {
    double sum = 0;
    for (const box& o : drawn_) sum += o.meets(b) ? 3 : 0;
    for (const std::vector<point>& curve : edges_) sum += passes(curve, b) ? 1 : 0;
    return sum;
  }

  static bool passes(const std::vector<point>& curve, const box& b) {
    for (std::size_t k = 0; k + 1 < curve.size(); ++k) {
      const point from = curve[k], to = curve[k + 1];
      const box around{std::min(from.x, to.x), std::min(from.y, to.y), std::max(from.x, to.x),
                       std::max(from.y, to.y)};
      if (!around.meets(b)) continue;
      // Are corners of the box on both sides of the line?
      const auto side = [&](double x, double y) {
        return (to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x) > 0;
      };
      const int left = side(b.left, b.top) + side(b.right, b.top) + side(b.left, b.bottom) +
                       side(b.right, b.bottom);
      if (left != 0 && left != 4) return true;
    }
    return false;
  }

  canvas& on_;
  const box& frame_;
  const scales& s_;
  std::vector<box> texts_, drawn_;  // drawn_: ends of arrows, and points among arrows
  std::vector<std::vector<point>> edges_;
  std::map<std::pair<long, long>, int> markers_;  // how many at a pixel
};

}  // namespace

void draw_marks(canvas& on, const box& frame, const std::vector<mark>& marks, const scales& s) {
  if (marks.empty()) return;
  on.begin_clip(
      {frame.left - beyond, frame.top - beyond, frame.right + beyond, frame.bottom + beyond});
  marks_on all(on, frame, s);
  for (const mark& m : marks) all.draw(m, turn_of(m, marks));
  on.end_clip();
}

std::vector<std::string> notes_of(const std::vector<mark>& marks, const scales& s) {
  std::size_t not_positive = 0;
  bool thinned = false, covered = false;
  for (const mark& m : marks) {
    covered = covered || turn_of(m, marks).of > 1;
    for (std::size_t k = 0; k < elements(m); ++k)
      not_positive += std::isfinite(m.x[k]) && std::isfinite(m.y[k]) && !shown(m, k, s);
    thinned = thinned ||
              (m.how == form::points && all_alike(m) && m.tips.empty() && elements(m) > most_dots);
  }
  std::vector<std::string> all;
  if (not_positive != 0)
    all.push_back(fmt::format(
        "{} values that are not positive have no place on a logarithmic axis.", not_positive));
  if (covered) all.push_back("Lines that are the same are drawn in turns.");
  if (thinned) all.push_back("Points that fall on one pixel are drawn once.");
  return all;
}

void draw_sample(canvas& on, point at, double width, const mark& m) {
  const point middle{at.x + width / 2, at.y};
  switch (m.how) {
    case form::points:
      return on.marker(middle, m.with, std::clamp(m.size, 5.0, 8.0), m.of);
    case form::bands:
      return on.rectangle({at.x, at.y - 3, at.x + width, at.y + 3}, m.of);
    case form::bars:
      return on.rectangle({at.x + width / 4, at.y - 4, at.x + width * 3 / 4, at.y + 4}, m.of);
    case form::arrows: {
      const double end = at.x + width - 4;
      on.line(at, {end, at.y}, {m.of, 1.5, m.dashed ? dashes : ""});
      if (m.blunt) return on.line({end, at.y - 4}, {end, at.y + 4}, {m.of, 2});
      return on.polygon(
          std::vector<point>{{end - 1, at.y - 3}, {end + 5, at.y}, {end - 1, at.y + 3}}, m.of);
    }
    default:
      on.line(at, {at.x + width, at.y}, {m.of, std::max(m.size, 1.5), m.dashed ? dashes : ""});
      if (has_markers(m) || (!m.tips.empty() && !m.hidden_points))
        on.marker(middle, m.with, marker_size(m), m.of);
  }
}

}  // namespace bdh::figure
