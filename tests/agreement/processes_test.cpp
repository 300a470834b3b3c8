// The scheduler is a distributed one: sites as processes that share no memory, with serialised
// messages delivered in random order over sockets, compute the same bits as one process.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "core/simulation/partition.hpp"
#include "core/simulation/scheduler.hpp"
#include "core/simulation/simulator.hpp"
#include "kernels/cpu/cpu_engine.hpp"
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

// One site per process, a socket to every other. Each communication sub-round sends one packet to
// every other site (empty when there is nothing to say) and takes theirs in whatever order the dice
// give.
class socket_exchange final : public bdh::exchange {
 public:
  socket_exchange(bdh::site_id self, std::vector<int> peers)
      : self_(self), peers_(std::move(peers)), dice_(self) {}

  std::uint64_t deliver(std::span<bdh::outbox> sent, std::span<bdh::inbox> received) override {
    std::vector<std::vector<char>> incoming(peers_.size());
    std::vector<std::size_t> order(peers_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), dice_);
    for (std::size_t to : order) {
      std::vector<char> packet;
      for (const bdh::message& m : sent[0][to]) {
        const auto bytes = serialise(m);
        packet.insert(packet.end(), bytes.begin(), bytes.end());
      }
      sent[0][to].clear();
      if (to == self_) {
        incoming[to] = std::move(packet);
        continue;
      }
      const std::uint64_t size = packet.size();
      write_all(peers_[to], &size, sizeof size);
      write_all(peers_[to], packet.data(), packet.size());
    }
    std::shuffle(order.begin(), order.end(), dice_);
    for (std::size_t from : order) {
      if (from == self_) continue;
      std::uint64_t size = 0;
      read_all(peers_[from], &size, sizeof size);
      incoming[from].resize(size);
      read_all(peers_[from], incoming[from].data(), size);
    }
    kept_ = std::move(incoming);  // messages point into it until the next call
    received[0].clear();
    for (const auto& packet : kept_) unpack(packet, received[0]);
    return 0;
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

  bdh::site_id self_;
  std::vector<int> peers_;
  std::mt19937 dice_;
  std::vector<std::vector<char>> kept_;
};

struct result {
  std::vector<float> logits, synapses;
};

// Runs site `self` in a child process and returns the end of a pipe on which it sends its logits
// (site 0) and synapse rows.
int spawn(const bdh::model& m, bdh::site_id self, bdh::site_id sites,
          const std::vector<std::vector<int>>& sockets, const std::vector<int>& tokens) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  if (::fork() != 0) {
    ::close(ends[1]);
    return ends[0];
  }
  const auto engine = bdh::cpu_engine(
      m, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}});
  socket_exchange mail(self, sockets[self]);
  const auto threads = bdh::serial_executor();
  bdh::scheduler scheduler(*engine, mail, *threads, bdh::round_table::published(), m.layers(),
                           {self, self + 1});
  for (int t : tokens) {
    scheduler.begin(static_cast<bdh::token_id>(t), bdh::observation::none);
    scheduler.finish();
    if (self == 0) write_all(ends[1], engine->logits().data(), engine->logits().size_bytes());
  }
  const auto own =
      bdh::partition({m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()},
                     sites)[self]
          .neurons;
  std::vector<float> row(m.hubs());
  for (bdh::layer_id l = 1; l <= m.layers(); ++l)
    for (bdh::neuron_id i = own.begin; i < own.end; ++i) {
      engine->read_synapses(l, i, row);
      write_all(ends[1], row.data(), row.size() * 4);
    }
  _exit(0);
}

}  // namespace

TEST_CASE("sites as processes that share no memory give the same bits") {
  const tests::shape shape{.neurons_per_head = 300,
                           .heads = 2,
                           .hubs = 40,
                           .vocabulary = 10,
                           .layers = 3,
                           .rotates = true};
  oracle::weights w = tests::random_weights(shape, 31);
  w.retention = 0.95;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(15, shape.vocabulary, 2);

  bdh::simulator single(m, bdh::cpu_engine(m));
  std::vector<float> expected;
  for (int t : tokens) {
    single.step(static_cast<bdh::token_id>(t));
    expected.insert(expected.end(), single.logits().begin(), single.logits().end());
  }

  for (bdh::site_id sites : {2u, 3u, 5u}) {
    CAPTURE(sites);
    std::vector<std::vector<int>> sockets(sites, std::vector<int>(sites, -1));
    for (bdh::site_id a = 0; a < sites; ++a)
      for (bdh::site_id b = a + 1; b < sites; ++b) {
        int pair[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        int size = 1 << 20;  // one packet must fit, since all processes write before they read
        for (int fd : pair) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        sockets[a][b] = pair[0];
        sockets[b][a] = pair[1];
      }
    std::vector<int> pipes;
    for (bdh::site_id s = 0; s < sites; ++s) pipes.push_back(spawn(m, s, sites, sockets, tokens));
    for (auto& row : sockets)
      for (int fd : row)
        if (fd >= 0) ::close(fd);

    std::vector<float> logits(expected.size());
    read_all(pipes[0], logits.data(), logits.size() * 4);
    CHECK(std::memcmp(logits.data(), expected.data(), expected.size() * 4) == 0);
    const auto shares = bdh::partition(
        {m.heads(), m.neurons(), m.hubs(), m.sensory_nodes(), m.readout_nodes()}, sites);
    bool same_synapses = true;
    std::vector<float> row(m.hubs());
    for (bdh::site_id s = 0; s < sites; ++s) {
      for (bdh::layer_id l = 1; l <= m.layers(); ++l)
        for (bdh::neuron_id i = shares[s].neurons.begin; i < shares[s].neurons.end; ++i) {
          read_all(pipes[s], row.data(), row.size() * 4);
          const auto mine = single.synapses(l, i);
          same_synapses =
              same_synapses && std::memcmp(row.data(), mine.data(), row.size() * 4) == 0;
        }
      ::close(pipes[s]);
    }
    CHECK(same_synapses);
    for (bdh::site_id s = 0; s < sites; ++s) {
      int status = 0;
      ::wait(&status);
      CHECK(status == 0);
    }
  }
}
