#include "io/files/errno_error.hpp"

#include <cerrno>
#include <system_error>

#include <bdh/error.hpp>

namespace bdh {

void throw_errno(const std::filesystem::path& place, int why, const std::string& what) {
  const std::string found = what + ": " + std::generic_category().message(why != 0 ? why : EIO);
  switch (why) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENAMETOOLONG:
    case ELOOP:
      throw input_error(place.string(), found, "a place that can be written to");
    case ENOSPC:
    case EDQUOT:
      throw device_error(place.string(), found, {}, "is the disk full?");
    default:
      throw device_error(place.string(), found);
  }
}

}  // namespace bdh
