#include "apps/plot/figure/output.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "apps/plot/figure/image.hpp"
#include "io/files/atomic_file.hpp"

namespace bdh::figure {
namespace {

void fill(const atomic_file& file, const std::filesystem::path& target, std::string_view bytes) {
  std::FILE* f = std::fopen(file.temporary().c_str(), "wxe");
  errno = f == nullptr ? errno : 0;
  const bool written = f != nullptr &&
                       std::fwrite(bytes.data(), 1, bytes.size(), f) == bytes.size() &&
                       std::fflush(f) == 0;
  const int why = errno;
  if ((f != nullptr && std::fclose(f) != 0) || !written)
    throw device_error(target.string(), "cannot be written: " +
                                            std::generic_category().message(why != 0 ? why : EIO));
}

}  // namespace

void write_whole(const std::filesystem::path& target, std::string_view bytes, bool force) {
  atomic_file file(target, force);
  fill(file, target, bytes);
  file.publish();
}

picture_file::picture_file(std::filesystem::path target, bool force, double scale)
    : target_(std::move(target)), table_(target_), force_(force), scale_(scale) {
  if (target_.extension() != ".svg" && target_.extension() != ".png")
    throw input_error("-o", target_.string(), "NAME.svg or NAME.png");
  table_.replace_extension(".csv");
  const atomic_file picture(target_, force_), table(table_, force_);
}

void picture_file::write(const picture& p) const {
  const bool in_pixels = target_.extension() == ".png";
  const std::string svg = in_svg(p.what, {.pixels = in_pixels ? scale_ : 1});
  const std::string bytes = in_pixels ? svg_to_png(svg, scale_) : svg;
  atomic_file picture(target_, force_), table(table_, force_);
  fill(picture, target_, bytes);
  fill(table, table_, p.csv);
  table.publish();
  picture.publish();
}

}  // namespace bdh::figure
