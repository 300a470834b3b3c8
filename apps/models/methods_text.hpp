// A model as a paragraph for the methods section of an article.
#pragma once

#include <string>

#include <bdh/model.hpp>

namespace bdh::app {

// Sizes, edges, weights, dynamics, retention, how it was drawn and tuned, and what to cite: all of
// it from the model itself. `file`: its name. Ends with a line end.
std::string methods_text(const model& m, const std::string& file);

}  // namespace bdh::app
