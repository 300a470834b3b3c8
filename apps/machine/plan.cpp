// bdh plan: how large and how fast a model would be, on this machine or on another.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/machine/machine.hpp"
#include "apps/machine/memory.hpp"
#include "apps/machine/plan_gpu.hpp"
#include "apps/machine/plan_ranks.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

constexpr double giga = 1e9;
// More than caches hold; still there on a small machine.
constexpr std::size_t measured_bytes = std::size_t{1} << 30;
constexpr std::size_t least_bytes = std::size_t{1} << 22;
constexpr range<double> rate_range{1e-3, 1e6, "a number from 0.001 to 1e6"},
    memory_range{1e-6, 1e9, "a number from 1e-6 to 1e9"};

struct form {
  const char* name;
  planned_model model;
  planned_bytes memory{};
  planned_traffic traffic{};
  memory_speed speed{};
  double seconds = 0;
  std::uint64_t most = 0;
  std::vector<ranks_time> on_ranks = {};  // where there is a network
  std::optional<gpu_prediction> on_gpu = {};
};

nlohmann::ordered_json bytes_of(const planned_traffic& t) {
  return {{"matrices", t.matrices},
          {"hub_synapses", t.hub_synapses},
          {"push", t.push},
          {"pull", t.pull},
          {"synapses", t.synapses}};
}

// `parts`: machines, or GPUs of all of them.
nlohmann::ordered_json json_of(const form& f, double parts) {
  nlohmann::ordered_json all = {
      {"model_bytes", f.memory.model},
      {"synapse_bytes", f.memory.synapses},
      {"working_bytes", f.memory.working},
      {"bytes_per_token", f.traffic.floor()},
      {"bytes_of", bytes_of(f.traffic)},
      {"edges", f.traffic.edges},
      {"writes", f.traffic.writes},
      {"rows_of_sources", f.traffic.rows_of_sources},
      {"rows_of_targets", f.traffic.rows_of_targets},
      {"meetings", f.traffic.meetings},
      {"row_edges", f.traffic.row_edges},
      {"bandwidth", {{"weights", f.speed.weights}, {"strengths", f.speed.strengths}}},
      {"latency", f.speed.latency},
      {"bytes_between_sites", f.traffic.between_sites},
      {"seconds_per_token", f.seconds},
      {"floor_seconds_per_token", floor_of(f.traffic, f.speed) / parts},
      {"most_neurons", f.most}};
  for (const ranks_time& t : f.on_ranks)
    all["on_ranks"].push_back({{"ranks", t.ranks},
                               {"seconds_per_token", t.seconds()},
                               {"divided", t.divided},
                               {"undivided", t.undivided},
                               {"sending", t.sending},
                               {"waiting", t.waiting}});
  if (f.on_gpu) all["on_gpu"] = json_of(*f.on_gpu);
  if (f.model.direct)
    all.update({{"gx_degree", f.model.gx_degree},
                {"gy_degree", f.model.gy_degree},
                {"gs_degree", f.model.gs_degree}});
  return all;
}

std::string shown_time(double seconds) {
  return seconds < 1 ? fmt::format("{:.3g} ms", 1e3 * seconds) : fmt::format("{:.3g} s", seconds);
}

template <class Row>
void rows_on_gpu(const Row& row) {
  const auto of = [&](const char* what, auto value) {
    row(what, [&](const form& f) { return f.on_gpu ? value(*f.on_gpu) : std::string("-"); });
  };
  of("launches of a token",
     [](const gpu_prediction& p) { return fmt::format("{:g}", p.launches); });
  const auto times = [&](const char* what, double gpu::device_time::*part) {
    of(what, [part](const gpu_prediction& p) { return shown_time(p.time.*part); });
  };
  times("launching", &gpu::device_time::launching);
  times("loads one after another", &gpu::device_time::waiting);
  times("bytes", &gpu::device_time::moving);
  times("values exchanged", &gpu::device_time::exchanging);
}

std::string remark_on_gpu(const std::string& name) {
  return fmt::format(
      "The time on {} is predicted from the launches of the engine and published figures of "
      "the GPU; nothing has been measured there. Where '-' stands the model does not fit, or its "
      "edges are too many to count launches: nothing is predicted, and the time is that of all "
      "bytes at the GPU's bandwidth.\n",
      name);
}

