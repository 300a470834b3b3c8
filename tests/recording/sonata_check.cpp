#include "sonata_check.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace sonata {
namespace {

class id {
 public:
  id(hid_t h, const std::string& what) : h_(h) {
    if (h < 0) throw std::runtime_error("cannot open " + what);
  }
  id(const id&) = delete;
  ~id() { H5Idec_ref(h_); }
  operator hid_t() const { return h_; }

 private:
  hid_t h_;
};

struct values {
  std::vector<hsize_t> shape;
  std::vector<double> all;
  H5T_class_t kind = H5T_NO_CLASS;
  std::size_t bytes = 0;  // of an element
};

class file {
 public:
  explicit file(const std::filesystem::path& path)
      : silent_(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr)), file_(opened(path), path.string()) {}

  bool has(const std::string& path) const {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      if (H5Lexists(file_, path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
      if (end == path.npos) return true;
    }
  }
  // The only member of a group.
  std::string member(const std::string& group) const {
    const id g(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), group);
    H5G_info_t info;
    if (H5Gget_info(g, &info) < 0 || info.nlinks != 1)
      throw std::runtime_error(group + ": not one population");
    char name[256] = {};
    H5Lget_name_by_idx(g, ".", H5_INDEX_NAME, H5_ITER_INC, 0, name, sizeof name, H5P_DEFAULT);
    return name;
  }
  // `rows`: so many of them; nothing: all.
  values read(const std::string& path, std::optional<hsize_t> rows = {}) const {
    const id set(H5Dopen2(file_, path.c_str(), H5P_DEFAULT), path), space(H5Dget_space(set), path),
        type(H5Dget_type(set), path);
    values v;
    v.shape.resize(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
    H5Sget_simple_extent_dims(space, v.shape.data(), nullptr);
    v.kind = H5Tget_class(type);
    v.bytes = H5Tget_size(type);
    if (rows && *rows > v.shape.at(0))
      throw std::runtime_error(path + ": has fewer rows than committed");
    if (rows) v.shape[0] = *rows;
    hsize_t count = 1;
    for (hsize_t n : v.shape) count *= n;
    v.all.resize(count);
    if (count == 0) return v;
    const std::vector<hsize_t> start(v.shape.size(), 0);
    const id memory(H5Screate_simple(1, &count, nullptr), path);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, v.shape.data(), nullptr);
    if (H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, v.all.data()) < 0)
      throw std::runtime_error(path + ": cannot be read");
    return v;
  }
  std::string text(const std::string& object, const char* name) const {
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return "";
    const id attribute(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT),
                       name),
        type(H5Aget_type(attribute), name);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) return "";
    std::string value(H5Tget_size(type), '\0');
    H5Aread(attribute, type, value.data());
    return value;
  }
  std::vector<double> numbers(const std::string& object, const char* name) const {
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return {};
    const id attribute(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT),
                       name),
        space(H5Aget_space(attribute), name);
    std::vector<double> all(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    if (H5Aread(attribute, H5T_NATIVE_DOUBLE, all.data()) < 0) return {};
    return all;
  }
  // The name of an enumeration's value.
  std::string choice(const std::string& object, const char* name) const {
    if (H5Aexists_by_name(file_, object.c_str(), name, H5P_DEFAULT) <= 0) return "";
    const id attribute(H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT),
                       name),
        type(H5Aget_type(attribute), name);
    if (H5Tget_class(type) != H5T_ENUM) return "";
    std::uint8_t value[16] = {};
    H5Aread(attribute, type, value);
    char text[64] = {};
    H5Tenum_nameof(type, value, text, sizeof text);
    return text;
  }

 private:
  // Without a lock, as a reader of a run that goes on.
  static hid_t opened(const std::filesystem::path& path) {
    const id access(H5Pcreate(H5P_FILE_ACCESS), "an access list");
    H5Pset_file_locking(access, false, true);
    return H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
  }
  herr_t silent_;
  id file_;
};

class checker {
 public:
  checker(const file& f, faults& found) : f_(f), found_(found) {}

