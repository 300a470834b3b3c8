// PyTorch's zip format (torch.save since 1.6): ROOT/data.pkl describes the tensors, ROOT/data/KEY
// holds the bytes of each storage.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/checkpoint/torch_state.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/zip_archive.hpp"

namespace bdh {
namespace {

struct storage_type {
  const char *name, *type;  // of a storage; of a tensor in an untyped one
  element kind;
  std::uint64_t bytes;
};
constexpr storage_type storage_types[] = {
    {"FloatStorage", "float32", element::f32, 4},
    {"HalfStorage", "float16", element::f16, 2},
    {"BFloat16Storage", "bfloat16", element::bf16, 2},
    {"DoubleStorage", "float64", element::f64, 8},
    {"LongStorage", "int64", element::other, 8},
    {"IntStorage", "int32", element::other, 4},
    {"ShortStorage", "int16", element::other, 2},
    {"CharStorage", "int8", element::other, 1},
    {"ByteStorage", "uint8", element::other, 1},
    {"BoolStorage", "bool", element::other, 1},
    {"ComplexFloatStorage", "complex64", element::other, 8},
    {"ComplexDoubleStorage", "complex128", element::other, 16},
    {"", "uint16", element::other, 2},
    {"", "uint32", element::other, 4},
    {"", "uint64", element::other, 8},
    {"", "float8_e4m3fn", element::other, 1},
    {"", "float8_e4m3fnuz", element::other, 1},
    {"", "float8_e5m2", element::other, 1},
    {"", "float8_e5m2fnuz", element::other, 1},
    {"", "float8_e8m0fnu", element::other, 1},
    {"", "float4_e2m1fn_x2", element::other, 1},
    {"QInt8Storage", "qint8", element::other, 1},
    {"QUInt8Storage", "quint8", element::other, 1},
    {"QInt32Storage", "qint32", element::other, 4}};
// Of any other type nothing is known but its name.
constexpr storage_type unknown_type{"", "", element::other, 0};

const storage_type& type_of(const pickle::tensor& t, const pickle::storage& storage) {
  const auto* const found =
      std::find_if(std::begin(storage_types), std::end(storage_types), [&](const storage_type& s) {
        return t.type.empty() ? storage.type == s.name : t.type == s.type;
      });
  return found == std::end(storage_types) ? unknown_type : *found;
}

// What overlapping and expanded tensors may have together beyond what the file has, in elements: a
// tiny file cannot state terabytes.
constexpr std::uint64_t max_repeated = std::uint64_t{1} << 26;

class torch_file final : public tensor_file {
 public:
  torch_file(std::span<const std::byte> file, std::string name)
      : tensor_file(std::move(name)),
        archive_(file, place(),
                 {.expected = "a PyTorch file",
                  .compressed = false,
                  .hint = "re-save it with torch.save"}) {
    const std::string description = find_description();
    check_byte_order();
    const std::string where = place() + ":data.pkl";
    const array<std::byte> pickled = archive_.read(*archive_.find(description), where);
    const pickle::document document = pickle::read(pickled, where);
    torch_state state(document, where);
    allowed_ = max_repeated + 16 * file.size();
    for (const auto& [key, t] : state.tensors())
      add_tensor(key, *t, *document.as<pickle::storage>(t->where));
    beside_ = std::move(state).beside();
    if (tensors_.empty())
      throw input_error(where, "no tensors", "a state dictionary",
                        "torch.save(model.state_dict(), FILE)");
  }

 private:
  // The name of the pickle; sets the folder that it and the storages are in.
  std::string find_description() {
    std::string found;
    for (const auto& [name, entry] : archive_.entries()) {
      const std::size_t slash = name.find('/');
      if (slash == std::string::npos) continue;
      const std::string_view inner = std::string_view(name).substr(slash + 1);
      if (inner == "constants.pkl")
        throw input_error(place(), "a TorchScript archive",
                          "a state dictionary saved with torch.save");
      if (inner != "data.pkl") continue;
      if (!found.empty()) throw input_error(place() + ":" + name, "a second data.pkl", "one");
      found = name;
      folder_ = name.substr(0, slash + 1);
    }
    if (found.empty())
      throw input_error(place(), "a zip archive without data.pkl", "a PyTorch file");
    return found;
  }

