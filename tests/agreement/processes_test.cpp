// The simulator is a distributed one: sites as processes that share no memory, with serialised
// messages delivered in random order over sockets, compute the same bits as one process.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/simulation/engine.hpp"
#include "core/simulation/exchange.hpp"
#include "core/simulation/partition.hpp"
#include "core/simulation/reduction.hpp"
#include "support/models.hpp"

namespace {

void write_all(int fd, const void* data, std::size_t size) {
  for (const char* p = static_cast<const char*>(data); size > 0;) {
    const ssize_t n = ::write(fd, p, size);
    if (n <= 0) _exit(9);
    p += n;
    size -= static_cast<std::size_t>(n);
  }
}

void read_all(int fd, void* data, std::size_t size) {
  for (char* p = static_cast<char*>(data); size > 0;) {
    const ssize_t n = ::read(fd, p, size);
    if (n <= 0) _exit(8);
    p += n;
    size -= static_cast<std::size_t>(n);
  }
}

// A message on the wire: from, rows, width, then labels, then values row by row.
std::vector<char> serialise(const bdh::message& m) {
  std::vector<std::uint32_t> words = {m.from, static_cast<std::uint32_t>(m.rows.size()), m.width};
  words.insert(words.end(), m.rows.begin(), m.rows.end());
  std::vector<char> bytes(words.size() * 4 + m.rows.size() * m.width * 4);
  std::memcpy(bytes.data(), words.data(), words.size() * 4);
  for (std::size_t r = 0; r < m.rows.size(); ++r)
    std::memcpy(bytes.data() + words.size() * 4 + r * m.width * 4, m.row(r), m.width * 4);
  return bytes;
}

// A socket to every other process. Each exchange sends one packet to every other process (empty
// when there is nothing to say) and receives theirs in whatever order the dice give.
class sockets {
 public:
  sockets(bdh::site_id self, std::vector<int> peers)
      : self_(self), peers_(std::move(peers)), dice_(self) {}

  bdh::site_id self() const { return self_; }
  std::size_t processes() const { return peers_.size(); }

  // The packets for every process, this one included; returns those that have come, by sender.
  std::vector<std::vector<char>> exchange(std::vector<std::vector<char>> packets) {
    for (const std::size_t to : others()) {
      const std::uint64_t size = packets[to].size();
      write_all(peers_[to], &size, sizeof size);
      write_all(peers_[to], packets[to].data(), packets[to].size());
    }
    std::vector<std::vector<char>> received(peers_.size());
    received[self_] = std::move(packets[self_]);
    for (const std::size_t from : others()) {
      std::uint64_t size = 0;
      read_all(peers_[from], &size, sizeof size);
      received[from].resize(size);
      read_all(peers_[from], received[from].data(), size);
    }
    return received;
  }

 private:
  std::vector<std::size_t> others() {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (i != self_) all.push_back(i);
    std::shuffle(all.begin(), all.end(), dice_);
    return all;
  }

  bdh::site_id self_;
  std::vector<int> peers_;
  std::mt19937 dice_;
};

// One site per process.
class socket_exchange final : public bdh::exchange {
 public:
  explicit socket_exchange(std::shared_ptr<sockets> on) : on_(std::move(on)) {}
  std::shared_ptr<bdh::exchange> for_another_stream() const override {
    return std::make_shared<socket_exchange>(on_);
  }

  std::uint64_t deliver(std::span<bdh::outbox> sent, std::span<bdh::inbox> received) override {
    std::uint64_t bytes = 0;
    std::vector<std::vector<char>> packets(sent[0].size());
    for (std::size_t to = 0; to < packets.size(); ++to) {
      for (const bdh::message& m : sent[0][to]) {
        const auto more = serialise(m);
        packets[to].insert(packets[to].end(), more.begin(), more.end());
        if (to != on_->self()) bytes += m.bytes();
      }
      sent[0][to].clear();
    }
    kept_ = on_->exchange(std::move(packets));  // messages point into it until the next call
    received[0].clear();
    for (const auto& packet : kept_) unpack(packet, received[0]);
    return bytes;
  }

