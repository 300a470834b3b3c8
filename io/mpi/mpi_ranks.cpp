#include "io/mpi/mpi_ranks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <bdh/error.hpp>

#if defined(BDH_MPI)
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#endif

namespace bdh {

#if defined(BDH_MPI)
namespace {

using clock = std::chrono::steady_clock;

enum tag { said = 1, answered, exchanged };

// No message is larger: counts are int.
constexpr std::size_t largest = std::size_t{256} << 20;
// How long a rank waits for another in the middle of a token.
constexpr std::chrono::seconds patience{300};

void check(int status) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING + 1] = {};
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw device_error("MPI", text, "messages between ranks", "is every host still there?");
}

// Waits with less and less haste, so that ranks that share a core let each other work, and one that
// waits for a user takes no time.
template <class Done>
void wait_until(Done done, const std::string& whom, bool impatient) {
  const clock::time_point begin = clock::now();
  for (int turn = 0; !done(); ++turn) {
    if (turn < 200) continue;
    std::this_thread::yield();
    if (turn % 64 != 0) continue;
    const auto waited = clock::now() - begin;
    if (waited > std::chrono::milliseconds(20))
      std::this_thread::sleep_for(
          std::chrono::microseconds(waited > std::chrono::seconds(1) ? 500 : 50));
    if (impatient && waited > patience)
      throw device_error("rank " + whom, "no message for 300 s", "one in every round",
                         "is its host still there?");
  }
}

class communicator final : public ranks {
 public:
  communicator() {
    int provided = 0;
    int started = 0;
    check(MPI_Initialized(&started));
    ours_ = started == 0;
    if (ours_)
      check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided));
    else
      check(MPI_Query_thread(&provided));
    check(MPI_Comm_dup(MPI_COMM_WORLD, &all_));  // of our own, beside the messages of others
    check(MPI_Comm_set_errhandler(all_, MPI_ERRORS_RETURN));
    int rank = 0, size = 0, length = 0;
    check(MPI_Comm_rank(all_, &rank));
    check(MPI_Comm_size(all_, &size));
    rank_ = static_cast<rank_id>(rank);
    size_ = static_cast<rank_id>(size);
    char name[MPI_MAX_PROCESSOR_NAME + 1] = {};
    check(MPI_Get_processor_name(name, &length));
    host_ = name;
    if (provided < MPI_THREAD_SERIALIZED)
      throw unavailable_error("MPI", "one for programs of one thread",
                              "one with MPI_THREAD_SERIALIZED");
  }
  ~communicator() override {
    MPI_Comm_free(&all_);
    if (ours_) MPI_Finalize();
  }
  communicator(const communicator&) = delete;
  communicator& operator=(const communicator&) = delete;

  rank_id rank() const noexcept override { return rank_; }
  rank_id size() const noexcept override { return size_; }
  std::string host() const override { return host_; }

  void broadcast(byte_list& bytes) override {
    if (rank_ != 0) {
      bytes = receive(0, said, false);
      return;
    }
    std::vector<MPI_Request> requests;
    for (rank_id r = 1; r < size_; ++r) send(bytes, r, said, requests);
    finish(requests, false);
  }

  std::vector<byte_list> gather(const byte_list& own) override {
    std::vector<byte_list> all;
    if (rank_ != 0) {
      std::vector<MPI_Request> requests;
      send(own, 0, answered, requests);
      finish(requests, false);
      return all;
    }
    all.resize(size_);
    all[0] = own;
    for (rank_id r = 1; r < size_; ++r) all[r] = receive(r, answered, false);
    return all;
  }

  byte_list scatter(std::span<const byte_list> each) override {
    if (rank_ != 0) return receive(0, said, false);
    std::vector<MPI_Request> requests;
    for (rank_id r = 1; r < size_; ++r) send(each[r], r, said, requests);
    finish(requests, false);
    return each[0];
  }

  void exchange(std::span<const byte_list> sent, std::span<byte_list> received) override {
    ++exchanges_;
    std::vector<MPI_Request> requests;
    for (rank_id r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      bytes_sent_ += sent[r].size();
      send(sent[r], r, exchanged, requests);
    }
    const clock::time_point begin = clock::now();
    for (rank_id r = 0; r < size_; ++r)
      if (r != rank_) received[r] = receive(r, exchanged, true);
    finish(requests, true);
    seconds_waiting_ += std::chrono::duration<double>(clock::now() - begin).count();
  }

 private:
  // A message, and more of them while one is as large as they may be. The bytes stay where they are
  // until finish().
  void send(const byte_list& bytes, rank_id to, tag what,
            std::vector<MPI_Request>& requests) const {
    for (std::size_t at = 0;; at += largest) {
      const std::size_t size = std::min(largest, bytes.size() - at);
      check(MPI_Isend(bytes.data() + at, static_cast<int>(size), MPI_BYTE, static_cast<int>(to),
                      what, all_, &requests.emplace_back()));
      if (size < largest) return;
    }
  }
  static void finish(std::vector<MPI_Request>& requests, bool impatient) {
    wait_until(
        [&] {
          int done = 0;
          check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done,
                            MPI_STATUSES_IGNORE));
          return done != 0;
        },
        "that is sent to", impatient);
  }
  byte_list receive(rank_id from, tag what, bool impatient) const {
    byte_list bytes;
    for (int size = largest; static_cast<std::size_t>(size) == largest;) {
      MPI_Message message;
      MPI_Status status;
      wait_until(
          [&] {
            int there = 0;
            check(MPI_Improbe(static_cast<int>(from), what, all_, &there, &message, &status));
            return there != 0;
          },
          std::to_string(from), impatient);
      check(MPI_Get_count(&status, MPI_BYTE, &size));
      const std::size_t at = bytes.size();
      bytes.resize(at + static_cast<std::size_t>(size));
      check(MPI_Mrecv(bytes.data() + at, size, MPI_BYTE, &message, MPI_STATUS_IGNORE));
    }
    return bytes;
  }

  MPI_Comm all_ = MPI_COMM_NULL;
  bool ours_ = true;  // MPI was started here, and ends here
  rank_id rank_ = 0, size_ = 1;
  std::string host_;
};

}  // namespace

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING + 1] = {};
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "MPI";
  std::string first = text;
  first.erase(std::min(first.find_first_of(",\n"), first.size()));
  if (const std::size_t at = first.find(" Version:"); at != std::string::npos)  // of MPICH
    first = first.substr(0, at + 1) + first.substr(first.find_last_of(" \t") + 1);
  return first;
}

std::shared_ptr<ranks> mpi_ranks() { return std::make_shared<communicator>(); }

void end_mpi_ranks(int exit_code) noexcept {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

#else

std::string mpi_version() { return {}; }

std::shared_ptr<ranks> mpi_ranks() {
  throw unavailable_error("ranks", "a build without MPI", "one with it",
                          "cmake -D BDH_MPI=ON, with libopenmpi-dev");
}

void end_mpi_ranks(int exit_code) noexcept { std::_Exit(exit_code); }

#endif

}  // namespace bdh
