#include "apps/python/brain.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/queries.hpp>

#include "apps/python/ranks.hpp"
#include "core/simulation/engine.hpp"
#include "io/recording/recording_plan.hpp"
#include "io/recording/spike_settings.hpp"

namespace bdh::python {
namespace {

int device_number(const std::string& device) {
  int number = 0;
  const std::string_view text = std::string_view(device).substr(4);
  if (text.empty()) return number;
  const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  if (text[0] != ':' || failed != std::errc() || end != text.data() + text.size() || number < 0)
    throw input_error("device", "'" + device + "'", "cpu, cuda or cuda:NUMBER");
  return number;
}

site_id sites_of(const brain_options& o) {
  return o.sites == 0 ? static_cast<site_id>(o.threads) : o.sites;
}

engine_factory maker(const brain_options& o) {
  if (o.device == "cpu")
    return [o](const model& m) {
      std::unique_ptr<engine> work =
          together() ? engine_of_ranks(m, {.model_file = o.file,
                                           .retention = o.retention,
                                           .bfloat16_synapses = o.bfloat16_synapses,
                                           .sites = sites_of(o),
                                           .spikes = o.spikes})
                     : cpu_engine(m, {.sites = sites_of(o),
                                      .retention = o.retention,
                                      .bfloat16_synapses = o.bfloat16_synapses,
                                      .spikes = o.spikes});
      work->seed_draws(o.seed);
      return work;
    };
  if (!o.device.starts_with("cuda"))
    throw input_error("device", "'" + o.device + "'", "cpu, cuda or cuda:NUMBER");
  if (together())
    throw unavailable_error("device", "a GPU on several ranks", "one process, or device='cpu'");
  if (o.bfloat16_synapses)
    throw unavailable_error("synapses", "bf16 on a GPU", "float32 there, or device='cpu'");
  const int number = device_number(o.device);
  return [o, number](const model& m) {
    std::unique_ptr<engine> work = gpu_engine(m, gpu::open_cuda_device(number),
                                              {.retention = o.retention, .spikes = o.spikes});
    work->seed_draws(o.seed);
    return work;
  };
}

}  // namespace

struct brain::recorded_run {
  std::vector<recording_description> recordings;
  recorder gathered;
  run_writer writer;

