#include <string>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/bounds.hpp"
#include "core/simulation/simulator_parts.hpp"

namespace bdh {
namespace {

template <class Default, class T>
std::shared_ptr<T> given_or(const std::shared_ptr<T>& given) {
  return given ? given : std::make_shared<Default>();
}

// Engines read what a token leaves behind; kept variables have a layer, and calls of their own.
void expect_readable(const variable_info& v) {
  if (v.kept)
    throw input_error("variable", std::string(v.name), "x, y, w or a",
                      "synapses() reads strengths, save() everything that is kept");
}

}  // namespace

simulator::parts::parts(std::shared_ptr<const bdh::model> m, std::unique_ptr<engine> e,
                        const simulator_options& options)
    : subject(std::move(m)),
      work(std::move(e)),
      threads(options.work ? options.work : std::shared_ptr(default_executor(options.threads))),
      mail(given_or<shared_memory_exchange>(options.mail)),
      totals(given_or<single_process>(options.totals)),
      next(*work, subject->readout_nodes()),
      kept(*subject, work->retention()),
      sources(*subject, *work),
      probes(*subject, *work, kept, position, options.table.is_published()),
      interventions(*subject, *work, probes, sources, position),
      applier(*subject, *work, kept, interventions),
      of_loop{.subject = *subject,
              .work = *work,
              .mail = *mail,
              .totals = *totals,
              .threads = *threads,
              .position = position,
              .next = next,
              .probes = kept,
              .sources = sources,
              .interventions = interventions,
              .applier = applier},
      loop(of_loop, options.table, options.surprisals),
      blocks(of_loop, loop) {
  if (work->local().size() != work->sites() && !(options.mail && options.totals))
    throw input_error("simulator", "sites in other processes",
                      "an exchange and a reduction in the options");
  if (work->spikes() && !options.table.is_published())
    throw unavailable_error("spikes", "a changed round table", "the published one");
}

simulator::simulator(std::shared_ptr<const bdh::model> m, std::unique_ptr<engine> work,
                     const simulator_options& options)
    : parts_(std::make_unique<parts>(std::move(m), std::move(work), options)) {}

simulator::simulator(const bdh::model& m, std::unique_ptr<engine> work,
                     const simulator_options& options)
    : simulator(std::shared_ptr<const bdh::model>(std::shared_ptr<void>(), &m), std::move(work),
                options) {}

simulator::simulator(simulator&&) noexcept = default;
simulator& simulator::operator=(simulator&&) noexcept = default;
simulator::~simulator() = default;

std::unique_ptr<simulator> simulator::new_stream() const {
  expect_all_sites_local("stream", *parts_->work);
  simulator_options options;
  options.work = parts_->threads;
  options.table = parts_->loop.table();
  options.surprisals = parts_->loop.surprisals();
  options.mail = parts_->mail->for_another_stream();
  options.totals = parts_->totals;
  return std::make_unique<simulator>(parts_->subject, parts_->work->new_stream(), options);
}

step_report simulator::step(token_id token) {
  parts_->loop.begin(token, parts_->loop.sees());
  return finish();
}

void simulator::begin(token_id token) { parts_->loop.begin(token, observation::synapses); }
std::optional<round_mark> simulator::advance() { return parts_->loop.advance(); }
step_report simulator::finish() {
  step_report report = parts_->loop.finish();
  report.learned = std::exchange(parts_->taught, std::nullopt);
  return report;
}
bool simulator::in_token() const noexcept { return parts_->position.in_token; }

int simulator::observe(observer o, observation sees) {
  return parts_->loop.observe(std::move(o), sees);
}
void simulator::stop_observing(int number) { parts_->loop.stop_observing(number); }

// ---- reading

std::uint64_t simulator::tokens() const noexcept { return parts_->position.tokens; }
std::span<const float> simulator::logits() const noexcept { return parts_->next.logits(); }
token_id simulator::choose(const sampling& how) const {
  return parts_->next.choose(how, parts_->position.tokens);
}
double simulator::loss(token_id next) const { return parts_->next.loss(next); }
std::optional<double> simulator::surprisal(token_id next) const {
  return parts_->next.surprisal(next);
}

std::span<const variable_info> simulator::variables() const noexcept {
  return parts_->work->variables();
}

void simulator::active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const {
  expect_readable(info(variables(), v));
  parts_->work->active(v, ids, values);
}

std::size_t simulator::size(variable v) const noexcept { return info(variables(), v).size; }

std::vector<float> simulator::read(variable v) const {
  expect_readable(info(variables(), v));
  std::vector<float> out(size(v));
  read(v, out);
  return out;
}

void simulator::read(variable v, std::span<float> out) const {
  const variable_info& what = info(variables(), v);
  expect_readable(what);
  if (out.size() != what.size)
    throw shape_error(std::string(what.name), std::to_string(out.size()) + " values of room",
                      std::to_string(what.size));
  parts_->work->read(v, out);
}

std::vector<float> simulator::sent(variable v) const {
  expect_readable(info(variables(), v));
  std::vector<float> out(size(v));
  parts_->work->read_sent(v, out);
  return out;
}

std::vector<float> simulator::emitted(variable v) const {
  expect_readable(info(variables(), v));
  std::vector<float> out(size(v));
  parts_->work->read_emitted(v, out);
  return out;
}

const source_tracker& simulator::sources() const noexcept { return parts_->sources; }

void simulator::follow_sources() {
  parts_->position.expect_between_tokens();
  parts_->sources.follow();
}

std::vector<float> simulator::synapses(layer_id layer, neuron_id neuron) const {
  expect_in_model(model(), layer, neuron);
  const auto [first, last] = model().synapses_of(neuron);
  std::vector<float> out(last - first);
  parts_->work->read_synapses(layer, neuron, out);
  return out;
}

void simulator::synapses(layer_id layer, std::span<const edge_id> which,
                         std::span<float> out) const {
  expect_in_model(model(), layer, 0);
  for (edge_id e : which)
    if (e >= model().synapses())
      throw input_error("synapse", std::to_string(e),
                        "0 to " + std::to_string(model().synapses() - 1));
  parts_->work->read_synapses(layer, which, out);
}

float simulator::synapse(layer_id layer, neuron_id neuron, neuron_id target) const {
  const bdh::model& m = model();
  expect_in_model(m, layer, neuron);
  const neuron_id targets = m.is_direct() ? m.sources() : m.hubs();
  if (target >= targets)
    throw input_error(m.is_direct() ? "source" : "hub", std::to_string(target),
                      "0 to " + std::to_string(targets - 1));
  const std::vector<float> row = synapses(layer, neuron);
  if (!m.is_direct()) return row[target];
  const auto edge = m.direct().gs.find(neuron, target);
  if (!edge)
    throw input_error("synapse " + std::to_string(neuron) + "->" + std::to_string(target),
                      "no such edge in gs",
                      "one of the neuron's " + std::to_string(row.size()) + " synapses");
  return row[*edge - m.synapses_of(neuron).first];
}

// ---- parts

probe_set& simulator::probes() noexcept { return parts_->probes; }
const probe_set& simulator::probes() const noexcept { return parts_->probes; }
intervention_set& simulator::interventions() noexcept { return parts_->interventions; }
const intervention_set& simulator::interventions() const noexcept { return parts_->interventions; }
bdh::prefill& simulator::prefill() noexcept { return parts_->blocks; }
const bdh::prefill& simulator::prefill() const noexcept { return parts_->blocks; }
token_loop& simulator::loop() noexcept { return parts_->loop; }

const bdh::model& simulator::model() const noexcept { return *parts_->subject; }
double simulator::retention() const noexcept { return parts_->work->retention(); }
bool simulator::rounds_synapses() const noexcept { return parts_->work->rounds_synapses(); }
void simulator::seed_draws(std::uint64_t seed) noexcept { parts_->work->seed_draws(seed); }
std::uint64_t simulator::drawing_seed() const noexcept { return parts_->work->drawing_seed(); }
const spiking* simulator::spikes() const noexcept { return parts_->work->spikes(); }
std::string simulator::device() const { return parts_->work->device(); }
std::size_t simulator::state_bytes() const noexcept { return parts_->work->state_bytes(); }

}  // namespace bdh
