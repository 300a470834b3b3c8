#include "apps/figure/marks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace bdh::figure {
namespace {

constexpr const char* dashes = "5 3";
constexpr std::size_t most_dots = 20000;  // beyond it, one a pixel
constexpr double points_a_column = 4;     // of a line: first, least, most, last
constexpr double beyond = 4;              // px that a mark may reach over its frame
constexpr double bend = 0.08;             // of an arrow's length, how far its middle is off

std::size_t elements(const mark& m) { return std::min(m.x.size(), m.y.size()); }
bool shown(const mark& m, std::size_t k, const scales& s) { return s.x.shows(m.x[k]) && s.y.shows(m.y[k]); }

colour colour_of(const mark& m, std::size_t k) { return k < m.colours.size() ? m.colours[k] : m.of; }
double size_of(const mark& m, std::size_t k) { return k < m.sizes.size() ? m.sizes[k] : m.size; }
double clearance_of(const mark& m, std::size_t k) { return k < m.clearance.size() ? m.clearance[k] : 0; }
std::string_view tip_of(const mark& m, std::size_t k) { return k < m.tips.size() ? std::string_view(m.tips[k]) : std::string_view(); }
bool all_alike(const mark& m) { return m.colours.empty() && m.sizes.empty() && m.tips.empty() && m.with == shape::disc; }

box around(point p, double r) { return {p.x - r, p.y - r, p.x + r, p.y + r}; }

class marks_on {
 public:
  marks_on(canvas& on, const box& frame, const scales& s) : on_(on), frame_(frame), s_(s) {}

  void draw(const mark& m) {
    switch (m.how) {
      case form::line:
      case form::steps:
        return lines(m);
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
    }
  }

 private:
  point at(double x, double y) const {
    // Far outside is as good as further: coordinates stay small.
    const auto near = [](double share) { return std::clamp(share, -10.0, 11.0); };
    return {frame_.left + near(s_.x.place(x)) * frame_.width(), frame_.bottom - near(s_.y.place(y)) * frame_.height()};
  }

