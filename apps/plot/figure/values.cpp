#include "apps/plot/figure/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/plot/figure/text.hpp"
#include "io/files/json.hpp"

namespace bdh::figure {
namespace {

std::string json_string(const std::string& text) {
  return json_text(nlohmann::json(without_controls(text)));
}

std::string value(double v) { return std::isfinite(v) ? fmt::format("{:.6g}", v) : "null"; }

template <class Values, class Text>
std::string list(const Values& values, Text text) {
  std::string all = "[";
  for (std::size_t k = 0; k < values.size(); ++k) all += (k == 0 ? "" : ",") + text(values[k]);
  return all + "]";
}

struct reading {
  std::vector<point> at;
  std::vector<double> x, y;
  std::vector<std::string> tips;  // or none
};

std::string series_json(const std::string& name, const reading& r) {
  const auto x = [](point p) { return number(p.x, 1); };
  const auto y = [](point p) { return number(p.y, 1); };
  std::string all = fmt::format(R"({{"name":{},"px":{},"py":{})", json_string(name), list(r.at, x),
                                list(r.at, y));
  if (r.tips.empty())
    all += fmt::format(R"(,"x":{},"y":{}}})", list(r.x, value), list(r.y, value));
  else
    all += fmt::format(R"(,"tips":{}}})", list(r.tips, json_string));
  return all;
}

std::string bar_tip(const panel& p, const mark& m, std::size_t k) {
  return fmt::format("{}{}{} {:.6g} to {:.6g}: {} {:.6g}", m.name, m.name.empty() ? "" : ", ",
                     p.x.label, m.x[k] - m.size / 2, m.x[k] + m.size / 2, p.y.label, m.y[k]);
}

reading reading_of(const panel& p, const mark& m, const box& frame, const scales& s) {
  reading r;
  const bool has_tips = !m.tips.empty();
  if (m.how == form::segments || m.how == form::texts || m.how == form::bands ||
      (m.how == form::arrows && !has_tips))
    return r;
  const bool pairs = m.how == form::arrows;
  for (std::size_t k = 0; k < std::min(m.x.size(), m.y.size()); ++k) {
    if (pairs && k % 2 != 0) continue;
    const std::size_t other = pairs ? k + 1 : k, tip = pairs ? k / 2 : k;
    if (other >= std::min(m.x.size(), m.y.size()) || !s.x.shows(m.x[k]) || !s.y.shows(m.y[k]))
      continue;
    if (has_tips && (tip >= m.tips.size() || m.tips[tip].empty())) continue;
    const double x = (s.x.place(m.x[k]) + s.x.place(m.x[other])) / 2,
                 y = (s.y.place(m.y[k]) + s.y.place(m.y[other])) / 2;
    if (!(x >= -0.01 && x <= 1.01 && y >= -0.01 && y <= 1.01)) continue;
    r.at.push_back({frame.left + x * frame.width(), frame.bottom - y * frame.height()});
    r.x.push_back(m.x[k]), r.y.push_back(m.y[k]);
    if (has_tips) r.tips.push_back(m.tips[tip]);
    if (!has_tips && m.how == form::bars) r.tips.push_back(bar_tip(p, m, k));
  }
  return r;
}

// Where cells have no names: their ends, in units of the axis.
std::string names_json(const cell_names& names, std::size_t count, const axis& a, double low,
                       double high) {
  cell_names all = names;
  if (all.first.size() != count || all.last.size() != count) {
    const auto end = [&](std::size_t k) {
      return fmt::format("{:.4g}",
                         low + (high - low) * static_cast<double>(k) / static_cast<double>(count));
    };
    all = {.what = a.label};
    for (std::size_t k = 0; k < count; ++k)
      all.first.push_back(end(k)), all.last.push_back(end(k + 1));
  }
  return fmt::format(R"({{"what":{},"first":{},"last":{}}})", json_string(all.what),
                     list(all.first, json_string), list(all.last, json_string));
}

std::string cells_json(const panel& p, const heat_map& h, const box& frame, const scales& s) {
  const auto across = [&](double v) { return frame.left + s.x.place(v) * frame.width(); };
  const auto down = [&](double v) { return frame.bottom - s.y.place(v) * frame.height(); };
  const double box[] = {across(h.left), down(h.top), across(h.right), down(h.bottom)};
  const auto px = [](double v) { return number(v, 1); };
  return fmt::format(
      R"({{"box":{},"rows":{},"columns":{},"label":{},"row":{},"column":{},"values":{}}})",
      list(std::vector<double>(std::begin(box), std::end(box)), px), h.rows, h.columns,
      json_string(h.label), names_json(h.row_names, h.rows, p.y, h.bottom, h.top),
      names_json(h.column_names, h.columns, p.x, h.left, h.right), list(h.values, [](double v) {
        return std::isfinite(v) ? fmt::format("{:.4g}", v) : "null";
      }));
}

}  // namespace

std::string values_of(const panel& p, const heat_map* cells, const box& frame, const scales& s) {
  std::string series;
  for (const mark& m : p.marks) {
    if (p.read_only && m.how == form::points && m.tips.empty()) continue;  // they are its cells
    const reading r = reading_of(p, m, frame, s);
    if (!r.at.empty()) series += (series.empty() ? "" : ",") + series_json(m.name, r);
  }
  const heat_map* const read = cells != nullptr || !p.read_only ? cells : &*p.read_only;
  const bool some = read != nullptr && read->rows != 0 && read->columns != 0;
  if (series.empty() && !some) return {};
  const std::string x =
      fmt::format(R"({{"label":{},"from":{},"step":{},"names":{}}})", json_string(p.x.label),
                  value(p.x.names_from), value(p.x.names_step), list(p.x.names, json_string));
  return fmt::format(R"({{"x":{},"y":{},"series":[{}],"cells":{}}})", x, json_string(p.y.label),
                     series, some ? cells_json(p, *read, frame, s) : "null");
}

}  // namespace bdh::figure