  void check_byte_order() const {
    const auto* const entry = archive_.find(folder_ + "byteorder");
    if (entry == nullptr) return;
    const std::string where = place() + ":byteorder";
    if (entry->bytes > 16)
      throw input_error(where, std::to_string(entry->bytes) + " bytes", "little");
    const array<std::byte> bytes = archive_.read(*entry, where);
    if (as_text(bytes) != "little")
      throw input_error(where, "'" + std::string(as_text(bytes)) + "'", "little");
  }

  void add_tensor(const std::string& name, const pickle::tensor& from,
                  const pickle::storage& storage) {
    const storage_type& type = type_of(from, storage);
    tensor t{.name = name,
             .kind = type.kind,
             .type = from.type.empty() ? storage.type : from.type,
             .shape = from.shape,
             .stride = from.stride,
             .offset = from.offset,
             .storage = storage_number(name, storage.key),
             .width = type.bytes};
    const std::uint64_t stored = storages_[t.storage].bytes;
    if (from.negated)
      throw input_error(place(t), "a view that negates its storage", "the values themselves",
                        "save tensor.resolve_neg()");
    if (!from.type.empty()) {
      if (storage.elements != stored)
        throw input_error(place(t), "a storage of " + std::to_string(stored) + " bytes",
                          std::to_string(storage.elements) + " bytes");
    } else if (type.bytes != 0 && (storage.elements > stored / type.bytes ||
                                   storage.elements * type.bytes != stored)) {
      throw input_error(place(t), "a storage of " + std::to_string(stored) + " bytes",
                        std::to_string(storage.elements) + " elements of " +
                            std::to_string(type.bytes) + " bytes");
    }
    // Of an unknown type nothing is read.
    check_reach(t, type.bytes != 0 ? stored / type.bytes : std::uint64_t{1} << 62);
    add(std::move(t));
  }

  // Of the entry data/KEY; the same for all tensors in it.
  std::size_t storage_number(const std::string& name, const std::string& key) {
    const auto [found, fresh] = numbers_.try_emplace(key, storages_.size());
    if (!fresh) return found->second;
    const auto* const entry = archive_.find(folder_ + "data/" + key);
    if (entry == nullptr)
      throw input_error(place() + ":" + name,
                        "no entry data/" + key.substr(0, max_tensor_name) + " in the archive",
                        "its storage");
    storages_.push_back(*entry);
    return found->second;
  }

  // Every element lies in the storage; how many there are is bounded where they overlap.
  void check_reach(const tensor& t, std::uint64_t available) {
    const std::string what = "shape " + shape_text(t.shape) + " with strides " +
                             shape_text(t.stride) + " from element " + std::to_string(t.offset);
    const auto elements = product_within(t.shape, std::uint64_t{1} << 48);
    bool fits = elements.has_value();
    std::uint64_t last = t.offset;
    for (std::size_t axis = 0; fits && *elements > 0 && axis < t.shape.size(); ++axis) {
      const std::uint64_t steps = t.shape[axis] - 1;
      fits = last < available && (steps == 0 || t.stride[axis] == 0 ||
                                  t.stride[axis] <= (available - 1 - last) / steps);
      if (fits) last += steps * t.stride[axis];
    }
    if (!fits || (*elements > 0 && last >= available))
      throw input_error(place(t), what,
                        "a part of its storage of " + std::to_string(available) + " elements");
    if (*elements > allowed_)
      throw input_error(
          place(t),
          what + ", which repeats the " + std::to_string(available) + " elements of its storage",
          "at most " + std::to_string(allowed_) + " elements in all tensors of it",
          "save it as it is stored: tensor.contiguous()");
    allowed_ -= *elements;
  }

  stored_bytes bytes(const tensor& t) const override {
    stored_bytes result{archive_.read(storages_[t.storage], place(t)), {}};
    result.view = {result.owned.data(), result.owned.size()};
    return result;
  }

  zip_archive archive_;
  std::string folder_;  // "model/"
  std::vector<zip_archive::entry> storages_;
  std::map<std::string, std::size_t> numbers_;  // of storages, by their key
  std::uint64_t allowed_ = 0;                   // elements of the tensors that follow
};

}  // namespace

std::unique_ptr<tensor_file> read_torch_file(std::span<const std::byte> bytes, std::string place) {
  return std::make_unique<torch_file>(bytes, std::move(place));
}

}  // namespace bdh
