// A graph file of any bytes, for the readers that take a path: a file in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <bdh/error.hpp>

#include "io/graph/graph_file.hpp"

// Reads the bytes as a graph file in the ways that the last byte chooses; `head` comes before them.
inline int read_graph_bytes(const std::string& head, const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("graph", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (size == 0) return 0;
  const std::uint8_t choice = data[size - 1];
  const auto put = [&](const void* bytes, std::size_t count, std::size_t at) {
    if (::pwrite(file, bytes, count, static_cast<off_t>(at)) != static_cast<ssize_t>(count))
      std::abort();
  };
  if (::ftruncate(file, 0) != 0) std::abort();
  put(head.data(), head.size(), 0);
  put(data, size, head.size());
  bdh::graph_reading how{.ends = static_cast<bdh::edge_ends>(choice % 3),
                         .values = static_cast<bdh::edge_values>(choice / 4 % 3),
                         .ids = static_cast<bdh::node_ids>(choice / 16 % 4)};
  if (choice >= 128) how.columns = {.source = "1", .target = "b", .weight = "3"};
  try {
    bdh::read_graph_file(path, how);
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
