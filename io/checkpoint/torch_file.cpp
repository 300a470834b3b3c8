// PyTorch's zip format (torch.save since 1.6): ROOT/data.pkl describes the tensors, ROOT/data/KEY
// holds the bytes of each storage.
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/pickle.hpp"
#include "io/checkpoint/tensor_file.hpp"
#include "io/files/mapped_file.hpp"

namespace bdh {
namespace {

struct discard_archive {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
struct close_entry {
  void operator()(zip_file_t* entry) const noexcept { zip_fclose(entry); }
};
using zip_pointer = std::unique_ptr<zip_t, discard_archive>;

std::string text_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

zip_pointer open_zip(std::span<const std::byte> bytes, const std::string& place) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* const archive =
      source != nullptr ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr;
  if (archive == nullptr) {
    if (source != nullptr) zip_source_free(source);
    throw input_error(place, "a damaged zip archive (" + text_of(error) + ")", "a PyTorch file");
  }
  zip_error_fini(&error);
  return zip_pointer(archive);
}

bool is_unsafe(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
      name.find(':') != std::string_view::npos)
    return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

struct storage_type {
  const char* name;
  element kind;
  std::uint64_t bytes;
};
constexpr storage_type storage_types[] = {
    {"FloatStorage", element::f32, 4},          {"HalfStorage", element::f16, 2},
    {"BFloat16Storage", element::bf16, 2},      {"DoubleStorage", element::f64, 8},
    {"LongStorage", element::other, 8},         {"IntStorage", element::other, 4},
    {"ShortStorage", element::other, 2},        {"CharStorage", element::other, 1},
    {"ByteStorage", element::other, 1},         {"BoolStorage", element::other, 1},
    {"ComplexFloatStorage", element::other, 8}, {"ComplexDoubleStorage", element::other, 16}};

const storage_type& type_named(
    std::string_view name) {  // the pickle reader lets no other name pass
  return *std::find_if(std::begin(storage_types), std::end(storage_types) - 1,
                       [&](const storage_type& t) { return name == t.name; });
}

// A zip archive whose entries are stored as they are: its names and sizes, checked, and their
// bytes.
class archive {
 public:
  struct entry {
    zip_uint64_t index = 0, size = 0;
  };

  archive(std::span<const std::byte> bytes, const std::string& place)
      : zip_(open_zip(bytes, place)), place_(place) {
    const zip_int64_t count = zip_get_num_entries(zip_.get(), 0);
    for (zip_int64_t i = 0; i < count; ++i) add(static_cast<zip_uint64_t>(i), bytes.size());
  }

  const std::map<std::string, entry, std::less<>>& entries() const noexcept { return entries_; }
  const entry* find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

  // Throws input_error at `place` when the bytes are damaged (the archive keeps a checksum).
  array<std::byte> read(const entry& e, const std::string& place) const {
    array<std::byte> result(e.size);
    const std::unique_ptr<zip_file_t, close_entry> in(zip_fopen_index(zip_.get(), e.index, 0));
    if (!in)
      throw input_error(place, std::string("unreadable (") + zip_strerror(zip_.get()) + ")",
                        "an entry of the archive");
    std::size_t done = 0;
    zip_int64_t got = 1;
    while (done < result.size() &&
           (got = zip_fread(in.get(), result.data() + done, result.size() - done)) > 0)
      done += static_cast<std::size_t>(got);
    std::byte beyond;  // the checksum is compared when the end is met
    if (got >= 0 && done == result.size()) got = zip_fread(in.get(), &beyond, 1);
    if (got != 0 || done != result.size())
      throw input_error(place, std::string("damaged (") + zip_file_strerror(in.get()) + ")",
                        std::to_string(e.size) + " bytes");
    return result;
  }

 private:
  void add(zip_uint64_t index, std::size_t file_size) {
    zip_stat_t stat;
    constexpr zip_uint64_t fields = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                    ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(zip_.get(), index, 0, &stat) != 0 || (stat.valid & fields) != fields)
      throw input_error(place_, "an unreadable archive entry", "a PyTorch file");
    const std::string name = stat.name;
    const std::string place = place_ + ":" + name.substr(0, max_tensor_name);
    if (is_unsafe(name))
      throw input_error(place, "an absolute name or one with '..'", "names inside the archive");
    if (stat.encryption_method != ZIP_EM_NONE)
      throw input_error(place, "an encrypted entry", "a PyTorch file");
    if (stat.comp_method != ZIP_CM_STORE || stat.comp_size != stat.size)
      throw input_error(place, "a compressed entry", "stored entries, as torch.save writes them",
                        "re-save it with torch.save");
    if (stat.size > file_size)
      throw input_error(place, std::to_string(stat.size) + " bytes",
                        "at most the file's " + std::to_string(file_size));
    if (!entries_.emplace(name, entry{index, stat.size}).second)
      throw input_error(place, "two entries of this name", "one");
  }

