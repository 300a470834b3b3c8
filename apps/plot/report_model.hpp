// A model as one page of HTML.
#pragma once

#include <string>

#include <bdh/model.hpp>

#include "apps/plot/report_page.hpp"

namespace bdh::app {

// `name`: what titles call it. Pictures of graphs of too many weights are left out, and the page
// says so. Throws `stopped` when a signal requests a stop.
page page_of_model(const model& m, const std::string& name);

}  // namespace bdh::app
