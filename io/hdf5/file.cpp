#include "io/hdf5/file.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"
#include "io/files/mapped_file.hpp"
#include "io/hdf5/driver.hpp"
#include "io/hdf5/file_detail.hpp"
#include "io/hdf5/validate.hpp"

namespace bdh::hdf5 {
namespace {

// An attribute of the first file version cannot be longer.
constexpr std::size_t longest_text = 65536;

// The innermost message of HDF5's error stack.
std::string reason() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, const H5E_error2_t* e, void* to) -> herr_t {
        auto& message = *static_cast<std::string*>(to);
        if (message.empty() && e->desc != nullptr) message = e->desc;
        return 0;
      },
      &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

}  // namespace

void unreadable(const std::string& place, const char* what) {
  throw input_error(place, std::string(what) + " (HDF5: " + reason() + ")");
}
void unwritable(const std::string& place, const char* what) {
  throw device_error(place, std::string(what) + " (HDF5: " + reason() + ")");
}

bool equal_types(hid_t a, hid_t b) noexcept { return H5Tequal(a, b) > 0; }

bool is_integer(hid_t type) noexcept {
  for (hid_t t : {H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_STD_I8LE,
                  H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U16BE, H5T_STD_U32BE,
                  H5T_STD_U64BE, H5T_STD_I16BE, H5T_STD_I32BE, H5T_STD_I64BE})
    if (equal_types(type, t)) return true;
  return false;
}

bool is_signed(hid_t type) noexcept { return H5Tget_sign(type) == H5T_SGN_2; }

std::string shown(const extents& shape) {
  std::string text;
  for (std::uint64_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text.empty() ? "one value" : text;
}

// ---- handles

handle::handle(handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}

handle& handle::operator=(handle&& other) noexcept {
  if (this != &other) {
    close();
    id_ = std::exchange(other.id_, -1);
  }
  return *this;
}

handle::~handle() { close(); }

bool handle::close() noexcept {
  if (id_ < 0) return true;
  const silence quiet;
  return H5Idec_ref(std::exchange(id_, -1)) >= 0;
}

// ---- attributes

bool object::has_attribute(const char* name) const {
  const silence quiet;
  return H5Aexists(handle_.id(), name) > 0;
}

std::vector<std::string> object::attribute_names() const {
  const silence quiet;
  H5O_info_t about;
  if (H5Oget_info2(handle_.id(), &about, H5O_INFO_NUM_ATTRS) < 0)
    unreadable(place_, "attributes cannot be counted");
  std::vector<std::string> all(about.num_attrs);
  for (hsize_t k = 0; k < about.num_attrs; ++k) {
    const auto name = [&](char* to, std::size_t bytes) {
      return H5Aget_name_by_idx(handle_.id(), ".", H5_INDEX_NAME, H5_ITER_INC, k, to, bytes,
                                H5P_DEFAULT);
    };
    const auto length = name(nullptr, 0);
    if (length < 0) unreadable(place_, "an attribute without a name");
    all[k].resize(static_cast<std::size_t>(length) + 1);
    name(all[k].data(), all[k].size());
    all[k].pop_back();
  }
  return all;
}

handle object::open_attribute(const char* name) const {
  const std::string at = place_ + "@" + name;
  if (H5Aexists(handle_.id(), name) <= 0) throw input_error(at, "no such attribute");
  return readable(H5Aopen(handle_.id(), name, H5P_DEFAULT), at, "attribute cannot be opened");
}

std::string object::text(const char* name) const {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  const handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  const handle space = readable(H5Aget_space(attribute.id()), at, "no extents");
  const std::size_t size = H5Tget_size(type.id());
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0 ||
      H5Sget_simple_extent_npoints(space.id()) != 1 || size == 0 || size > longest_text)
    throw input_error(
        at, "another type",
        "one string of fixed length, at most " + std::to_string(longest_text) + " bytes");
  std::string value(size, '\0');
  if (H5Aread(attribute.id(), type.id(), value.data()) < 0)
    unreadable(at, "attribute cannot be read");
  value.resize(std::min(value.find('\0'), value.size()));
  return value;
}

std::string object::text_of_any_length(const char* name) const {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  const handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) <= 0)
    return text(name);
  const handle space = readable(H5Aget_space(attribute.id()), at, "no extents");
  if (H5Sget_simple_extent_npoints(space.id()) != 1) throw input_error(at, "several texts", "one");
  char* value = nullptr;
  if (H5Aread(attribute.id(), type.id(), &value) < 0 || value == nullptr)
    unreadable(at, "attribute cannot be read");
  const std::string copy(value, ::strnlen(value, longest_text));
  H5free_memory(value);
  return copy;
}

