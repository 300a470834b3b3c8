// An engine that has all particles of a model on one device.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/sampling.hpp>

#include "core/simulation/engine.hpp"
#include "core/simulation/loss.hpp"
#include "core/simulation/sampling_parts.hpp"
#include "gpu/engine/deferred_token.hpp"
#include "gpu/engine/device_site.hpp"

namespace bdh {

// `spikes`: through hubs.
inline std::unique_ptr<gpu::device_site> make_device_site(
    const model& m, double retention, std::shared_ptr<const spiking> spikes = nullptr) {
  return m.is_direct() ? gpu::direct_device_site(m, retention)
                       : gpu::hub_device_site(m, retention, std::move(spikes));
}

class device_engine final : public engine {
 public:
  device_engine(const model& m, std::shared_ptr<gpu::device> on, double retention,
                std::shared_ptr<const spiking> spikes = nullptr,
                const device_engine* first_stream = nullptr)
      : model_(m),
        retention_(retention),
        device_(std::move(on)),
        site_(make_device_site(m, retention, std::move(spikes))),
        token_(*device_, *site_) {
    if (!(retention > 0 && retention <= 1))
      throw input_error("retention", shown(retention), "0 < u <= 1");
    if (m.is_direct() && !m.direct().retention.empty() && retention != m.retention())
      throw unavailable_error("retention", shown(retention), "none",
                              "every synapse of this model has a retention u of its own");
    site_->load(*device_, first_stream ? first_stream->site_.get() : nullptr);
    bytes_ = site_->bytes();
  }

  site_id sites() const noexcept override { return 1; }
  std::string device() const override { return device_->name(); }
  std::span<const stage> stages(action a) const noexcept override {
    static constexpr stage local[] = {stage::local};
    if (a == action::propagate_and_reweight) return {};
    if (a == action::read_out && model_.readout_nodes() == 0) return {};
    return local;
  }
  void control(const applied_controls* what) override { site_->control(what); }

  void present(token_id token, site_id) override {
    if (token >= model_.sensory_nodes())
      throw input_error("token", std::to_string(token),
                        "< " + std::to_string(model_.sensory_nodes()) + ", the vocabulary");
    token_.errors.rethrow();
    token_.begin();
    statistics_.reset();
    token_.errors.capture([&] { site_->present(token); });
    token_.errors.rethrow();
  }

  void perform(const step& s, site_id, const inbox&, outbox&) noexcept override {
    token_.errors.capture([&] {
      logits_here_ = false;
      token_.add(s.what, s.layer);
    });
  }

  void perform_batch(const step& s, site_id site,
                     std::span<const stream_part> streams) noexcept override {
    if (streams.size() > 1 && !token_.in_group()) {
      std::vector<gpu::deferred_token*> tokens;
      for (const stream_part& stream : streams)
        tokens.push_back(&static_cast<device_engine*>(stream.work)->token_);
      gpu::deferred_token::group(tokens);
    }
    for (const stream_part& stream : streams)
      stream.work->perform(s, site, *stream.received, *stream.sent);
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<device_engine>(model_, device_, retention_, site_->spikes(), this);
  }

  const site_counts& counts(site_id) const noexcept override {
    token_.errors.capture([&] { token_.fetch(); });
    return site_->counts();
  }
  std::optional<fault> first_fault(site_id) const override {
    token_.errors.capture([&] { token_.fetch(); });
    token_.errors.rethrow();
    return site_->first_fault();
  }

