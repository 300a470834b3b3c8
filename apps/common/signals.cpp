#include "apps/common/signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <string_view>

#include <bdh/error.hpp>

#include "apps/common/ranks.hpp"

namespace bdh::app {
namespace {

volatile std::sig_atomic_t requested = 0;
int wake[2] = {-1, -1};  // a pipe: a signal that comes just before poll() still ends its wait

void request(int signal) {
  const int saved = errno;
  requested = signal == SIGUSR1 ? SIGINT : signal;  // as mpirun hands it on to ranks
  [[maybe_unused]] const ssize_t ignored = ::write(wake[1], "", 1);
  errno = saved;
}

// Several threads may come here at once: the first one prints the line and ends all.
std::atomic_flag printed = ATOMIC_FLAG_INIT;

void say(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

// "7f0000-7f1000 r--p 00000000 08:01 42    /path" of /proc/self/maps: the path, if the address is
// in this part of memory.
std::string_view mapped_file_of(std::string_view line, std::uintptr_t address) {
  std::uintptr_t first = 0, last = 0;
  const char* const end = line.data() + line.size();
  const auto [dash, failed] = std::from_chars(line.data(), end, first, 16);
  if (failed != std::errc() || dash == end ||
      std::from_chars(dash + 1, end, last, 16).ec != std::errc())
    return {};
  const std::size_t path = line.find('/');
  return address < first || address >= last || path == line.npos ? std::string_view()
                                                                 : line.substr(path);
}

// A signal handler: allocates nothing.
void end_unreadable(int, siginfo_t* what, void*) {
  while (printed.test_and_set()) ::pause();
  static char line[8192];
  std::size_t size = 0;
  std::string_view file;
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  for (char c; file.empty() && maps >= 0 && ::read(maps, &c, 1) == 1;) {
    if (c != '\n' && size < sizeof line) line[size++] = c;
    if (c != '\n') continue;
    file = mapped_file_of({line, size}, reinterpret_cast<std::uintptr_t>(what->si_addr));
    size = 0;
  }
  say("bdh: ");
  say(file.empty() ? "memory" : file);
  say(": a part of it can no longer be read, expected the file as it was opened; was it cut short, "
      "or does its disk or network fail?\n");
  ::_exit(1);
}

}  // namespace

void stop_on_signals() {
  if (wake[0] < 0 && ::pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
    throw device_error("pipe", "cannot be opened", "two free file descriptors");
  struct sigaction action = {};
  action.sa_handler = request;
  action.sa_flags = SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    if (signal == SIGUSR1 && !together()) continue;
    struct sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    // Started in the background of a script: Ctrl-C is not meant for us.
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

int stop_requested() noexcept { return requested; }

void stop_if_requested() {
  if (requested != 0) throw stopped();
}

void listen_again() {
  char drained[16];
  while (::read(wake[0], drained, sizeof drained) > 0) {
  }
  requested = 0;
  stop_on_signals();
}

std::ptrdiff_t read_unless_stopped(int descriptor, std::span<std::byte> into,
                                   const std::function<void()>& on_wait) {
  for (int patience = on_wait ? 200 : -1;;) {  // ms
    pollfd waiting[2] = {{descriptor, POLLIN, 0}, {wake[0], POLLIN, 0}};
    const int ready = ::poll(waiting, wake[0] < 0 ? 1 : 2, patience);
    if (ready < 0 && errno != EINTR) return -1;
    if (ready == 0) {
      on_wait();
      patience = -1;
    }
    if (ready <= 0) continue;
    if (requested != 0) return 0;
    const ssize_t got = ::read(descriptor, into.data(), into.size());
    if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return got;
  }
}

void end_when_unreadable() {
  struct sigaction action = {};
  action.sa_sigaction = end_unreadable;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bdh::app
