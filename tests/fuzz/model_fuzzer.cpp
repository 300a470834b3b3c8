// Our reader of model files, on files that are sound HDF5 with any values in them: every attribute and dataset of a small model
// can be overwritten. Changing HDF5's own structures would only find the library's faults again (1.10.8 reads behind a damaged
// attribute message, below H5Aexists); the seal (io/seal.hpp) keeps accidental damage away from it.
//
// Input: steps of [number of the value, modulo their count][offset, 2 bytes][length][bytes to put there].
#include <hdf5.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "../files/support.hpp"
#include "core/base/error.hpp"
#include "io/model_file.hpp"

namespace {

struct value {
  std::size_t offset, size;  // of its bytes in the image
};

// A small model file, and where in it the bytes of its attributes and datasets lie.
class seed_file {
 public:
  explicit seed_file(const files::choice& kind) {
    const files::folder dir;
    const auto path = dir / "seed.bdh.h5";
    bdh::save_model(files::small_model(kind), path, false);
    image_ = files::read(path);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit, this);
    H5Fclose(file);
    if (values_.size() < 40) std::abort();
  }
  const std::string& image() const { return image_; }
  const std::vector<value>& values() const { return values_; }

 private:
  static herr_t visit(hid_t file, const char* name, const H5O_info_t* info, void* self) {
    auto& s = *static_cast<seed_file*>(self);
    const hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    if (info->type == H5O_TYPE_DATASET && H5Dget_offset(object) != HADDR_UNDEF)
      s.values_.push_back({static_cast<std::size_t>(H5Dget_offset(object)), static_cast<std::size_t>(H5Dget_storage_size(object))});
    hsize_t at = 0;
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, visit_attribute, self);
    H5Oclose(object);
    return 0;
  }

  // An attribute lies in the image as its name, padded to 8 bytes, a description of its type and extents, and its value.
  static herr_t visit_attribute(hid_t object, const char* name, const H5A_info_t* info, void* self) {
    auto& s = *static_cast<seed_file*>(self);
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attribute);
    std::string bytes(static_cast<std::size_t>(info->data_size), '\0');
    H5Aread(attribute, type, bytes.data());
    H5Tclose(type);
    H5Aclose(attribute);
    const std::string key(name, std::char_traits<char>::length(name) + 1);
    for (std::size_t k = s.image_.find(key); k != std::string::npos; k = s.image_.find(key, k + 1)) {
      const std::size_t v = s.image_.find(bytes, k + key.size());
      if (v == std::string::npos || v > k + key.size() + 64) continue;
      if (std::none_of(s.values_.begin(), s.values_.end(), [&](const value& other) { return other.offset == v; }))
        s.values_.push_back({v, bytes.size()});
    }
    return 0;
  }

  std::string image_;
  std::vector<value> values_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seed_file seeds[] = {seed_file({"gpu-release", 2, true, true, true}), seed_file({"gpu-release", 2, false, true, true})};
  if (size == 0) return 0;
  const seed_file& seed = seeds[data[0] % 2];
  std::string image = seed.image();
  for (std::size_t i = 1; i + 4 < size;) {
    const value& v = seed.values()[data[i] % seed.values().size()];
    const std::size_t offset = (data[i + 1] + 256u * data[i + 2]) % v.size;
    const std::size_t length = std::min({std::size_t{data[i + 3]}, v.size - offset, size - i - 4});
    std::copy_n(data + i + 4, length, image.begin() + static_cast<std::ptrdiff_t>(v.offset + offset));
    i += 4 + length;
  }
  try {
    bdh::load_model_image(std::as_bytes(std::span(image)), "fuzz");
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
