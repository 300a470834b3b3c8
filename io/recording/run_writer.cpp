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
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/state.hpp>

#include "core/base/version.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/recording/run_json_detail.hpp"

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

std::string summary_header(layer_id layers, bool spikes, const char* surprisal = "surprisal_nats",
                           bool learns = false) {
  std::string line = "position,token";
  for (const char* what : {"x", "y"})
    for (layer_id l = 1; l <= layers; ++l) line += fmt::format(",active_{}_{}", what, l);
  line += std::string(",synaptic_events,hebbian_writes,bytes_exchanged,") + surprisal + ",seconds";
  if (learns) line += ",error,rows_changed,weight_change";
  if (!spikes) return line + "\n";
  line += ",spikes_x,spikes_y,spikes_w,spikes_a,coincidences,clipped";
  for (const char* what : {"x", "y"})
    for (layer_id l = 1; l <= layers; ++l) line += fmt::format(",spiking_{}_{}", what, l);
  return line + "\n";
}

// The columns of spikes; `neurons`: in all.
std::string spike_columns(const spike_counts& c, neuron_id neurons) {
  std::string line =
      fmt::format(",{},{},{},{},{},{}", c.spikes[0], c.spikes[1], c.spikes[2] + c.spikes[4],
                  c.spikes[3] + c.spikes[5], c.coincidences, c.clipped);
  for (const auto* spiking : {&c.spiking_x, &c.spiking_y})
    for (const neuron_id number : *spiking)
      line += fmt::format(",{:.6g}", static_cast<double>(number) / neurons);
  return line;
}

