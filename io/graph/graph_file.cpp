#include "io/graph/graph_file.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/files/file_pieces.hpp"
#include "io/files/folder.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/text_start.hpp"
#include "io/files/xml.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh {
namespace graph_formats {

std::optional<std::string_view> line_reader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = rest_.find('\n');
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return line;
}

std::string shown(std::string_view text) { return "'" + shortened(text, 43) + "'"; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void reserve_edges(edge_list& list, double expected) {
  list.edges.reserve(static_cast<std::size_t>(expected * 1.05));
  constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
  const auto begin = reinterpret_cast<std::uintptr_t>(list.edges.data());
  const std::uintptr_t end = begin + list.edges.capacity() * sizeof(graph_edge),
                       first = (begin + page - 1) / page * page;
  // Advice: what the system does not give costs only time.
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

namespace {

constexpr std::string_view hdf5_start = "\x89HDF\r\n\x1a\n";

// What is often there in place of a graph, by its first bytes, and what makes a graph of it.
struct other_file {
  std::string_view start;
  const char *what, *cure;
};
constexpr other_file other_files[] = {
    {"\x1f\x8b", "a file compressed by gzip", "gunzip FILE"},
    {"BZh91AY&SY", "a file compressed by bzip2", "bunzip2 FILE"},
    {"\xfd"
     "7zXZ",
     "a file compressed by xz", "unxz FILE"},
    {"\x28\xb5\x2f\xfd", "a file compressed by Zstandard", "unzstd FILE"},
    {"MATLAB 5.0", "a MAT-file of MATLAB 5",
     "scipy.io.mmwrite(FILE, scipy.io.loadmat(MAT)[NAME]) makes Matrix Market of it"},
    {"PAR1\x15", "a Parquet file", "pandas.read_parquet(FILE).to_csv(CSV, index=False)"},
    {{"ARROW1\0", 7}, "an Arrow file", "pandas.read_feather(FILE).to_csv(CSV, index=False)"},
    {{"FEA1\0", 5}, "a Feather file", "pandas.read_feather(FILE).to_csv(CSV, index=False)"},
    {"SQLite format 3", "an SQLite database", "export the table of edges as CSV"},
    {"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"},
    {"\x80\x03", "a pickle of Python", "networkx.write_graphml(G, FILE)"},
    {"\x80\x04", "a pickle of Python", "networkx.write_graphml(G, FILE)"},
    {"\x80\x05", "a pickle of Python", "networkx.write_graphml(G, FILE)"},
};

// HDF5, perhaps behind a block of 512, 1024, ... bytes that is the user's.
bool is_hdf5(const std::string& file, std::string_view start) {
  if (start.starts_with(hdf5_start)) return true;
  std::ifstream in(file, std::ios::binary);
  std::string bytes(hdf5_start.size(), '\0');
  for (std::uint64_t at = 512; at <= std::uint64_t{1} << 20; at *= 2)
    if (in.seekg(static_cast<std::streamoff>(at)) &&
        in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) && bytes == hdf5_start)
      return true;
  return false;
}

std::string first_bytes(const std::string& file) {
  file_pieces pieces(file, 512);
  const auto bytes = pieces.next();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// '<' behind blanks, and behind a byte order mark of UTF-8 or UTF-16.
bool is_xml(std::string_view start) {
  using namespace std::string_view_literals;
  if (start.starts_with(utf8_mark)) start.remove_prefix(utf8_mark.size());
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) start.remove_prefix(2);
  const std::size_t first = start.find_first_not_of(" \t\r\n\0"sv);
  return first != start.npos && start[first] == '<';
}

bool is_json(std::string_view start) {
  if (start.starts_with(utf8_mark)) start.remove_prefix(utf8_mark.size());
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  return first != start.npos && (start[first] == '{' || start[first] == '[');
}

bool is_matrix_market(std::string_view start) {
  if (start.starts_with(utf8_mark)) start.remove_prefix(utf8_mark.size());
  return lower(start.substr(0, 14)) == "%%matrixmarket";
}

// Says of a folder what is in it, and which of it can be a graph.
void expect_no_folder(const std::string& file) {
  std::error_code failed;
  if (!std::filesystem::is_directory(file, failed)) return;
  constexpr std::array endings = {".csv",     ".tsv",  ".txt",  ".edges", ".edgelist", ".mtx",
                                  ".graphml", ".gexf", ".json", ".npz",   ".h5"};
  const std::vector<std::string> names = names_in(file);
  std::vector<std::string> graphs;
  std::ranges::copy_if(names, std::back_inserter(graphs), [&](const std::string& name) {
    return !name.ends_with("config.json") && std::ranges::any_of(endings, [&](const char* end) {
      return lower(name).ends_with(end);
    });
  });
  const std::string expected = "a file with a graph";
  if (names.empty()) throw input_error(file, "an empty folder", expected);
  if (graphs.empty()) throw input_error(file, "a folder with " + listed(names), expected);
  throw input_error(file, "a folder with " + listed(graphs), expected,
                    std::string(graphs.size() == 1 ? "" : "one of them, as ") +
                        (std::filesystem::path(file) / graphs.front()).string());
}

// By its first element.
void read_xml_graph(const std::string& file, edge_list& to) {
  const std::string root = xml_root(file);
  const std::uint64_t bytes = std::filesystem::file_size(file);
  if (root == "graphml")
    read_graphml(file, bytes, to);
  else if (root == "gexf")
    read_gexf(file, bytes, to);
  else
    throw input_error(file, "XML with the element " + shown(root), "GraphML or GEXF");
}

}  // namespace
}  // namespace graph_formats

