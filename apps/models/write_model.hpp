// What the commands that make a model have in common: it is refused before the work where it may
// not be written, a signal leaves nothing of it, and its name and hash are printed.
#pragma once

#include <functional>
#include <string>

#include <bdh/model.hpp>

namespace bdh::app {

struct made_model {
  model result;
  std::string summary;  // lines
};

// The exit code. `make` may call stop_if_requested().
int write_model(const std::string& target, bool force, const std::function<made_model()>& make);

}  // namespace bdh::app
