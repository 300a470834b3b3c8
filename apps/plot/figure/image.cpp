#include "apps/plot/figure/image.hpp"

#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <cstdint>
#include <memory>

#include <bdh/error.hpp>

namespace bdh::figure {
namespace {

constexpr double most_pixels = 16384;  // of a side

struct free_surface {
  void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
};
using surface = std::unique_ptr<cairo_surface_t, free_surface>;

void check(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS)
    throw device_error("picture", cairo_status_to_string(status), "room for its pixels");
}

surface new_surface(cairo_format_t format, int width, int height) {
  surface s(cairo_image_surface_create(format, width, height));
  check(cairo_surface_status(s.get()));
  return s;
}

std::string written(const surface& s) {
  std::string bytes;
  const auto append = [](void* to, const unsigned char* data, unsigned int length) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  check(cairo_surface_write_to_png_stream(s.get(), append, &bytes));
  return bytes;
}

bool has_fonts() {
  const FcFontSet* fonts = FcInit() ? FcConfigGetFonts(nullptr, FcSetSystem) : nullptr;
  return fonts != nullptr && fonts->nfont != 0;
}

}  // namespace

std::string in_png(const std::vector<colour>& pixels, std::size_t width) {
  const std::size_t height = pixels.size() / width;
  const surface s =
      new_surface(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height));
  cairo_surface_flush(s.get());
  unsigned char* data = cairo_image_surface_get_data(s.get());
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(s.get()));
  for (std::size_t row = 0; row < height; ++row)
    for (std::size_t column = 0; column < width; ++column) {
      const colour c = pixels[row * width + column];
      reinterpret_cast<std::uint32_t*>(data + row * stride)[column] =
          std::uint32_t{c.red} << 16 | std::uint32_t{c.green} << 8 | c.blue;
    }
  cairo_surface_mark_dirty(s.get());
  return written(s);
}

std::string in_base64(const std::string& bytes) {
  const std::unique_ptr<gchar, decltype(&g_free)> text(
      g_base64_encode(reinterpret_cast<const guchar*>(bytes.data()), bytes.size()), g_free);
  return text.get();
}

std::string svg_to_png(const std::string& svg, double scale) {
  if (!has_fonts())
    throw unavailable_error("PNG", "no font on this machine", "one to draw texts with",
                            "apt-get install fonts-dejavu-core, or write .svg");
  GError* failed = nullptr;
  const std::unique_ptr<RsvgHandle, decltype(&g_object_unref)> handle(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg.data()), svg.size(), &failed),
      g_object_unref);
  const std::unique_ptr<GError, decltype(&g_error_free)> reading(failed, g_error_free);
  if (!handle)
    throw unavailable_error("PNG", reading ? reading->message : "cannot be drawn",
                            "an SVG that librsvg takes", "write .svg");
  gdouble width = 0, height = 0;
  rsvg_handle_get_intrinsic_size_in_pixels(handle.get(), &width, &height);
  width = std::round(width * scale);
  height = std::round(height * scale);
  if (!(width <= most_pixels && height <= most_pixels))
    throw input_error("PNG", shown(width) + " x " + shown(height) + " pixels",
                      "at most " + shown(most_pixels) + " a side",
                      "a smaller --scale, --width or --height");
  const surface s =
      new_surface(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height));
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> context(cairo_create(s.get()),
                                                                   cairo_destroy);
  cairo_set_source_rgb(context.get(), 1, 1,
                       1);  // a page whose size is no whole number of pixels ends in white, too
  cairo_paint(context.get());
  const RsvgRectangle all{0, 0, width, height};
  failed = nullptr;
  rsvg_handle_render_document(handle.get(), context.get(), &all, &failed);
  const std::unique_ptr<GError, decltype(&g_error_free)> drawing(failed, g_error_free);
  if (drawing)
    throw unavailable_error("PNG", drawing->message, "an SVG that librsvg can draw", "write .svg");
  return written(s);
}

}  // namespace bdh::figure
