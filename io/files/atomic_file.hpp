// Files that appear whole or not at all: written under a temporary name in the same folder, synced,
// renamed.
#pragma once

#include <filesystem>
#include <string_view>

namespace bdh {

class atomic_file {
 public:
  // Chooses a temporary name beside `target`; creates nothing. Throws input_error when the folder
  // is missing, when `target` is not an ordinary file, when it exists and `overwrite` is false, or
  // when its folder cannot be written to.
  atomic_file(std::filesystem::path target, bool overwrite);
  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file();  // removes what was not published

  const std::filesystem::path& temporary() const noexcept { return temporary_; }

  // Gives the finished, closed temporary file its name, on disk too. Throws device_error, or
  // input_error when the target has appeared meanwhile and must not be overwritten.
  void publish();

 private:
  std::filesystem::path target_, temporary_;
  bool overwrite_;
  bool published_ = false;
};

// A folder that appears under its name with everything in it, or not at all. What is there already
// is never touched.
class atomic_folder {
 public:
  // Chooses a temporary name beside `target`; creates nothing. Throws input_error when the folder
  // around it is missing, when `target` is anything but an empty folder, or when
  // the folder cannot be written to.
  explicit atomic_folder(std::filesystem::path target);
  atomic_folder(const atomic_folder&) = delete;
  atomic_folder& operator=(const atomic_folder&) = delete;
  ~atomic_folder();  // removes what was not published

  const std::filesystem::path& temporary() const noexcept { return temporary_; }

  // Gives the temporary folder, in which every file is closed and synced, its name, on disk too.
  // Throws device_error, or input_error when something has appeared under the name meanwhile.
  void publish();

 private:
  std::filesystem::path target_, temporary_;
  bool published_ = false;
};

// Replaces `target` by `text`, atomically. Throws input_error, device_error.
void write_text(const std::filesystem::path& target, std::string_view text);

// Throws input_error when the folder exists and is not empty.
void expect_free_folder(const std::filesystem::path& folder);
// Creates the folder, which must not exist or be empty. Throws input_error, device_error.
void claim_folder(const std::filesystem::path& folder);

// Makes what was written to a file, or the names in a folder, survive a power failure. Throws
// device_error.
void sync_path(const std::filesystem::path& path);

}  // namespace bdh