class plan_app final : public command {
 public:
  explicit plan_app(command_line& program)
      : command(program, "plan",
                "Compute how large and how fast a model would be, on this machine or another.") {
    arguments_.add("MODEL", file_, "a model, NAME.bdh.h5; or its sizes:").type_name("");
    const range<std::uint64_t> id{1, 0xffffffff, "1 to 4294967295"};
    add_number<std::uint64_t>(arguments_, "--neurons", neurons_, id, "number of neurons");
    add_number<std::uint64_t>(arguments_, "--hubs", hubs_, {1, 1u << 20, "1 to 1048576"},
                              "hubs [none: only explicit edges]");
    add_number<std::uint64_t>(arguments_, "--layers", layers_, {1, 10000, "1 to 10000"},
                              "number of layers");
    add_number<std::uint64_t>(arguments_, "--heads", heads_, {1, 65536, "1 to 65536"}, "heads [1]");
    add_number<std::uint64_t>(arguments_, "--vocabulary", vocabulary_, id, "tokens [256]");
    add_number<double>(
        arguments_, "--degree", degree_, {1e-6, 4e9, "a number > 0"},
        "explicit edges: out of a source in Gx, in Gy and in the synapses [all pairs]");
    arguments_
        .add_numbers("--activity", activity_, 2, "active share of X and of Y in percent [20,4]")
        .type_name("X,Y");
    arguments_.add("--weights", weights_, "of the circuits: float32 or bf16 [float32]")
        .type_name("TYPE")
        .one_of({"float32", "bf16"});
    add_number<double>(
        arguments_, "--bandwidth", bandwidth_, rate_range,
        "of the memory of a machine, or of a GPU, in GB/s [of this machine, measured]");
    add_number<double>(arguments_, "--memory", memory_, memory_range,
                       "of a machine, or of a GPU, in GB [that of this machine]");
    add_number<std::uint64_t>(arguments_, "--gpus", gpus_, {1, 1024, "1 to 1024"},
                              "GPUs in each machine; --bandwidth and --memory are those of one");
    arguments_.add("--gpu", gpu_, "predict the time of a token on this GPU, which need not be here")
        .type_name("NAME")
        .one_of(names_of_gpus());
    add_number<double>(arguments_, "--network", network_, rate_range, "of each machine, in GB/s");
    add_number<double>(arguments_, "--latency", latency_, {1e-3, 1e6, "a number from 0.001 to 1e6"},
                       "of a message between machines, in microseconds [2]");
    add_number<std::uint64_t>(arguments_, "--ranks,--sites", machines_, {1, 65536, "1 to 65536"},
                              "machines that share the particles [1]");
    threads_ = std::max(1u, std::thread::hardware_concurrency());
    add_number<std::uint64_t>(arguments_, "--threads", threads_, {1, 1024, "1 to 1024"},
                              fmt::format("threads on a machine [{}]", threads_));
    arguments_.add_flag("--json", json_, "one JSON object on standard output");
  }

  int run() override {
    check();
    std::vector<form> forms = requested_forms();
    if (on_) bandwidth_ = on_->rate / giga, memory_ = on_->memory / giga, gpus_ = 1;
    const bool measured = !bandwidth_;
    machine_speed speed;
    const std::size_t most_bytes =
        std::min<std::size_t>(measured_bytes, memory_of_this_machine() / 4);
    if (measured) speed = measure_speed(threads_, most_bytes);
    const double bandwidth = measured ? speed.read : *bandwidth_ * giga;
    const double memory = memory_ ? *memory_ * giga : static_cast<double>(memory_of_this_machine());
    const double parts = static_cast<double>(gpus_.value_or(1) * machines_);
    // What several GPUs reach has not been measured: there the time is the floor.
    const engine_speed taken = gpus_ ? engine_speed{1, 0, 0, 0, 1, 0, 0} : engine_speed{};
    const auto sites = static_cast<site_id>(gpus_ ? machines_ * *gpus_ : machines_ * threads_);
    for (form& f : forms) {
      f.memory = memory_of(f.model, sites);
      f.traffic = traffic_of(f.model, static_cast<site_id>(gpus_ ? sites : machines_));
      f.speed.weights = f.speed.strengths = bandwidth;
      if (gpus_) f.speed.latency = 0;
      if (measured) {
        const auto over = [&](double bytes) {
          return std::clamp(static_cast<std::size_t>(bytes), least_bytes, most_bytes);
        };
        f.speed.weights = measure_speed(threads_, over(f.traffic.floor() / f.model.layers)).read;
        f.speed.strengths = measure_speed(threads_, over(f.traffic.floor())).read;
        f.speed.latency = measure_latency(over(std::sqrt(
            f.traffic.floor() * static_cast<double>(f.memory.model + f.memory.synapses))));
      }
      f.seconds = seconds_of(f.traffic, f.speed, static_cast<double>(threads_), taken) / parts;
      if (network_) {
        const network_speed network{.rate = *network_ * giga, .latency = latency_ * 1e-6};
        const auto threads = static_cast<double>(threads_);
        f.on_ranks = times_on_ranks(f.model, f.speed, threads, taken, network);
        const auto machines = static_cast<site_id>(machines_);
        const ranks_time here = time_on(f.model, machines, f.speed, threads, taken, network);
        const double sending = f.traffic.between_sites / machines / network.rate;
        f.seconds = gpus_ ? f.seconds + sending + here.waiting : here.seconds();
      }
      f.most = most_neurons(f.model, sites, memory * parts);
      if (on_) predict(f);
    }
    print(json_ ? json_text(json(forms, speed, bandwidth, memory, measured), 1) + "\n"
                : text(forms, speed, bandwidth, memory, measured));
    return 0;
  }

