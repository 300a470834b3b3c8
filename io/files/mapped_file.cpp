#include "io/files/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <bdh/error.hpp>

namespace bdh {

mapped_file::mapped_file(const std::filesystem::path& file) {
  const std::string place = file.string();
  const char* const expected = "a readable file";
  // Non-blocking, so that a named pipe is refused below instead of waited for.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw input_error(place, std::strerror(errno), expected);
  struct ::stat status {};
  std::string wrong;
  if (::fstat(descriptor, &status) != 0)
    wrong = std::strerror(errno);
  else if (S_ISDIR(status.st_mode))
    wrong = "a directory";
  else if (!S_ISREG(status.st_mode))
    wrong = "not a regular file";
  else if (status.st_size == 0)
    wrong = "an empty file";
  if (wrong.empty()) {
    size_ = static_cast<std::size_t>(status.st_size);
    void* const memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (memory == MAP_FAILED)
      wrong = std::strerror(errno);
    else
      data_ = static_cast<const std::byte*>(memory);
  }
  ::close(descriptor);
  if (!wrong.empty()) throw input_error(place, wrong, expected);
}

mapped_file::~mapped_file() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace bdh
