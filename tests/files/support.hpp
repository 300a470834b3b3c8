// Small models, temporary folders and failing disks for the tests of files.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bdh/model.hpp>

#include "core/base/random.hpp"

namespace files {

// Deleted at the end.
class folder {
 public:
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "bdh-files-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_),
                                                  std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read(const std::filesystem::path& p) {
  std::ifstream f(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(f), {}};
}
inline void write(const std::filesystem::path& p, std::string_view bytes) {
  std::ofstream f(p, std::ios::binary | std::ios::trunc);
  f.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline bdh::array<float> weights(std::size_t size, std::uint64_t seed) {
  bdh::array<float> w(size);
  for (std::size_t i = 0; i < size; ++i)
    w[i] = static_cast<float>(bdh::normal(seed, bdh::purpose::test_weights, i, 0));
  return w;
}

// Every third weight or so is an edge; a row may be empty. `pairs`: rows 2m and 2m+1 have the same
// edges.
inline bdh::projection sparse(const char* name, bdh::population s, bdh::population t, bdh::major o,
                              std::uint64_t seed, bool positive = false, bool pairs = false) {
  const bdh::neuron_id rows = o == bdh::major::source ? s.size : t.size,
                       columns = o == bdh::major::source ? t.size : s.size;
  std::vector<bdh::edge_id> indptr{0};
  std::vector<bdh::neuron_id> indices;
  for (bdh::neuron_id r = 0; r < rows; ++r) {
    for (bdh::neuron_id c = 0; c < columns; ++c)
      if (bdh::uniform(seed, bdh::purpose::test_weights, pairs ? r / 2 : r, c) < 0.3)
        indices.push_back(c);
    indptr.push_back(indices.size());
  }
  bdh::array<bdh::edge_id> p(indptr.size());
  bdh::array<bdh::neuron_id> i(indices.size());
  std::copy(indptr.begin(), indptr.end(), p.begin());
  std::copy(indices.begin(), indices.end(), i.begin());
  bdh::array<float> w = weights(indices.size(), seed + 100);
  for (float& weight : w) weight = positive ? std::abs(weight) : weight;
  return bdh::projection::sparse(name, std::move(s), std::move(t), o, std::move(p), std::move(i),
                                 std::move(w));
}

struct choice {
  const char* variant = "gpu-release";
  bdh::head_id heads = 2;
  bool is_sparse = false, renumbered = false, rotates = true;
};

// 16 neurons, 4 hubs, 5 tokens, 3 layers.
inline bdh::model_spec small_parts(const choice& c = {}) {
  const bdh::population neurons{"neurons", 16}, hubs{"hubs", 4}, sensory{"sensory", 5},
      readout{"readout", 5};
  const auto make = [&](const char* name, bdh::population s, bdh::population t, bdh::major o,
                        std::uint64_t seed) {
    const std::size_t edges = std::size_t{s.size} * t.size;
    return c.is_sparse
               ? sparse(name, std::move(s), std::move(t), o, seed)
               : bdh::projection::dense(name, std::move(s), std::move(t), o, weights(edges, seed));
  };
  bdh::model_spec p;
  p.rules = bdh::dynamics::named(c.variant, 3e-6);
  p.layers = 3;
  p.heads = c.heads;
  p.circuits.e = make("e", neurons, hubs, bdh::major::source, 1);
  p.circuits.sensory = make("sensory", sensory, hubs, bdh::major::source, 2);
  p.circuits.dx = make("dx", hubs, neurons, bdh::major::target, 3);
  p.circuits.dy = make("dy", hubs, neurons, bdh::major::target, 4);
  p.circuits.readout = make("readout", hubs, readout, bdh::major::target, 5);
  if (c.rotates) p.rotation = bdh::rotation::geometric(65536, 16 / c.heads);
  p.retention = 0.995;
  if (c.renumbered)
    for (bdh::neuron_id i = 0; i < 16; ++i) p.original_id.push_back(15 - i);
  p.training_window = 512;
  p.origin = {"bdh test",
              "räksmörgås.safetensors",
              std::string(64, 'a'),
              "released code",
              {"heads: 2, from the shape", "a \"quote\"\nand a line"},
              {},
              {{"degree", "20"}, {"file", "räksmörgås"}, {"rewire", "0.05"}, {"tag", "07"}},
              {},
              {{"parent", std::string(64, 'b')}, {"rate", "3e-05"}, {"rule", "exact"}}};
  return p;
}
// The same neurons with explicit edges: a sparse graph with a readout, or what an import of BDH-GPU
// gives, whose sensory nodes are sources and which keeps its pool.
struct direct_choice {
  bool pool = false, own_retention = false, named = false, rotates = false, readout = true;
};
inline bdh::model_spec small_direct_parts(const direct_choice& c = {}) {
  bdh::model_spec p =
      small_parts({c.pool ? "gpu-release" : "bdh", c.pool ? 2u : 1u, false, false, c.rotates});
  const bdh::population neurons{"neurons", 16}, sources{"sources", c.pool ? 21u : 16u},
      tokens{"sensory", 5}, readout{"readout", 5};
  bdh::direct_circuits g;
  g.gx_excitatory = sparse("gx_excitatory", sources, neurons, bdh::major::source, 11, true);
  g.gx_inhibitory = sparse("gx_inhibitory", sources, neurons, bdh::major::source, 12, true);
  g.gy_excitatory = sparse("gy_excitatory", sources, neurons, bdh::major::target, 13, true);
  g.gy_inhibitory = sparse("gy_inhibitory", sources, neurons, bdh::major::target, 14, true);
  g.gs = sparse("gs", neurons, sources, bdh::major::source, 15, true, c.rotates);
  if (c.own_retention) {
    g.retention = bdh::array<float>(g.gs.edges());
    for (bdh::neuron_id i = 0; i < 16; ++i)
      for (auto e = g.gs.indptr()[i]; e < g.gs.indptr()[i + 1]; ++e)
        g.retention[e] =
            1.0f / static_cast<float>(1 + g.gs.indices()[e] + 32 * (c.rotates ? i / 2 : i));
  }
  p.circuits.dx = {};
  p.circuits.dy = {};
  if (!c.pool) {
    p.circuits = {};
    g.sensory = sparse("sensory", tokens, neurons, bdh::major::source, 16, true);
    if (c.readout) g.readout = sparse("readout", sources, readout, bdh::major::target, 17);
  }
  if (c.named)
    for (int i = 0; i < 16; ++i)
      p.neuron_names.push_back(i == 3 ? "å ß \xe2\x82\xac" : "neuron " + std::to_string(i));
  p.direct = std::move(g);
  return p;
}
inline bdh::model small_direct_model(const direct_choice& c = {}) {
  return bdh::model(small_direct_parts(c));
}

inline bdh::model small_model(const choice& c = {}) { return bdh::model(small_parts(c)); }

// Runs `work` in a child whose files cannot grow beyond `bytes`: a full disk. Returns its exit
// code, or minus its signal.
template <class Work>
int with_full_disk(std::uint64_t bytes, Work work) {
  std::cout.flush();  // or the child says it again
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("GCOV_PREFIX", "/nonexistent",
             1);  // its counters would be cut short and spoil those of other tests
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    // exit, not _exit: HDF5's own clean-up at exit is where it crashes after failed writes.
    std::exit(work());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace files
