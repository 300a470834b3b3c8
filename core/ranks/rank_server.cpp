#include "core/ranks/rank_server.hpp"

#include <algorithm>
#include <map>
#include <new>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/round_table.hpp>

#include "core/base/executor.hpp"
#include "core/ranks/rank_exchange.hpp"
#include "core/ranks/rank_shares.hpp"
#include "core/simulation/engine.hpp"
#include "core/simulation/scheduler.hpp"

namespace bdh {
namespace {

// One engine of rank 0, as far as it is here.
struct follower {
  std::shared_ptr<const model> subject;
  rank_shares shares;
  std::unique_ptr<engine> work;
  std::unique_ptr<executor> threads;
  rank_exchange mail;
  rank_reduction totals;
  scheduler rounds;
  applied_controls controls;
  bool controlled = false;

  follower(std::shared_ptr<const model> m, std::unique_ptr<engine> its,
           const std::shared_ptr<ranks>& on)
      : subject(std::move(m)),
        shares(*subject, {on->size(), its->local().size()}),
        work(std::move(its)),
        threads(default_executor(work->local().size())),
        mail(on, {on->size(), work->local().size()}),
        totals(on),
        rounds(*work, mail, *threads, round_table::published(), subject->layers()) {}
};

class server {
 public:
  server(std::shared_ptr<ranks> on, const rank_server_options& options)
      : on_(std::move(on)), options_(options) {}

  void run() {
    while (receive()) {
      if (what_ == rank_command::token)
        token();
      else
        obey();
    }
  }

 private:
  // The next command; false: the end. Its bytes stay until the next one.
  bool receive() {
    if (again_) return again_ = false, what_ != rank_command::end;
    on_->broadcast(bytes_);
    in_.emplace(bytes_);
    what_ = in_->get<rank_command>();
    engine_ = in_->get<std::uint32_t>();
    return what_ != rank_command::end;
  }
  follower& at() { return *followers_.at(engine_); }

  // Reads a token of each of some streams as rank 0 does, and stops at every moment at which rank 0
  // may look; a command that does not belong to a token means that rank 0 has given it up.
  void token() {
    const auto count = in_->get<std::uint64_t>();
    std::vector<follower*> streams;
    std::vector<scheduler*> together;
    for (std::uint64_t k = 0; k < count; ++k) {
      follower& f = *followers_.at(in_->get<std::uint32_t>());
      const auto token = in_->get<token_id>();
      const auto sees = in_->get<observation>();
      f.controlled = in_->get<bool>();
      if (f.controlled) f.controls = get_controls(*in_);
      f.work->control(f.controlled ? &f.controls : nullptr);
      f.rounds.begin(token, sees);
      streams.push_back(&f);
      together.push_back(&f.rounds);
    }
    const round_observer follows{[&](const round_mark&) { wait_at_moment(streams); },
                                 [](std::size_t, std::size_t) {}};
    try {
      scheduler::finish(together, &follows);
    } catch (const given_up&) {
      again_ = true;
      return;
    }
    for (follower* f : streams) report(*f);
  }
  struct given_up {};
  void wait_at_moment(std::span<follower* const> streams) {
    for (;;) {
      receive();
      if (what_ == rank_command::go_on) break;
      if (!looks(what_)) throw given_up();
      obey();
    }
    for (follower* f : streams)
      if (f->controlled)
        for (layer_controls& l : f->controls.layers) l.cut_gx = in_->get_list<cut_term>();
  }
  static bool looks(rank_command what) {
    return what == rank_command::read || what == rank_command::active ||
           what == rank_command::read_synapses || what == rank_command::save ||
           what == rank_command::state_bytes || what == rank_command::report;
  }

  // Counts and the first fault of the token: scheduler and simulator of rank 0 add up the same.
  void report(follower& f) {
    const std::size_t layers = f.subject->layers();
    const std::size_t of_spikes = spike_numbers(*f.work, layers);
    std::vector<std::uint64_t> counts(2 * layers + 3 + of_spikes);
    std::optional<fault> first = add_counts(*f.work, layers, counts);
    counts[2 * layers + 2] = f.rounds.bytes();
    add_spike_counts(*f.work, layers, std::span(counts).last(of_spikes));
    f.totals.reduce(counts, first);
  }

  void obey() {
    byte_list answer;
    byte_writer out(answer);
    switch (what_) {
      case rank_command::make:
        return answered([&] {
          const rank_job job = get_job(*in_);
          const auto subject = open(job);
          auto work = options_.make(*subject, job, on_->size() * job.sites,
                                    {on_->rank() * job.sites, (on_->rank() + 1) * job.sites});
          followers_[engine_] = std::make_unique<follower>(subject, std::move(work), on_);
        });
      case rank_command::stream:
        return answered([&] {
          const follower& like = *followers_.at(in_->get<std::uint32_t>());
          followers_[engine_] =
              std::make_unique<follower>(like.subject, like.work->new_stream(), on_);
        });
      case rank_command::drop:
        followers_.erase(engine_);
        return;
      case rank_command::report:
        put(out, usage_here(*on_));
        break;
      case rank_command::clear_layer:
        return at().work->clear_strengths(in_->get<layer_id>());
      case rank_command::clear:
        return at().work->clear_synapses();
      case rank_command::seed:
        return at().work->seed_draws(in_->get<std::uint64_t>());
      case rank_command::state_bytes:
        out.put(static_cast<std::uint64_t>(at().work->state_bytes()));
        break;
      case rank_command::read:
        read(out);
        break;
      case rank_command::active:
        active(out);
        break;
      case rank_command::read_synapses:
        read_synapses(out);
        break;
      case rank_command::write_synapses:
        return write_synapses();
      case rank_command::save:
        save(out);
        break;
      case rank_command::restore:
        return restore();
      default:
        return;
    }
    on_->gather(answer);
  }

