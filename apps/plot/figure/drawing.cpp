#include "apps/plot/figure/drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

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

// Panels in rows and columns. All frames have the same size, and edges between pixels.
class layout {
 public:
  layout(const drawing& d, const box& area, double pixels)
      : d_(d), columns_(columns_of(d)), rows_((d.panels.size() + columns_ - 1) / columns_) {
    const double width = area.width() / static_cast<double>(columns_),
                 height = area.height() / static_cast<double>(std::max<std::size_t>(rows_, 1));
    // How many ticks there are depends on the room for the frame, which depends on the ticks: twice
    // is enough.
    margins m{60, 20, 20, 40};
    for (int pass = 0; pass < 2; ++pass) {
      views_.clear();
      frames_.clear();
      const double frame_width = std::floor(width - m.left - m.right),
                   frame_height = std::floor(height - m.top - m.bottom);
      for (std::size_t k = 0; k < d.panels.size(); ++k) {
        const double left =
                         std::round(area.left + width * static_cast<double>(k % columns_) + m.left),
                     top =
                         std::round(area.top + height * static_cast<double>(k / columns_) + m.top);
        frames_.push_back({left, top, left + frame_width, top + frame_height});
        views_.emplace_back(d.panels[k], std::max(frame_width, least_frame),
                            std::max(frame_height, least_frame), pixels);
      }
      if (pass == 1) break;
      m = {};
      for (const panel_view& v : views_) {
        const margins needed = v.needed();
        m.left = std::max(m.left, needed.left), m.right = std::max(m.right, needed.right);
        m.top = std::max(m.top, needed.top), m.bottom = std::max(m.bottom, needed.bottom);
      }
    }
  }

  // Of the panels, each once.
  std::vector<std::string> notes() const {
    std::vector<std::string> all;
    for (const panel_view& v : views_)
      for (const std::string& note : v.notes())
        if (std::find(all.begin(), all.end(), note) == all.end()) all.push_back(note);
    return all;
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

// A figure's parts from above: title, legend, panels, notes.
class page {
 public:
  page(const drawing& d, double pixels)
      : d_(d), names_(d.panels, d.width - 2 * margin), pixels_(pixels) {
    heading_ = d.title.empty() ? 0 : heading_size * 1.3 + gap;
    // The panels' notes depend on their size, and where the height is given that on the notes.
    std::vector<std::string> of_panels;
    for (int pass = 0; pass < 3; ++pass) {
      arrange(of_panels);
      std::vector<std::string> now = panels_->notes();
      if (now == of_panels) break;
      of_panels = std::move(now);
    }
  }

  std::string drawn(bool interactive) const {
    canvas on(interactive);
    on.text({margin, margin + heading_size},
            cut(d_.title, d_.width - 2 * margin, heading_size, true),
            {.size = heading_size, .bold = true});
    names_.draw(on, {margin, margin + heading_});
    panels_->draw(on);
    std::string description;
    for (std::size_t k = 0; k < lines_.size(); ++k) {
      on.text({margin, height_ - margin - static_cast<double>(lines_.size() - 1 - k) * note_line -
                           note_size * 0.25},
              lines_[k], {.size = note_size, .of = grey});
      description += (k == 0 ? "" : " ") + lines_[k];
    }
    return on.document(d_.width, height_, d_.title, description);
  }

 private:
  void arrange(const std::vector<std::string>& of_panels) {
    lines_.clear();
    for (const auto* notes : {&d_.notes, &of_panels})
      for (const std::string& note : *notes)
        for (const std::string& line : wrapped(note, d_.width - 2 * margin, note_size))
          lines_.push_back(line);
    const double below =
        static_cast<double>(lines_.size()) * note_line + (lines_.empty() ? 0 : gap);
    const std::size_t rows = (d_.panels.size() + columns_of(d_) - 1) / columns_of(d_);
    height_ = d_.height.value_or(2 * margin + heading_ + names_.height() +
                                 d_.panel_height * static_cast<double>(rows) + below);
    panels_.emplace(d_,
                    box{margin, margin + heading_ + names_.height(), d_.width - margin,
                        height_ - margin - below},
                    pixels_);
  }

  const drawing& d_;
  legend names_;
  double pixels_, heading_ = 0, height_ = 0;
  std::vector<std::string> lines_;
  std::optional<layout> panels_;
};

}  // namespace

std::string in_svg(const drawing& d, const svg_options& options) {
  return page(d, options.pixels).drawn(options.interactive);
}

}  // namespace bdh::figure
