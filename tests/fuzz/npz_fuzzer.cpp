// Matrices of SciPy: zip archives, and the arrays of NumPy in them.
#include <cstddef>
#include <cstdint>
#include <span>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bdh::edge_list list;
  list.file = "fuzz";
  try {
    bdh::graph_formats::read_npz(std::as_bytes(std::span(data, size)), list);
  } catch (const bdh::error&) {
    // Refused with a message, as it should be.
  }
  return 0;
}
