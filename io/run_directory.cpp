#include "io/run_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "io/atomic_file.hpp"
#include "io/csv.hpp"
#include "io/hdf5.hpp"
#include "io/model_file.hpp"

namespace bdh {
namespace {

using clock = std::chrono::steady_clock;

constexpr auto commit_interval = std::chrono::seconds(1);
constexpr std::uint64_t commit_tokens = 256;
constexpr std::uint64_t chunk_bytes = 256 * 1024;

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

void claim(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::exists(folder, failed) &&
      (!std::filesystem::is_directory(folder, failed) || !std::filesystem::is_empty(folder, failed)))
    throw input_error(folder.string(), "exists and is not an empty folder", "a new or empty one", "give the run another name");
  std::filesystem::create_directories(folder, failed);
  if (failed) throw device_error(folder.string(), "cannot be created: " + failed.message());
}

std::string summary_header(layer_id layers) {
  std::string line = "position,token";
  for (const char* what : {"x", "y"})
    for (layer_id l = 1; l <= layers; ++l) line += fmt::format(",active_{}_{}", what, l);
  return line + ",synaptic_events,hebbian_writes,bytes_exchanged,loss_nats,seconds\n";
}

// logits.h5. Rows are kept here until a chunk is full or a commit comes: fewer writes, and none between commits that matter.
class logits_file {
 public:
  logits_file(const std::filesystem::path& path, std::uint64_t vocabulary)
      : file_(hdf5::file::create(path)),
        tokens_(file_.root().create_rows<token_id>("tokens", {}, 16384)),
        logits_(file_.root().create_rows<float>("logits", {vocabulary}, chunk_bytes / (vocabulary * sizeof(float)))),
        marker_(file_.root().create_group("mapping").create_dataset<double>("time", {3})) {
    marker_.set_text("units", "ms");
    file_.root().set_text("format", "bdh-logits");
    mark(0);
    file_.sync();
  }

  void append(token_id token, std::span<const float> logits) {
    pending_tokens_.push_back(token);
    pending_logits_.insert(pending_logits_.end(), logits.begin(), logits.end());
    if (pending_logits_.size() * sizeof(float) >= chunk_bytes) write();
  }
  void sync_rows() {
    write();
    file_.sync();
  }
  // Only after sync_rows.
  void mark(std::uint64_t rows) {
    const double time[] = {0, static_cast<double>(rows), 1};
    marker_.write<double>(time);
    file_.sync();
  }

 private:
  void write() {
    tokens_.append<token_id>(pending_tokens_);
    logits_.append<float>(pending_logits_);
    pending_tokens_.clear();
    pending_logits_.clear();
  }

  hdf5::file file_;
  hdf5::dataset tokens_, logits_, marker_;
  std::vector<token_id> pending_tokens_;
  std::vector<float> pending_logits_;
};

}  // namespace

struct run_directory::recording {
  recording(const std::filesystem::path& to, const model& m, const nlohmann::json& options, bool record_logits)
      : folder((claim(to), to)), layers(m.layers()), neurons(m.neurons()), vocabulary(m.readout_nodes()) {
    run = {{"format", "bdh-run"},
           {"format_version", 1},
           {"creator", std::string("bdh ") + BDH_VERSION},
           {"model",
            {{"content_sha256", m.content_sha256().empty() ? content_hash(m) : m.content_sha256()},
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
           {"status", "running"}};
    write_run();
    tokens.emplace(folder / "tokens.csv");
    tokens->write("position,token,text,generated\n");
    summary.emplace(folder / "summary.csv");
    summary->write(summary_header(layers));
    if (record_logits) logits.emplace(folder / "logits.h5", vocabulary);
    commit();
    sync_path(folder);
  }

  void write_run() const { write_text(folder / "run.json", run.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"); }

  void append(const token_report& r, std::string_view text, bool generated, std::span<const float> values) {
    if (r.active_x.size() != layers || r.active_y.size() != layers)
      throw shape_error("report", std::to_string(r.active_x.size()) + " layers", std::to_string(layers));
    if (logits && values.size() != vocabulary)
      throw shape_error("logits", std::to_string(values.size()) + " values", std::to_string(vocabulary));
    tokens->write(fmt::format("{},{},{},{}\n", r.position, r.token, csv_field(text), generated ? 1 : 0));
    std::string line = fmt::format("{},{}", r.position, r.token);
    for (const auto* active : {&r.active_x, &r.active_y})
      for (neuron_id number : *active) line += fmt::format(",{:.6g}", static_cast<double>(number) / neurons);
    line += fmt::format(",{},{},{},{},{:.6g}\n", r.synaptic_events, r.hebbian_writes, r.bytes_exchanged,
                        r.loss ? fmt::format("{}", *r.loss) : "", r.seconds);
    summary->write(line);
    if (logits) logits->append(r.token, values);
    ++count;
    if (count - committed >= commit_tokens || clock::now() - last_commit >= commit_interval) commit();
  }

  void commit() {
    if (logits) logits->sync_rows();
    tokens->sync();
    summary->sync();
    if (logits && count != committed) logits->mark(count);
    committed = count;
    last_commit = clock::now();
  }

  std::filesystem::path folder;
  layer_id layers;
  neuron_id neurons, vocabulary;
  nlohmann::json run;
  std::optional<csv_file> tokens, summary;
  std::optional<logits_file> logits;
  std::uint64_t count = 0, committed = 0;
  clock::time_point last_commit = clock::now();
};

run_directory::run_directory(const std::filesystem::path& folder, const model& m, const nlohmann::json& options, bool record_logits)
    : recording_(std::make_unique<recording>(folder, m, options, record_logits)) {}
run_directory::run_directory(run_directory&&) noexcept = default;
run_directory& run_directory::operator=(run_directory&&) noexcept = default;
run_directory::~run_directory() = default;

void run_directory::append(const token_report& report, std::string_view text, bool generated, std::span<const float> logits) {
  recording_->append(report, text, generated, logits);
}

void run_directory::commit() { recording_->commit(); }

void run_directory::finish(run_status status) {
  recording& r = *recording_;
  r.commit();
  r.run["status"] = name(status);
  r.run["finished"] = now();
  r.run["tokens"] = r.count;
  r.write_run();
}

std::uint64_t run_directory::tokens() const noexcept { return recording_->count; }

}  // namespace bdh