extents object::numbers(const char* name, std::size_t count) const {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  const handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  const handle space = readable(H5Aget_space(attribute.id()), at, "no extents");
  const hssize_t found = H5Sget_simple_extent_npoints(space.id());
  if (!is_integer(type.id()) || found < 0 || static_cast<std::size_t>(found) != count)
    throw input_error(at, "another type or number of values",
                      std::to_string(count) + (count == 1 ? " integer" : " integers"));
  extents values(count);
  const bool negative = is_signed(type.id());
  if (H5Aread(attribute.id(), negative ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, values.data()) < 0)
    unreadable(at, "attribute cannot be read");
  for (std::uint64_t v : values)
    if (negative && static_cast<std::int64_t>(v) < 0)
      throw input_error(at, std::to_string(static_cast<std::int64_t>(v)), "0 or more");
  return values;
}

std::int64_t object::integer(const char* name) const {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  const handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  const handle space = readable(H5Aget_space(attribute.id()), at, "no extents");
  if (!is_integer(type.id()) || H5Sget_simple_extent_npoints(space.id()) != 1)
    throw input_error(at, "another type or number of values", "1 integer");
  std::int64_t value = 0;
  if (H5Aread(attribute.id(), H5T_NATIVE_INT64, &value) < 0)
    unreadable(at, "attribute cannot be read");
  return value;
}

std::uint64_t object::number(const char* name) const { return numbers(name, 1)[0]; }

double object::real(const char* name) const {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  const handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  const handle space = readable(H5Aget_space(attribute.id()), at, "no extents");
  if (!(equal_types(type.id(), H5T_IEEE_F64LE) || equal_types(type.id(), H5T_IEEE_F64BE)) ||
      H5Sget_simple_extent_npoints(space.id()) != 1)
    throw input_error(at, "another type", "one float64");
  double value = 0;
  if (H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, &value) < 0)
    unreadable(at, "attribute cannot be read");
  if (!std::isfinite(value)) throw input_error(at, std::to_string(value), "a finite number");
  return value;
}

void object::write_attribute(const char* name, hid_t type, hid_t space, const void* value) {
  const std::string at = place_ + "@" + name;
  handle attribute = writable(H5Acreate2(handle_.id(), name, type, space, H5P_DEFAULT, H5P_DEFAULT),
                              at, "attribute cannot be created");
  if (H5Awrite(attribute.id(), type, value) < 0) unwritable(at, "attribute cannot be written");
  if (!attribute.close()) unwritable(at, "attribute cannot be closed");
}

void object::write_value(const char* name, hid_t type, const void* value) {
  const silence quiet;
  const handle space = writable(H5Screate(H5S_SCALAR), place_, "no extents");
  write_attribute(name, type, space.id(), value);
}

void object::write_values(const char* name, hid_t type, std::uint64_t count, const void* values) {
  const silence quiet;
  const hsize_t n = count;
  const handle space = writable(H5Screate_simple(1, &n, nullptr), place_, "no extents");
  write_attribute(name, type, space.id(), values);
}

void object::set_text(const char* name, std::string_view value) {
  const silence quiet;
  if (value.size() > 60000)
    throw input_error(place_ + "@" + name, std::to_string(value.size()) + " bytes of text",
                      "at most 60000");
  const handle type = writable(H5Tcopy(H5T_C_S1), place_, "no string type");
  // AnnData and SciPy read strings of fixed length too, and these need none of HDF5's heaps.
  if (H5Tset_size(type.id(), std::max<std::size_t>(1, value.size())) < 0 ||
      H5Tset_cset(type.id(), H5T_CSET_UTF8) < 0 || H5Tset_strpad(type.id(), H5T_STR_NULLPAD) < 0)
    unwritable(place_, "no string type");
  const handle space = writable(H5Screate(H5S_SCALAR), place_, "no extents");
  write_attribute(name, type.id(), space.id(), value.empty() ? "" : value.data());
}

void object::change_text(const char* name, std::string_view value) {
  const silence quiet;
  const std::string at = place_ + "@" + name;
  handle attribute = open_attribute(name);
  const handle type = readable(H5Aget_type(attribute.id()), at, "no type");
  if (H5Tget_size(type.id()) != value.size() ||
      H5Awrite(attribute.id(), type.id(), value.data()) < 0 || !attribute.close())
    unwritable(at, "attribute cannot be written");
}

void object::set_number(const char* name, std::uint64_t value) {
  write_value(name, H5T_STD_U64LE, &value);
}

void object::set_numbers(const char* name, std::span<const std::uint64_t> values) {
  write_values(name, H5T_STD_U64LE, values.size(), values.data());
}

void object::set_integer(const char* name, std::int64_t value) {
  write_value(name, H5T_STD_I64LE, &value);
}

void object::set_number32(const char* name, std::uint32_t value) {
  write_value(name, H5T_STD_U32LE, &value);
}

void object::set_numbers32(const char* name, std::span<const std::uint32_t> values) {
  write_values(name, H5T_STD_U32LE, values.size(), values.data());
}

