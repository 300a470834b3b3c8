#include "core/simulation/exchange.hpp"

namespace bdh {

std::uint64_t shared_memory_exchange::deliver(std::span<outbox> sent, std::span<inbox> received) {
  std::uint64_t crossed = 0;
  for (std::size_t to = 0; to < received.size(); ++to) {
    received[to].clear();
    for (std::size_t from = 0; from < sent.size(); ++from) {
      for (const message& m : sent[from][to]) {
        received[to].push_back(m);
        if (from != to) crossed += m.bytes();
      }
      sent[from][to].clear();
    }
  }
  return crossed;
}

}  // namespace bdh
