#include <algorithm>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>

#include "core/simulation/permuted_engine.hpp"
#include "kernels/cpu/direct_site.hpp"
#include "kernels/cpu/hub_site.hpp"
#include "kernels/cpu/prefill.hpp"

namespace bdh {
namespace {

class site_engine final : public engine {
 public:
  site_engine(const model& m, const cpu_options& options)
      : model_(m),
        options_(options),
        retention_(options.retention.value_or(m.retention())),
        variables_(variables_of(m)),
        shares_(partition({m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()},
                          options.sites)),
        bodies_(kernels::cpu_kernels_for(options.instructions)),
        strengths_(m),
        local_(options.local.value_or(site_range{0, options.sites})),
        batch_(local_.size()) {
    if (!(retention_ > 0 && retention_ <= 1))
      throw input_error("retention", shown(retention_), "0 < u <= 1");
    if (m.is_direct() && !m.direct().retention.empty() && retention_ != m.retention())
      throw unavailable_error("retention", shown(retention_), "none",
                              "every synapse of this model has a retention u of its own");
    if (m.is_direct() && options.bfloat16_synapses)
      throw unavailable_error("synapses in bfloat16", "explicit edges", "circuits through hubs",
                              "an explicit edge takes 8 bytes besides its strengths");
    for (site_id s = local_.begin; s < local_.end; ++s) {
      if (m.is_direct())
        site_.push_back(std::make_unique<direct_site>(m, shares_, s, bodies_, retention_,
                                                      strengths_, weights_));
      else
        site_.push_back(std::make_unique<hub_site>(m, shares_, s, bodies_, retention_,
                                                   options.bfloat16_synapses));
    }
    for (const auto& s : site_)
      if (s->share().neurons.size() != 0) owners_.push_back(s.get());
  }

  site_id sites() const noexcept override { return options_.sites; }
  site_range local() const noexcept override { return local_; }
  std::string device() const override { return "cpu"; }
  std::span<const stage> stages(action a) const noexcept override {
    return model_.is_direct() ? direct_site::stages(a, model_) : hub_site::stages(a);
  }
  void control(const applied_controls* what) override {
    if (what && model_.is_direct()) weights_.prepare(model_.direct(), *what);
    for (const auto& s : site_) s->control(what);
  }
  void present(token_id token, site_id s) override {
    if (token >= model_.sensory_nodes())
      throw input_error("token", std::to_string(token),
                        "< " + std::to_string(model_.sensory_nodes()) + ", the vocabulary");
    at(s).present(token);
  }
  void perform(const step& what, site_id s, const inbox& received, outbox& sent) noexcept override {
    const stream_part alone[] = {{this, &received, &sent}};
    perform_batch(what, s, alone);
  }
  // A piece of the weights is read from memory for the first stream; the others find it in the
  // cache.
  void perform_batch(const step& what, site_id s,
                     std::span<const stream_part> streams) noexcept override {
    std::vector<cpu_site*>& together = batch_[s - local_.begin];
    together.clear();
    for (const stream_part& stream : streams)
      together.push_back(&static_cast<site_engine*>(stream.work)->at(s));
    for (cpu_site* site : together) site->count_step();
    for (neuron_id piece = 0, pieces = at(s).pieces(what); piece < pieces; ++piece) {
      if (at(s).perform_piece_batch(what, piece, together)) continue;
      for (std::size_t k = 0; k < streams.size(); ++k)
        together[k]->perform(what, piece, *streams[k].received, *streams[k].sent);
    }
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<site_engine>(model_, options_);
  }
  prefill_reader* blocks() override {
    if (!blocks_ && !model_.is_direct() && !options_.bfloat16_synapses &&
        local_.size() == options_.sites)
      blocks_ = make_hub_prefill(model_, bodies_, retention_, site_);
    return blocks_.get();
  }
  const site_counts& counts(site_id s) const noexcept override { return at(s).counts(); }
  std::optional<fault> first_fault(site_id s) const override { return at(s).first_fault(); }