  std::span<const float> logits() const noexcept override {
    token_.errors.capture([&] {
      token_.fetch();
      if (!logits_here_) site_->fetch_logits();
      logits_here_ = true;
    });
    return site_->logits();
  }
  token_id choose(const sampling& how, std::uint64_t position) const override {
    if (!site_->can_choose()) return engine::choose(how, position);
    choose_on_device(how, choice_share(how, position), {});
    expect_choice(statistics_->largest, position);
    return statistics_->token;
  }
  double loss(token_id next) const override {
    if (!site_->can_choose()) return engine::loss(next);
    if (!statistics_ || statistics_->token != next) choose_on_device({}, 0, next);
    return cross_entropy(statistics_->sum, statistics_->largest, statistics_->logit);
  }
  std::span<const variable_info> variables() const noexcept override { return site_->variables(); }
  void read(variable v, std::span<float> out) const override {
    synchronised([&] { site_->read(v, out); });
  }
  void read_sent(variable v, std::span<float> out) const override {
    synchronised([&] { site_->read_sent(v, out); });
  }
  const spiking* spikes() const noexcept override { return site_->spikes().get(); }
  void seed_draws(std::uint64_t seed) noexcept override { site_->seed_draws(seed); }
  std::uint64_t drawing_seed() const noexcept override { return site_->drawing_seed(); }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    synchronised([&] { site_->read_synapses(layer, model_.synapses_of(neuron).first, out); });
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    synchronised([&] { site_->read_synapses(layer, which, out); });
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    synchronised([&] { site_->write_synapses(layer, which, values); });
  }
  pool_gains gains() const noexcept override {
    pool_gains all;
    token_.errors.capture([&] {
      token_.flush();
      all = site_->gains();
    });
    return all;
  }

  state_arrays save(layer_id layer) const override {
    state_arrays all;
    synchronised([&] { all = site_->save(layer); });
    return all;
  }
  // These two give every synapse a value: with them a failed device may be tried again.
  void restore(layer_id layer, const state_arrays& from) override {
    abandon_token();
    token_.errors.capture([&] { site_->restore(layer, from); });
    token_.errors.rethrow();
  }
  void clear_synapses() override {
    abandon_token();
    token_.errors.capture([&] { site_->clear_synapses(); });
    token_.errors.rethrow();
  }
  double retention() const noexcept override { return retention_; }

  // For an engine of a part of the neurons, which exchanges what others have with their engines.
  const std::shared_ptr<gpu::device>& on() const noexcept { return device_; }
  // A of every head, as the last step left it.
  void fetch_a(std::span<float> out) const noexcept {
    token_.errors.capture([&] {
      token_.flush();
      site_->read(variable::a, out);
    });
  }
  // Sums of blocks of Y, (blocks x hubs), and where each block begins in the list of active Y.
  void fetch_sums_of_y(std::vector<float>& sums, std::vector<std::uint32_t>& starts) noexcept {
    token_.errors.capture([&] {
      token_.flush();
      site_->fetch_sums_of_y(sums, starts);
    });
  }
  // What the hubs receive of Y, from all engines.
  void update_w(std::span<const float> hub_input, layer_id layer) noexcept {
    token_.errors.capture([&] { site_->update_w(hub_input, layer); });
  }
  std::size_t state_bytes() const noexcept override { return bytes_ - model_.bytes(); }

 private:
  // Does something that needs all steps done.
  template <class Work>
  void synchronised(Work work) const {
    token_.errors.capture([&] {
      token_.flush();
      work();
    });
    token_.errors.rethrow();
  }
  void choose_on_device(const sampling& how, double share, std::optional<token_id> next) const {
    statistics_.reset();
    synchronised([&] { statistics_ = site_->choose(how, share, next); });
  }
  void abandon_token() {
    token_.abandon();
    statistics_.reset();
  }

  const model& model_;
  const double retention_;
  const std::shared_ptr<gpu::device> device_;  // shared with the engines of other models
  const std::unique_ptr<gpu::device_site> site_;
  std::size_t bytes_ = 0;
  // Reading what a token gives launches what is left of it.
  mutable gpu::deferred_token token_;
  mutable bool logits_here_ = false;
  mutable std::optional<gpu::token_statistics> statistics_;  // of the last token's logits
};

// One of several sites, with a device of its own; `self` is its number.
std::unique_ptr<engine> device_part_engine(const model& m, const std::shared_ptr<gpu::device>& on,
                                           site_id self, site_id sites, double retention);

}  // namespace bdh
