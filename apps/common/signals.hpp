// Ctrl-C and SIGTERM as a request to stop after the current token; a second one kills at once. And
// what becomes of a mapped file whose pages cannot be read any more.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace bdh::app {

// From here on, the first SIGINT or SIGTERM only sets the request.
void stop_on_signals();

// The signal that requested a stop; 0: none has.
int stop_requested() noexcept;

// For work that has nothing to keep before its end: throws `stopped` when a signal has requested
// a stop.
struct stopped {};
void stop_if_requested();

// Takes the request as answered: the next signal is a first one again.
void listen_again();

// Waits for bytes on a file descriptor: how many came, 0 at its end or when a stop was requested,
// -1 with errno on failure. `on_wait` (may be empty) is called when none have come for a fifth of a
// second.
std::ptrdiff_t read_unless_stopped(int descriptor, std::span<std::byte> into,
                                   const std::function<void()>& on_wait);

// From here on, a part of a mapped file (bdh/array.hpp) that can no longer be read, because
// the file was cut short or its disk fails, ends the program with one line that names the file
// and exit code 1.
void end_when_unreadable();

}  // namespace bdh::app
