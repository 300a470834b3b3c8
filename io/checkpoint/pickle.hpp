// A pickle read as data: numbers, strings, containers and tensors' descriptions. Nothing is
// imported, called or executed; a name from outside a short list is refused when it is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bdh::pickle {

// A position in document::values; containers refer to their items so, and may contain themselves.
using handle = std::uint32_t;

struct none {};
struct opaque {  // something harmless that has no use here: a device, an element type, bytes
  std::string what;
};
struct global {  // an allowed name, module and name joined by a dot
  std::string name;
};
struct sequence {  // list, tuple or set
  std::vector<handle> items;
};
struct dictionary {
  std::vector<std::pair<handle, handle>> items;  // in the file's order
};
struct storage {
  std::string type;            // "FloatStorage"
  std::string key;             // name of the archive's entry
  std::uint64_t elements = 0;  // as stated by the pickle
};
struct tensor {
  handle where = 0;  // a storage
  std::uint64_t offset = 0;
  // Same length, at most 8; in elements, not checked against the storage.
  std::vector<std::uint64_t> shape, stride;
};
using value = std::variant<none, bool, std::int64_t, double, std::string, opaque, global, sequence,
                           dictionary, storage, tensor>;

struct document {
  std::vector<value> values;
  handle root = 0;

  template <class T>
  const T* as(handle h) const noexcept {
    return std::get_if<T>(&values[h]);
  }
};

// Memory and time are linear in the number of bytes. Throws input_error at `place`.
document read(std::span<const std::byte> bytes, const std::string& place);

}  // namespace bdh::pickle
