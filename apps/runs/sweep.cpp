// bdh sweep: many runs, side by side, that differ in chosen options; one table of what they gave.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/sweep_plan.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/json.hpp"
#include "io/files/whole_file.hpp"

extern char** environ;

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;
using clock = std::chrono::steady_clock;

constexpr std::uintmax_t largest_output = std::uintmax_t{64} << 20;  // bytes
constexpr auto between_tables = std::chrono::seconds(2);
constexpr const char* measured[] = {"tokens",           "nats_per_token",  "active_x_percent",
                                    "active_y_percent", "synaptic_events", "hebbian_writes",
                                    "seconds"};

struct sweep_options {
  std::string plan, folder;
  std::uint64_t jobs = std::max(1u, std::thread::hardware_concurrency());
  bool retry = false, json = false, quiet = false;
};

// What a run came to: the object that bdh run --json prints, or the line with which it failed.
struct outcome {
  std::string status;  // "complete" or "failed"; empty: not known yet
  nlohmann::json result;
  std::string error;
};

// The folder of a sweep: sweep.json, the plan; results/0000.json; run-0000; sweep.csv.
class sweep_folder {
 public:
  sweep_folder(std::filesystem::path folder, const sweep_plan& plan)
      : folder_(std::move(folder)), plan_(plan), outcomes_(plan.runs.size()) {
    const std::filesystem::path about = folder_ / "sweep.json";
    const std::string text =
        json_text(json{{"format", "bdh-sweep"}, {"format_version", 1}, {"plan", plan.text}}, 1) +
        "\n";
    if (std::error_code ignored; !std::filesystem::exists(about, ignored)) {
      claim_folder(folder_);
      std::filesystem::create_directory(folder_ / "results");
      write_text(about, text);
      return;
    }
    if (read_whole_file(about, largest_output, "the description of a sweep") != text)
      throw input_error(about.string(), "another plan", "the same, which goes on, or a new folder");
    for (std::size_t k = 0; k < outcomes_.size(); ++k) load(k);
  }

  const std::vector<outcome>& outcomes() const noexcept { return outcomes_; }
  std::filesystem::path run(std::size_t k) const { return folder_ / fmt::format("run-{:04}", k); }
  std::filesystem::path table() const { return folder_ / "sweep.csv"; }

  void set(std::size_t k, outcome found) {
    json all{{"status", found.status}};
    if (!found.result.is_null()) all["result"] = found.result;
    if (!found.error.empty()) all["error"] = found.error;
    write_text(result(k), json_text(all, 1) + "\n");
    outcomes_[k] = std::move(found);
  }
  void forget(std::size_t k) {
    std::filesystem::remove(result(k));
    outcomes_[k] = {};
  }

  void write_table() const {
    std::string text = "run";
    for (const std::string& name : plan_.varied) text += "," + csv_quoted_if_needed(name);
    text += ",status";
    for (const char* name : measured) text += std::string(",") + name;
    text += ",error\n";
    for (std::size_t k = 0; k < outcomes_.size(); ++k) {
      const outcome& o = outcomes_[k];
      text += fmt::format("{:04}", k);
      for (const std::string& v : plan_.runs[k].values) text += "," + csv_quoted_if_needed(v);
      text += "," + (o.status.empty() ? "not run" : o.status);
      for (const char* name : measured) text += "," + number(o.result, name);
      text += "," + csv_quoted_if_needed(o.error) + "\n";
    }
    write_text(table(), text);
  }

 private:
  std::filesystem::path result(std::size_t k) const {
    return folder_ / "results" / fmt::format("{:04}.json", k);
  }
  static std::string number(const nlohmann::json& result, const char* name) {
    if (!result.is_object() || !result.contains(name)) return "";
    const nlohmann::json& value = result[name];
    if (value.is_object()) return number(value, "mean");
    return value.is_number() ? json_text(value) : "";
  }
  void load(std::size_t k) {
    if (std::error_code ignored; !std::filesystem::exists(result(k), ignored)) return;
    const nlohmann::json all = nlohmann::json::parse(
        read_whole_file(result(k), largest_output, "the result of a run"), nullptr, false);
    if (!all.is_object() || !all.value("status", nlohmann::json()).is_string())
      throw input_error(result(k).string(), "something else", "the result of a run");
    outcomes_[k] = {all["status"].get<std::string>(), all.value("result", nlohmann::json()),
                    all.value("error", std::string())};
  }

  std::filesystem::path folder_;
  const sweep_plan& plan_;
  std::vector<outcome> outcomes_;
};

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
}

// One run of this program, in a process of its own.
class child_run {
 public:
  child_run(const std::vector<std::string>& arguments, const std::filesystem::path& folder)
      : out_(folder.string() + ".out"), err_(folder.string() + ".err") {
    std::vector<std::string> words{"bdh", "run"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (std::ranges::find(arguments, "--threads") == arguments.end())
      words.insert(words.end(), {"--threads", "1"});
    words.insert(words.end(), {"-o", folder.string(), "--json", "--quiet"});
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int failed =
        posix_spawn(&process_, "/proc/self/exe", &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw device_error("a process", "cannot be started", "enough memory");
  }
  child_run(const child_run&) = delete;
  child_run& operator=(const child_run&) = delete;
  ~child_run() {
    std::error_code ignored;
    std::filesystem::remove(out_, ignored);
    std::filesystem::remove(err_, ignored);
  }

  pid_t process() const noexcept { return process_; }
  // Its end; nothing where a signal stopped it. `code`: its exit code.
  std::optional<outcome> result(int status, int& code) const {
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 128 + SIGINT || code == 128 + SIGTERM) return std::nullopt;
    const std::string out = read_whole_file(out_, largest_output, "what a run printed"),
                      err = read_whole_file(err_, largest_output, "what a run printed");
    if (code != 0)
      return outcome{
          "failed", {}, err.empty() ? fmt::format("exit code {}", code) : last_line(err)};
    nlohmann::json all = nlohmann::json::parse(out, nullptr, false);
    if (!all.is_object()) return outcome{"failed", {}, "no result was printed"};
    return outcome{"complete", std::move(all), {}};
  }

 private:
  std::filesystem::path out_, err_;
  pid_t process_ = -1;
};

class sweep {
 public:
  sweep(const sweep_options& o, const sweep_plan& plan, sweep_folder& folder)
      : options_(o),
        plan_(plan),
        folder_(folder),
        progress_(fmt::format("sweeping over {} runs, {} at a time", plan.runs.size(), o.jobs)) {}

