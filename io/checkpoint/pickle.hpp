// A pickle read as data: numbers, strings, containers and tensors' descriptions. Nothing is
// imported, called or executed: an object is described by the names and the plain values that the
// pickle has for it. A name that only an attack has is refused when it is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bdh::pickle {

// A position in document::values; containers refer to their items so, and may contain themselves.
using handle = std::uint32_t;

struct none {};
struct byte_string {
  std::string data;
};
struct global {  // a class or a function, its module and name joined by a dot
  std::string name;
};
struct sequence {  // list, tuple or set
  std::vector<handle> items;
};
struct dictionary {
  std::vector<std::pair<handle, handle>> items;  // in the file's order
};
// An instance of a class, or what a function would return: not made.
struct object {
  std::string type;                                     // the global's name
  std::optional<handle> arguments = {};                 // a sequence
  std::vector<handle> items = {};                       // of one that is a list, too
  std::vector<std::pair<handle, handle>> entries = {};  // of one that is a dictionary, too
  std::optional<handle> state = {};
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
  std::string type = {};  // "float32", of an untyped storage; else empty
  bool negated = false;
  std::optional<handle> attributes = {};
};
using value = std::variant<none, bool, std::int64_t, double, std::string, byte_string, global,
                           sequence, dictionary, object, storage, tensor>;

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
