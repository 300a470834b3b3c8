// How rank 0 says something to the others, and hears what they answer.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/ranks/rank_commands.hpp"
#include "core/ranks/ranks.hpp"

namespace bdh {

// Commands of one engine, numbered: a program may have several.
class rank_commander {
 public:
  rank_commander(std::shared_ptr<ranks> on, std::uint32_t engine)
      : on_(std::move(on)), engine_(engine) {}

  // `put` writes what the command takes.
  template <class Put>
  void say(rank_command what, Put put) const {
    byte_list bytes;
    byte_writer out(bytes);
    out.put(what);
    out.put(engine_);
    put(out);
    on_->broadcast(bytes);
  }
  void say(rank_command what) const {
    say(what, [](byte_writer&) {});
  }
  // What the others answer: use(rank, reader) for each but this one, ascending.
  template <class Use>
  void answers(Use use) const {
    const std::vector<byte_list> all = on_->gather({});
    for (rank_id r = 1; r < all.size(); ++r) {
      byte_reader in(all[r]);
      use(r, in);
    }
  }

 private:
  const std::shared_ptr<ranks> on_;
  const std::uint32_t engine_;
};

}  // namespace bdh
