#include <algorithm>
#include <string>
#include <vector>

#include <bdh/error.hpp>

#include "io/hdf5/file.hpp"
#include "io/hdf5/file_detail.hpp"

namespace bdh::hdf5 {
namespace {

// Bytes of a row in one chunk; longer rows are divided.
constexpr std::uint64_t longest_row = std::uint64_t{1} << 20;

// Of datasets that are written whole. The same content gives the same bytes: no times.
handle unfilled_plan(const std::string& at) {
  handle plan = writable(H5Pcreate(H5P_DATASET_CREATE), at, "no creation list");
  if (H5Pset_fill_time(plan.id(), H5D_FILL_TIME_NEVER) < 0 ||
      H5Pset_obj_track_times(plan.id(), false) < 0)
    unwritable(at, "no creation list");
  return plan;
}

}  // namespace

std::string group::below(const char* name) const {
  return place_ + (place_.back() == '/' ? "" : "/") + name;
}

bool group::has(const char* name) const {
  const silence quiet;
  return H5Lexists(handle_.id(), name, H5P_DEFAULT) > 0;
}

std::vector<std::string> group::names() const {
  const silence quiet;
  H5G_info_t members;
  if (H5Gget_info(handle_.id(), &members) < 0) throw input_error(place_, "a group without a list");
  std::vector<std::string> all(members.nlinks);
  for (hsize_t k = 0; k < members.nlinks; ++k) {
    const auto name = [&](char* to, std::size_t bytes) {
      return H5Lget_name_by_idx(handle_.id(), ".", H5_INDEX_NAME, H5_ITER_INC, k, to, bytes,
                                H5P_DEFAULT);
    };
    const auto length = name(nullptr, 0);
    if (length < 0) throw input_error(place_, "a member without a name");
    all[k].resize(static_cast<std::size_t>(length) + 1);
    name(all[k].data(), all[k].size());
    all[k].pop_back();
  }
  return all;
}

void group::check_link(const char* name) const {
  H5L_info_t link;
  if (H5Lexists(handle_.id(), name, H5P_DEFAULT) <= 0 ||
      H5Lget_info(handle_.id(), name, &link, H5P_DEFAULT) < 0)
    throw input_error(below(name), "missing");
  if (link.type != H5L_TYPE_HARD)
    throw input_error(below(name), "a link to elsewhere", "the data itself");
}

group group::open_group(const char* name) const {
  const silence quiet;
  check_link(name);
  return group(readable(H5Gopen2(handle_.id(), name, H5P_DEFAULT), below(name), "not a group"),
               below(name), limits_);
}

dataset group::open_dataset(const char* name) const {
  const silence quiet;
  check_link(name);
  dataset set(readable(H5Dopen2(handle_.id(), name, H5P_DEFAULT), below(name), "not a dataset"),
              below(name), limits_);
  set.check_storage();
  return set;
}

group group::create_group(const char* name) {
  const silence quiet;
  const std::string at = below(name);
  return group(writable(H5Gcreate2(handle_.id(), name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), at,
                        "cannot be created"),
               at, limits_);
}

template <element T>
dataset group::create_dataset(const char* name, const extents& shape) {
  const silence quiet;
  const std::string at = below(name);
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const handle space = writable(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), at, "no extents");
  const handle plan = unfilled_plan(at);
  return dataset(writable(H5Dcreate2(handle_.id(), name, types_of<T>().file, space.id(),
                                     H5P_DEFAULT, plan.id(), H5P_DEFAULT),
                          at, "cannot be created"),
                 at, limits_);
}

void group::create_link(const char* name, const char* to) {
  const silence quiet;
  if (H5Lcreate_hard(handle_.id(), to, H5L_SAME_LOC, name, H5P_DEFAULT, H5P_DEFAULT) < 0)
    unwritable(below(name), "cannot be created");
}

void group::create_texts(const char* name, const std::vector<std::string>& values) {
  const silence quiet;
  const std::string at = below(name);
  std::size_t length = 1;
  for (const std::string& v : values) length = std::max(length, v.size());
  std::vector<char> all(values.size() * length);
  for (std::size_t i = 0; i < values.size(); ++i)
    std::copy(values[i].begin(), values[i].end(), all.data() + i * length);
  const handle type = writable(H5Tcopy(H5T_C_S1), at, "no string type");
  if (H5Tset_size(type.id(), length) < 0 || H5Tset_cset(type.id(), H5T_CSET_UTF8) < 0 ||
      H5Tset_strpad(type.id(), H5T_STR_NULLPAD) < 0)
    unwritable(at, "no string type");
  const hsize_t count = values.size();
  const handle space = writable(H5Screate_simple(1, &count, nullptr), at, "no extents");
  const handle plan = unfilled_plan(at);
  const handle set = writable(
      H5Dcreate2(handle_.id(), name, type.id(), space.id(), H5P_DEFAULT, plan.id(), H5P_DEFAULT),
      at, "cannot be created");
  if (count != 0 && H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) < 0)
    unwritable(at, "cannot be written");
}

template <element T>
dataset group::create_rows(const char* name, const extents& row_shape, std::uint64_t chunk_rows) {
  const silence quiet;
  const std::string at = below(name);
  std::vector<hsize_t> dims{0}, most{H5S_UNLIMITED}, chunk{std::max<std::uint64_t>(1, chunk_rows)};
  for (std::uint64_t n : row_shape) {
    dims.push_back(n);
    most.push_back(n);
    chunk.push_back(n);
  }
  if (product(row_shape, sizeof(T)) > longest_row)
    chunk.back() = std::min<hsize_t>(chunk.back(), longest_row / sizeof(T));
  const handle space = writable(
      H5Screate_simple(static_cast<int>(dims.size()), dims.data(), most.data()), at, "no extents");
  const handle plan = writable(H5Pcreate(H5P_DATASET_CREATE), at, "no creation list");
  if (H5Pset_chunk(plan.id(), static_cast<int>(chunk.size()), chunk.data()) < 0 ||
      H5Pset_obj_track_times(plan.id(), false) < 0)
    unwritable(at, "no creation list");
  return dataset(writable(H5Dcreate2(handle_.id(), name, types_of<T>().file, space.id(),
                                     H5P_DEFAULT, plan.id(), H5P_DEFAULT),
                          at, "cannot be created"),
                 at, limits_);
}

#define BDH_FOR_ELEMENT(T)                                                \
  template dataset group::create_dataset<T>(const char*, const extents&); \
  template dataset group::create_rows<T>(const char*, const extents&, std::uint64_t);
BDH_FOR_ELEMENT(float)
BDH_FOR_ELEMENT(double)
BDH_FOR_ELEMENT(std::uint8_t)
BDH_FOR_ELEMENT(std::uint32_t)
BDH_FOR_ELEMENT(std::uint64_t)
BDH_FOR_ELEMENT(std::int64_t)
#undef BDH_FOR_ELEMENT

}  // namespace bdh::hdf5
