// A figure described by its data: panels with axes, series, a legend, notes. Margins, ticks and the
// places of labels follow from it, so that nothing overlaps or is cut off, for few data and for
// many.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/plot/figure/canvas.hpp"
#include "apps/plot/figure/colours.hpp"
#include "apps/plot/figure/scale.hpp"

namespace bdh::figure {

struct axis {
  std::string label{};  // with its unit
  spacing kind = spacing::linear;
  std::optional<double> least{}, most{};  // else those of the data, rounded
  bool whole = false;                     // of integers
  bool tight = false;                     // ends where the data end
  bool hidden = false;                    // no line, no ticks, no label
  std::vector<tick>
      ticks{};  // instead of round values: categories, tokens; those without room have no label
  bool upwards = false;  // of x: labels are read from below
  // For readers of single values: what values_from, values_from + step, ... are called.
  std::vector<std::string> names{};
  double names_from = 0, names_step = 1;
};

// Bands cover all of the height, from and to two places of x: in colour beside the frame, where
// each series has a line of its own, and pale behind what is drawn.
enum class form { line, steps, points, bars, segments, arrows, texts, bands };

// One series. Elements that are not finite, or not positive on a logarithmic axis, are gaps.
struct mark {
  form how = form::line;
  std::string name{};  // in the legend; there a series without elements is a remark
  colour of = ink;
  std::vector<double> x{},
      y{};  // of segments and arrows two points each, of texts the places that they belong to
  // px: width of a line, diameter of a point, size of a text; of bars in units of x
  double size = 1.5;
  shape with = shape::disc;
  bool dashed = false;
  bool marked = false;  // of a line of few points: with a marker at each, `with`
  bool blunt = false;   // arrows that end in a bar, as inhibition is drawn; they are bent, so that
                        // both ways can be seen
  std::vector<colour> colours{};  // of each element (of segments and arrows: of each pair of
                                  // points), instead of `of`
  std::vector<double> sizes{};    // the same
  std::vector<double>
      clearance{};  // px, of each point: room left for what is drawn there, by arrows and texts
  std::vector<std::string> labels{};  // the texts; those without room are left out
  bool bold = false;                  // of texts
  // Of points, bars, the points of a line and arrows: shown where a pointer rests. Empty: none,
  // and in an interactive drawing the values.
  std::vector<std::string> tips{};
  bool hidden_points = false;  // of a line: only its tips
};

// What a cell shows of the values that it stands for: the one of the largest size, with its sign,
// or their mean.
enum class joined_as { largest, mean };

// The rows or the columns of a heat map, for readers of single values.
struct cell_names {
  std::string what{};                        // "neuron"
  std::vector<std::string> first{}, last{};  // of each row or column; the same where it is of one
  std::vector<double> sizes{};               // how much each stands for; empty: 1
};

// Values in cells of equal size; NaN is white.
struct heat_map {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values{};                     // rows x columns, the first row at the bottom
  double left = 0, right = 1, bottom = 0, top = 1;  // what it covers, in units of the axes
  bool is_signed = false;                           // blue below 0, red above
  bool zero_is_white = false;
  joined_as joined = joined_as::largest;  // where there are more cells than pixels
  std::optional<double> least{}, most{};  // else those of the values
  std::string label{};                    // of the colour bar, with its unit
  cell_names row_names{}, column_names{};
};

// At most so many rows and columns, each of as many of those before as the others, or one more.
heat_map binned(const heat_map& whole, std::size_t rows, std::size_t columns);

struct panel {
  std::string title{};
  axis x{}, y{};
  std::vector<mark> marks{};
  std::optional<heat_map> heat{};
  std::optional<heat_map> read_only{};  // not drawn: for readers of single values, of marks that
                                        // are too many to have a tip each
  std::string nothing = "no data";      // said where nothing can be shown
};

struct drawing {
  std::string title{};
  std::vector<std::string> notes{};  // below the panels
  double width = 720;                // px
  std::optional<double> height{};    // else by the panels
  std::size_t columns = 1;      // panels beside each other, of which each has room for its labels
  double panel_height = 170;    // px of a row, where there is no height
  std::vector<panel> panels{};  // row by row
};

struct svg_options {
  bool interactive = false;  // each panel can be reached by keyboard and holds its values as JSON
  double pixels = 1;         // that a px will be drawn with
};

// The same bytes for the same drawing. A heat map never has more cells than pixels. Throws
// input_error when the panels have no room.
std::string in_svg(const drawing& d, const svg_options& options = {});

}  // namespace bdh::figure
