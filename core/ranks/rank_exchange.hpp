// How sites of several ranks exchange messages, and what ranks agree on at the end of a token.
#pragma once

#include <memory>
#include <vector>

#include "core/ranks/joined_messages.hpp"
#include "core/ranks/ranks.hpp"
#include "core/simulation/exchange.hpp"
#include "core/simulation/reduction.hpp"

namespace bdh {

// Between sites of one rank a message is a view of the sender's memory; to another rank all
// messages of a sub-round travel in one packet, joined to what one site a rank would send.
class rank_exchange final : public exchange {
 public:
  rank_exchange(std::shared_ptr<ranks> on, rank_sites sites);
  std::uint64_t deliver(std::span<outbox> sent, std::span<inbox> received) override;
  // In one packet for each rank: streams wait together.
  void deliver_together(std::span<delivery> all) override;
  std::shared_ptr<exchange> for_another_stream() const override {
    return std::make_shared<rank_exchange>(on_, sites_);
  }

 private:
  std::uint64_t bytes_between(std::span<const outbox> sent) const;
  void pack(std::span<const outbox> sent, rank_id to, byte_list& packet);
  void deliver_here(const delivery& d) const;

  const std::shared_ptr<ranks> on_;
  const rank_sites sites_;
  joined_messages joined_;
  std::vector<byte_list> sent_, received_;  // by rank; messages point into received_
};

// At rank 0 the counts of all ranks, and of all faults the first; elsewhere those of the rank.
class rank_reduction final : public reduction {
 public:
  explicit rank_reduction(std::shared_ptr<ranks> on) noexcept : on_(std::move(on)) {}
  void reduce(std::span<std::uint64_t> counts, std::optional<fault>& first) override;

 private:
  const std::shared_ptr<ranks> on_;
};

}  // namespace bdh
