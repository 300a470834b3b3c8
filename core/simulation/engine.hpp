// The interface between the scheduler and what does the work: a CPU, a GPU. An engine holds the
// state of its local sites and performs the steps of a token for one site at a time; all that a
// step has of other sites is what arrives in messages.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>
#include <bdh/round_table.hpp>
#include <bdh/state.hpp>
#include <bdh/step_report.hpp>

#include "core/simulation/applied_controls.hpp"
#include "core/simulation/exchange.hpp"

namespace bdh {

// What one action takes, step by step; messages travel between steps.
enum class stage {
  to_hubs,  // active sources push along their edges; partial sums per block of sources are sent to
            // the hubs' sites
  at_hubs,  // a hub's site adds the partial sums and sends the hub's value to every site
  arrive,   // what was sent arrives; the pool of hubs applies its gain
  from_hubs,   // neurons and readout nodes pull the hub values along their edges
  to_targets,  // explicit edges: active sources are sent to the sites of their targets
  at_targets,  // explicit edges: what arrives is multiplied by the edges' weights and added up
  local
};

struct sampling;

struct step {
  action what;
  stage at;
  layer_id layer;  // 1..L; 0 for sense and read_out
  friend bool operator==(const step&, const step&) = default;
};

// Work done since the token began, by one site.
struct site_counts {
  std::vector<neuron_id> active_x, active_y;  // layer l at [l - 1]
  std::uint64_t synaptic_events = 0, hebbian_writes = 0;
  spike_counts spikes;  // where activity travels as spikes
};

// The first value that was not finite.
struct fault {
  std::uint64_t step;  // of the token: faults of all sites are ordered by it
  layer_id layer;      // 0: outside the layers
  std::string
      what;  // "X of neuron", "A of source", "W at hub", "logit": it ends in the kind of `who`
  std::uint32_t who;
  float value;
};

// Gains of the pool of hubs, as far as the dynamics has them: g(e) of the token or g(y) of a layer,
// and g(w).
struct pool_gains {
  float y = 1, w = 1;
};

// What is kept of a synapse of explicit edges: strengths lie with its target, the time stamp with
// its neuron.
struct stored_synapse {
  float strength = 0,
        partner = 0;  // partner: of the same target, from the neuron's rotation partner
  std::uint64_t last_used = 0;
};

class engine;

// Adds the counts of its local sites: active X by layer, active Y by layer, synaptic events, writes
// of synapses; (2 L + 2 at least). Their first fault, with which nothing is added.
std::optional<fault> add_counts(const engine& work, std::size_t layers,
                                std::span<std::uint64_t> counts);
// The same of spikes, as numbers that processes add up: so many of a model of L layers; none where
// activity travels as it is.
std::size_t spike_numbers(const engine& work, std::size_t layers);
void add_spike_counts(const engine& work, std::size_t layers, std::span<std::uint64_t> numbers);
spike_counts spike_counts_of(std::size_t layers, std::span<const std::uint64_t> numbers);

// What one of several streams that do a step together brings to it.
struct stream_part {
  engine* work;
  const inbox* received;
  outbox* sent;
};
class prefill_reader;
class weight_learner;

// A token that has begun, and how far it is seen.
struct begun_token {
  engine* work;
  token_id token;
  observation sees;
};

class engine {
 public:
  virtual ~engine() = default;
  virtual site_id sites() const noexcept = 0;
  // The sites that it holds; those of other processes are named in messages only.
  virtual site_range local() const noexcept { return {0, sites()}; }
  // Whether what is read, written and saved is that of all sites, wherever they are.
  virtual bool has_all_values() const noexcept { return local().size() == sites(); }
  virtual std::string device() const = 0;  // what does the work: "cpu", or the name of a GPU
  // The steps that an action takes over this model's circuits, in order; none: it has nothing to
  // do. Of propagate_and_reweight, none: this engine does the two apart. An engine that writes each
  // synapse row as soon as it has read it gives the stages of propagate_synapses, and `local`, in
  // which it completes what it wrote; the bits are the same.
  virtual std::span<const stage> stages(action a) const noexcept = 0;

  // Interventions on the tokens to come, until the next call, until which
  // they stay valid; null: none.
  virtual void control(const applied_controls* what) = 0;

  // Tokens of streams, of which this is the first, will be run together, after present(); and go on
  // after each moment at which they stop. For engines that lead others.
  virtual void run_together(std::span<const begun_token>) {}
  virtual void go_on(std::span<const begun_token>) {}
  // A token begins at `site`: X, Y, W, A are zero, sigma stays, counts restart.
  virtual void present(token_id token, site_id site) = 0;

  // Does one step for one site; steps of different sites may run at the same time. `received` is
  // what the previous step sent here.
  virtual void perform(const step& s, site_id site, const inbox& received,
                       outbox& sent) noexcept = 0;

