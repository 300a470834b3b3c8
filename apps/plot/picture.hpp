// The kinds of pictures of `bdh plot`: each a command below it, with options of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/options.hpp"
#include "apps/plot/figure/output.hpp"

namespace bdh::app {

class picture_kind {
 public:
  // `subject`: "RUN" or "MODEL", `about` what that is.
  picture_kind(command_line& plot, const std::string& name, const std::string& help,
               const std::string& subject, const std::string& about);
  picture_kind(const picture_kind&) = delete;
  picture_kind& operator=(const picture_kind&) = delete;
  virtual ~picture_kind() = default;

  bool chosen() const { return arguments_.chosen(); }
  int run() const;  // draws, writes both files; the exit code

 protected:
  double width_or(double by_default) const { return width_.value_or(by_default); }
  virtual figure::picture drawn() const = 0;

  command_line& arguments_;
  std::string subject_;  // the path that was given

 private:
  std::string target_;
  std::optional<double> width_, height_;  // px
  double scale_ = 2;
  bool force_ = false;
};

// --join largest|mean, and what it chooses.
void add_join(command_line& c, std::string& to, const std::string& help);
figure::joined_as joined_of(const std::string& text);

std::vector<std::unique_ptr<picture_kind>> run_pictures(
    command_line& plot);  // raster, rates, sparsity, synapse, spikes, isi
std::vector<std::unique_ptr<picture_kind>> model_pictures(
    command_line& plot);  // degree, weights, matrix, modularity, graph
std::vector<std::unique_ptr<picture_kind>> trial_pictures(
    command_line& plot);  // psth, compare, correlate

}  // namespace bdh::app