 private:
  void check() {
    const bool sizes = neurons_ || hubs_ || layers_;
    if (file_.empty() && (!neurons_ || !layers_))
      throw usage_error("plan", "needs a MODEL, or --neurons and --layers");
    if (!file_.empty() && (sizes || heads_ || vocabulary_))
      throw usage_error("MODEL", "has its own sizes");
    if (file_.empty() && !hubs_ && !degree_) throw usage_error("--hubs", "needed, or --degree");
    if (!hubs_ && heads_.value_or(1) != 1)
      throw usage_error("--heads", "graphs without hubs have one head");
    if (file_.empty() && *neurons_ % (2 * heads_.value_or(1)) != 0)
      throw usage_error("--neurons", "expected pairs of neurons in every head");
    if (degree_ && neurons_ && *degree_ > static_cast<double>(*neurons_))
      throw usage_error("--degree", "more than there are neurons");
    if (gpus_ && (!bandwidth_ || !memory_))
      throw usage_error("--gpus", "needs --bandwidth and --memory, those of one");
    on_ = gpu::find_gpu(gpu_);
    if (on_ && (bandwidth_ || memory_ || gpus_ || network_ || machines_ > 1))
      throw usage_error("--gpu", "is one GPU, whose bandwidth and memory are known");
    if (machines_ > 1 && !network_) throw usage_error("--ranks", "needs --network");
    if (machines_ * std::max<std::uint64_t>(gpus_.value_or(1), threads_) > 4096)
      throw usage_error("--ranks", "too many: 4096 in all");
    for (double share : activity_)
      if (!(share >= 0 && share <= 100))
        throw usage_error("--activity", "expected two shares in percent, 0 to 100");
  }

  // The model itself where there is one, and one laid out like it else.
  void predict(form& f) const {
    if (static_cast<double>(f.memory.total()) > on_->memory) return;
    const bool own = given_ && given_->is_direct() == f.model.direct;
    f.on_gpu = own ? predict_on_gpu(*given_, f.model, *on_) : predict_on_gpu(f.model, *on_);
    if (f.on_gpu) f.seconds = f.on_gpu->time.seconds();
  }

  std::vector<form> requested_forms() {
    planned_model p;
    if (!file_.empty()) {
      given_ = open_model(file_);
      p = plan_of(*given_);
      if (weights_ == "bf16") given_ = std::move(*given_).in_bfloat16();
    } else {
      p.neurons = *neurons_;
      p.hubs = hubs_.value_or(0);
      p.layers = static_cast<layer_id>(*layers_);
      p.heads = static_cast<head_id>(heads_.value_or(1));
      p.vocabulary = vocabulary_.value_or(256);
      p.rotates = p.hubs != 0;
    }
    p.bfloat16 = weights_ == "bf16";
    p.x = activity_[0] / 100;
    p.y = activity_[1] / 100;
    if (p.direct) return {{"direct", p}};
    if (p.hubs == 0) return {{"direct", with_explicit_edges(p, degree_)}};
    return {{"hubs", p}, {"direct", with_explicit_edges(p, degree_)}};
  }

  nlohmann::ordered_json json(const std::vector<form>& forms, const machine_speed& speed,
                              double bandwidth, double memory, bool measured) const {
    nlohmann::ordered_json all;
    all["machine"] = {{"bandwidth", bandwidth},
                      {"measured", measured},
                      {"memory", memory},
                      {"threads", threads_},
                      {"sites", machines_}};
    if (measured) all["machine"].update({{"copy", speed.copy}, {"update", speed.update}});
    if (gpus_) all["machine"]["gpus"] = *gpus_;
    if (on_) all["machine"]["gpu"] = on_->name;
    if (network_) all["machine"]["network"] = *network_ * giga;
    const planned_model& p = forms.front().model;
    all["model"] = {
        {"neurons", p.neurons},       {"hubs", p.hubs},  {"layers", p.layers}, {"heads", p.heads},
        {"vocabulary", p.vocabulary}, {"active_x", p.x}, {"active_y", p.y}};
    for (const form& f : forms)
      all[f.name] = json_of(f, static_cast<double>(gpus_.value_or(1) * machines_));
    return all;
  }

