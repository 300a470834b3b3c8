// The series of a panel, drawn into its frame.
#pragma once

#include <string>
#include <vector>

#include "apps/plot/figure/drawing.hpp"

namespace bdh::figure {

struct scales {
  scale x, y;
};

void draw_marks(canvas& on, const box& frame, const std::vector<mark>& marks, const scales& s);

// What of them is not drawn, or not one by one.
std::vector<std::string> notes_of(const std::vector<mark>& marks, const scales& s);

// The sample of a series in the legend, in a field whose left end's middle is `at`.
void draw_sample(canvas& on, point at, double width, const mark& m);

}  // namespace bdh::figure
