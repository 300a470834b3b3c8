#include "apps/common/ranks.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <thread>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "apps/ranks/job_sites.hpp"
#include "core/ranks/rank_server.hpp"
#include "io/mpi/mpi_ranks.hpp"

namespace bdh::app {
namespace {

std::shared_ptr<ranks> joined;

std::optional<unsigned> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  unsigned value = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), value).ec != std::errc())
    return std::nullopt;
  return value;
}

// How many processes were started together, as Open MPI, MPICH and Slurm say it.
unsigned started_together() {
  for (const char* size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const auto value = number_in(size)) return *value;
  if (std::getenv("PMIX_RANK") != nullptr) return number_in("SLURM_NTASKS").value_or(2);
  return 1;
}

// Of all commands; those that were not parsed are as they were made.
std::vector<const ranks_choice*>& choices() {
  static std::vector<const ranks_choice*> all;
  return all;
}

std::map<std::string, std::string>& files() {
  static std::map<std::string, std::string> by_content;
  return by_content;
}

}  // namespace

std::shared_ptr<ranks> together() noexcept { return joined; }

unsigned processors() {
  const unsigned all = std::max(1u, std::thread::hardware_concurrency());
  if (!joined) return all;
  const unsigned here = number_in("OMPI_COMM_WORLD_LOCAL_SIZE")
                            .value_or(number_in("SLURM_NTASKS_PER_NODE").value_or(1));
  return std::max(1u, all / std::max(1u, here));
}

void join_ranks() {
  if (started_together() <= 1) return;
  if (mpi_version().empty())
    throw unavailable_error(
        "bdh", fmt::format("one of {} processes, of a build without MPI", started_together()),
        "one process", "build it with -D BDH_MPI=ON");
  joined = mpi_ranks();
}

int serve_ranks() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_IGN);
  const auto fail = [](const std::string& what) {
    note(fmt::format("bdh: rank {} on {}: {}", joined->rank(), joined->host(), what));
    end_mpi_ranks(3);
  };
  try {
    serve(joined, {.open = open_job, .make = make_sites});
  } catch (const std::bad_alloc&) {
    fail("memory: exhausted, expected more");
  } catch (const std::exception& e) {
    fail(e.what());
  }
  joined.reset();
  return 0;
}

void leave_ranks() {
  if (!joined) return;
  try {
    end_ranks(*joined);
  } catch (const error& e) {  // the others are gone, or wait for ever
    note(std::string("bdh: ") + e.what());
    end_mpi_ranks(3);
  }
  joined.reset();
}

void ranks_choice::add_to(command_line& command) {
  constexpr std::uint64_t most_ranks = 1024;
  add_number<std::uint64_t>(command, "--ranks", count, {1, most_ranks, "1 to 1024"},
                            "processes that share the model, each with its threads and sites, "
                            "started by mpirun [1]");
  command.add("--hosts", hosts, "machines of the ranks: NAME:RANKS,NAME:RANKS [this one]")
      .type_name("LIST");
  choices().push_back(this);
}

const ranks_choice* wanted_ranks() {
  for (const ranks_choice* c : choices())
    if (c->count > 1 || !c->hosts.empty()) return c;
  return nullptr;
}

void remember_file(const model& m, const std::string& file) {
  if (joined) files()[m.content_sha256()] = std::filesystem::absolute(file).string();
}

std::string file_of(const model& m) {
  const auto found = files().find(m.content_sha256());
  if (found == files().end())
    throw unavailable_error("ranks", "a model that is in no file", "a model file",
                            "every rank loads it; write it first");
  return found->second;
}

// ---- the program that starts the others