  // Says how it went.
  template <class Make>
  void answered(Make make) {
    rank_answer answer;
    answer.host = on_->host();
    try {
      make();
    } catch (const error& e) {
      answer.failed = static_cast<std::uint8_t>(1 + static_cast<int>(e.kind()));
      answer.message = e.what();
    } catch (const std::bad_alloc&) {
      answer.failed = static_cast<std::uint8_t>(1 + static_cast<int>(error_kind::device));
      answer.message = "memory: not enough, expected room for this rank's part of the model";
    }
    byte_list bytes;
    byte_writer out(bytes);
    put(out, answer);
    on_->gather(bytes);
  }
  std::shared_ptr<const model> open(const rank_job& job) {
    if (!opened_ || opened_->content_sha256() != job.content_sha256 || file_ != job.model_file) {
      opened_ = options_.open(job);
      file_ = job.model_file;
    }
    if (opened_->content_sha256() != job.content_sha256)
      throw input_error(job.model_file, "another model, " + opened_->content_sha256().substr(0, 12),
                        job.content_sha256.substr(0, 12) + ", as rank 0 has it",
                        "the file must be the same on every host");
    return opened_;
  }

  void read(byte_writer& out) {
    const auto v = in_->get<variable>();
    std::vector<float> all(info(at().work->variables(), v).size), own;
    read_as(*at().work, in_->get<reading>(), v, all);
    at().shares.pick<float>(v, on_->rank(), 0, all, own);
    out.put_list(std::span<const float>(own));
  }
  void active(byte_writer& out) {
    std::vector<neuron_id> ids;
    std::vector<float> values;
    at().work->active(in_->get<variable>(), ids, values);
    out.put_list(std::span<const neuron_id>(ids));
    out.put_list(std::span<const float>(values));
  }
  bool owns(edge_id synapse) {
    const auto neuron = static_cast<neuron_id>(synapse / at().subject->hubs());
    return at().shares.owner(neuron) == on_->rank();
  }
  void read_synapses(byte_writer& out) {
    const auto layer = in_->get<layer_id>();
    const auto which = in_->get_list<edge_id>();
    if (at().subject->is_direct()) {
      std::vector<stored_synapse> stored(which.size());
      at().work->read_stored(layer, which, stored);
      for (std::size_t k = 0; k < which.size(); ++k)
        put_stored(out, at().shares, on_->rank(), which[k], stored[k]);
      return;
    }
    for (const edge_id e : which) {
      if (!owns(e)) continue;
      float value = 0;
      at().work->read_synapses(layer, {&e, 1}, {&value, 1});
      out.put(value);
    }
  }
  void write_synapses() {
    const auto layer = in_->get<layer_id>();
    const auto which = in_->get_list<edge_id>();
    const auto values = in_->get_list<float>();
    if (at().subject->is_direct())
      return at().work->write_stored(layer, which, values, in_->get_list<std::uint64_t>());
    for (std::size_t k = 0; k < which.size(); ++k)
      if (owns(which[k])) at().work->write_synapses(layer, {&which[k], 1}, {&values[k], 1});
  }
  void save(byte_writer& out) {
    const part_command part = get_part(*in_);
    with_room(part, [&]<class T>(std::span<T> room, const kept_part& to) {
      at().work->save_part(part.layer, to);
      std::vector<T> own;
      at().shares.pick<T>(part.what, on_->rank(), part.first, room, own);
      out.put_list(std::span<const T>(own));
    });
  }
  void restore() {
    const part_command part = get_part(*in_);
    const byte_list bytes = on_->scatter({});
    byte_reader in(bytes);
    with_room(part, [&]<class T>(std::span<T> room, const kept_part& from) {
      const auto own = in.get_list<T>();
      at().shares.place<T>(part.what, part.of_all ? 0 : on_->rank(), part.first, own, room);
      at().work->restore_part(part.layer, from);
    });
  }
  const std::shared_ptr<ranks> on_;
  const rank_server_options& options_;
  std::shared_ptr<const model> opened_;
  std::string file_;
  std::map<std::uint32_t, std::unique_ptr<follower>> followers_;
  byte_list bytes_;
  std::optional<byte_reader> in_;
  rank_command what_{};
  std::uint32_t engine_ = 0;
  bool again_ = false;  // the last command is still to be done
};

}  // namespace

void serve(std::shared_ptr<ranks> on, const rank_server_options& options) {
  server(std::move(on), options).run();
}

}  // namespace bdh
