// Several processes that run one model: rank 0 is the program that a user started, the others hold
// a part of the sites and do what rank 0 says. What carries their messages is a class derived from
// this one (io/mpi/mpi_ranks.hpp); the rest of the program knows no more of it than this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/ranks/bytes.hpp"

namespace bdh {

using rank_id = std::uint32_t;

class ranks {
 public:
  virtual ~ranks() = default;
  virtual rank_id rank() const noexcept = 0;
  virtual rank_id size() const noexcept = 0;
  virtual std::string host() const = 0;  // of this rank

  // Every rank makes the same calls in the same order; each throws device_error when a rank no
  // longer answers. Rank 0's bytes to all others, which wait for them as long as it takes.
  virtual void broadcast(byte_list& bytes) = 0;
  // Every rank's bytes, ascending; at rank 0, elsewhere nothing.
  virtual std::vector<byte_list> gather(const byte_list& own) = 0;
  // The reverse: each[r] of rank 0, which has size() of them, for rank r; elsewhere `each` is
  // empty.
  virtual byte_list scatter(std::span<const byte_list> each) = 0;
  // sent[r] to rank r, whose bytes for this rank are received[r]. Both have size() entries; the own
  // ones are left alone.
  virtual void exchange(std::span<const byte_list> sent, std::span<byte_list> received) = 0;

  std::uint64_t exchanges() const noexcept { return exchanges_; }       // so far
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }     // by exchange(), so far
  double seconds_waiting() const noexcept { return seconds_waiting_; }  // in exchange(), so far

 protected:
  std::uint64_t exchanges_ = 0, bytes_sent_ = 0;
  double seconds_waiting_ = 0;
};

// Sites of every rank: `each` of them, rank after rank.
struct rank_sites {
  rank_id ranks = 1;
  std::uint32_t each = 1;

  std::uint32_t all() const noexcept { return ranks * each; }
  rank_id of(std::uint32_t site) const noexcept { return site / each; }
};

}  // namespace bdh
