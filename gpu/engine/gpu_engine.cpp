#include <algorithm>
#include <atomic>
#include <exception>
#include <string>

#include <bdh/error.hpp>
#include <bdh/gpu_engine.hpp>
#include <bdh/sampling.hpp>

#include "core/simulation/loss.hpp"
#include "core/simulation/permuted_engine.hpp"
#include "core/simulation/sampling_parts.hpp"
#include "gpu/engine/device_site.hpp"

namespace bdh {
namespace {

std::unique_ptr<gpu::device_site> make_site(const model& m, double retention) {
  return m.is_direct() ? gpu::direct_device_site(m, retention) : gpu::hub_device_site(m, retention);
}

// The steps of a token, from its beginning.
using token_steps = std::vector<std::pair<action, layer_id>>;

class gpu_one_site;

// Streams that read a token together: all of it is put off, then done for those of them in which
// nobody looks or intervenes.
struct stream_group {
  std::vector<gpu_one_site*> members;
};

class gpu_one_site final : public engine {
 public:
  gpu_one_site(const model& m, std::shared_ptr<gpu::device> on, double retention,
               const gpu_one_site* sibling = nullptr)
      : model_(m), retention_(retention), device_(std::move(on)), site_(make_site(m, retention)) {
    if (!(retention > 0 && retention <= 1))
      throw input_error("retention", shown(retention), "0 < u <= 1");
    site_->load(*device_, sibling ? sibling->site_.get() : nullptr);
    steps_.reserve(std::size_t{16} * m.layers() + 16);
    bytes_ = site_->bytes();
  }
  ~gpu_one_site() override {
    if (group_) std::erase(group_->members, this);
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
    rethrow();
    steps_.clear();
    done_ = 0;
    begun_ = fetched_ = ended_ = false;
    outlook_.reset();
    group_.reset();
    attempt([&] { site_->present(token); });
    rethrow();
  }

  // Interventions may change between the rounds of a token: what they act on is not put off.
  void perform(const step& s, site_id, const inbox&, outbox&) noexcept override {
    attempt([&] {
      steps_.emplace_back(s.what, s.layer);
      fetched_ = logits_here_ = ended_ = false;
      if (site_->controlled()) catch_up();
    });
  }

  void perform_batch(const step& s, site_id site,
                     std::span<const stream_part> streams) noexcept override {
    if (!group_ && streams.size() > 1) {
      const auto group = std::make_shared<stream_group>();
      for (const stream_part& stream : streams) {
        auto* const member = static_cast<gpu_one_site*>(stream.work);
        member->group_ = group;
        group->members.push_back(member);
      }
    }
    for (const stream_part& stream : streams)
      stream.work->perform(s, site, *stream.received, *stream.sent);
  }
  std::unique_ptr<engine> new_stream() const override {
    return std::make_unique<gpu_one_site>(model_, device_, retention_, this);
  }

  const site_counts& counts(site_id) const noexcept override {
    attempt([&] { fetch(); });
    return site_->counts();
  }
  std::optional<fault> first_fault(site_id) const override {
    attempt([&] { fetch(); });
    rethrow();
    return site_->first_fault();
  }

