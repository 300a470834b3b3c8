// A picture and its data as files: FILE.svg or FILE.png, and FILE.csv beside it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "apps/plot/figure/drawing.hpp"

namespace bdh::figure {

struct picture {
  drawing what;
  std::string csv;  // what is drawn, with a header
};

// The file appears whole, or not at all. Throws input_error when it exists, unless `force`;
// device_error.
void write_whole(const std::filesystem::path& target, std::string_view bytes, bool force);

class picture_file {
 public:
  // Refuses before the work what cannot be written: another suffix than .svg or .png, a file that
  // exists unless `force`. Throws input_error.
  picture_file(std::filesystem::path target, bool force, double scale);

  // Both files appear whole, or the picture not at all. Throws device_error.
  void write(const picture& p) const;

  const std::filesystem::path& table() const noexcept { return table_; }

 private:
  std::filesystem::path target_, table_;
  bool force_;
  double scale_;  // of a PNG
};

}  // namespace bdh::figure