  zip_pointer zip_;
  const std::string& place_;
  std::map<std::string, entry, std::less<>> entries_;
};

constexpr std::string_view wrappers[] = {"model", "state_dict", "model_state_dict", "model_state",
                                         "bdh_state_dict"};

// The state dictionary inside what torch.save was given, and what stands beside it.
class pickled_state {
 public:
  pickled_state(const pickle::document& document, const std::string& place)
      : document_(document),
        place_(place),
        visited_(document.values.size()),
        counted_(document.values.size()) {
    handle_ = document.root;
    for (int depth = 0; depth < 4; ++depth) {
      const auto inside = wrapped();
      collect_statements(inside);
      if (!inside) break;
      handle_ = *inside;
    }
  }

  const pickle::dictionary& dictionary() const {
    const auto* const found = document_.as<pickle::dictionary>(handle_);
    if (found == nullptr)
      throw input_error(place_, "no dictionary", "a state dictionary",
                        "torch.save(model.state_dict(), FILE)");
    return *found;
  }

  std::vector<statement> statements() && { return std::move(statements_); }

  // Whether there is a tensor anywhere inside; containers may be shared, or contain themselves. One
  // pass over all calls together.
  bool holds_tensor(pickle::handle from) {
    std::vector<pickle::handle> open{from};
    while (!open.empty()) {
      const pickle::handle h = open.back();
      open.pop_back();
      if (visited_[h]) continue;
      visited_[h] = true;
      if (document_.as<pickle::tensor>(h) != nullptr) return true;
      if (const auto* list = document_.as<pickle::sequence>(h))
        open.insert(open.end(), list->items.begin(), list->items.end());
      if (const auto* map = document_.as<pickle::dictionary>(h))
        for (const auto& [key, value] : map->items) open.push_back(value);
    }
    return false;
  }

 private:
  static bool is_wrapper(const std::string& name) {
    return std::find(std::begin(wrappers), std::end(wrappers), name) != std::end(wrappers);
  }

  // A dictionary of tensors, or of one that may hold them; a 'model' may also be a configuration.
  bool wraps_tensors(pickle::handle h) const {
    const auto* const inner = document_.as<pickle::dictionary>(h);
    return inner != nullptr &&
           std::any_of(inner->items.begin(), inner->items.end(), [&](const auto& item) {
             const auto* const name = document_.as<std::string>(item.first);
             return document_.as<pickle::tensor>(item.second) != nullptr ||
                    (name != nullptr && is_wrapper(*name) &&
                     document_.as<pickle::dictionary>(item.second) != nullptr);
           });
  }

  std::optional<pickle::handle> wrapped() const {
    std::optional<pickle::handle> result;
    std::size_t named = 0;
    for (const auto& [key, value] : dictionary().items) {
      const auto* const name = document_.as<std::string>(key);
      if (name == nullptr || !is_wrapper(*name)) continue;
      if (++named <= std::size(wrappers) && !wraps_tensors(value)) continue;
      if (result || named > std::size(wrappers))
        throw input_error(place_, "several state dictionaries, '" + *name + "' one of them", "one",
                          "save the one to import alone");
      result = value;
    }
    return result;
  }

  // Numbers in the dictionary itself and in the dictionaries beside the wrapped one ('config',
  // 'args', ...).
  void collect_statements(std::optional<pickle::handle> except) {
    add_numbers(dictionary(), "the file");
    counted_[handle_] = true;
    for (const auto& [key, value] : dictionary().items) {
      const auto* const name = document_.as<std::string>(key);
      const auto* const inner = document_.as<pickle::dictionary>(value);
      if (name == nullptr || inner == nullptr || value == except || counted_[value]) continue;
      counted_[value] = true;
      add_numbers(*inner, "'" + *name + "' in the file");
    }
  }

