#include "io/files/sandbox.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <new>

#include <bdh/error.hpp>

#include "io/files/errno_error.hpp"

namespace bdh {
namespace {

// Exit codes of the child; sanitizers have others.
enum outcome { good = 40, failed, no_memory };

class memory_file {
 public:
  explicit memory_file(const std::string& file) : descriptor(::memfd_create("bdh", MFD_CLOEXEC)) {
    if (descriptor < 0) throw_errno(file, errno, "no memory to read it into");
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() { ::close(descriptor); }
  const int descriptor;
};

outcome write_error(const error& e, int descriptor) {
  if (::ftruncate(descriptor, 0) != 0 || ::lseek(descriptor, 0, SEEK_SET) != 0) return no_memory;
  value_pipe words(descriptor);
  words.put_value(e.kind());
  for (const std::string* text : {&e.place(), &e.found(), &e.expected(), &e.hint()})
    words.put(std::span<const char>(*text));
  return failed;
}

int run_child(int descriptor, const std::function<void(value_pipe&)>& put) noexcept try {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGINT, SIG_IGN);  // the parent decides
  ::signal(SIGTERM, SIG_IGN);
  // No handler of the parent's prints about a death here.
  for (const int fault : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) ::signal(fault, SIG_DFL);
  try {
    value_pipe values(descriptor);
    put(values);
    return good;
  } catch (const error& e) {
    return write_error(e, descriptor);
  }
} catch (...) {
  return no_memory;
}

[[noreturn]] void throw_error_from(value_pipe& words) {
  const auto kind = words.take_value<error_kind>();
  const auto place = words.take<std::string>(), found = words.take<std::string>(),
             expected = words.take<std::string>();
  throw_error(kind, place, found, expected, words.take<std::string>());
}

}  // namespace

void value_pipe::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) throw std::bad_alloc();
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void value_pipe::read(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::read(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) throw input_error("pipe", "its end", "more values");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void value_pipe::expect(std::uint64_t count, std::size_t size) const {
  const off_t at = ::lseek(descriptor_, 0, SEEK_CUR), end = ::lseek(descriptor_, 0, SEEK_END);
  ::lseek(descriptor_, at, SEEK_SET);
  if (count > static_cast<std::uint64_t>(end - at) / size)
    throw input_error("pipe", std::to_string(count) + " values", "those that were put");
}

void read_in_child(const std::string& file, const std::function<void(value_pipe&)>& put,
                   const std::function<void(value_pipe&)>& take) {
  const memory_file shared(file);
  const pid_t child = ::fork();
  if (child < 0) throw_errno(file, errno, "no process to read it in");
  if (child == 0) ::_exit(run_child(shared.descriptor, put));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::lseek(shared.descriptor, 0, SEEK_SET);
  value_pipe values(shared.descriptor);
  switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
    case good:
      return take(values);
    case failed:
      throw_error_from(values);
    case no_memory:
      throw std::bad_alloc();
    default:
      throw input_error(file, "damaged in a way that libhdf5 does not survive",
                        "a whole HDF5 file");
  }
}

}  // namespace bdh
