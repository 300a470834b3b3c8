#include "io/files/zip_archive.hpp"

#include <zip.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr std::uint64_t best_compression = 1032;  // of deflate
constexpr std::size_t longest_name = 512;
constexpr zip_int64_t most_entries = 100'000;

struct close_entry {
  void operator()(zip_file_t* entry) const noexcept { zip_fclose(entry); }
};

bool is_unsafe(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find_first_of("\\:") != name.npos) return true;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

struct zip_archive::library {
  zip_t* archive = nullptr;
  ~library() {
    if (archive != nullptr) zip_discard(archive);
  }
};

zip_archive::zip_archive(std::span<const std::byte> bytes, std::string place, content what)
    : library_(std::make_unique<library>()), place_(std::move(place)), what_(std::move(what)) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source != nullptr) library_->archive = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (library_->archive == nullptr) {
    if (source != nullptr) zip_source_free(source);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw input_error(place_, "a damaged zip archive (" + why + ")", what_.expected);
  }
  zip_error_fini(&error);
  const zip_int64_t count = zip_get_num_entries(library_->archive, 0);
  if (count > most_entries)
    throw input_error(place_, std::to_string(count) + " entries",
                      what_.expected + " with at most " + std::to_string(most_entries));
  for (zip_int64_t i = 0; i < count; ++i) add(static_cast<std::uint64_t>(i), bytes.size());
}

zip_archive::~zip_archive() = default;

void zip_archive::add(std::uint64_t index, std::uint64_t file_bytes) {
  zip_stat_t about;
  constexpr zip_uint64_t fields = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                  ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(library_->archive, index, 0, &about) != 0 || (about.valid & fields) != fields)
    throw input_error(place_, "an unreadable archive entry", what_.expected);
  const std::string name = about.name;
  const std::string place = place_of(name);
  if (is_unsafe(name))
    throw input_error(place, "an absolute name or one with '..'", "names inside the archive");
  if (name.size() > longest_name)
    throw input_error(place, "a name of " + std::to_string(name.size()) + " bytes",
                      "at most " + std::to_string(longest_name));
  if (about.encryption_method != ZIP_EM_NONE)
    throw input_error(place, "an encrypted entry", what_.expected);
  if (!what_.compressed && (about.comp_method != ZIP_CM_STORE || about.comp_size != about.size))
    throw input_error(place, "a compressed entry", "stored entries", what_.hint);
  if (about.comp_method != ZIP_CM_STORE && about.comp_method != ZIP_CM_DEFLATE)
    throw input_error(place, "compression method " + std::to_string(about.comp_method),
                      "stored or deflated entries");
  const std::uint64_t most =
      about.comp_method == ZIP_CM_STORE ? about.comp_size : about.comp_size * best_compression;
  if (about.comp_size > file_bytes || about.size > most)
    throw input_error(place,
                      std::to_string(about.size) + " bytes in " + std::to_string(about.comp_size) +
                          " stored ones",
                      "what the file has room for");
  if (!entries_.emplace(name, entry{index, about.size}).second)
    throw input_error(place, "two entries of this name", "one");
}

const zip_archive::entry* zip_archive::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

array<std::byte> zip_archive::read(const entry& e, const std::string& place) const {
  const std::unique_ptr<zip_file_t, close_entry> in(zip_fopen_index(library_->archive, e.index, 0));
  if (!in)
    throw input_error(place, std::string("unreadable (") + zip_strerror(library_->archive) + ")",
                      "an entry of the archive");
  array<std::byte> result(e.bytes);
  std::size_t done = 0;
  zip_int64_t got = 1;
  while (done < result.size() &&
         (got = zip_fread(in.get(), result.data() + done, result.size() - done)) > 0)
    done += static_cast<std::size_t>(got);
  std::byte beyond;  // the checksum is compared when the end is met
  if (got >= 0 && done == result.size()) got = zip_fread(in.get(), &beyond, 1);
  if (got != 0 || done != result.size())
    throw input_error(place, std::string("damaged (") + zip_file_strerror(in.get()) + ")",
                      std::to_string(e.bytes) + " bytes");
  return result;
}

}  // namespace bdh