void object::set_choice(const char* name, std::span<const char* const> names, std::uint8_t chosen) {
  const silence quiet;
  const handle type = writable(H5Tenum_create(H5T_STD_U8LE), place_, "no enumeration");
  for (std::uint8_t value = 0; value < names.size(); ++value)
    if (H5Tenum_insert(type.id(), names[value], &value) < 0) unwritable(place_, "no enumeration");
  const handle space = writable(H5Screate(H5S_SCALAR), place_, "no extents");
  write_attribute(name, type.id(), space.id(), &chosen);
}

void object::set_flag(const char* name, bool value) {
  const std::uint8_t flag = value ? 1 : 0;
  write_value(name, H5T_STD_U8LE, &flag);
}

void object::set_real(const char* name, double value) { write_value(name, H5T_IEEE_F64LE, &value); }

// ---- files

file::file(handle h, std::string where, limits l)
    : handle_(std::move(h)), shown_(std::move(where)), limits_(l) {}
file::file(file&&) noexcept = default;

file& file::operator=(file&& other) noexcept {
  handle_ = std::move(other.handle_);  // first: closing writes through output_
  output_ = std::move(other.output_);
  shown_ = std::move(other.shown_);
  limits_ = other.limits_;
  return *this;
}

file::~file() { handle_.close(); }

file file::open(const std::filesystem::path& path, limits l, std::string where) {
  const silence quiet;
  if (where.empty()) where = path.string();
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw input_error(where, std::filesystem::exists(path, failed) ? "not a file" : "no such file",
                      "an HDF5 file");
  if (!std::ifstream(path, std::ios::binary))
    throw input_error(where, "cannot be opened: " + std::generic_category().message(errno),
                      "a readable file");
  if (l.plain) {
    const mapped_file mapped(path);
    validate(mapped.bytes(), where);
    l.dataset_bytes = std::min<std::uint64_t>(l.dataset_bytes, mapped.bytes().size());
  }
  const handle access = readable(H5Pcreate(H5P_FILE_ACCESS), where, "no access list");
  if (H5Pset_file_locking(access.id(), false, true) < 0 ||
      H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) < 0)
    unreadable(where, "no access list");
  handle h =
      readable(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), where, "not a whole HDF5 file");
  return file(std::move(h), std::move(where), l);
}

file file::open_image(std::span<const std::byte> image, limits l, const std::string& where) {
  const silence quiet;
  if (l.plain) {
    validate(image, where);
    l.dataset_bytes = std::min<std::uint64_t>(l.dataset_bytes, image.size());
  }
  const handle access = readable(H5Pcreate(H5P_FILE_ACCESS), where, "no access list");
  // HDF5 copies the image and leaves it unchanged; its interface only lacks the const.
  if (H5Pset_fapl_core(access.id(), 65536, false) < 0 ||
      H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) < 0 ||
      H5Pset_file_image(access.id(), const_cast<std::byte*>(image.data()), image.size()) < 0)
    unreadable(where, "no access list");
  handle h =
      readable(H5Fopen("image", H5F_ACC_RDONLY, access.id()), where, "not a whole HDF5 file");
  return file(std::move(h), where, l);
}

file file::create(const std::filesystem::path& path, std::uint64_t user_block, std::string where) {
  const silence quiet;
  if (where.empty()) where = path.string();
  auto to = std::make_unique<output>(path);
  const handle creation = writable(H5Pcreate(H5P_FILE_CREATE), where, "no creation list");
  const handle access = writable(access_through(*to), where, "no access list");
  // The oldest format, which io/hdf5/validate.hpp knows and every program reads: HDF5 2 would write
  // a newer one. What can be mapped, in models, begins with a cache line.
  if (H5Pset_userblock(creation.id(), user_block) < 0 ||
      H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) < 0 ||
      H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG) < 0 ||
      (user_block != 0 && H5Pset_alignment(access.id(), std::uint64_t{1} << 20, 64) < 0))
    unwritable(where, "no access list");
  file f(writable(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), where,
                  "cannot be created"),
         where, {});
  f.output_ = std::move(to);
  return f;
}

group file::root() const {
  const silence quiet;
  return group(readable(H5Gopen2(handle_.id(), "/", H5P_DEFAULT), shown_ + ":/", "no root group"),
               shown_ + ":/", limits_);
}

void file::check_output() const {
  if (output_ && output_->error != 0) throw_errno(shown_, output_->error);
}

void file::flush() {
  const silence quiet;
  if (H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL) < 0) unwritable(shown_, "cannot be flushed");
  if (output_) output_->commit(false);
  check_output();
}

void file::sync() {
  const silence quiet;
  if (H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL) < 0) unwritable(shown_, "cannot be flushed");
  if (output_) output_->commit(true);
  check_output();
}

void file::close() {
  const silence quiet;
  if (!handle_.close()) unwritable(shown_, "cannot be closed");
  if (output_) output_->commit(true);
  check_output();
}

}  // namespace bdh::hdf5