// The columns of learning: empty where a token taught nothing.
std::string learned_columns(const std::optional<learned_counts>& c) {
  if (!c) return ",,,";
  return fmt::format(",{:.9g},{},{:.9g}", c->error, c->rows_changed, c->weight_change);
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
    for (int patience = 20; patience > 0; --patience) {  // a reader holds it for a moment
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

struct run_writer::impl {
  impl(std::filesystem::path to, const model& m)
      : folder(std::move(to)), layers(m.layers()), neurons(m.neurons()) {}

  void create(const model& m, const std::string& options, std::vector<recording_description> all,
              std::uint64_t position) {
    claim_folder(folder);
    lock.take(folder);
    try {
      fill(m, options, std::move(all), position);
    } catch (const error&) {  // the folder was empty: it is again
      recordings.clear();
      std::error_code ignored;
      for (const auto& part : std::filesystem::directory_iterator(folder, ignored))
        std::filesystem::remove(part, ignored);
      throw;
    }
  }

  void fill(const model& m, const std::string& options, std::vector<recording_description> all,
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
           {"summation", summation_law},
           {"options", nlohmann::json::parse(options)},
           {"host", host_name()},
           {"started", now()},
           {"first_position", position},
           {"reports", nlohmann::json::array()},
           {"status", name(run_status::running)}};
    for (const recording_description& d : all)
      run["reports"].push_back(
          {{"file", d.name}, {"request", d.request}, {"layer", d.layer}, {"every", d.every}});
    first = position;
    tokens.emplace(folder / "tokens.csv");
    tokens->write("position,token,text,generated\n");
    summary.emplace(folder / "summary.csv");
    learns = run["options"].contains("learning");
    summary->write(
        summary_header(layers, run["options"].contains("spikes"), "surprisal_nats", learns));
    for (recording_description& d : all) {
      d.origin = {.creator = run["creator"],
                  .model_sha256 = run["model"]["content_sha256"],
                  .model = m.origin().source};
      recordings.push_back(recording::create(folder, std::move(d)));
    }
    commit();
    write_run_json(folder, run);  // last: with it the folder is a run
  }

  void reopen(const model& m, std::uint64_t kept) {
    lock.take(folder);
    run = read_run_json(folder);
    const std::string place = (folder / "run.json").string();
    try {
      if (run.at("status") == name(run_status::complete))
        throw input_error(place, "a complete run", "one that was interrupted");
      if (const std::string made_with = run.at("model").at("content_sha256");
          made_with != hash_of(m))
        throw input_error(place, "a run of model " + made_with, hash_of(m) + ", this model");
      first = run.at("first_position");
      learns = run.at("options").contains("learning");
      tokens.emplace(folder / "tokens.csv", kept);
      if (run.at("format_version") == 1) upgrade_summary(kept);
      summary.emplace(folder / "summary.csv", kept);
      for (const nlohmann::json& r : run.at("reports")) {
        recordings.push_back(
            recording::reopen(folder, recording_name(r, folder / "run.json"), first + kept));
        expect_whole(recordings.back(), first + kept);
      }
    } catch (const nlohmann::json::exception&) {
      throw input_error(place, "a part is missing", "the description of a run");
    }
    count = committed = kept;
    run["format_version"] = 2;
    if (run.value("summation", 1U) != summation_law) run["summation_changed"] = first + kept;
    run["summation"] = summation_law;
    run["status"] = name(run_status::running);
    run.erase("finished");
    run.erase("tokens");
    write_run_json(folder, run);
    sync_path(folder);
  }

  // Version 1 has "...,loss_nats,seconds", with the loss of the token of the next line. The header
  // of this file alone decides how it is read: a stop before run.json follows does no harm.
  // Of fewer lines than are kept nothing is written: csv_file refuses them.
  void upgrade_summary(std::uint64_t kept) const {
    std::ifstream file(folder / "summary.csv");
    std::string all, line, surprisal;
    if (!std::getline(file, line) || line + "\n" != summary_header(layers, false, "loss_nats"))
      return;
    all = summary_header(layers, false);
    std::uint64_t lines = 0;
    while (std::getline(file, line) && !file.eof()) {  // a last line without its end was torn
      const std::size_t seconds = line.rfind(',');
      const std::size_t loss =
          seconds == line.npos || seconds == 0 ? line.npos : line.rfind(',', seconds - 1);
      if (loss == line.npos)
        throw input_error((folder / "summary.csv").string(), "a damaged line '" + line + "'",
                          "position,token,...,loss_nats,seconds");
      all += line.substr(0, loss + 1) + surprisal + line.substr(seconds) + "\n";
      surprisal = line.substr(loss + 1, seconds - loss - 1);
      ++lines;
    }
    if (lines >= kept) write_text(folder / "summary.csv", all);
  }

  void expect_whole(const recording& r, std::uint64_t until) const {
    if (r.next() < until)
      throw input_error((folder / r.what().name).string(),
                        "nothing recorded from position " + std::to_string(r.next()) + " on",
                        "all before " + std::to_string(until),
                        "its journal is damaged: start again from an older checkpoint");
  }

  static std::string hash_of(const model& m) {
    return m.content_sha256().empty() ? content_hash(m) : m.content_sha256();
  }

  void append(const step_report& r, std::string_view text, bool generated,
              std::span<const recording_row> rows) {
    if (r.active_x.size() != layers || r.active_y.size() != layers)
      throw shape_error("report", std::to_string(r.active_x.size()) + " layers",
                        std::to_string(layers));
    if (rows.size() != recordings.size())
      throw shape_error("rows", std::to_string(rows.size()) + " recordings",
                        std::to_string(recordings.size()));
    for (std::size_t k = 0; k < rows.size(); ++k)
      if (recordings[k].what().due(r.position)) recordings[k].append(r.position, r.token, rows[k]);
    tokens->write(
        fmt::format("{},{},{},{}\n", r.position, r.token, csv_field(text), generated ? 1 : 0));
    std::string line = fmt::format("{},{}", r.position, r.token);
    for (const auto* active : {&r.active_x, &r.active_y})
      for (neuron_id number : *active)
        line += fmt::format(",{:.6g}", static_cast<double>(number) / neurons);
    line +=
        fmt::format(",{},{},{},{},{:.6g}", r.synaptic_events, r.hebbian_writes, r.bytes_exchanged,
                    r.surprisal && count != 0 ? fmt::format("{}", *r.surprisal) : "", r.seconds);
    if (learns) line += learned_columns(r.learned);
    if (r.spikes) line += spike_columns(*r.spikes, neurons);
    summary->write(line + "\n");
    tokens->flush();
    summary->flush();
    ++count;
    if (clock::now() - last_commit >= commit_interval) commit();
  }

  void commit() {
    for (recording& r : recordings) r.sync();
    tokens->sync();
    summary->sync();
    if (count != committed)
      for (recording& r : recordings) r.mark();
    committed = count;
    last_commit = clock::now();
  }

  // Where something fails, all else is finished nevertheless; then the first failure is thrown.
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
    for (recording& r : recordings) attempt([&] { r.close(); });
    run["status"] = name(first_failure ? run_status::failed : status);
    run["finished"] = now();
    run["tokens"] = first_failure ? committed : count;
    attempt([&] { write_run_json(folder, run); });
    if (first_failure) std::rethrow_exception(first_failure);
    if (status == run_status::complete)
      for (recording& r : recordings) r.discard_journal();
  }

  folder_lock lock;
  std::filesystem::path folder;
  layer_id layers;
  neuron_id neurons;
  bool learns = false;
  nlohmann::json run;
  std::optional<csv_file> tokens, summary;
  std::vector<recording> recordings;
  std::uint64_t first = 0, count = 0, committed = 0;
  clock::time_point last_commit = clock::now();
};

run_writer::run_writer(std::unique_ptr<impl> r) : impl_(std::move(r)) {}
run_writer::run_writer(run_writer&&) noexcept = default;
run_writer& run_writer::operator=(run_writer&&) noexcept = default;
run_writer::~run_writer() = default;

run_writer run_writer::create(const std::filesystem::path& folder, const model& m,
                              const std::string& options,
                              std::vector<recording_description> recordings,
                              std::uint64_t position) {
  auto made = std::make_unique<impl>(folder, m);
  made->create(m, options, std::move(recordings), position);
  return run_writer(std::move(made));
}

run_writer run_writer::reopen(const std::filesystem::path& folder, const model& m,
                              std::uint64_t tokens) {
  auto made = std::make_unique<impl>(folder, m);
  made->reopen(m, tokens);
  return run_writer(std::move(made));
}

std::vector<recording_description> run_writer::recordings() const {
  std::vector<recording_description> all;
  for (const recording& r : impl_->recordings) all.push_back(r.what());
  return all;
}

void run_writer::append(const step_report& report, std::string_view text, bool generated,
                        std::span<const recording_row> rows) {
  impl_->append(report, text, generated, rows);
}

void run_writer::commit() { impl_->commit(); }

void run_writer::finish(run_status status) { impl_->finish(status); }

std::uint64_t run_writer::tokens() const noexcept { return impl_->count; }

}  // namespace bdh
