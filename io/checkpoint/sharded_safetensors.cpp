// A checkpoint in several safetensors files, and the index that names them: {"metadata":
// {"total_size": bytes}, "weight_map": {tensor: file}}, as the Hugging Face library writes them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/tensor_file.hpp"
#include "io/files/json.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/text_start.hpp"

namespace bdh {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t max_index = std::size_t{16} << 20, max_shards = 1024;

struct shard_index {
  std::map<std::string, std::string> files;  // of tensors
  std::vector<std::string> shards;           // in the order of their names
  std::optional<std::uint64_t> total_size;   // bytes
};

// A name in the index's own folder.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

void expect_safetensors(const std::string& place, const std::string& name) {
  if (!is_plain_name(name))
    throw input_error(place + ":weight_map", "'" + name.substr(0, 80) + "'",
                      "the name of a file beside the index");
  if (!name.ends_with(".safetensors"))
    throw input_error(place, "shards such as " + name, "safetensors files",
                      "save it as such: model.save_pretrained(FOLDER, safe_serialization=True)");
}

json parse_index(std::span<const std::byte> bytes, const std::string& place) {
  if (bytes.size() > max_index)
    throw input_error(place, fmt::format("JSON of {} bytes", bytes.size()),
                      fmt::format("an index of at most {}", max_index));
  try {
    return parse_json(without_byte_order_mark(as_text(bytes), place),
                      {.depth = 3, .unique_keys = true});
  } catch (const json_error& e) {
    throw input_error(place, "no usable JSON (" + std::string(e.what()).substr(0, 200) + ")",
                      "a checkpoint, or the index of one in several files");
  }
}

shard_index read_index(std::span<const std::byte> bytes, const std::string& place) {
  const json all = parse_index(bytes, place);
  const auto map = all.is_object() ? all.find("weight_map") : all.end();
  if (map == all.end() || !map->is_object() || map->empty())
    throw input_error(place, "JSON without a weight_map",
                      "a checkpoint, or the index of one in several files");
  shard_index result;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string())
      throw input_error(place + ":weight_map", file.type_name(), "the name of a file");
    expect_safetensors(place, file.get<std::string>());
    result.files.emplace(name, file.get<std::string>());
    result.shards.push_back(file.get<std::string>());
  }
  std::sort(result.shards.begin(), result.shards.end());
  result.shards.erase(std::unique(result.shards.begin(), result.shards.end()), result.shards.end());
  if (result.shards.size() > max_shards)
    throw input_error(place, fmt::format("{} shards", result.shards.size()),
                      fmt::format("at most {}", max_shards));
  const auto metadata = all.find("metadata");
  if (metadata != all.end() && metadata->is_object())
    if (const auto size = metadata->find("total_size");
        size != metadata->end() && size->is_number_unsigned())
      result.total_size = size->get<std::uint64_t>();
  return result;
}

// All are there, and large enough.
void expect_files(const shard_index& index, const fs::path& folder, const std::string& place) {
  std::uintmax_t size = 0;
  for (const std::string& name : index.shards) {
    std::error_code failed;
    const fs::path file = folder / name;
    if (!fs::is_regular_file(file, failed))
      throw input_error(file.string(), "missing",
                        fmt::format("all {} shards of {}", index.shards.size(), place));
    size += fs::file_size(file, failed);
    if (failed) throw input_error(file.string(), failed.message(), "a readable file");
  }
  if (index.total_size && size < *index.total_size)
    throw input_error(place, fmt::format("{} shards of {} bytes", index.shards.size(), size),
                      fmt::format("at least {}, the total_size", *index.total_size),
                      "a shard is incomplete");
}

class sharded_file final : public tensor_file {
 public:
  sharded_file(std::span<const std::byte> index_bytes, std::string name)
      : tensor_file(std::move(name)) {
    const shard_index index = read_index(index_bytes, place());
    const fs::path folder = fs::path(place()).parent_path();
    expect_files(index, folder, place());
    for (const std::string& shard : index.shards) {
      mapped_.push_back(std::make_unique<mapped_file>(folder / shard));
      shards_.push_back(read_safetensors(mapped_.back()->bytes(), (folder / shard).string()));
      add_shard(index, shard);
    }
    for (const auto& [tensor_name, shard] : index.files)
      if (!has(tensor_name))
        throw input_error((folder / shard).string(), "no tensor " + tensor_name.substr(0, 80),
                          "it, as " + place() + " states");
  }

  std::vector<std::span<const std::byte>> parts() const override {
    std::vector<std::span<const std::byte>> result;
    for (const auto& m : mapped_) result.push_back(m->bytes());
    return result;
  }

 private:
  struct home {
    std::size_t shard, storage;
  };

  void add_shard(const shard_index& index, const std::string& name) {
    const tensor_file& shard = *shards_.back();
    for (tensor t : shard.tensors()) {
      const auto stated = index.files.find(t.name);
      if (stated == index.files.end() || stated->second != name)
        throw input_error(shard.place(t), "a tensor that is not in the index",
                          "those that " + place() + " states");
      homes_.push_back({shards_.size() - 1, t.storage});
      t.storage = homes_.size() - 1;
      add(std::move(t));
    }
    beside_.insert(beside_.end(), shard.beside().begin(), shard.beside().end());
  }

  stored_bytes bytes(const tensor& t) const override {
    const home& at = homes_[t.storage];
    tensor inside = t;
    inside.storage = at.storage;
    return shards_[at.shard]->stored(inside);
  }

  std::vector<std::unique_ptr<mapped_file>> mapped_;
  std::vector<std::unique_ptr<tensor_file>> shards_;
  std::vector<home> homes_;  // by storage
};

// "2" of "model-00001-of-00002.safetensors"; and what is before the numbers.
std::optional<std::pair<std::string, std::string>> shard_name(const std::string& file) {
  constexpr std::string_view end = ".safetensors", between = "-of-";
  if (!file.ends_with(end)) return std::nullopt;
  const std::string stem = file.substr(0, file.size() - end.size());
  const std::size_t of = stem.rfind(between);
  const std::size_t dash = of == std::string::npos || of == 0 ? of : stem.rfind('-', of - 1);
  if (of == std::string::npos || dash == std::string::npos) return std::nullopt;
  const std::string number = stem.substr(dash + 1, of - dash - 1),
                    count = stem.substr(of + between.size());
  const auto is_count = [](const std::string& digits) {
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  };
  if (!is_count(number) || !is_count(count)) return std::nullopt;
  const std::size_t first = count.find_first_not_of('0');
  if (first == std::string::npos) return std::nullopt;
  return std::pair{count.substr(first), stem.substr(0, dash)};
}

}  // namespace

std::unique_ptr<tensor_file> read_shards(std::span<const std::byte> index, std::string place) {
  return std::make_unique<sharded_file>(index, std::move(place));
}

bool is_shard(const std::string& file) {
  const auto found = shard_name(file);
  return found && found->first != "1";
}

void expect_no_shard(const std::string& place) {
  const fs::path file(place);
  const std::string file_name = file.filename().string();
  if (!is_shard(file_name)) return;
  const auto found = shard_name(file_name);
  const auto& [count, stem] = *found;
  const fs::path index = file.parent_path() / (stem + ".safetensors.index.json");
  std::error_code failed;
  const bool there = fs::is_regular_file(index, failed);
  throw input_error(
      place, "one of " + count + " shards", "the whole checkpoint",
      there ? "import " + index.string() + ", its index"
            : "with the others and " + index.filename().string() + " beside it, import that");
}

}  // namespace bdh
