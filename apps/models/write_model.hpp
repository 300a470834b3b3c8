// What the commands that make a model have in common: it is refused before the work where it may
// not be written, a signal leaves nothing of it, and its name and hash are printed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

namespace bdh::app {

struct made_model {
  model result;
  std::string summary;                    // lines
  std::vector<std::string> remarks = {};  // what the user should know, for standard error
};

struct model_target {
  std::string file;
  bool force = false;  // overwrites
  bool json = false;   // one JSON object in place of the summary
};

// The exit code. `make` may call stop_if_requested().
int write_model(const model_target& target, const std::function<made_model()>& make);

// What an import found and the model does not take into account, as one line that ends.
std::string not_used_line(const std::vector<std::string>& not_used);

}  // namespace bdh::app
