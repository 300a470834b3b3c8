// NumPy's arrays (format 1.0) in a zip archive, uncompressed, as SciPy's save_npz lays out a CSR
// matrix.
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/graph_export_detail.hpp"

namespace bdh::graph_formats {
namespace {

struct discard {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};

// The bytes of NAME.npy; `type` and `shape` as NumPy writes them.
class npy {
 public:
  npy(std::string name, const char* type, const std::string& shape, std::size_t values,
      std::size_t value_bytes)
      : name_(std::move(name) + ".npy"), value_bytes_(value_bytes) {
    std::string header =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
    constexpr std::size_t fixed = 10, unit = 64;  // the data begin at a multiple of 64
    header.resize((fixed + header.size() + 1 + unit - 1) / unit * unit - fixed, ' ');
    header.back() = '\n';
    const auto length = static_cast<std::uint16_t>(header.size());
    bytes_.reserve(fixed + header.size() + values * value_bytes);
    for (char c : {'\x93', 'N', 'U', 'M', 'P', 'Y', '\x01', '\x00',
                   static_cast<char>(length & 0xff), static_cast<char>(length >> 8)})
      bytes_.push_back(static_cast<std::byte>(c));
    add(header.data(), header.size());
  }

  void add(const void* from, std::size_t size) {
    const auto* const first = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  // An integer in as many bytes as the array's values have; little-endian, as this program's
  // machines are.
  void add_integer(std::uint64_t value) { add(&value, value_bytes_); }

  const std::string& name() const { return name_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::string name_;
  std::size_t value_bytes_;
  std::vector<std::byte> bytes_;
};

npy text(const char* name, const std::string& value) {
  npy a(name, fmt::format("|S{}", value.size()).c_str(), "()", 1, value.size());
  a.add(value.data(), value.size());
  return a;
}

// UTF-8, filled up with zeros.
npy texts(const char* name, const std::vector<std::string>& values) {
  std::size_t longest = 1;
  for (const std::string& value : values) longest = std::max(longest, value.size());
  npy a(name, fmt::format("|S{}", longest).c_str(), fmt::format("({},)", values.size()),
        values.size(), longest);
  std::string padded;
  for (const std::string& value : values) {
    padded.assign(value).resize(longest);
    a.add(padded.data(), longest);
  }
  return a;
}

[[noreturn]] void fail(const std::filesystem::path& to, const char* why) {
  throw device_error(to.string(), std::string("cannot be written: ") + why);
}

void write_archive(const std::vector<npy>& arrays, const std::filesystem::path& to) {
  int error = 0;
  std::unique_ptr<zip_t, discard> archive(zip_open(to.c_str(), ZIP_CREATE | ZIP_EXCL, &error));
  if (!archive) {
    zip_error_t why;
    zip_error_init_with_code(&why, error);
    const std::string message = zip_error_strerror(&why);
    zip_error_fini(&why);
    fail(to, message.c_str());
  }
  for (const npy& a : arrays) {
    zip_source_t* const source =
        zip_source_buffer(archive.get(), a.bytes().data(), a.bytes().size(), 0);
    const zip_int64_t index =
        source == nullptr ? -1
                          : zip_file_add(archive.get(), a.name().c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0 && source != nullptr) zip_source_free(source);
    // The same graph gives the same bytes: the first day that zip knows.
    constexpr zip_uint16_t midnight = 0, first_of_january_1980 = (1 << 5) | 1;
    if (index < 0 ||
        zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE,
                                 0) != 0 ||
        zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), midnight,
                             first_of_january_1980, 0) != 0)
      fail(to, zip_strerror(archive.get()));
  }
  if (zip_close(archive.get()) != 0) fail(to, zip_strerror(archive.get()));
  [[maybe_unused]] zip_t* const closed = archive.release();
}

}  // namespace

void write_npz(const exported_graph& g, const std::filesystem::path& to) {
  const neuron_id n = g.what.size();
  const edge_id edges = g.what.edges();
  const bool wide = edges > std::numeric_limits<std::int32_t>::max() ||
                    n > std::numeric_limits<std::int32_t>::max();
  const char* const index_type = wide ? "<i8" : "<i4";
  const std::size_t index_bytes = wide ? 8 : 4;
  const std::string list = fmt::format("({},)", edges);
  npy data("data", "<f4", list, edges, 4), indices("indices", index_type, list, edges, index_bytes),
      id("edge_id", "<i8", list, edges, 8),
      indptr("indptr", index_type, fmt::format("({},)", std::uint64_t{n} + 1), n + 1, index_bytes),
      shape("shape", "<i8", "(2,)", 2, 8);
  edge_id count = 0;
  neuron_id row = 0;
  indptr.add_integer(0);
  g.what.for_each_edge([&](const subgraph_edge& e) {
    for (; row < e.target; ++row) indptr.add_integer(count);
    data.add(&e.weight, sizeof e.weight);
    indices.add_integer(e.source);
    id.add_integer(e.id);
    ++count;
  });
  for (; row < n; ++row) indptr.add_integer(count);
  shape.add_integer(n);
  shape.add_integer(n);
  std::vector<npy> all;
  for (npy* a : {&data, &indices, &indptr, &shape, &id}) all.push_back(std::move(*a));
  if (g.has_communities()) {
    std::vector<std::int64_t> of(n, -1);  // of those that are not in the graph
    for (neuron_id i : g.what.nodes()) of[i] = g.what.community()[i];
    npy community("community", "<i8", fmt::format("({},)", n), n, 8);
    community.add(of.data(), of.size() * sizeof of[0]);
    all.push_back(std::move(community));
  }
  if (g.has_names()) all.push_back(texts("names", g.labels));
  all.push_back(text("format", "csr"));
  all.push_back(text("orientation", "row=target,col=source"));
  all.push_back(text("about", g.description));
  write_archive(all, to);
}

}  // namespace bdh::graph_formats
