// Lists of edges as text, in every dialect, and Matrix Market.
#include "graph_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_graph_bytes("", data, size);
}