std::string edge_list::place(std::uint64_t line) const {
  if (lines) return file + ":" + std::to_string(line);
  return (values_at.empty() ? file : values_at) + "[" + std::to_string(line) + "]";
}

edge_list read_graph_file(const std::string& file, const graph_reading& how) {
  edge_list list;
  list.file = file;
  list.how = how;
  list.choices_not_found = how.columns;
  if (how.columns.no_signs()) list.choices_not_found.sign.reset();
  list.one_population = how.ends == edge_ends::neurons;
  std::error_code failed;
  const std::size_t colon = file.rfind(":/");
  if (colon != std::string::npos && colon > 0 && !std::filesystem::exists(file, failed)) {
    graph_formats::read_hdf5(file.substr(0, colon), file.substr(colon + 1), list);
    return list;
  }
  graph_formats::expect_no_folder(file);
  const std::string start = graph_formats::first_bytes(file);
  if (graph_formats::is_hdf5(file, start)) {
    graph_formats::read_hdf5(file, "/", list);
  } else if (const auto other = std::ranges::find_if(
                 graph_formats::other_files,
                 [&](const graph_formats::other_file& o) { return start.starts_with(o.start); });
             other != std::end(graph_formats::other_files)) {
    throw input_error(file, other->what, "a graph, as it was before or exported", other->cure);
  } else if (start.starts_with("\x93NUMPY")) {
    throw unavailable_error(
        file, "a dense array of NumPy", "a sparse matrix",
        "scipy.sparse.save_npz(FILE, scipy.sparse.csr_matrix(ARRAY)) makes one");
  } else if (start.starts_with("PK\3\4") || start.starts_with("PK\5\6")) {
    const mapped_file mapped(file);
    graph_formats::read_npz(mapped.bytes(), list);
  } else if (graph_formats::is_xml(start)) {
    graph_formats::read_xml_graph(file, list);
  } else if (graph_formats::is_matrix_market(start) || graph_formats::is_json(start)) {
    const mapped_file mapped(file);
    std::string_view text = as_text(mapped.bytes());
    if (text.starts_with(utf8_mark)) text.remove_prefix(utf8_mark.size());
    if (graph_formats::is_json(start))
      graph_formats::read_node_link(text, list);
    else
      graph_formats::read_matrix_market(text, list);
  } else {
    graph_formats::read_csv(file, list);
  }
  return list;
}

}  // namespace bdh