  void add_numbers(const pickle::dictionary& from, const std::string& where) {
    for (const auto& [key, value] : from.items) {
      const auto* const name = document_.as<std::string>(key);
      if (name == nullptr || name->size() > 64) continue;
      if (const auto* flag = document_.as<bool>(value))
        statements_.push_back({*name, *flag ? 1.0 : 0.0, where});
      if (const auto* integer = document_.as<std::int64_t>(value))
        statements_.push_back({*name, static_cast<double>(*integer), where});
      if (const auto* real = document_.as<double>(value))
        statements_.push_back({*name, *real, where});
    }
  }

  const pickle::document& document_;
  const std::string& place_;
  pickle::handle handle_ = 0;
  // Values looked into, for tensors and for numbers: a hostile file may share them a million times.
  std::vector<bool> visited_, counted_;
  std::vector<statement> statements_;
};

class torch_file final : public tensor_file {
 public:
  torch_file(std::span<const std::byte> file, std::string name)
      : tensor_file(std::move(name)), archive_(file, place()) {
    const std::string description = find_description();
    check_byte_order();
    const std::string where = place() + ":data.pkl";
    const array<std::byte> pickled = archive_.read(*archive_.find(description), where);
    const pickle::document document = pickle::read(pickled, where);
    pickled_state state(document, where);
    for (const auto& [key, value] : state.dictionary().items) {
      const auto* const text = document.as<std::string>(key);
      if (const auto* const t = document.as<pickle::tensor>(value))
        add_tensor(text, *t, *document.as<pickle::storage>(t->where));
      else if ((text == nullptr || !text->starts_with("optim")) && state.holds_tensor(value))
        throw input_error(
            where,
            "tensors inside " + (text != nullptr ? "'" + text->substr(0, max_tensor_name) + "'"
                                                 : std::string("a container")),
            "a state dictionary of tensors", "torch.save(model.state_dict(), FILE)");
    }
    statements_ = std::move(state).statements();
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
    if (entry->size > 16)
      throw input_error(where, std::to_string(entry->size) + " bytes", "little");
    const array<std::byte> bytes = archive_.read(*entry, where);
    if (as_text(bytes) != "little")
      throw input_error(where, "'" + std::string(as_text(bytes)) + "'", "little");
  }

  void add_tensor(const std::string* name, const pickle::tensor& from,
                  const pickle::storage& storage) {
    if (name == nullptr || name->size() > max_tensor_name)
      throw input_error(place() + ":data.pkl", "a tensor without a usable name",
                        "a string of at most " + std::to_string(max_tensor_name) + " bytes");
    const storage_type& type = type_named(storage.type);
    tensor t{*name,       type.kind,   storage.type,    from.shape,
             from.stride, from.offset, storages_.size()};
    const auto* const entry = archive_.find(folder_ + "data/" + storage.key);
    if (entry == nullptr)
      throw input_error(
          place(t), "no entry data/" + storage.key.substr(0, max_tensor_name) + " in the archive",
          "its storage");
    if (storage.elements > entry->size / type.bytes || storage.elements * type.bytes != entry->size)
      throw input_error(place(t), "a storage of " + std::to_string(entry->size) + " bytes",
                        std::to_string(storage.elements) + " elements of " +
                            std::to_string(type.bytes) + " bytes");
    check_reach(t, storage.elements);
    storages_.push_back(*entry);
    add(std::move(t));
  }

  void check_reach(const tensor& t, std::uint64_t available) const {
    const auto elements = product_within(t.shape, available);
    bool fits = elements.has_value();
    std::uint64_t last = t.offset;
    for (std::size_t axis = 0; fits && *elements > 0 && axis < t.shape.size(); ++axis) {
      const std::uint64_t steps = t.shape[axis] - 1;
      fits = last < available && (steps == 0 || t.stride[axis] <= (available - 1 - last) / steps);
      if (fits) last += steps * t.stride[axis];
    }
    if (!fits || (*elements > 0 && last >= available))
      throw input_error(place(t),
                        "shape " + shape_text(t.shape) + " with strides " + shape_text(t.stride) +
                            " from element " + std::to_string(t.offset),
                        "a part of its storage of " + std::to_string(available) + " elements");
  }

  stored_bytes bytes(const tensor& t) const override {
    stored_bytes result{archive_.read(storages_[t.storage], place(t)), {}};
    result.view = {result.owned.data(), result.owned.size()};
    return result;
  }

  archive archive_;
  std::string folder_;                    // "model/"
  std::vector<archive::entry> storages_;  // of the tensors
};

}  // namespace

std::unique_ptr<tensor_file> read_torch_file(std::span<const std::byte> bytes, std::string place) {
  return std::make_unique<torch_file>(bytes, std::move(place));
}

}  // namespace bdh