  std::span<const float> logits() const noexcept override {
    attempt([&] {
      fetch();
      if (!logits_here_) site_->fetch_logits();
      logits_here_ = true;
    });
    return site_->logits();
  }
  token_id choose(const sampling& how, std::uint64_t position) const override {
    if (!site_->can_choose()) return engine::choose(how, position);
    look(how, choice_share(how, position), {});
    expect_choice(outlook_->largest, position);
    return outlook_->token;
  }
  double loss(token_id next) const override {
    if (!site_->can_choose()) return engine::loss(next);
    if (!outlook_ || outlook_->token != next) look({}, 0, next);
    return cross_entropy(outlook_->sum, outlook_->largest, outlook_->logit);
  }
  void read(variable v, std::span<float> out) const override {
    settled([&] { site_->read(v, out); });
  }
  void read_synapses(layer_id layer, neuron_id neuron, std::span<float> out) const override {
    settled([&] { site_->read_synapses(layer, model_.synapses_of(neuron).first, out); });
  }
  void read_synapses(layer_id layer, std::span<const edge_id> which,
                     std::span<float> out) const override {
    settled([&] { site_->read_synapses(layer, which, out); });
  }
  void write_synapses(layer_id layer, std::span<const edge_id> which,
                      std::span<const float> values) override {
    settled([&] { site_->write_synapses(layer, which, values); });
  }
  pool_gains gains() const noexcept override {
    pool_gains all;
    attempt([&] {
      catch_up();
      all = site_->gains();
    });
    return all;
  }

  layer_synapses save(layer_id layer) const override {
    layer_synapses all;
    settled([&] { all = site_->save(layer); });
    return all;
  }
  // These two give every synapse a value: with them a failed device may be tried again.
  void restore(layer_id layer, const layer_synapses& from) override {
    abandon_token();
    attempt([&] { site_->restore(layer, from); });
    rethrow();
  }
  void clear_synapses() override {
    abandon_token();
    attempt([&] { site_->clear_synapses(); });
    rethrow();
  }
  double retention() const noexcept override { return retention_; }
  std::size_t state_bytes() const noexcept override { return bytes_ - model_.bytes(); }

