// GEXF: behind the start of an XML file, so that every input reaches its reader.
#include "graph_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_graph_bytes("<gexf xmlns:viz=\"http://gexf.net/1.3/viz\">", data, size);
}
