// Strings of any length, and references: what NWB files need and ours do without.
#include <vector>

#include <bdh/error.hpp>

#include "io/hdf5/file_detail.hpp"

namespace bdh::hdf5 {
namespace {

// Zero ends a string here.
std::vector<const char*> pointers(const std::vector<std::string>& values,
                                  const std::string& place) {
  std::vector<const char*> all;
  for (const std::string& v : values) {
    if (v.find('\0') != v.npos) throw input_error(place, "a text with a zero byte", "one without");
    all.push_back(v.c_str());
  }
  return all;
}

handle string_type(const std::string& place) {
  handle type = writable(H5Tcopy(H5T_C_S1), place, "no string type");
  if (H5Tset_size(type.id(), H5T_VARIABLE) < 0 || H5Tset_cset(type.id(), H5T_CSET_UTF8) < 0)
    unwritable(place, "no string type");
  return type;
}

handle list_of(std::size_t size, const std::string& place) {
  const hsize_t count = size;
  return writable(H5Screate_simple(1, &count, nullptr), place, "no extents");
}

handle scalar(const std::string& place) {
  return writable(H5Screate(H5S_SCALAR), place, "no extents");
}

}  // namespace

void object::set_string(const char* name, std::string_view value) {
  const silence quiet;
  const std::vector<std::string> values{std::string(value)};
  write_attribute(name, string_type(place_).id(), scalar(place_).id(),
                  pointers(values, place_ + "@" + name).data());
}

void object::set_strings(const char* name, const std::vector<std::string>& values) {
  const silence quiet;
  write_attribute(name, string_type(place_).id(), list_of(values.size(), place_).id(),
                  pointers(values, place_ + "@" + name).data());
}

void object::set_integer32(const char* name, std::int32_t value) {
  const silence quiet;
  write_attribute(name, H5T_STD_I32LE, scalar(place_).id(), &value);
}

void object::set_reference(const char* name, const char* path) {
  const silence quiet;
  hobj_ref_t to{};
  if (H5Rcreate(&to, handle_.id(), path, H5R_OBJECT, -1) < 0)
    unwritable(place_ + "@" + name, "no such object");
  write_attribute(name, H5T_STD_REF_OBJ, scalar(place_).id(), &to);
}

void group::create_string(const char* name, std::string_view value) {
  const silence quiet;
  const std::string at = below(name);
  const handle type = string_type(at), space = scalar(at);
  const handle set = writable(
      H5Dcreate2(handle_.id(), name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      at, "cannot be created");
  const std::vector<std::string> values{std::string(value)};
  if (H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers(values, at).data()) < 0)
    unwritable(at, "cannot be written");
}

dataset group::create_strings(const char* name, const std::vector<std::string>& values) {
  const silence quiet;
  const std::string at = below(name);
  const handle type = string_type(at), space = list_of(values.size(), at);
  handle set = writable(
      H5Dcreate2(handle_.id(), name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      at, "cannot be created");
  if (!values.empty() &&
      H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers(values, at).data()) < 0)
    unwritable(at, "cannot be written");
  return dataset(std::move(set), at, limits_);
}

}  // namespace bdh::hdf5