 private:
  static void unpack(const std::vector<char>& packet, bdh::inbox& into) {
    for (std::size_t at = 0; at < packet.size();) {
      const auto* words = reinterpret_cast<const std::uint32_t*>(packet.data() + at);
      const std::uint32_t from = words[0], rows = words[1], width = words[2];
      into.push_back({from,
                      {words + 3, rows},
                      reinterpret_cast<const float*>(words + 3 + rows),
                      width,
                      width});
      at += 4 * (std::size_t{3} + rows + std::size_t{rows} * width);
    }
  }

  std::shared_ptr<sockets> on_;
  std::vector<std::vector<char>> kept_;
};

// The counts and the fault of every process, to every other.
class socket_reduction final : public bdh::reduction {
 public:
  explicit socket_reduction(std::shared_ptr<sockets> on) : on_(std::move(on)) {}

  void reduce(std::span<std::uint64_t> counts, std::optional<bdh::fault>& first) override {
    struct found {
      std::uint64_t there, step;
      std::uint32_t layer, who;
      float value;
      char what[64];
    } mine{};
    if (first) {
      mine = {1, first->step, first->layer, first->who, first->value, {}};
      first->what.copy(mine.what, sizeof mine.what - 1);
    }
    std::vector<char> packet(counts.size_bytes() + sizeof mine);
    std::memcpy(packet.data(), counts.data(), counts.size_bytes());
    std::memcpy(packet.data() + counts.size_bytes(), &mine, sizeof mine);
    const auto all = on_->exchange(std::vector<std::vector<char>>(on_->processes(), packet));
    std::fill(counts.begin(), counts.end(), 0);
    first.reset();
    for (const auto& from : all) {  // ascending: of equal steps, the lowest site's
      for (std::size_t k = 0; k < counts.size(); ++k) {
        std::uint64_t count;
        std::memcpy(&count, from.data() + k * sizeof count, sizeof count);
        counts[k] += count;
      }
      found other;
      std::memcpy(&other, from.data() + counts.size_bytes(), sizeof other);
      if (other.there && (!first || other.step < first->step))
        first = {other.step, other.layer, other.what, other.who, other.value};
    }
  }

 private:
  std::shared_ptr<sockets> on_;
};

// What a run leaves behind. Of a process: X, Y and synapses of its own particles, logits at site 0.
struct outcome {
  std::vector<float> logits, x, y, synapses;
  std::vector<std::uint64_t> counts;
  std::string error;
};

outcome run(bdh::simulator brain, const std::vector<int>& tokens) {
  outcome all;
  try {
    for (int t : tokens) {
      const bdh::step_report r = brain.step(static_cast<bdh::token_id>(t));
      for (const auto* of_layers : {&r.active_x, &r.active_y})
        all.counts.insert(all.counts.end(), of_layers->begin(), of_layers->end());
      all.counts.insert(all.counts.end(), {r.synaptic_events, r.hebbian_writes, r.bytes_exchanged});
      all.logits.insert(all.logits.end(), brain.logits().begin(), brain.logits().end());
    }
    for (const bdh::state_arrays& l : brain.save().layers)
      all.synapses.insert(all.synapses.end(), l.strengths().begin(), l.strengths().end());
  } catch (const bdh::input_error& e) {
    all.error = e.what();
  }
  all.x = brain.read(bdh::variable::x);
  all.y = brain.read(bdh::variable::y);
  return all;
}

template <class Each>
void each_vector(outcome& o, Each each) {
  for (auto* values : {&o.logits, &o.x, &o.y, &o.synapses}) each(*values);
  each(o.counts);
  each(o.error);
}

// Runs site `self` in a child process and returns the end of a pipe on which it sends its outcome.
int spawn(const bdh::model& m, bdh::site_id self, bdh::site_id sites,
          const std::vector<std::vector<int>>& peers, const std::vector<int>& tokens) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  if (::fork() != 0) {
    ::close(ends[1]);
    return ends[0];
  }
  for (bdh::site_id other = 0; other < sites; ++other)  // so that the end of one ends all
    for (int fd : peers[other])
      if (other != self && fd >= 0) ::close(fd);
  const auto on = std::make_shared<sockets>(self, peers[self]);
  bdh::simulator_options options;
  options.mail = std::make_shared<socket_exchange>(on);
  options.totals = std::make_shared<socket_reduction>(on);
  outcome all =
      run(bdh::simulator(
              m, bdh::cpu_engine(m, {.sites = sites, .local = bdh::site_range{self, self + 1}}),
              options),
          tokens);
  each_vector(all, [&](auto& values) {
    const std::uint64_t size = values.size();
    write_all(ends[1], &size, sizeof size);
    write_all(ends[1], values.data(), size * sizeof values[0]);
  });
  _exit(0);
}