namespace {

volatile std::sig_atomic_t stops = 0;
volatile std::sig_atomic_t launched = 0;  // mpirun

// A first signal is a request to stop after a token: mpirun hands SIGUSR1 on to all ranks, where of
// SIGINT and SIGTERM it makes a SIGKILL within a second.
void hand_on(int) {
  const int saved = errno;
  stops = stops + 1;
  ::kill(static_cast<pid_t>(launched), stops == 1 ? SIGUSR1 : SIGTERM);
  errno = saved;
}

std::vector<std::string> mpirun_words(std::uint64_t count, const std::string& hosts) {
  std::vector<std::string> all = {"mpirun", "-q", "-n", std::to_string(count), "--bind-to", "none"};
  const auto add = [&](std::initializer_list<const char*> more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (hosts.empty())
    add({"--oversubscribe"});
  else
    add({"--host", hosts.c_str(), "--map-by", "node"});
  // A host that no longer answers is noticed within seconds.
  add({"--mca", "oob_tcp_keepalive_time", "5", "--mca", "oob_tcp_keepalive_intvl", "1", "--mca",
       "oob_tcp_keepalive_probes", "3", "--mca", "mpi_yield_when_idle", "1"});
  return all;
}

struct started {
  pid_t process;
  int messages;  // its standard error
};

started start(char** arguments) {
  int messages[2];
  sigset_t both, before;
  sigemptyset(&both);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&both, signal);
  ::sigprocmask(SIG_BLOCK, &both, &before);
  const pid_t child = ::pipe(messages) == 0 ? ::fork() : -1;
  if (child < 0) throw device_error("mpirun", "cannot be started", "a process more");
  if (child == 0) {
    ::setsid();                          // Ctrl-C is ours to hand on
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // and if we are killed, all end
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::dup2(messages[1], STDERR_FILENO);
    for (const int end : messages) ::close(end);
    ::execvp(arguments[0], arguments);
    note(fmt::format("bdh: mpirun: {}, expected the program that starts ranks; install openmpi-bin",
                     std::strerror(errno)));
    ::_exit(3);
  }
  ::close(messages[1]);
  launched = child;
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, hand_on);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return {child, messages[0]};
}

// To standard error, until the other end is closed; whether there was anything.
bool pass_on(int from) {
  bool any = false;
  std::array<char, 4096> text;
  for (;;) {
    const ssize_t got = ::read(from, text.data(), text.size());
    if (got == 0 || (got < 0 && errno != EINTR)) return any;
    if (got < 0) continue;
    any = true;
    [[maybe_unused]] const ssize_t ignored =
        ::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

int run_on_ranks(const char* program, const std::vector<std::string>& words,
                 const ranks_choice& on) {
  if (on.count == 1) throw usage_error("--hosts", "needs --ranks");
  if (joined)
    throw usage_error("--ranks", fmt::format("this is one of {} ranks already, as it was started",
                                             joined->size()));
  if (mpi_version().empty())
    throw unavailable_error("--ranks", "a build without MPI", "one with it",
                            "cmake -D BDH_MPI=ON, with libopenmpi-dev");
  if (::geteuid() == 0 && std::getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM") == nullptr)
    throw unavailable_error("--ranks", "the user root", "another one, as mpirun wants it",
                            "or OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 in the "
                            "environment");
  const auto& [count, hosts] = on;
  std::vector<std::string> all = mpirun_words(count, hosts);
  all.emplace_back(program);
  for (std::size_t k = 0; k < words.size(); ++k) {  // without the options of this choice
    const std::string name = words[k].substr(0, words[k].find('='));
    if (name != "--ranks" && name != "--hosts")
      all.push_back(words[k]);
    else if (name == words[k])
      ++k;
  }
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const started ranks = start(arguments.data());
  const bool said = pass_on(ranks.messages);
  int status = 0;
  while (::waitpid(ranks.process, &status, 0) < 0 && errno == EINTR) continue;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code > 128 && code != 130 && code != 141 && code != 143) {
    note(fmt::format(
        "bdh: a rank was killed by signal {}; what was recorded is kept, and bdh resume goes on "
        "from the last checkpoint",
        code - 128));
    return 3;
  }
  if (code != 0 && !said)  // mpirun is quiet
    note(
        fmt::format("bdh: mpirun: exit code {}, expected {} ranks{}; can they be started: mpirun "
                    "-n {}{} hostname?",
                    code, count, hosts.empty() ? "" : " on " + hosts, count,
                    hosts.empty() ? " --oversubscribe" : " --host " + hosts));
  return code;
}

}  // namespace bdh::app
