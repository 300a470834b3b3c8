// files_bench graph FILE | model FILE | through FILE: seconds to read the edges of a graph file; to
// open a model, ready to run; to read a file from its first to its last byte.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "io/graph/graph_file.hpp"

namespace {

std::uint64_t read_through(const char* file) {
  const int from = ::open(file, O_RDONLY);
  if (from < 0) throw bdh::input_error(file, "cannot be opened");
  std::vector<char> buffer(std::size_t{4} << 20);
  std::uint64_t bytes = 0;
  for (ssize_t got; (got = ::read(from, buffer.data(), buffer.size())) > 0;)
    bytes += static_cast<std::uint64_t>(got);
  ::close(from);
  return bytes;
}

std::uint64_t done(const std::string& what, const char* file) {
  if (what == "graph") return bdh::read_graph_file(file).edges.size();
  if (what == "model") return bdh::load_model(file).bytes();
  return read_through(file);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string what = argc == 3 ? argv[1] : "";
  if (what != "graph" && what != "model" && what != "through")
    return std::fputs("usage: files_bench graph|model|through FILE\n", stderr), 2;
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t count = done(what, argv[2]);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"seconds\": %.9f, \"count\": %llu}\n", seconds,
              static_cast<unsigned long long>(count));
  return 0;
} catch (const bdh::error& e) {
  return std::fprintf(stderr, "files_bench: %s\n", e.what()), 1;
}
