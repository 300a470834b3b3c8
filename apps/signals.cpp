#include "apps/signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "core/base/error.hpp"

namespace bdh::app {
namespace {

volatile std::sig_atomic_t requested = 0;
int wake[2] = {-1, -1};  // a pipe: a signal that comes just before poll() still ends its wait

void request(int signal) {
  const int saved = errno;
  requested = signal;
  [[maybe_unused]] const ssize_t ignored = ::write(wake[1], "", 1);
  errno = saved;
}

std::array<char, 8192> last_words;  // the handler may not make them
std::size_t last_words_size = 0;

// Several threads may come here at once: the first one tells it and ends all of them.
std::atomic_flag told = ATOMIC_FLAG_INIT;

void end(int) {
  while (told.test_and_set()) ::pause();
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, last_words.data(), last_words_size);
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
  for (int signal : {SIGINT, SIGTERM}) {
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

std::ptrdiff_t read_unless_stopped(int descriptor, std::span<std::byte> into, const std::function<void()>& on_wait) {
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

void end_when_unreadable(const std::string& file) {
  const input_error fault(file, "a part of it can no longer be read", "the file as it was opened",
                          "was it cut short, or does its disk or network fail?");
  const std::string text = std::string("bdh: ") + fault.what() + "\n";
  ::signal(SIGBUS, SIG_DFL);  // until the words are whole
  last_words_size = std::min(text.size(), last_words.size());
  std::memcpy(last_words.data(), text.data(), last_words_size);
  struct sigaction action = {};
  action.sa_handler = end;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace bdh::app
