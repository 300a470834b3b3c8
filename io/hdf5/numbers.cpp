// Numbers of any type, and strings of any length, as other programs write them.
#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include <bdh/error.hpp>

#include "io/hdf5/file.hpp"
#include "io/hdf5/file_detail.hpp"

namespace bdh::hdf5 {
namespace {

constexpr std::uint64_t piece = 1 << 16;  // rows

void read_piece(hid_t set, std::uint64_t first, std::uint64_t rows, hid_t memory_type, void* to,
                hid_t how, const std::string& place) {
  const handle from = readable(H5Dget_space(set), place, "no extents");
  const hsize_t start = first, count = rows;
  if (H5Sselect_hyperslab(from.id(), H5S_SELECT_SET, &start, nullptr, &count, nullptr) < 0)
    unreadable(place, "no such rows");
  const handle block = readable(H5Screate_simple(1, &count, nullptr), place, "no extents");
  if (H5Dread(set, memory_type, block.id(), from.id(), how, to) < 0)
    unreadable(place, "cannot be read");
}

// Of half to extended precision.
bool is_floating(hid_t type) { return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) <= 16; }

// As h5py keeps truth values: an enumeration of two small integers.
bool is_boolean(hid_t type) {
  return H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) <= 8 && H5Tget_nmembers(type) == 2;
}

// Memory for strings of any length, which HDF5 requests: of each string no more than `longest`. A
// read that fails half way has made some that only this knows.
class string_memory {
 public:
  explicit string_memory(std::uint64_t longest) : longest_(longest) {}
  string_memory(const string_memory&) = delete;
  string_memory& operator=(const string_memory&) = delete;
  ~string_memory() { clear(); }

  void clear() {
    for (void* one : made_) std::free(one);
    made_.clear();
  }
  static void* allocate(std::size_t bytes, void* self) {
    auto& memory = *static_cast<string_memory*>(self);
    if (bytes > memory.longest_ + 1) return nullptr;
    void* const one = std::malloc(bytes);
    if (one != nullptr) memory.made_.insert(one);
    return one;
  }
  static void release(void* one, void* self) {
    static_cast<string_memory*>(self)->made_.erase(one);
    std::free(one);
  }

 private:
  std::uint64_t longest_;
  std::unordered_set<void*> made_;
};

}  // namespace

void dataset::visit_numbers(std::uint64_t rows, const number_visitor& use) const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  const bool integers = is_integer(type.id());
  if (!integers && !is_floating(type.id()) && !is_boolean(type.id()))
    throw input_error(place_, "another element type", "integers or floating-point numbers");
  if (shape_.size() != 1) throw input_error(place_, "shape " + shown(shape_), "one dimension");
  check_size(first_rows(rows), sizeof(float));
  const auto visit = [&]<class T>(
                         hid_t memory_type,
                         const std::function<void(std::uint64_t, std::span<const T>)>& to) {
    std::vector<T> values(std::min(rows, piece));
    for (std::uint64_t first = 0; first < rows; first += piece) {
      const std::uint64_t count = std::min(piece, rows - first);
      read_piece(handle_.id(), first, count, memory_type, values.data(), H5P_DEFAULT, place_);
      to(first, std::span<const T>(values.data(), count));
    }
  };
  if (is_floating(type.id()))
    visit(H5T_NATIVE_DOUBLE, use.reals);
  else if (integers && !is_signed(type.id()))
    visit(H5T_NATIVE_UINT64, use.unsigned_integers);
  else
    visit(H5T_NATIVE_INT64, use.integers);
}

bool dataset::has_strings() const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  return H5Tget_class(type.id()) == H5T_STRING;
}

std::vector<std::string> dataset::read_strings(std::uint64_t rows, std::uint64_t longest) const {
  const silence quiet;
  const handle type = readable(H5Dget_type(handle_.id()), place_, "no type");
  if (H5Tget_class(type.id()) != H5T_STRING)
    throw input_error(place_, "another element type", "strings");
  if (shape_.size() != 1) throw input_error(place_, "shape " + shown(shape_), "one dimension");
  if (H5Tis_variable_str(type.id()) == 0) {
    std::vector<std::string> all = read_texts(shape_[0], longest);
    all.resize(first_rows(rows)[0]);
    for (std::string& text : all)  // as Fortran fills them up
      if (H5Tget_strpad(type.id()) == H5T_STR_SPACEPAD) text.erase(text.find_last_not_of(' ') + 1);
    return all;
  }
  check_size(first_rows(rows), sizeof(char*));
  string_memory memory(longest);
  const handle how = readable(H5Pcreate(H5P_DATASET_XFER), place_, "no transfer list"),
               text = readable(H5Tcopy(type.id()), place_, "no type");
  if (H5Pset_vlen_mem_manager(how.id(), string_memory::allocate, &memory, string_memory::release,
                              &memory) < 0)
    unreadable(place_, "no transfer list");
  std::vector<std::string> all;
  std::vector<char*> values(std::min<std::uint64_t>(rows, 4096));
  for (std::uint64_t first = 0; first < rows; first += values.size()) {
    const hsize_t count = std::min<std::uint64_t>(values.size(), rows - first);
    std::ranges::fill(values, nullptr);
    read_piece(handle_.id(), first, count, text.id(), values.data(), how.id(), place_);
    for (hsize_t i = 0; i < count; ++i) all.emplace_back(values[i] == nullptr ? "" : values[i]);
    memory.clear();
  }
  return all;
}

}  // namespace bdh::hdf5
