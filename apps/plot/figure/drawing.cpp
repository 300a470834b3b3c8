#include "apps/plot/figure/drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include <bdh/error.hpp>

#include "apps/plot/figure/marks.hpp"
#include "apps/plot/figure/panel.hpp"
#include "apps/plot/figure/text.hpp"

namespace bdh::figure {
namespace {

constexpr double margin = 8, heading_size = 14, note_size = 10, sample = 22;  // px
constexpr double least_frame = 30;    // px, of a panel's inside
constexpr double least_column = 300;  // px, of a panel with its labels
constexpr double note_line = note_size * 1.3, legend_line = label_size * 1.6;

// Each name once, in lines that are not too wide.
class legend {
 public:
  legend(const std::vector<panel>& panels, double width) {
    std::set<std::string> known;
    double x = 0;
    for (const panel& p : panels)
      for (const mark& m : p.marks) {
        if (m.name.empty() || !known.insert(m.name).second) continue;
        const double before = m.x.empty() ? 0 : sample + gap;  // a remark has no sample
        const std::string name = cut(m.name, width - before, label_size);
        const double needed = before + text_width(name, label_size);
        if (x != 0 && x + needed > width) {
          x = 0;
          ++lines_;
        }
        entries_.push_back({&m, name, {x, static_cast<double>(lines_) * legend_line}});
        x += needed + 2.5 * gap;
      }
    if (!entries_.empty()) ++lines_;
  }
  double height() const {
    return static_cast<double>(lines_) * legend_line + (lines_ != 0 ? gap : 0);
  }
  void draw(canvas& on, point corner) const {
    for (const entry& e : entries_) {
      const point at{corner.x + e.at.x, corner.y + e.at.y + legend_line / 2};
      if (!e.of->x.empty()) draw_sample(on, at, sample, *e.of);
      on.text({at.x + (e.of->x.empty() ? 0 : sample + gap), at.y + label_size * 0.35}, e.name,
              {.size = label_size});
    }
  }

 private:
  struct entry {
    const mark* of;
    std::string name;
    point at;
  };
  std::vector<entry> entries_;
  std::size_t lines_ = 0;
};

// Panels beside each other: fewer than requested where labels of axes would have no room, and the
// height is free.
std::size_t columns_of(const drawing& d) {
  const auto fit = static_cast<std::size_t>(std::max(1.0, d.width / least_column));
  return std::clamp<std::size_t>(d.columns, 1,
                                 d.height ? std::max<std::size_t>(d.columns, 1) : fit);
}

// Panels in rows and columns. Frames of a column begin and end at the same x, those of a row at the
// same y.
class layout {
 public:
  layout(const drawing& d, const box& area)
      : d_(d), columns_(columns_of(d)), rows_((d.panels.size() + columns_ - 1) / columns_) {
    const double width = area.width() / static_cast<double>(columns_),
                 height = area.height() / static_cast<double>(std::max<std::size_t>(rows_, 1));
    // How many ticks there are depends on the room for the frame, which depends on the ticks: twice
    // is enough.
    std::vector<margins> of_columns(columns_, {60, 0, 20, 0}), of_rows(rows_, {0, 20, 0, 40});
    for (int pass = 0; pass < 2; ++pass) {
      views_.clear();
      frames_.clear();
      for (std::size_t k = 0; k < d.panels.size(); ++k) {
        const margins &c = of_columns[k % columns_], &r = of_rows[k / columns_];
        const double left = area.left + width * static_cast<double>(k % columns_),
                     top = area.top + height * static_cast<double>(k / columns_);
        frames_.push_back(
            {left + c.left, top + r.top, left + width - c.right, top + height - r.bottom});
        views_.emplace_back(d.panels[k], std::max(frames_.back().width(), least_frame),
                            std::max(frames_.back().height(), least_frame));
      }
      if (pass == 1) break;
      of_columns.assign(columns_, {});
      of_rows.assign(rows_, {});
      for (std::size_t k = 0; k < d.panels.size(); ++k) {
        const margins needed = views_[k].needed();
        margins &c = of_columns[k % columns_], &r = of_rows[k / columns_];
        c.left = std::max(c.left, needed.left), c.right = std::max(c.right, needed.right);
        r.top = std::max(r.top, needed.top), r.bottom = std::max(r.bottom, needed.bottom);
      }
    }
  }

  void draw(canvas& on) const {
    for (std::size_t k = 0; k < views_.size(); ++k) {
      const box& f = frames_[k];
      if (f.width() < least_frame || f.height() < least_frame)
        throw input_error(
            "picture",
            fmt::format("{} x {} px for {} panels", number(d_.width, 0),
                        number(d_.height.value_or(0), 0), views_.size()),
            fmt::format("at least {} px more {}",
                        number(std::ceil(least_frame - std::min(f.width(), f.height())), 0),
                        f.width() < least_frame ? "width a column" : "height a row"),
            "fewer layers with --layer, or a larger --width or --height");
      views_[k].draw(on, f);
    }
  }

 private:
  const drawing& d_;
  std::size_t columns_, rows_;
  std::vector<panel_view> views_;
  std::vector<box> frames_;
};

// Notes of the figure, then those of its panels, each once.
std::vector<std::string> note_lines(const drawing& d) {
  std::vector<std::string> all = d.notes, lines;
  for (const panel& p : d.panels)
    for (const std::string& note : panel_view(p, 100, 100).notes())
      if (std::find(all.begin(), all.end(), note) == all.end()) all.push_back(note);
  for (const std::string& note : all)
    for (const std::string& line : wrapped(note, d.width - 2 * margin, note_size))
      lines.push_back(line);
  return lines;
}

}  // namespace

std::string in_svg(const drawing& d, bool interactive) {
  const std::vector<std::string> notes = note_lines(d);
  const legend names(d.panels, d.width - 2 * margin);
  const std::size_t rows = (d.panels.size() + columns_of(d) - 1) / columns_of(d);
  const double heading = d.title.empty() ? 0 : heading_size * 1.3 + gap,
               below = static_cast<double>(notes.size()) * note_line + (notes.empty() ? 0 : gap);
  const double height = d.height.value_or(2 * margin + heading + names.height() +
                                          d.panel_height * static_cast<double>(rows) + below);

  canvas on(interactive);
  on.text({margin, margin + heading_size}, cut(d.title, d.width - 2 * margin, heading_size, true),
          {.size = heading_size, .bold = true});
  names.draw(on, {margin, margin + heading});
  layout(d, {margin, margin + heading + names.height(), d.width - margin, height - margin - below})
      .draw(on);
  std::string description;
  for (std::size_t k = 0; k < notes.size(); ++k) {
    on.text({margin, height - margin - static_cast<double>(notes.size() - 1 - k) * note_line -
                         note_size * 0.25},
            notes[k], {.size = note_size, .of = grey});
    description += (k == 0 ? "" : " ") + notes[k];
  }
  return on.document(d.width, height, d.title, description);
}

}  // namespace bdh::figure
