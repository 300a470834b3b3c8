// Named tensors in a file, whatever its format: safetensors and PyTorch readers fill this in, the
// importer reads from it. Readers work on bytes in memory (a mapped file), check everything before
// they allocate, and never trust a size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include <bdh/array.hpp>

#include "io/checkpoint/plain_value.hpp"

namespace bdh {

inline constexpr std::size_t max_tensor_rank = 8;
inline constexpr std::size_t max_tensor_name = 512;  // bytes

enum class element : std::uint8_t { f16, bf16, f32, f64, other };  // other: cannot be a weight

constexpr std::size_t bytes_of(element e) noexcept {
  switch (e) {
    case element::f64:
      return 8;
    case element::f32:
      return 4;
    case element::f16:
    case element::bf16:
      return 2;
    case element::other:
      break;
  }
  return 0;
}

struct tensor {
  std::string name;
  element kind = element::other;
  std::string type;                          // the element type in the file's own words
  std::vector<std::uint64_t> shape, stride;  // stride and offset in elements of its storage
  std::uint64_t offset = 0;
  std::size_t storage = 0;  // numbered by the reader; equal numbers are one storage
  std::uint64_t width = 0;  // bytes of an element; 0: not known

  // Checked by the reader not to overflow; more than the storage holds where an axis has stride 0.
  std::uint64_t elements() const noexcept;
};

std::string shape_text(std::span<const std::uint64_t> shape);  // "(4, 64, 1024)"

// Bytes of one storage; `owned` is empty when they are a view of the mapped file.
struct stored_bytes {
  array<std::byte> owned;
  std::span<const std::byte> view;
};

class tensor_file {
 public:
  explicit tensor_file(std::string place) : place_(std::move(place)) {}
  virtual ~tensor_file() = default;
  tensor_file(const tensor_file&) = delete;
  tensor_file& operator=(const tensor_file&) = delete;

  // The file's name as the user gave it.
  const std::string& place() const noexcept { return place_; }
  std::string place(const tensor& t) const { return place_ + ":" + t.name; }
  const std::vector<tensor>& tensors() const noexcept { return tensors_; }
  // What the file has beside its tensors: configurations, vocabularies, metrics, objects.
  const std::vector<beside_value>& beside() const noexcept { return beside_; }

  // All elements, row-major. Throws input_error naming the first element that is not finite (as a
  // float32), or the tensor when its elements are not floating-point numbers or cannot be read.
  array<float> weights(const tensor& t) const;
  array<double> numbers(const tensor& t) const;

  // Whether f(place, value) holds for every element, in row-major order and up to the first for
  // which it does not. What is no floating-point number is the integer of its bytes. Throws
  // input_error where the type is not known.
  bool all_of(const tensor& t, const std::function<bool(std::uint64_t, double)>& f) const;

  // Of the same shape and element type, with the same bits. Throws input_error where one cannot be
  // read.
  bool equal(const tensor& a, const tensor& b) const;

  // The bytes of the tensor's storage. Throws input_error.
  stored_bytes stored(const tensor& t) const { return bytes(t); }

  // Of a checkpoint in several files: all but the one that names them.
  virtual std::vector<std::span<const std::byte>> parts() const { return {}; }

 protected:
  virtual stored_bytes bytes(const tensor& t) const = 0;
  void add(tensor t);  // throws input_error for a second tensor of that name
  bool has(const std::string& name) const { return names_.contains(name); }

  std::vector<tensor> tensors_;
  std::vector<beside_value> beside_;

 private:
  template <class T>
  array<T> read(const tensor& t) const;

  std::string place_;
  std::unordered_set<std::string> names_;
};

// The product of the sizes, or nothing when it exceeds `limit`; a zero anywhere gives zero.
std::optional<std::uint64_t> product_within(std::span<const std::uint64_t> sizes,
                                            std::uint64_t limit) noexcept;

// `bytes` must outlive the result. Throw input_error.
std::unique_ptr<tensor_file> read_safetensors(std::span<const std::byte> bytes, std::string place);
std::unique_ptr<tensor_file> read_torch_file(std::span<const std::byte> bytes, std::string place);
// Of an index of shards, which lie in its folder: each is there, has the tensors that the index
// states, and no others.
std::unique_ptr<tensor_file> read_shards(std::span<const std::byte> index, std::string place);
// Throws input_error for the name of one of several shards, "model-00001-of-00002.safetensors".
void expect_no_shard(const std::string& place);
// Whether a file is called as one of several shards.
bool is_shard(const std::string& file);

// By content, not by the file's name: safetensors, a PyTorch zip, or an index of safetensors;
// anything else is refused with what it seems to be.
std::unique_ptr<tensor_file> read_tensor_file(std::span<const std::byte> bytes, std::string place);

}  // namespace bdh
