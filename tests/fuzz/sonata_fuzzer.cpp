// SONATA circuits: a file's structure is ours, its numbers, names and tables are the stranger's,
// and so is what is missing. (On hostile structures libhdf5 itself fails, which is why it reads in
// a process of its own: io/files/sandbox.hpp.)
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/error.hpp>

#include "io/graph/hdf5_values.hpp"
#include "io/graph/sonata.hpp"
#include "io/hdf5/file.hpp"
#include "temporary_folder.hpp"

namespace {

using bdh::hdf5::group;

class bytes {
 public:
  explicit bytes(std::string_view all) : rest_(all) {}
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  // Small in most cases.
  std::uint64_t number() {
    const std::uint8_t b = byte();
    if (b < 0xf0) return b % 16;
    std::uint64_t n = 0;
    for (int i = 0; i < 8; ++i) n = n << 8 | byte();
    return n;
  }
  // Up to a zero.
  std::string text() {
    const std::string_view found = rest_.substr(0, rest_.find('\0'));
    rest_.remove_prefix(std::min(rest_.size(), found.size() + 1));
    return std::string(found);
  }

 private:
  std::string_view rest_;
};

template <class T>
void put(group& to, const char* name, bytes& from, std::size_t count) {
  std::vector<T> values(count);
  for (T& v : values) v = static_cast<T>(from.number());
  to.create_dataset<T>(name, {count}).template write<T>(values);
}

// Of one of the types that numbers may have; of another length, now and then.
void put_any(group& to, const char* name, bytes& from, std::size_t count) {
  const std::uint8_t kind = from.byte();
  if (kind >= 250) return;
  if (kind >= 240) ++count;
  switch (kind % 6) {
    case 0:
      return put<float>(to, name, from, count);
    case 1:
      return put<double>(to, name, from, count);
    case 2:
      return put<std::uint32_t>(to, name, from, count);
    case 3:
      return put<std::int64_t>(to, name, from, count);
    case 4: {
      std::vector<std::string> values(count);
      for (std::string& v : values) v = from.text();
      to.create_strings(name, values);
      return;
    }
    default:
      return put<std::uint64_t>(to, name, from, count);
  }
}

void put_groups(group& population, const std::string& kind, bytes& from, std::size_t count,
                std::initializer_list<const char*> attributes) {
  put_any(population, (kind + "_group_id").c_str(), from, count);
  put_any(population, (kind + "_group_index").c_str(), from, count);
  const std::uint8_t groups = from.byte() % 4;
  for (std::uint8_t i = 0; i < groups; ++i) {
    group own = population.create_group(std::to_string(i).c_str());
    for (const char* name : attributes)
      if (from.byte() % 2 != 0) put_any(own, name, from, count);
  }
}

void write_edges(const std::filesystem::path& path, bytes& from) {
  bdh::hdf5::file file = bdh::hdf5::file::create(path);
  {
    group root = file.root(), edges = root.create_group("edges");
    const std::uint8_t populations = from.byte() % 3;
    for (std::uint8_t i = 0; i <= populations; ++i) {
      group p = edges.create_group(("p" + std::to_string(i)).c_str());
      const std::size_t count = from.byte() % 8;
      put_any(p, "edge_type_id", from, count);
      for (const char* end : {"source_node_id", "target_node_id"}) {
        std::vector<std::uint64_t> ids(count);
        for (std::uint64_t& id : ids) id = from.number();
        bdh::hdf5::dataset set = p.create_dataset<std::uint64_t>(end, {count});
        set.write<std::uint64_t>(ids);
        const std::uint8_t of = from.byte() % 4;
        if (of != 0) set.set_string("node_population", of == 1 ? "b" : "a");
      }
      put_groups(p, "edge", from, count, {"syn_weight", "weight", "nsyns", "syn_type_id", "sign"});
    }
  }
  file.close();
}

void write_nodes(const std::filesystem::path& path, bytes& from) {
  bdh::hdf5::file file = bdh::hdf5::file::create(path);
  {
    group root = file.root(), nodes = root.create_group("nodes");
    for (const char* name : {"a", "b"}) {
      if (from.byte() % 4 == 0) continue;
      group p = nodes.create_group(name);
      const std::size_t count = from.byte() % 12;
      put_any(p, "node_type_id", from, count);
      put_any(p, "node_id", from, count);
      put_groups(p, "node", from, count, {"name", "ei", "synapse_class"});
    }
  }
  file.close();
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

void check(const bdh::edge_list& list) {
  const auto count = [](const bdh::graph_nodes& nodes) {
    const std::size_t names = nodes.names.empty() ? ~std::size_t{0} : nodes.names.size();
    return nodes.size ? std::size_t{*nodes.size} : names;
  };
  for (const bdh::graph_edge& e : list.edges)
    if (e.source >= count(list.sources()) || e.target >= count(list.targets())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const temporary_folder here;
  for (const auto& old : std::filesystem::directory_iterator(here.path))
    std::filesystem::remove(old.path());
  bytes from({reinterpret_cast<const char*>(data), size});
  const std::filesystem::path file = here.path / "edges.h5";
  const std::uint8_t how = from.byte();
  if (how & 2) write_text(here.path / "node_types.csv", from.text());
  if (how & 4) write_text(here.path / "edge_types.csv", from.text());
  write_edges(file, from);
  if (how & 1) write_nodes(here.path / "nodes.h5", from);
  bdh::edge_list list;
  list.file = file.string();
  list.lines = false;
  if (how & 8) list.how.ends = bdh::edge_ends::tokens_to_neurons;
  if (how & 16) list.how.ids = bdh::node_ids::names;
  list.one_population = list.how.ends == bdh::edge_ends::neurons;
  try {
    const bdh::hdf5::file opened =
        bdh::hdf5::file::open(file, bdh::graph_formats::foreign_limits(file));
    bdh::graph_formats::read_sonata(
        list.file, bdh::graph_formats::edge_populations(opened.root().open_group("edges")), list);
    check(list);
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