  void root() {
    expect(f_.numbers("/", "magic") == std::vector<double>{0x0A7A}, "/@magic");
    expect(f_.numbers("/", "version") == std::vector<double>{0, 1}, "/@version");
  }
  // Recorded positions up to the marker.
  hsize_t marker(const std::string& path) {
    const values time = column(path + "/time", H5T_FLOAT, 8, {3});
    if (time.all.size() != 3) return 0;
    expect(f_.text(path + "/time", "units") == "ms", path + "/time@units");
    const double start = time.all[0], stop = time.all[1], step = time.all[2],
                 rows = (stop - start) / step;
    expect(start >= 0 && step >= 1 && rows >= 0 && rows == std::floor(rows) &&
               std::fmod(start, step) == 0,
           path + "/time");
    return rows >= 0 ? static_cast<hsize_t>(rows) : 0;
  }
  void frames() {
    const std::string at = "/report/" + f_.member("/report"), mapping = at + "/mapping";
    const hsize_t rows = marker(mapping);
    const values data = f_.read(at + "/data", rows);
    expect(data.kind == H5T_FLOAT && data.bytes == 4 && data.shape.size() == 2,
           at + "/data: type or dimensions");
    expect(!f_.text(at + "/data", "units").empty(), at + "/data@units");
    const hsize_t width = data.shape.back();
    const values nodes = column(mapping + "/node_ids", H5T_INTEGER, 8, {});
    expect(f_.numbers(mapping + "/node_ids", "sorted") == std::vector<double>{1},
           mapping + "/node_ids@sorted");
    expect(std::is_sorted(nodes.all.begin(), nodes.all.end()), mapping + "/node_ids: order");
    for (const char* name : {"/index_pointers", "/index_pointer"}) {
      const values pointers = column(mapping + name, H5T_INTEGER, 8, {nodes.all.size() + 1});
      expect(std::is_sorted(pointers.all.begin(), pointers.all.end()) && !pointers.all.empty() &&
                 pointers.all.front() == 0 && pointers.all.back() == static_cast<double>(width),
             mapping + name);
    }
    column(mapping + "/element_ids", H5T_INTEGER, 4, {width});
    if (!f_.has("/synapses")) return;
    for (const char* name : {"pre", "post", "layer", "is_probe"})
      column(std::string("/synapses/") + name, H5T_INTEGER, 4, {width});
    for (const char* name : {"edge_id", "since"})
      column(std::string("/synapses/") + name, H5T_INTEGER, 8, {width});
  }
  void events() {
    const std::string at = "/spikes/" + f_.member("/spikes");
    marker("/mapping");
    const values count = column("/mapping/events", H5T_INTEGER, 8, {1}),
                 time = f_.read("/mapping/time");
    const auto rows = static_cast<hsize_t>(count.all.at(0));
    expect(f_.choice(at, "sorting") == "by_time", at + "@sorting");
    expect(f_.text(at + "/timestamps", "units") == "ms", at + "/timestamps@units");
    const values stamps = f_.read(at + "/timestamps", rows),
                 nodes = f_.read(at + "/node_ids", rows), v = f_.read(at + "/values", rows);
    expect(stamps.kind == H5T_FLOAT && stamps.bytes == 8, at + "/timestamps: type");
    expect(nodes.kind == H5T_INTEGER && nodes.bytes == 8, at + "/node_ids: type");
    expect(v.kind == H5T_FLOAT && v.bytes == 4, at + "/values: type");
    expect(std::is_sorted(stamps.all.begin(), stamps.all.end()), at + "/timestamps: order");
    expect(stamps.all.empty() ||
               (stamps.all.front() >= time.all[0] && stamps.all.back() < time.all[1]),
           at + "/timestamps: range");
    expect(std::none_of(v.all.begin(), v.all.end(), [](double x) { return x == 0; }),
           at + "/values: an event of size 0");
    for (const char* edge : {"/edge_ids", "/pre_ids"})
      if (f_.has(at + edge)) f_.read(at + edge, rows);
  }
  void logits() {
    const hsize_t rows = marker("/mapping");
    const values tokens = f_.read("/tokens", rows), all = f_.read("/logits", rows);
    expect(tokens.kind == H5T_INTEGER && tokens.shape.size() == 1, "/tokens");
    expect(all.kind == H5T_FLOAT && all.bytes == 4 && all.shape.size() == 2, "/logits");
  }

 private:
  void expect(bool good, const std::string& what) {
    if (!good) found_.push_back(what);
  }
  values column(const std::string& path, H5T_class_t kind, std::size_t bytes,
                const std::vector<hsize_t>& shape) {
    values v = f_.read(path);
    expect(v.kind == kind && v.bytes == bytes && (shape.empty() || v.shape == shape),
           path + ": type or shape");
    return v;
  }
  const file& f_;
  faults& found_;
};

// Datasets whose rows are recorded positions, and those whose rows are events.
std::vector<std::string> grown(const file& f) {
  if (f.has("/report")) return {"/report/" + f.member("/report") + "/data"};
  if (f.has("/logits")) return {"/logits", "/tokens"};
  const std::string at = "/spikes/" + f.member("/spikes") + "/";
  std::vector<std::string> all{at + "timestamps", at + "node_ids", at + "values"};
  for (const char* edge : {"edge_ids", "pre_ids"})
    if (f.has(at + edge)) all.push_back(at + edge);
  return all;
}

}  // namespace

faults structure(const std::filesystem::path& report) {
  faults found;
  try {
    const file f(report);
    checker c(f, found);
    c.root();
    if (f.has("/report"))
      c.frames();
    else if (f.has("/spikes"))
      c.events();
    else
      c.logits();
  } catch (const std::exception& e) {
    found.push_back(e.what());
  }
  for (std::string& fault : found) fault = report.string() + ": " + fault;
  return found;
}

faults beginning(const std::filesystem::path& part, const std::filesystem::path& whole) {
  faults found;
  try {
    const file a(part), b(whole);
    const auto time = a.read("/mapping/time").all;
    const auto rows = a.has("/mapping/events") ? a.read("/mapping/events").all.at(0)
                                               : (time[1] - time[0]) / time[2];
    for (const std::string& path : grown(a)) {
      const values x = a.read(path, static_cast<hsize_t>(rows)),
                   y = b.read(path, static_cast<hsize_t>(rows));
      if (x.shape != y.shape || x.all != y.all)
        found.push_back(part.string() + ": " + path + " differs");
    }
    for (const char* fixed : {"/mapping/node_ids", "/mapping/index_pointers",
                              "/mapping/element_ids", "/synapses/pre", "/synapses/post"})
      if (a.has(fixed) != b.has(fixed) || (a.has(fixed) && a.read(fixed).all != b.read(fixed).all))
        found.push_back(part.string() + ": " + fixed + " differs");
  } catch (const std::exception& e) {
    found.push_back(part.string() + ": " + e.what());
  }
  return found;
}

double committed_until(const std::filesystem::path& report) {
  return file(report).read("/mapping/time").all.at(1);
}

}  // namespace sonata