outcome receive(int pipe) {
  outcome all;
  each_vector(all, [&](auto& values) {
    std::uint64_t size = 0;
    read_all(pipe, &size, sizeof size);
    values.resize(size);
    read_all(pipe, values.data(), size * sizeof values[0]);
  });
  ::close(pipe);
  return all;
}

std::vector<outcome> run_processes(const bdh::model& m, bdh::site_id sites,
                                   const std::vector<int>& tokens) {
  std::vector<std::vector<int>> peers(sites, std::vector<int>(sites, -1));
  for (bdh::site_id a = 0; a < sites; ++a)
    for (bdh::site_id b = a + 1; b < sites; ++b) {
      int pair[2];
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
      int size = 1 << 20;  // one packet must fit, since all write before they read
      for (int fd : pair) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
      peers[a][b] = pair[0];
      peers[b][a] = pair[1];
    }
  std::vector<int> pipes;
  for (bdh::site_id s = 0; s < sites; ++s) pipes.push_back(spawn(m, s, sites, peers, tokens));
  for (auto& row : peers)
    for (int fd : row)
      if (fd >= 0) ::close(fd);
  std::vector<outcome> all;
  for (const int pipe : pipes) all.push_back(receive(pipe));
  for (bdh::site_id s = 0; s < sites; ++s) {
    int status = 0;
    ::wait(&status);
    CHECK(status == 0);
  }
  return all;
}

// The site that keeps a synapse: that of its neuron through hubs, of its target over edges.
bool keeps(const bdh::model& m, const bdh::site_share& own, bdh::edge_id synapse) {
  if (!m.is_direct()) return own.neurons.contains(static_cast<bdh::neuron_id>(synapse / m.hubs()));
  const bdh::neuron_id target = m.direct().gs.indices()[synapse];
  return target < m.neurons() ? own.neurons.contains(target)
                              : own.sensory.contains(target - m.neurons());
}

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void compare(const bdh::model& m, const std::vector<int>& tokens) {
  for (bdh::site_id sites : {2u, 3u, 5u}) {
    CAPTURE(sites);
    const outcome expected = run(bdh::simulator(m, bdh::cpu_engine(m)), tokens),
                  of_sites = run(bdh::simulator(m, bdh::cpu_engine(m, {.sites = sites})), tokens);
    const std::vector<outcome> all = run_processes(m, sites, tokens);
    CHECK(all[0].logits.size() == expected.logits.size());
    CHECK(std::equal(all[0].logits.begin(), all[0].logits.end(), expected.logits.begin(),
                     expected.logits.end(), same_bits));
    const auto shares = bdh::partition(
        {m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()}, sites);
    for (bdh::site_id s = 0; s < sites; ++s) {
      CAPTURE(s);
      const bdh::site_share& own = shares[s];
      CHECK(all[s].counts == of_sites.counts);  // bytes too: every process has the sums
      CHECK(all[s].error == of_sites.error);
      bool same = true;
      for (bdh::neuron_id i = own.neurons.begin; i < own.neurons.end; ++i)
        same &= same_bits(all[s].x[i], expected.x[i]) && same_bits(all[s].y[i], expected.y[i]);
      CHECK(same);
      REQUIRE(all[s].synapses.size() == expected.synapses.size());
      std::size_t kept = 0;
      for (std::size_t k = 0; k < expected.synapses.size(); ++k) {
        if (!keeps(m, own, k % m.synapses())) continue;
        ++kept;
        same &= same_bits(all[s].synapses[k], expected.synapses[k]);
      }
      CHECK(same);
      CHECK((kept > 0 || own.neurons.size() == 0 || expected.synapses.empty()));
    }
  }
}

}  // namespace

