#include "io/recording/run_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <exception>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/version.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/model/model_file.hpp"

namespace bdh {
namespace {

using clock = std::chrono::steady_clock;

constexpr auto commit_interval = std::chrono::seconds(1);

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

// 2026-01-31T12:00:00+01:00
std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts);
  std::string stamp(text, length);
  return stamp.insert(stamp.size() - 2, ":");
}

const char* name(run_status s) {
  switch (s) {
    case run_status::complete:
      return "complete";
    case run_status::interrupted:
      return "interrupted";
    default:
      return "failed";
  }
}

std::string summary_header(layer_id layers, const char* surprisal = "surprisal_nats") {
  std::string line = "position,token";
  for (const char* what : {"x", "y"})
    for (layer_id l = 1; l <= layers; ++l) line += fmt::format(",active_{}_{}", what, l);
  return line + ",synaptic_events,hebbian_writes,bytes_exchanged," + surprisal + ",seconds\n";
}

// While it lives, no other program writes into the folder; it ends with the program, however that
// ends.
class folder_lock {
 public:
  folder_lock() = default;
  folder_lock(const folder_lock&) = delete;
  folder_lock& operator=(const folder_lock&) = delete;
  ~folder_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  void take(const std::filesystem::path& folder) {
    descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int patience = 20; patience > 0; --patience) {  // is_being_written() takes it for a moment
      if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return;  // or a file system without locks
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw input_error(folder.string(), "a run that another program is writing",
                      "one that has stopped");
  }

 private:
  int descriptor_ = -1;
};

}  // namespace

bool is_being_written(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool free = descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (descriptor >= 0) ::close(descriptor);
  return !free;
}

struct run_directory::recording {
  recording(std::filesystem::path to, const model& m)
      : folder(std::move(to)), layers(m.layers()), neurons(m.neurons()) {}

  void create(const model& m, const nlohmann::json& options, std::vector<report_description> all,
              std::uint64_t position) {
    claim_folder(folder);
    lock.take(folder);
    try {
      fill(m, options, std::move(all), position);
    } catch (const error&) {  // the folder was empty: it is again
      reports.clear();
      std::error_code ignored;
      for (const auto& part : std::filesystem::directory_iterator(folder, ignored))
        std::filesystem::remove(part, ignored);
      throw;
    }
  }

  void fill(const model& m, const nlohmann::json& options, std::vector<report_description> all,
            std::uint64_t position) {
    run = {{"format", "bdh-run"},
           {"format_version", 2},
           {"creator", creator()},
           {"model",
            {{"content_sha256", hash_of(m)},
             {"source", m.origin().source},
             {"dynamics", m.rules().name()},
             {"neurons", m.neurons()},
             {"hubs", m.hubs()},
             {"synapses", m.synapses()},
             {"layers", m.layers()},
             {"heads", m.heads()}}},
           {"options", options},
           {"host", host_name()},
           {"started", now()},
           {"first_position", position},
           {"reports", nlohmann::json::array()},
           {"status", "running"}};
    for (const report_description& d : all)
      run["reports"].push_back(
          {{"file", d.name}, {"request", d.request}, {"layer", d.layer}, {"every", d.every}});
    first = position;
    tokens.emplace(folder / "tokens.csv");
    tokens->write("position,token,text,generated\n");
    summary.emplace(folder / "summary.csv");
    summary->write(summary_header(layers));
    for (report_description& d : all) reports.push_back(report::create(folder, std::move(d)));
    commit();
    write_run();  // last: with it the folder is a run
  }

  void reopen(const model& m, std::uint64_t kept) {
    lock.take(folder);
    run = read_run_description(folder);
    const std::string place = (folder / "run.json").string();
    try {
      if (run.at("status") == "complete")
        throw input_error(place, "a complete run", "one that was interrupted");
      if (const std::string made_with = run.at("model").at("content_sha256");
          made_with != hash_of(m))
        throw input_error(place, "a run of model " + made_with, hash_of(m) + ", this model");
      first = run.at("first_position");
      tokens.emplace(folder / "tokens.csv", kept);
      if (run.at("format_version") == 1) upgrade_summary();
      summary.emplace(folder / "summary.csv", kept);
      for (const nlohmann::json& r : run.at("reports")) {
        reports.push_back(
            report::reopen(folder, report_name(r, folder / "run.json"), first + kept));
        expect_whole(reports.back(), first + kept);
      }
    } catch (const nlohmann::json::exception&) {
      throw input_error(place, "a part is missing", "the description of a run");
    }
    count = committed = kept;
    run["format_version"] = 2;
    run["status"] = "running";
    run.erase("finished");
    run.erase("tokens");
    write_run();
    sync_path(folder);
  }