  recorded_run(simulator& brain, std::vector<recording_description> what, const std::string& folder,
               const std::string& options)
      : recordings(std::move(what)),
        gathered(brain, recordings),
        writer(run_writer::create(folder, brain.model(), options, recordings, brain.tokens())) {}
};

brain::brain(const model_handle& m, const brain_options& options) : model_(m), options_(options) {
  const engine_factory make = maker(options);
  simulator_options how{.threads = options.device == "cpu" ? options.threads : 1};
  if (together() && options.device == "cpu") add_ranks(how, sites_of(options));
  if (options.history)
    experiment_ = std::make_unique<experiment>(*m.is, make, experiment_options{how, {}});
  else
    simulator_ = std::make_unique<simulator>(m.is, make(*m.is), how);
}

brain::brain(const model_handle& m, const brain_options& options, std::unique_ptr<simulator> stream)
    : model_(m), options_(options), simulator_(std::move(stream)) {}

brain::~brain() = default;

const experiment& brain::with_history(const std::string& place) const {
  if (!experiment_)
    throw unavailable_error(place, "a simulator without a history",
                            "one made by Simulator(model, history=True)");
  return *experiment_;
}

simulator& brain::without_history(const std::string& place) {
  if (!simulator_)
    throw unavailable_error(place, "a simulator with a history",
                            "one made without history=True: what is taken back could not be taken "
                            "out of a recording or a stream");
  return *simulator_;
}

void brain::expect_between_tokens(const std::string& place) const {
  if (open_)
    throw input_error(place, "a token that is being read round by round", "its end",
                      "let rounds() come to its end first");
}

// ---- tokens

void brain::ended(const step_report& report) {
  if (recorded_)
    recorded_->writer.append(report, model_.text_of(report.token), false,
                             recorded_->gathered.rows(report.position));
  for (auto& [number, course] : courses_) {
    course.positions.push_back(report.position);
    course.values.push_back(
        now().probes().strength(course.what).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
}

step_report brain::step(token_id token) {
  expect_between_tokens("step");
  const step_report report = experiment_ ? experiment_->read(token) : simulator_->step(token);
  ended(report);
  return report;
}

void brain::begin(token_id token) {
  expect_between_tokens("rounds");
  experiment_ ? experiment_->begin(token) : simulator_->begin(token);
  open_ = token;
}

std::optional<round_mark> brain::advance() {
  if (!open_) return std::nullopt;
  if (!experiment_) return simulator_->advance();
  if (!experiment_->round())
    return std::nullopt;  // an experiment ends the token with its last round
  return experiment_->advance();
}

step_report brain::finish() {
  if (!open_) throw input_error("rounds", "no token that is being read", "begin() before it");
  open_.reset();
  if (experiment_ && experiment_->round()) experiment_->finish();
  const step_report report = experiment_ ? experiment_->reports().back() : simulator_->finish();
  ended(report);
  return report;
}

void brain::keep_layer(std::vector<kept_values>& keep, moment at) const {
  for (kept_values& k : keep) {
    if (!k.what || moment_of(*k.what) != at) continue;
    k.values.resize(k.values.size() + k.size);
    now().read(*k.what, std::span(k.values).last(k.size));
  }
}

namespace {

std::vector<recording_description> description_of(const kept_trains& trains) {
  recording_description d;
  d.what = quantity::spikes;
  d.layout = recording_layout::trains;
  d.name = d.request = "trains";
  d.node_ids.assign(trains.neurons.begin(), trains.neurons.end());
  d.width = d.node_ids.size();
  return {d};
}

void add_row(const recording_row& row, kept_trains& to) {
  to.bins.insert(to.bins.end(), row.edges.begin(), row.edges.end());
  for (const std::uint64_t node : row.nodes) to.nodes.push_back(static_cast<std::uint32_t>(node));
  for (const float v : row.values) to.variables.push_back(static_cast<std::uint8_t>(v));
}

}  // namespace

std::vector<step_report> brain::read(std::span<const token_id> tokens,
                                     std::vector<kept_values>& keep, kept_trains* trains,
                                     const std::function<void(std::size_t)>& between, bool learns) {
  expect_between_tokens("read");
  std::vector<recording_description> described;
  std::optional<recorder> watching;
  if (trains) described = description_of(*trains);
  if (trains) watching.emplace(without_history("trains"), described);
  const bool layers =
      std::ranges::any_of(keep, [](const kept_values& k) { return k.what.has_value(); });
  std::optional<int> observer;
  if (layers && simulator_)
    observer = simulator_->observe([&](layer_id, moment at) { keep_layer(keep, at); },
                                   observation::activity);
  const auto one = [&](token_id token) {
    if (learns) simulator_->learn(token);
    if (!layers || simulator_) return step(token);
    begin(token);
    for (std::size_t round = 0; round < std::size_t{4} * model_.is->layers(); ++round) {
      keep_layer(keep, experiment_->advance().at);
    }
    open_.reset();
    ended(experiment_->reports().back());
    return experiment_->reports().back();
  };
  std::vector<step_report> reports;
  try {
    for (const token_id token : tokens) {
      reports.push_back(one(token));
      for (kept_values& k : keep)
        if (!k.what) k.values.insert(k.values.end(), now().logits().begin(), now().logits().end());
      if (watching) add_row(watching->rows(reports.back().position)[0], *trains);
      if (between) between(reports.size());
    }
  } catch (...) {
    open_.reset();
    if (observer) simulator_->stop_observing(*observer);
    throw;
  }
  if (observer) simulator_->stop_observing(*observer);
  return reports;
}

// ---- interventions, probes

int brain::intervene(const intervention& what) {
  expect_between_tokens("perturb");
  if (experiment_) return experiment_->intervene(what);
  for (const probe_spec& p : simulator_->interventions().probes_needed(what)) probe(p);
  return simulator_->interventions().add(what);
}

void brain::release(int number) {
  expect_between_tokens("release");
  experiment_ ? experiment_->release(number) : simulator_->interventions().remove(number);
}

std::vector<std::pair<int, intervention>> brain::interventions() const {
  std::vector<std::pair<int, intervention>> all;
  if (experiment_) {
    for (auto& [number, what] : experiment_->interventions()) all.emplace_back(number, what);
  } else {
    for (const auto& [number, what] : simulator_->interventions()) all.emplace_back(number, what);
  }
  return all;
}

void brain::probe(const probe_spec& what) {
  expect_between_tokens("probe");
  if (experiment_)
    experiment_->ensure_probed(std::span(&what, 1));
  else if (!simulator_->probes().strength(what))
    simulator_->probes().add(what);
}

int brain::follow(const probe_spec& what) {
  probe(what);
  courses_.emplace(next_course_, strength_course{what});
  return next_course_++;
}

const strength_course& brain::course(int number) const {
  const auto at = courses_.find(number);
  if (at == courses_.end())
    throw input_error("probe", "one that was stopped", "one that is still followed");
  return at->second;
}

// ---- states

run_state copy_of(const run_state& state) {
  const auto copied = [](const state_arrays& from, state_arrays to) {
    for (const state_arrays::entry& e : from.all()) {
      if (const auto* reals = std::get_if<array<float>>(&e.values))
        std::ranges::copy(*reals, to.reals(e.what).begin());
      else
        std::ranges::copy(std::get<array<std::uint64_t>>(e.values), to.counts(e.what).begin());
    }
    return to;
  };
  const auto shaped = [](const state_arrays& like, bool per_layer) {
    std::vector<variable_info> list;
    for (const state_arrays::entry& e : like.all())
      list.push_back({.what = e.what,
                      .kind = std::holds_alternative<array<float>>(e.values) ? value_kind::real
                                                                             : value_kind::count,
                      .size = size_of(e),
                      .per_layer = per_layer,
                      .kept = true});
    return state_arrays(list, per_layer);
  };
  run_state copy;
  copy.model_sha256 = state.model_sha256;
  copy.tokens = state.tokens;
  copy.retention = state.retention;
  copy.rounded = state.rounded;
  copy.summation = state.summation;
  for (const state_arrays& layer : state.layers)
    copy.layers.push_back(copied(layer, shaped(layer, true)));
  copy.network = copied(state.network, shaped(state.network, false));
  copy.probes = state.probes;
  copy.logits = state.logits;
  return copy;
}

void brain::restore(const run_state& state) {
  if (recorded_)
    throw input_error("restore", "a simulator that is recorded", "the recording's end");
  expect_between_tokens("restore");
  experiment_ ? experiment_->load(copy_of(state)) : simulator_->restore(state);
}

void brain::clear_synapses() {
  if (recorded_) throw input_error("clear", "a simulator that is recorded", "the recording's end");
  expect_between_tokens("clear");
  if (experiment_)
    throw unavailable_error("clear", "a simulator with a history", "a new simulator, or restore()");
  simulator_->clear_synapses();
}

experiment::undone brain::undo() {
  with_history("undo");
  open_.reset();
  return experiment_->undo();
}

std::unique_ptr<brain> brain::new_stream() {
  expect_between_tokens("new_stream");
  std::unique_ptr<simulator> stream = without_history("new_stream").new_stream();
  stream->seed_draws(options_.seed);
  return std::unique_ptr<brain>(new brain(model_, options_, std::move(stream)));
}

// ---- recordings

void brain::start_recording(const std::string& folder, const std::vector<std::string>& requests,
                            const std::string& options) {
  expect_between_tokens("record");
  if (recorded_)
    throw input_error("record", "a simulator that is recorded", "one recording at a time");
  simulator& recorded = without_history("record");
  std::vector<recording_request> parsed;
  for (const std::string& r : requests) parsed.push_back(parse_recording(r));
  std::vector<recording_description> planned =
      plan_recordings(*model_.is, parsed, recorded.tokens());
  prepare_recordings(recorded, options_.bin_ms, planned);
  recorded_ = std::make_unique<recorded_run>(recorded, std::move(planned), folder, options);
}

void brain::stop_recording(run_status status) {
  if (!recorded_) return;
  const std::unique_ptr<recorded_run> ending = std::move(recorded_);
  ending->writer.finish(status);
}

void brain::commit_recording() {
  if (recorded_) recorded_->writer.commit();
}

void step_streams(std::span<brain* const> brains, std::span<const token_id> tokens,
                  std::vector<step_report>& reports) {
  std::vector<stream_step> steps;
  for (std::size_t i = 0; i < brains.size(); ++i) {
    brains[i]->expect_between_tokens("step_streams");
    steps.push_back({&brains[i]->without_history("step_streams"), tokens[i]});
  }
  step_streams(steps);
  std::exception_ptr failed;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].failed && !failed) failed = steps[i].failed;
    if (!steps[i].failed) brains[i]->ended(steps[i].report);
    reports.push_back(std::move(steps[i].report));
  }
  if (failed) std::rethrow_exception(failed);
}

}  // namespace bdh::python