  // The same step of several streams, for one site: those of one model, of which this is one. They
  // may share what they read of the model; every stream's bits are those that perform() gives it.
  virtual void perform_batch(const step& s, site_id site,
                             std::span<const stream_part> streams) noexcept {
    for (const stream_part& stream : streams)
      stream.work->perform(s, site, *stream.received, *stream.sent);
  }
  // Another engine of this kind over the same model, with a state of its own, all zero: for one
  // more stream.
  virtual std::unique_ptr<engine> new_stream() const = 0;
  // Reads prompts in blocks (core/simulation/prefill_reader.hpp), between tokens; null: it has no
  // way to.
  virtual prefill_reader* blocks() { return nullptr; }

  // From the next token on, weights change by these rules (core/simulation/weight_learner.hpp).
  // Throws unavailable_error where the engine has no way to.
  virtual void learn(const learning& how);
  virtual weight_learner* learner() const noexcept { return nullptr; }  // null: weights stay

  virtual const site_counts& counts(site_id site) const noexcept = 0;
  virtual std::optional<fault> first_fault(site_id site) const = 0;

  // Readers, for use between steps: they never change a bit of the state.
  // (readout nodes); at site 0 after read_out.
  virtual std::span<const float> logits() const noexcept = 0;
  // What follows from them: the token to read at `position` (bdh/sampling.hpp), and the
  // loss in nats should `next` come. A device answers with a few bytes and keeps the logits.
  virtual token_id choose(const sampling& how, std::uint64_t position) const;
  virtual double loss(token_id next) const;
  // What there is to read, save and restore, with its sizes.
  virtual std::span<const variable_info> variables() const noexcept = 0;
  // All values of a variable that is not kept; `out` has its size.
  virtual void read(variable v, std::span<float> out) const = 0;
  // The same without zeros: ids, ascending, and values. An engine that has a list of them makes no
  // pass over the others.
  virtual void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const;
  // X, Y, W or A as it travels, where its spikes are received: what they stand for, where there are
  // any; of W those that drive X, A with its gain.
  virtual void read_sent(variable v, std::span<float> out) const { read(v, out); }
  // The values that spikes are drawn from: those of read(), of A with its gain.
  virtual void read_emitted(variable v, std::span<float> out) const { read(v, out); }
  // How activity travels as spikes; null: as it is.
  virtual const spiking* spikes() const noexcept { return nullptr; }
  // The strengths of a neuron's synapses (model::synapses_of), laboratory frame.
  virtual void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const = 0;

  // The same of single synapses: edges of gs, or neuron * hubs + hub.
  virtual void read_synapses(layer_id layer, std::span<const edge_id> which,
                             std::span<float> out) const = 0;
  // Sets strengths, laboratory frame. Not while a token is read.
  virtual void write_synapses(layer_id layer, std::span<const edge_id> which,
                              std::span<const float> values) = 0;
  virtual pool_gains gains() const noexcept = 0;  // of the last time that W was set

  // The kept variables of a layer; layer 0: those that no layer has. Arrays to be restored are
  // those that save() gives.
  virtual state_arrays save(layer_id layer) const = 0;
  virtual void restore(layer_id layer, const state_arrays& from) = 0;
  // The same part by part, so that a layer need not be in memory twice; an engine may not have it.
  // Without all values: what local sites have is filled in, the rest left alone.
  virtual bool has_parts() const noexcept { return false; }
  virtual void save_part(layer_id, const kept_part&) const {}
  virtual void restore_part(layer_id, const kept_part&) {}
  virtual void clear_strengths(layer_id layer);  // to zero; time goes on
  virtual void clear_synapses() = 0;             // all synapses to zero, all clocks to 0
  // Of explicit edges some of whose targets are in other processes, for those who put together what
  // several engines have: what lies at local sites is filled in. To write is to age the rows of the
  // neurons' units, last used when it is said, and to set the strengths that lie here, laboratory
  // frame.
  virtual void read_stored(layer_id, std::span<const edge_id>, std::span<stored_synapse>) const {}
  virtual void write_stored(layer_id, std::span<const edge_id>, std::span<const float>,
                            std::span<const std::uint64_t>) {}
  virtual double retention() const noexcept = 0;                     // u per token in force
  virtual std::uint64_t drawing_seed() const noexcept { return 0; }  // of seed_draws
  // Whether strengths are stored as bfloat16, rounded at random; and the seed of what is drawn: of
  // that, and of spikes.
  virtual bool rounds_synapses() const noexcept { return false; }
  virtual void seed_draws(std::uint64_t) noexcept {}
  virtual std::size_t state_bytes() const noexcept = 0;  // memory that the state occupies
};

// All kept variables of a layer, from parts of at most `most` bytes; and back.
state_arrays save_in_parts(const engine& work, layer_id layer, std::size_t most);
void restore_in_parts(engine& work, layer_id layer, const state_arrays& from, std::size_t most);
// f(part) for parts of at most `most` bytes of arrays that outlive the calls.
void for_parts(state_arrays& all, std::size_t most, const std::function<void(const kept_part&)>& f);

// The strength of a neuron's synapse that the next token will read, at a layer's clock and the
// synapse's retention.
float laboratory_strength(const model& m, neuron_id neuron, const stored_synapse& stored,
                          std::uint64_t clock, double retention);

// perform_batch() of engines that have others inside, one each.
void perform_batch_inside(const step& s, site_id site, std::span<const stream_part> streams,
                          engine& (*inside)(engine&)) noexcept;

}  // namespace bdh
