// The values of a panel for readers of single ones, by pointer or keyboard.
#pragma once

#include <string>

#include "apps/plot/figure/drawing.hpp"
#include "apps/plot/figure/marks.hpp"

namespace bdh::figure {

// A JSON object for the script of a page: places in px, and what is there,
//
//   {"x": {"label": "", "from": 0, "step": 1, "names": [of from, from + step, ...]}, "y": label,
//    "series": [{"name": "", "px": [], "py": [], "x": [], "y": []  or  "tips": []}, ...],
//    "cells": {"box": [left, top, right, bottom], "rows": 0, "columns": 0, "label": "",
//              "row": {"what": "", "first": [], "last": []}, "column": the same,
//              "values": [row by row from below; null: none]}}
//
// `cells`: as drawn, or null. Empty where there is nothing to read.
std::string values_of(const panel& p, const heat_map* cells, const box& frame, const scales& s);

}  // namespace bdh::figure
