// checkpoint_dump FILE: the tensors that the reader finds, as a line of JSON each, for comparison
// with other programs: name, element type, shape, and the SHA-256 of the elements as float64 in
// row-major order where they are floating-point numbers. Exit code 1, with the reason, where the
// file is refused.
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>

#include "io/checkpoint/tensor_file.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/sha256.hpp"

int main(int count, char** arguments) try {
  if (count != 2) return 2;
  const bdh::mapped_file mapped(arguments[1]);
  const auto file = bdh::read_tensor_file(mapped.bytes(), arguments[1]);
  for (const bdh::tensor& t : file->tensors()) {
    nlohmann::json line{{"name", t.name}, {"type", t.type}, {"shape", t.shape}};
    if (t.kind != bdh::element::other) {
      const bdh::array<double> values = file->numbers(t);
      bdh::sha256 digest;
      digest.update(std::as_bytes(std::span(values.data(), values.size())));
      line["sha256"] = digest.hex();
    }
    std::printf("%s\n", line.dump().c_str());
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
