// Small models, temporary folders and failing disks for the tests of files.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

#include "core/base/random.hpp"
#include "core/model.hpp"

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
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
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
  for (std::size_t i = 0; i < size; ++i) w[i] = static_cast<float>(bdh::normal(seed, bdh::purpose::test_weights, i, 0));
  return w;
}

// Every third weight or so is an edge; a row may be empty.
inline bdh::projection sparse(const char* name, bdh::population s, bdh::population t, bdh::order o, std::uint64_t seed) {
  const bdh::neuron_id rows = o == bdh::order::by_source ? s.size : t.size, columns = o == bdh::order::by_source ? t.size : s.size;
  std::vector<bdh::edge_id> indptr{0};
  std::vector<bdh::neuron_id> indices;
  for (bdh::neuron_id r = 0; r < rows; ++r) {
    for (bdh::neuron_id c = 0; c < columns; ++c)
      if (bdh::uniform(seed, bdh::purpose::test_weights, r, c) < 0.3) indices.push_back(c);
    indptr.push_back(indices.size());
  }
  bdh::array<bdh::edge_id> p(indptr.size());
  bdh::array<bdh::neuron_id> i(indices.size());
  std::copy(indptr.begin(), indptr.end(), p.begin());
  std::copy(indices.begin(), indices.end(), i.begin());
  return bdh::projection::sparse(name, std::move(s), std::move(t), o, std::move(p), std::move(i), weights(indices.size(), seed + 100));
}

struct choice {
  const char* variant = "gpu-release";
  bdh::head_id heads = 2;
  bool is_sparse = false, renumbered = false, rotates = true;
};

// 16 neurons, 4 hubs, 5 tokens, 3 layers.
inline bdh::model::parts small_parts(const choice& c = {}) {
  const bdh::population neurons{"neurons", 16}, hubs{"hubs", 4}, sensory{"sensory", 5}, readout{"readout", 5};
  const auto make = [&](const char* name, bdh::population s, bdh::population t, bdh::order o, std::uint64_t seed) {
    const std::size_t edges = std::size_t{s.size} * t.size;
    return c.is_sparse ? sparse(name, std::move(s), std::move(t), o, seed)
                       : bdh::projection::dense(name, std::move(s), std::move(t), o, weights(edges, seed));
  };
  bdh::model::parts p;
  p.rules = bdh::dynamics::named(c.variant, 3e-6);
  p.layers = 3;
  p.heads = c.heads;
  p.circuits.e = make("e", neurons, hubs, bdh::order::by_source, 1);
  p.circuits.sensory = make("sensory", sensory, hubs, bdh::order::by_source, 2);
  p.circuits.dx = make("dx", hubs, neurons, bdh::order::by_target, 3);
  p.circuits.dy = make("dy", hubs, neurons, bdh::order::by_target, 4);
  p.circuits.readout = make("readout", hubs, readout, bdh::order::by_target, 5);
  if (c.rotates) p.turning = bdh::rotation::geometric(65536, 16 / c.heads);
  p.retention = 0.995;
  if (c.renumbered)
    for (bdh::neuron_id i = 0; i < 16; ++i) p.original_id.push_back(15 - i);
  p.training_window = 512;
  p.origin = {
      "bdh test", "räksmörgås.safetensors", std::string(64, 'a'), "released code", {"heads: 2, from the shape", "a \"quote\"\nand a line"}};
  return p;
}
inline bdh::model small_model(const choice& c = {}) { return bdh::model(small_parts(c)); }

// Runs `work` in a child whose files cannot grow beyond `bytes`: a full disk. Returns its exit code, or minus its signal.
template <class Work>
int with_full_disk(std::uint64_t bytes, Work work) {
  std::cout.flush();  // or the child says it again
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("GCOV_PREFIX", "/nonexistent", 1);  // its counters would be cut short and spoil those of other tests
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