TEST_CASE("sites as processes that share no memory give the same bits through hubs") {
  const tests::shape shape{.neurons_per_head = 300,
                           .heads = 2,
                           .hubs = 40,
                           .vocabulary = 10,
                           .layers = 3,
                           .rotates = true};
  oracle::weights w = tests::random_weights(shape, 31);
  w.retention = 0.95;
  compare(tests::as_graph(w, "gpu-release"), tests::random_tokens(15, shape.vocabulary, 2));
}

TEST_CASE("sites as processes that share no memory give the same bits over explicit edges") {
  const tests::graph_shape sparse{.neurons = 400,
                                  .heads = 1,
                                  .vocabulary = 10,
                                  .layers = 3,
                                  .degree = 12,
                                  .rotates = true,
                                  .own_retention = true};
  const auto tokens = tests::random_tokens(12, sparse.vocabulary, 5);
  compare(tests::as_direct_graph(tests::random_circuits(sparse, 4), "bdh", nullptr, true), tokens);
  // A direct model made from tensors: sensory nodes are sources, and a pool gives the gains.
  const oracle::weights pool = tests::random_weights(
      {.neurons_per_head = 100, .heads = 2, .hubs = 12, .vocabulary = 10, .layers = 2}, 6);
  const oracle::rules rules = oracle::rules_of(oracle::variant::gpu_release);
  compare(tests::as_direct_graph(oracle::circuits_of(pool, rules), "gpu-release", &pool, false),
          tokens);
}

TEST_CASE("a value that is not finite in one process ends the token in all of them, alike") {
  const tests::graph_shape shape{.neurons = 400, .vocabulary = 10, .layers = 2, .degree = 12};
  oracle::circuits c = tests::random_circuits(shape, 8);
  c.Gx *= 1e25;  // A is the product of two X, and too large for float32
  const bdh::model m = tests::as_direct_graph(c, "bdh", nullptr, false);
  const auto tokens = tests::random_tokens(200, shape.vocabulary, 5);
  REQUIRE(!run(bdh::simulator(m, bdh::cpu_engine(m)), tokens).error.empty());
  compare(m, tokens);
}

TEST_CASE("an engine of some sites is refused what needs them all") {
  const bdh::model m = tests::as_graph(tests::random_weights({.neurons_per_head = 300}, 1), "bdh");
  const auto part = [&] {
    return bdh::cpu_engine(m, {.sites = 2, .local = bdh::site_range{1, 2}});
  };
  CHECK_THROWS_WITH_AS(bdh::simulator(m, part()),
                       "simulator: sites in other processes, expected an exchange and a reduction "
                       "in the options",
                       bdh::input_error);
  bdh::simulator_options options;
  options.mail = std::make_shared<bdh::shared_memory_exchange>();
  options.totals = std::make_shared<bdh::single_process>();
  bdh::simulator brain(m, part(), options);
  CHECK_THROWS_AS(brain.probes().add({{1, 2}, 1}), bdh::unavailable_error);
  CHECK_THROWS_AS(brain.interventions().add(bdh::parse_intervention(m, "silence x:1")),
                  bdh::unavailable_error);
  CHECK_THROWS_AS(brain.new_stream(), bdh::unavailable_error);
  CHECK_THROWS_AS(brain.synapses(1, 0), bdh::unavailable_error);
  CHECK(brain.prefill().refused() == "sites in other processes");
  CHECK_THROWS_AS(bdh::cpu_engine(m, {.sites = 2, .local = bdh::site_range{1, 3}}),
                  bdh::input_error);
}

TEST_CASE("reading from an engine of some sites leaves what others have as it is, in any order") {
  bdh::model m = tests::as_direct_graph(
      tests::random_circuits({.neurons = 400, .vocabulary = 10, .layers = 2, .degree = 12}, 8),
      "bdh", nullptr, false);
  std::vector<bdh::neuron_id> backwards(400);
  for (bdh::neuron_id i = 0; i < 400; ++i) backwards[i] = 399 - i;
  m = std::move(m).in_memory_order(std::move(backwards));
  const auto part = bdh::cpu_engine(m, {.sites = 2, .local = bdh::site_range{1, 2}});
  std::vector<float> x(400, 7.0f);
  part->read(bdh::variable::x, x);
  // The second site has the neurons with the first numbers.
  CHECK(std::is_sorted(x.begin(), x.end()));
  CHECK(x.front() == 0.0f);
  CHECK(x.back() == 7.0f);
}