  void run() {
    try {
      for (;;) {
        while (running_.size() < options_.jobs && stop_requested() == 0 && start_next()) continue;
        if (running_.empty()) break;
        wait_for_one();
      }
    } catch (...) {
      for (const auto& [k, child] : running_) ::kill(child->process(), SIGTERM);
      for (const auto& [k, child] : running_) ::waitpid(child->process(), nullptr, 0);
      throw;
    }
    progress_.clear();
  }

 private:
  // False where none is left.
  bool start_next() {
    while (next_ < plan_.runs.size() && !folder_.outcomes()[next_].status.empty()) ++next_;
    if (next_ == plan_.runs.size()) return false;
    std::filesystem::remove_all(folder_.run(next_));  // of a run that was cut off
    running_[next_] = std::make_unique<child_run>(plan_.runs[next_].arguments, folder_.run(next_));
    ++next_;
    return true;
  }

  void wait_for_one() {
    for (bool signalled = false;;) {
      for (auto at = running_.begin(); at != running_.end(); ++at) {
        int status = 0;
        if (::waitpid(at->second->process(), &status, WNOHANG) == 0) continue;
        const std::size_t k = at->first;
        const std::unique_ptr<child_run> ended = std::move(at->second);
        running_.erase(at);
        return take(k, *ended, status);
      }
      if (stop_requested() != 0 && !std::exchange(signalled, true))
        for (const auto& [k, child] : running_) ::kill(child->process(), SIGTERM);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  void take(std::size_t k, const child_run& ended, int status) {
    int code = 0;
    auto found = ended.result(status, code);
    if (!found) return;
    // The words of the plan are wrong: those of the other runs are, too.
    if (code == 2)
      throw input_error(options_.plan, "run " + std::to_string(k) + ": " + found->error,
                        "options of bdh run");
    folder_.set(k, std::move(*found));
    progress_.at_share(static_cast<double>(++done_) / static_cast<double>(plan_.runs.size()));
    if (clock::now() - written_ < between_tables) return;
    folder_.write_table();
    written_ = clock::now();
  }

  const sweep_options& options_;
  const sweep_plan& plan_;
  sweep_folder& folder_;
  std::map<std::size_t, std::unique_ptr<child_run>> running_;
  std::size_t next_ = 0, done_ = 0;
  clock::time_point written_ = clock::now();
  progress_meter progress_;
};

int run_sweep(const sweep_options& o) {
  const sweep_plan plan = read_sweep_plan(o.plan);
  sweep_folder folder(o.folder, plan);
  for (std::size_t k = 0; o.retry && k < plan.runs.size(); ++k)
    if (folder.outcomes()[k].status == "failed") folder.forget(k);
  stop_on_signals();
  sweep(o, plan, folder).run();
  folder.write_table();
  const auto count = [&](const char* status) {
    return std::ranges::count(folder.outcomes(), status, &outcome::status);
  };
  const auto complete = count("complete"), failed = count("failed");
  if (o.json)
    print(json_text(json{{"runs", plan.runs.size()},
                         {"complete", complete},
                         {"failed", failed},
                         {"table", folder.table().string()}},
                    1) +
          "\n");
  else if (!o.quiet)
    print(fmt::format("{} runs: {} complete, {} failed\nwrote {}\n", plan.runs.size(), complete,
                      failed, folder.table().string()));
  if (const int signal = stop_requested()) {
    note(fmt::format("bdh: stopped by a signal after {} of {} runs; the same command goes on",
                     complete + failed, plan.runs.size()));
    return 128 + signal;
  }
  if (failed != 0)
    note(fmt::format("bdh: {} of {} runs failed: column error of {}; --retry runs them again",
                     failed, plan.runs.size(), folder.table().string()));
  return failed == 0 ? 0 : 1;
}

class sweep_app final : public command {
 public:
  explicit sweep_app(command_line& program)
      : command(program, "sweep", "Run many runs that differ in chosen options, into one table.") {
    command_line& c = arguments_;
    sweep_options& o = options_;
    c.add("PLAN", o.plan, "a JSON file: model, options, and a grid or list of what varies")
        .required()
        .type_name("");
    c.add("-o,--output", o.folder,
          "the folder of the sweep: sweep.csv and the runs; the same command goes on in it")
        .required()
        .type_name("SWEEPDIR");
    add_number<std::uint64_t>(c, "--jobs", o.jobs, {1, 1024, "1 to 1024"},
                              fmt::format("runs at a time, with one thread each unless the plan "
                                          "says otherwise [{}]",
                                          o.jobs));
    c.add_flag("--retry", o.retry, "run those that failed again");
    c.add_flag("--json", o.json, "one JSON object on standard output");
    c.add_flag("--quiet", o.quiet, "no summary");
  }
  int run() override { return run_sweep(options_); }

 private:
  sweep_options options_;
};

}  // namespace

std::unique_ptr<command> sweep_command(command_line& program) {
  return std::make_unique<sweep_app>(program);
}

}  // namespace bdh::app