  std::string text(const std::vector<form>& forms, const machine_speed& speed, double bandwidth,
                   double memory, bool measured) const {
    const auto bytes = [](double b) { return shown_bytes(static_cast<std::uint64_t>(b)); };
    const planned_model& p = forms.front().model;
    const auto counted = [](std::uint64_t count, const char* what) {
      return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    };
    std::string out =
        fmt::format("{:24}{} neurons, {}, {}, {}; active X {:.3g} %, Y {:.3g} %\n", "model",
                    shown_count(static_cast<double>(p.neurons)), counted(p.hubs, "hub"),
                    counted(p.layers, "layer"), counted(p.heads, "head"), 100 * p.x, 100 * p.y);
    const std::string each =
        counted(machines_, "machine") +
        (gpus_ ? " with " + counted(*gpus_, "GPU") : ", " + counted(threads_, "thread")) + ", each";
    out += fmt::format("{:24}{} {}/s{}, {}\n", "on", each, bytes(bandwidth),
                       measured ? " read (measured)" : "", bytes(memory));
    if (measured)
      out += fmt::format("{:24}{}/s copied, {}/s read and written in place\n", "",
                         bytes(speed.copy), bytes(speed.update));
    const auto row = [&](const char* what, auto value) {
      out += fmt::format("{:24}", what);
      for (const form& f : forms) out += fmt::format("{:>20}", value(f));
      out += "\n";
    };
    row("", [](const form& f) {
      return std::string(f.model.direct ? "explicit edges" : "through hubs");
    });
    if (forms.back().model.direct)
      row("edges out of a source", [](const form& f) {
        return f.model.direct ? fmt::format("{:.6g}", f.model.gx_degree)
                              : fmt::format("{}, to hubs", f.model.hubs);
      });
    row("model", [&](const form& f) { return shown_bytes(f.memory.model); });
    row("synapses, all layers", [&](const form& f) { return shown_bytes(f.memory.synapses); });
    row("working state", [&](const form& f) { return shown_bytes(f.memory.working); });
    row("memory in all", [&](const form& f) { return shown_bytes(f.memory.total()); });
    row("moved by a token", [&](const form& f) { return bytes(f.traffic.floor()); });
    if (measured) {
      row("weights read at", [&](const form& f) { return bytes(f.speed.weights) + "/s"; });
      row("synapses read at", [&](const form& f) { return bytes(f.speed.strengths) + "/s"; });
    }
    if (on_) rows_on_gpu(row);
    row("time of a token", [](const form& f) { return shown_time(f.seconds); });
    row("tokens in a second", [](const form& f) {
      return 1 / f.seconds < 100 ? fmt::format("{:.3g}", 1 / f.seconds)
                                 : shown_count(1 / f.seconds);
    });
    if (machines_ > 1 || gpus_.value_or(1) > 1)
      row("between sites, a token", [&](const form& f) { return bytes(f.traffic.between_sites); });
    row(machines_ == 1 ? "one machine stops at" : "the machines stop at",
        [](const form& f) { return shown_count(static_cast<double>(f.most)) + " neurons"; });
    out +=
        "A model through hubs has n x hubs weights in each matrix, one of explicit edges its "
        "edges. "
        "What is moved is read from memory for one token, mean over a text.\n";
    return out + remarks(forms);
  }
  std::string remarks(const std::vector<form>& forms) const {
    if (on_) return remark_on_gpu(gpu_);
    if (gpus_)
      return "On GPUs the time is the floor, all bytes at the stated bandwidth; 'bdh devices "
             "MODEL' shows what a model takes there.\n";
    std::string out;
    for (const form& f : forms)
      if (network_)
        out += fmt::format("\n{}\n{}", f.model.direct ? "explicit edges" : "through hubs",
                           ranks_text(f.on_ranks));
    return out;
  }

  std::string file_, gpu_, weights_ = "float32";
  std::optional<model> given_;
  const gpu::gpu_figures* on_ = nullptr;
  std::optional<std::uint64_t> neurons_, hubs_, layers_, heads_, vocabulary_, gpus_;
  std::optional<double> degree_, bandwidth_, memory_, network_;
  std::vector<double> activity_{20, 4};
  double latency_ = 2;
  std::uint64_t machines_ = 1, threads_ = 1;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<command> plan_command(command_line& program) {
  return std::make_unique<plan_app>(program);
}

}  // namespace bdh::app