  std::span<const float> logits() const noexcept override {
    return local_.contains(0) ? at(0).logits() : std::span<const float>();
  }
  void read(variable v, std::span<float> out) const override {
    for (const auto& s : site_) s->read(v, out);
  }
  void active(variable v, std::vector<neuron_id>& ids, std::vector<float>& values) const override {
    ids.clear();
    values.clear();
    for (const cpu_site* s : owners_)
      if (!s->active(v, ids, values)) return engine::active(v, ids, values);
  }
  std::span<const variable_info> variables() const noexcept override { return variables_; }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    owner(neuron).read_synapses(layer, neuron, out);
  }

  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]);
      out[k] = owner(i).read_synapse(layer, i, which[k] - model_.synapses_of(i).first);
    }
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    for (std::size_t k = 0; k < which.size(); ++k) {
      const neuron_id i = neuron_of(which[k]);
      owner(i).write_synapse(layer, i, which[k] - model_.synapses_of(i).first, values[k]);
    }
  }
  pool_gains gains() const noexcept override { return site_[0]->gains(); }

  state_arrays save(layer_id layer) const override {
    state_arrays all(variables_, layer != 0);
    for (state_arrays::entry& e : all.all()) {
      if (model_.is_direct()) strengths_.save(layer, e);
      for (const auto& s : site_) s->save(layer, e);
    }
    return all;
  }
  void restore(layer_id layer, const state_arrays& from) override {
    for (const state_arrays::entry& e : from.all()) {
      if (model_.is_direct()) strengths_.restore(layer, e);
      for (const auto& s : site_) s->restore(layer, e);
    }
  }
  bool rounds_synapses() const noexcept override { return options_.bfloat16_synapses; }
  void seed_rounding(std::uint64_t seed) noexcept override {
    for (const auto& s : site_) s->seed_rounding(seed);
  }
  void clear_synapses() override {
    strengths_.clear();
    for (const auto& s : site_) s->clear_synapses();
  }
  double retention() const noexcept override { return retention_; }
  std::size_t state_bytes() const noexcept override {
    std::size_t bytes = strengths_.bytes() + weights_.bytes();
    for (const auto& s : site_) bytes += s->state_bytes();
    return bytes + (blocks_ ? blocks_->bytes() : 0);
  }

 private:
  neuron_id neuron_of(edge_id synapse) const noexcept {
    return model_.is_direct() ? model_.direct().gs.row_of(synapse)
                              : static_cast<neuron_id>(synapse / model_.hubs());
  }
  cpu_site& at(site_id s) const noexcept { return *site_[s - local_.begin]; }
  cpu_site& owner(neuron_id i) const {
    const auto owner = std::partition_point(owners_.begin(), owners_.end(), [&](const cpu_site* s) {
      return s->share().neurons.end <= i;
    });
    if (owner == owners_.end() || !(*owner)->share().neurons.contains(i))
      throw unavailable_error("neuron " + std::to_string(i), "a site of another process",
                              "a site of this one");
    return **owner;
  }

  const model& model_;
  const cpu_options options_;
  const double retention_;
  const std::vector<variable_info> variables_;
  const std::vector<site_share> shares_;
  const kernels::cpu_kernels& bodies_;
  direct_strengths strengths_;  // empty for hubs
  direct_weights weights_;
  const site_range local_;
  std::vector<std::unique_ptr<cpu_site>> site_;  // local ones
  std::vector<cpu_site*> owners_;                // those that have neurons, ascending
  std::unique_ptr<prefill_reader> blocks_;
  std::vector<std::vector<cpu_site*>> batch_;  // by site: those of the streams in perform_batch
};

}  // namespace

std::unique_ptr<engine> cpu_engine(const model& m, const cpu_options& options) {
  if (options.sites == 0 || options.sites > 4096)
    throw input_error("sites", std::to_string(options.sites), "1 to 4096");
  if (options.local &&
      !(options.local->begin < options.local->end && options.local->end <= options.sites))
    throw input_error(
        "local sites",
        std::to_string(options.local->begin) + " to " + std::to_string(options.local->end),
        "some of " + std::to_string(options.sites));
  if (!m.memory_order().empty())
    return permuted_engine(m, [&](const model& inside) { return cpu_engine(inside, options); });
  return std::make_unique<site_engine>(m, options);
}

}  // namespace bdh