  // Version 1 has "...,loss_nats,seconds", with the loss of the token of the next line. The header
  // of this file alone decides how it is read: a stop before run.json follows does no harm.
  void upgrade_summary() const {
    std::ifstream file(folder / "summary.csv");
    std::string all, line, surprisal;
    if (!std::getline(file, line) || line + "\n" != summary_header(layers, "loss_nats")) return;
    all = summary_header(layers);
    while (std::getline(file, line) && !file.eof()) {  // a last line without its end was torn
      const std::size_t seconds = line.rfind(',');
      if (seconds == line.npos || seconds == 0) break;
      const std::size_t loss = line.rfind(',', seconds - 1);
      if (loss == line.npos) break;
      all += line.substr(0, loss + 1) + surprisal + line.substr(seconds) + "\n";
      surprisal = line.substr(loss + 1, seconds - loss - 1);
    }
    write_text(folder / "summary.csv", all);
  }

  void expect_whole(const report& r, std::uint64_t until) const {
    if (r.next() < until)
      throw input_error((folder / r.what().name).string(),
                        "nothing recorded from position " + std::to_string(r.next()) + " on",
                        "all before " + std::to_string(until),
                        "its journal is damaged: start again from an older checkpoint");
  }

  static std::string hash_of(const model& m) {
    return m.content_sha256().empty() ? content_hash(m) : m.content_sha256();
  }

  void write_run() const {
    write_text(folder / "run.json",
               run.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }

  void append(const step_report& r, std::string_view text, bool generated,
              std::span<const report_row> rows) {
    if (r.active_x.size() != layers || r.active_y.size() != layers)
      throw shape_error("report", std::to_string(r.active_x.size()) + " layers",
                        std::to_string(layers));
    if (rows.size() != reports.size())
      throw shape_error("rows", std::to_string(rows.size()) + " reports",
                        std::to_string(reports.size()));
    for (std::size_t k = 0; k < rows.size(); ++k)
      if (reports[k].what().due(r.position)) reports[k].append(r.position, r.token, rows[k]);
    tokens->write(
        fmt::format("{},{},{},{}\n", r.position, r.token, csv_field(text), generated ? 1 : 0));
    std::string line = fmt::format("{},{}", r.position, r.token);
    for (const auto* active : {&r.active_x, &r.active_y})
      for (neuron_id number : *active)
        line += fmt::format(",{:.6g}", static_cast<double>(number) / neurons);
    line +=
        fmt::format(",{},{},{},{},{:.6g}\n", r.synaptic_events, r.hebbian_writes, r.bytes_exchanged,
                    r.surprisal && count != 0 ? fmt::format("{}", *r.surprisal) : "", r.seconds);
    summary->write(line);
    tokens->flush();
    summary->flush();
    ++count;
    if (clock::now() - last_commit >= commit_interval) commit();
  }

  void commit() {
    for (report& r : reports) r.sync();
    tokens->sync();
    summary->sync();
    if (count != committed)
      for (report& r : reports) r.mark();
    committed = count;
    last_commit = clock::now();
  }

  // Where something fails, all else is finished nevertheless; then the first failure is told.
  void finish(run_status status) {
    std::exception_ptr first_failure;
    const auto attempt = [&](auto work) {
      try {
        work();
      } catch (const error&) {
        if (!first_failure) first_failure = std::current_exception();
      }
    };
    attempt([&] { commit(); });
    for (report& r : reports) attempt([&] { r.close(); });
    run["status"] = name(first_failure ? run_status::failed : status);
    run["finished"] = now();
    run["tokens"] = first_failure ? committed : count;
    attempt([&] { write_run(); });
    if (first_failure) std::rethrow_exception(first_failure);
    if (status == run_status::complete)
      for (report& r : reports) r.discard_journal();
  }

  folder_lock lock;
  std::filesystem::path folder;
  layer_id layers;
  neuron_id neurons;
  nlohmann::json run;
  std::optional<csv_file> tokens, summary;
  std::vector<report> reports;
  std::uint64_t first = 0, count = 0, committed = 0;
  clock::time_point last_commit = clock::now();
};

run_directory::run_directory(std::unique_ptr<recording> r) : recording_(std::move(r)) {}
run_directory::run_directory(run_directory&&) noexcept = default;
run_directory& run_directory::operator=(run_directory&&) noexcept = default;
run_directory::~run_directory() = default;

run_directory run_directory::create(const std::filesystem::path& folder, const model& m,
                                    const nlohmann::json& options,
                                    std::vector<report_description> reports,
                                    std::uint64_t position) {
  auto made = std::make_unique<recording>(folder, m);
  made->create(m, options, std::move(reports), position);
  return run_directory(std::move(made));
}

run_directory run_directory::reopen(const std::filesystem::path& folder, const model& m,
                                    std::uint64_t tokens) {
  auto made = std::make_unique<recording>(folder, m);
  made->reopen(m, tokens);
  return run_directory(std::move(made));
}

std::vector<report_description> run_directory::reports() const {
  std::vector<report_description> all;
  for (const report& r : recording_->reports) all.push_back(r.what());
  return all;
}

void run_directory::append(const step_report& report, std::string_view text, bool generated,
                           std::span<const report_row> rows) {
  recording_->append(report, text, generated, rows);
}

void run_directory::commit() { recording_->commit(); }

void run_directory::finish(run_status status) { recording_->finish(status); }

std::uint64_t run_directory::tokens() const noexcept { return recording_->count; }

}  // namespace bdh