 private:
  // Does something that may fail where nothing may be thrown: the first error is kept.
  template <class Work>
  void attempt(Work work) const noexcept {
    if (failed_) return;
    try {
      work();
    } catch (...) {
      failed_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (failed_) std::rethrow_exception(failed_);
  }
  // Does something that needs all steps done.
  template <class Work>
  void settled(Work work) const {
    attempt([&] {
      catch_up();
      work();
    });
    rethrow();
  }
  void look(const sampling& how, double share, std::optional<token_id> asked) const {
    outlook_.reset();
    settled([&] { outlook_ = site_->choose(how, share, asked); });
  }
  void abandon_token() {
    failed_ = nullptr;
    outlook_.reset();
    steps_.clear();
    done_ = 0;
    fetched_ = true;
  }

  void run(std::size_t first, std::size_t last) const {
    if (!begun_) site_->begin_token();
    begun_ = true;
    for (std::size_t i = first; i < last; ++i) site_->perform(steps_[i].first, steps_[i].second);
  }

  // Launches the steps that were put off.
  void catch_up() const {
    const std::size_t first = done_;
    if (first == steps_.size()) return;
    done_ = steps_.size();
    run(first, done_);
  }

  // The end of a token: if nothing of it is done yet, it is replayed, or recorded first.
  void fetch() const {
    if (fetched_) return;
    if (group_ && put_off()) run_together(group_->members);
    if (put_off())
      replay();
    else if (!ended_)
      finish();
    site_->fetch();
    fetched_ = true;
  }

  void finish() const {
    catch_up();
    site_->end_token();
  }

  // Whether all of a token is still to do, and nothing keeps it from being recorded.
  bool put_off() const { return !failed_ && done_ == 0 && !steps_.empty() && !site_->controlled(); }

  // The host's part of a whole token, and, where they are gathered, the device's.
  void pass(gpu::operations* gathered) const {
    const struct launches_again {
      gpu::device_site& site;
      ~launches_again() {
        site.launching(true);
        site.gather(nullptr);
      }
    } in_the_end{*site_};
    site_->launching(gathered != nullptr);
    site_->gather(gathered);
    run(0, steps_.size());
    site_->end_token();
    done_ = steps_.size();
    ended_ = true;
  }

  // A token in all streams of a group that wait for the same steps; afterwards each of them has its
  // results to fetch.
  void run_together(const std::vector<gpu_one_site*>& members) const {
    std::vector<gpu_one_site*> waiting;
    std::vector<std::uint64_t>
        kind;  // who they are, and what their launches depend on beside the steps
    for (gpu_one_site* m : members)
      if (m->put_off() && m->steps_ == steps_) {
        waiting.push_back(m);
        kind.push_back(m->number_);
        for (std::uint64_t c : m->site_->clock_differences()) kind.push_back(c);
      }
    if (waiting.size() < 2) return;
    try {
      if (joint_ && kind == joint_kind_ && steps_ == joint_steps_) {
        for (gpu_one_site* m : waiting) m->pass(nullptr);
      } else {
        joint_.reset();
        std::vector<gpu::operations> gathered(waiting.size());
        for (std::size_t k = 0; k < waiting.size(); ++k) waiting[k]->pass(&gathered[k]);
        if (!std::all_of(gathered.begin(), gathered.end(),
                         [&](const auto& of) { return alike(gathered[0], of); })) {
          for (const gpu::operations& of : gathered)
            play(*device_, of);  // their layers' clocks differ
          return;
        }
        joint_ = std::make_unique<gpu::batched_graph>(*device_, gathered);
        joint_kind_ = kind;
        joint_steps_ = steps_;
      }
      joint_->replay();
    } catch (...) {  // no stream knows how far it got
      for (gpu_one_site* m : waiting) m->failed_ = std::current_exception();
      throw;
    }
  }

  void replay() const {
    const bool known =
        recording_ && steps_ == recorded_steps_ && site_->clock_differences() == recorded_clocks_;
    if (!known) recording_.reset();
    site_->launching(!known);
    if (!known) device_->begin_recording();
    try {
      run(0, steps_.size());
      site_->end_token();
      if (!known) recording_ = device_->end_recording();
    } catch (...) {
      if (!known) device_->abandon_recording();
      site_->launching(true);
      throw;
    }
    site_->launching(true);
    recorded_steps_ = steps_;
    recorded_clocks_ = site_->clock_differences();
    done_ = steps_.size();
    device_->replay(*recording_);
  }

  const model& model_;
  const double retention_;
  const std::shared_ptr<gpu::device> device_;  // shared with the engines of other models
  const std::unique_ptr<gpu::device_site> site_;
  std::size_t bytes_ = 0;
  mutable token_steps steps_;
  mutable std::size_t done_ = 0;  // steps that were launched
  mutable bool begun_ = false, ended_ = false, fetched_ = true, logits_here_ = false;
  mutable std::exception_ptr failed_;
  mutable std::optional<gpu::outlook> outlook_;  // of the last token's logits, as last looked at
  mutable std::unique_ptr<gpu::recording> recording_;
  mutable token_steps recorded_steps_;
  mutable std::vector<std::uint64_t> recorded_clocks_;

  static inline std::atomic<std::uint64_t> engines_ = 0;
  const std::uint64_t number_ = engines_++;  // no other engine has, or had
  std::shared_ptr<stream_group> group_;      // of the token
  mutable std::unique_ptr<gpu::batched_graph> joint_;
  mutable token_steps joint_steps_;
  mutable std::vector<std::uint64_t> joint_kind_;
};

}  // namespace

std::unique_ptr<engine> gpu_engine(const model& m, std::shared_ptr<gpu::device> on,
                                   const gpu_options& options) {
  if (!m.memory_order().empty())
    return permuted_engine(m, [&](const model& inside) { return gpu_engine(inside, on, options); });
  return std::make_unique<gpu_one_site>(m, std::move(on),
                                        options.retention.value_or(m.retention()));
}

std::vector<gpu::memory_use> gpu_memory(const model& m) {
  const auto site = make_site(m, m.retention());
  std::vector<gpu::memory_use> all = site->memory_uses();
  std::size_t used = 0;
  for (const gpu::memory_use& use : all) used += use.bytes;
  all.push_back({"between the arrays", site->bytes() - used});
  return all;
}

}  // namespace bdh
