#include "io/files/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"
#include "io/files/error_context.hpp"

namespace bdh {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

// The errno of a call that gives 0 when it succeeds; 0: it did.
int failure_of(int result) { return result == 0 ? 0 : errno; }

std::string temporary_name() {
  static std::atomic<unsigned> count{0};
  return ".bdh-" + std::to_string(::getpid()) + "-" + std::to_string(count++) + ".tmp";
}

void expect_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw input_error(folder.string(), "no such folder", "an existing folder");
}

// A name in the folder of `target` under which nothing is.
std::filesystem::path free_temporary(const std::filesystem::path& target) {
  const std::filesystem::path folder = folder_of(target);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw_errno(target, errno, "its folder cannot be written to");
  const std::filesystem::path temporary = folder / temporary_name();
  // Left by a process of the same number that was killed.
  std::error_code ignored;
  std::filesystem::remove_all(temporary, ignored);
  return temporary;
}

// Errors get the name that users know.
void sync_unpublished(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  with_file_name(temporary.string(), target.string(), [&] { sync_path(temporary); });
}

}  // namespace

atomic_file::atomic_file(std::filesystem::path target, bool overwrite)
    : target_(std::move(target)), overwrite_(overwrite) {
  if (!target_.has_filename())
    throw input_error(target_.string(), "no file name", "the name of a file");
  expect_folder(folder_of(target_));
  std::error_code ignored;
  const auto there = std::filesystem::status(target_, ignored);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
    throw input_error(target_.string(), "not an ordinary file", "the name of a file");
  if (std::filesystem::exists(there) && !overwrite)
    throw input_error(target_.string(), "the file exists", "a new name",
                      "use --force to overwrite it");
  temporary_ = free_temporary(target_);
}

atomic_file::~atomic_file() {
  std::error_code ignored;
  if (!published_) std::filesystem::remove(temporary_, ignored);
}

void atomic_file::publish() {
  sync_unpublished(temporary_, target_);
  // Some file systems cannot refuse to replace; there, the check in the constructor has to do.
  int failed = EINVAL;
  if (!overwrite_)
    failed = failure_of(
        ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE));
  if (failed == EEXIST)
    throw input_error(target_.string(), "the file exists", "a new name",
                      "use --force to overwrite it");
  if (failed == EINVAL || failed == ENOSYS)
    failed = failure_of(::rename(temporary_.c_str(), target_.c_str()));
  if (failed != 0) throw_errno(target_, failed, "cannot get its name");
  published_ = true;
  sync_path(folder_of(target_));
}

atomic_folder::atomic_folder(std::filesystem::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // FOLDER/
  if (!target_.has_filename()) throw input_error(target_.string(), "no name of a folder", "one");
  expect_folder(folder_of(target_));
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target_, ignored)) &&
      !(std::filesystem::is_directory(target_, ignored) &&
        std::filesystem::is_empty(target_, ignored)))
    throw input_error(target_.string(), "exists and is not an empty folder", "a new or empty one");
  temporary_ = free_temporary(target_);
}

atomic_folder::~atomic_folder() {
  std::error_code ignored;
  if (!published_) std::filesystem::remove_all(temporary_, ignored);
}

void atomic_folder::publish() {
  sync_unpublished(temporary_, target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int why = errno;
    if (why == ENOTEMPTY || why == EEXIST || why == ENOTDIR)
      throw input_error(target_.string(), "exists and is not an empty folder",
                        "a new or empty one");
    throw_errno(target_, why, "cannot get its name");
  }
  published_ = true;
  sync_path(folder_of(target_));
}

void expect_free_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::exists(folder, failed) && (!std::filesystem::is_directory(folder, failed) ||
                                                  !std::filesystem::is_empty(folder, failed)))
    throw input_error(folder.string(), "exists and is not an empty folder", "a new or empty one",
                      "give the run another name");
}

void claim_folder(const std::filesystem::path& folder) {
  expect_free_folder(folder);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw_errno(folder, failed.value(), "cannot be created");
}

void sync_path(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_errno(path, errno, "cannot be opened");
  const int failed = failure_of(::fsync(descriptor));
  ::close(descriptor);
  // Some network file systems cannot sync a folder, and say so.
  if (failed != 0 && failed != EINVAL && failed != ENOTSUP)
    throw_errno(path, failed, "cannot be synced");
}

void write_text(const std::filesystem::path& target, std::string_view text) {
  atomic_file whole(target, true);
  std::FILE* f = std::fopen(whole.temporary().c_str(), "wxe");
  if (f == nullptr) throw_errno(target, errno);
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), f) == text.size() && std::fflush(f) == 0;
  const int why = errno;
  if (std::fclose(f) != 0 || !written) throw_errno(target, why);
  whole.publish();
}

}  // namespace bdh