  void lines(const mark& m) {
    std::vector<point> run;
    const auto flush = [&] {
      on_.polyline(thinned(run), {m.of, m.size, m.dashed ? dashes : nullptr});
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
    for (std::size_t k = 0; k < std::min(elements(m), m.tips.size()); ++k)
      if (shown(m, k, s_) && !m.tips[k].empty())
        on_.marker(at(m.x[k], m.y[k]), m.with, 2 * m.size + 2, m.hidden_points ? std::nullopt : std::optional(m.of), m.tips[k]);
  }

  // Of ascending points as many as can be seen: in each column of pixels the first, the lowest, the highest and the last.
  std::vector<point> thinned(const std::vector<point>& all) const {
    if (static_cast<double>(all.size()) <= points_a_column * frame_.width()) return all;
    if (!std::is_sorted(all.begin(), all.end(), [](point a, point b) { return a.x < b.x; })) return all;
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
    if (!all_alike(m)) {
      const bool among_arrows = !drawn_.empty();
      for (std::size_t k = 0; k < elements(m); ++k) {
        if (!shown(m, k, s_)) continue;
        const point p = at(m.x[k], m.y[k]);
        on_.marker(p, m.with, size_of(m, k), colour_of(m, k), tip_of(m, k));
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
      for (const auto& [x, y] : pixels) all.push_back({static_cast<double>(x), static_cast<double>(y)});
    }
    on_.dots(all, m.size, m.of);
  }

  void bars(const mark& m) {
    const double base = s_.y.kind() == spacing::linear ? std::clamp(0.0, s_.y.least(), s_.y.most()) : s_.y.least();
    for (std::size_t k = 0; k < elements(m); ++k) {
      if (!shown(m, k, s_)) continue;
      const point a = at(m.x[k] - m.size / 2, base), b = at(m.x[k] + m.size / 2, m.y[k]);
      on_.rectangle({std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)}, colour_of(m, k), std::nullopt,
                    tip_of(m, k));
    }
  }

  void segments(const mark& m) {
    for (std::size_t k = 0; k + 1 < elements(m); k += 2)
      if (shown(m, k, s_) && shown(m, k + 1, s_))
        on_.line(at(m.x[k], m.y[k]), at(m.x[k + 1], m.y[k + 1]), {colour_of(m, k / 2), size_of(m, k / 2), m.dashed ? dashes : nullptr});
  }

  void arrows(const mark& m) {
    for (std::size_t k = 0; k + 1 < elements(m); k += 2)
      if (shown(m, k, s_) && shown(m, k + 1, s_))
        arrow(m, at(m.x[k], m.y[k]), at(m.x[k + 1], m.y[k + 1]), clearance_of(m, k), clearance_of(m, k + 1), k / 2);
  }

  // A part of a parabola, bent to its left: the one back takes the other side.
  void arrow(const mark& m, point from, point to, double clear_from, double clear_to, std::size_t k) {
    const double dx = to.x - from.x, dy = to.y - from.y, length = std::hypot(dx, dy), width = size_of(m, k), head = 3.5 + 1.5 * width;
    const double first = clear_from / length, last = 1 - (clear_to + (m.blunt ? 1 : head)) / length;
    if (!(first < last)) return;
    const auto along = [&](double t) {
      const double aside = bend * 4 * t * (1 - t);
      return point{from.x + t * dx + aside * dy, from.y + t * dy - aside * dx};
    };
    constexpr int pieces = 10;
    std::vector<point> curve;
    for (int i = 0; i <= pieces; ++i) curve.push_back(along(first + (last - first) * i / pieces));
    const colour of = colour_of(m, k);
    on_.polyline(curve, {of, width, m.dashed ? dashes : nullptr});
    const point end = curve.back(), before = curve[pieces - 1];
    const double step = std::hypot(end.x - before.x, end.y - before.y), ux = (end.x - before.x) / step, uy = (end.y - before.y) / step,
                 half = m.blunt ? head * 0.8 : head * 0.45;
    drawn_.push_back(around({end.x, end.y}, head));
    if (m.blunt)
      on_.line({end.x - half * uy, end.y + half * ux}, {end.x + half * uy, end.y - half * ux}, {of, width + 0.6});
    else
      on_.polygon(
          std::vector<point>{
              {end.x - half * uy, end.y + half * ux}, {end.x + head * ux, end.y + head * uy}, {end.x + half * uy, end.y - half * ux}},
          of);
  }

  // Beside the place that a text belongs to: where it covers no other text, and if there is such a place, no end of an arrow and no node.
  void texts(const mark& m) {
    for (std::size_t k = 0; k < std::min(elements(m), m.labels.size()); ++k) {
      if (!shown(m, k, s_)) continue;
      const point p = at(m.x[k], m.y[k]);
      const double off = clearance_of(m, k) + 5, slant = off * 0.7;
      const std::pair<point, anchor> places[] = {{{p.x + off, p.y + m.size * 0.35}, anchor::start},
                                                 {{p.x - off, p.y + m.size * 0.35}, anchor::end},
                                                 {{p.x, p.y - off}, anchor::middle},
                                                 {{p.x, p.y + off + m.size}, anchor::middle},
                                                 {{p.x + slant, p.y - slant}, anchor::start},
                                                 {{p.x + slant, p.y + slant + m.size}, anchor::start},
                                                 {{p.x - slant, p.y - slant}, anchor::end},
                                                 {{p.x - slant, p.y + slant + m.size}, anchor::end}};
      const auto free = [](const std::vector<box>& taken, const box& b) {
        return std::none_of(taken.begin(), taken.end(), [&](const box& o) { return o.meets(b); });
      };
      const std::pair<point, anchor>* best = nullptr;
      for (const auto& place : places) {
        const box b = text_box(place.first, m.labels[k], {.size = m.size, .at = place.second});
        if (!frame_.holds(b) || !free(texts_, b)) continue;
        if (best == nullptr) best = &place;
        if (!free(drawn_, b)) continue;
        best = &place;
        break;
      }
      if (best == nullptr) continue;
      const text_style style{.size = m.size, .at = best->second, .over_shapes = true, .of = colour_of(m, k)};
      on_.text(best->first, m.labels[k], style);
      texts_.push_back(text_box(best->first, m.labels[k], style));
    }
  }

  canvas& on_;
  const box& frame_;
  const scales& s_;
  std::vector<box> texts_, drawn_;  // drawn_: ends of arrows, and points among arrows
};

}  // namespace

void draw_marks(canvas& on, const box& frame, const std::vector<mark>& marks, const scales& s) {
  if (marks.empty()) return;
  on.begin_clip({frame.left - beyond, frame.top - beyond, frame.right + beyond, frame.bottom + beyond});
  marks_on all(on, frame, s);
  for (const mark& m : marks) all.draw(m);
  on.end_clip();
}

std::vector<std::string> notes_of(const std::vector<mark>& marks, const scales& s) {
  std::size_t not_positive = 0;
  bool thinned = false;
  for (const mark& m : marks) {
    for (std::size_t k = 0; k < elements(m); ++k) not_positive += std::isfinite(m.x[k]) && std::isfinite(m.y[k]) && !shown(m, k, s);
    thinned = thinned || (m.how == form::points && all_alike(m) && elements(m) > most_dots);
  }
  std::vector<std::string> all;
  if (not_positive != 0) all.push_back(fmt::format("{} values that are not positive have no place on a logarithmic axis.", not_positive));
  if (thinned) all.push_back("Points that fall on one pixel are drawn once.");
  return all;
}

void draw_sample(canvas& on, point at, double width, const mark& m) {
  const point middle{at.x + width / 2, at.y};
  switch (m.how) {
    case form::points:
      return on.marker(middle, m.with, std::clamp(m.size, 5.0, 8.0), m.of);
    case form::bars:
      return on.rectangle({at.x + width / 4, at.y - 4, at.x + width * 3 / 4, at.y + 4}, m.of);
    case form::arrows: {
      const double end = at.x + width - 4;
      on.line(at, {end, at.y}, {m.of, 1.5, m.dashed ? dashes : nullptr});
      if (m.blunt) return on.line({end, at.y - 4}, {end, at.y + 4}, {m.of, 2});
      return on.polygon(std::vector<point>{{end - 1, at.y - 3}, {end + 5, at.y}, {end - 1, at.y + 3}}, m.of);
    }
    default:
      return on.line(at, {at.x + width, at.y}, {m.of, std::max(m.size, 1.5), m.dashed ? dashes : nullptr});
  }
}

}  // namespace bdh::figure
