#include "core/ranks/rank_exchange.hpp"

#include <algorithm>
#include <string>

namespace bdh {
namespace {

// In front of a message in a packet: `rows` labels and rows x width float32 follow. It is for the
// sites [to, to_end) of the receiver.
struct header {
  site_id from, to, to_end;
  std::uint32_t rows, width;
};

bool same_rows(const message& a, const message& b) {
  return a.from == b.from && a.rows.data() == b.rows.data() && a.rows.size() == b.rows.size() &&
         a.values == b.values && a.stride == b.stride && a.width == b.width;
}

}  // namespace

rank_exchange::rank_exchange(std::shared_ptr<ranks> on, rank_sites sites)
    : on_(std::move(on)), sites_(sites), sent_(sites.ranks), received_(sites.ranks) {}

std::uint64_t rank_exchange::deliver(std::span<outbox> sent, std::span<inbox> received) {
  delivery alone[] = {{this, sent, received}};
  deliver_together(alone);
  return alone[0].bytes;
}

void rank_exchange::deliver_together(std::span<delivery> all) {
  for (byte_list& packet : sent_) packet.clear();
  for (delivery& d : all) {
    d.bytes = bytes_between(d.sent);
    for (rank_id r = 0; r < sites_.ranks; ++r)
      if (r != on_->rank()) pack(d.sent, r, sent_[r]);
  }
  on_->exchange(sent_, received_);
  std::vector<byte_reader> in(received_.begin(), received_.end());
  for (const delivery& d : all) {
    for (inbox& box : d.received) box.clear();
    for (rank_id r = 0; r < sites_.ranks; ++r) {  // ascending by sender
      if (r == on_->rank()) {
        deliver_here(d);
        continue;
      }
      const auto size = in[r].get<std::uint64_t>();
      if (size > in[r].rest().size()) throw std::length_error("a message is too short");
      unpack(in[r].rest().first(size), d.received);
      in[r] = byte_reader(in[r].rest().subspan(size));
    }
    for (outbox& box : d.sent)
      for (auto& to : box) to.clear();
  }
}

std::uint64_t rank_exchange::bytes_between(std::span<const outbox> sent) const {
  std::uint64_t bytes = 0;
  const site_id first = on_->rank() * sites_.each;
  for (std::size_t s = 0; s < sent.size(); ++s)
    for (site_id to = 0; to < sent[s].size(); ++to)
      for (const message& m : sent[s][to])
        if (to != first + s) bytes += m.bytes();
  return bytes;
}

// The messages of a stream for a rank, with their size in front.
void rank_exchange::pack(std::span<const outbox> sent, rank_id to, byte_list& packet) const {
  byte_writer out(packet);
  const std::size_t begin = packet.size() + sizeof(std::uint64_t);
  out.put(std::uint64_t{0});
  const site_id first = to * sites_.each;
  for (const outbox& from : sent)
    for (site_id site = 0; site < sites_.each; ++site)
      for (std::size_t k = 0; k < from[first + site].size(); ++k) {
        const message& m = from[first + site][k];
        const auto alike = [&](site_id other) {
          const auto& messages = from[first + other];
          return k < messages.size() && same_rows(messages[k], m);
        };
        if (site > 0 && alike(site - 1)) continue;
        site_id end = site + 1;
        while (end < sites_.each && alike(end)) ++end;
        out.put(header{.from = m.from,
                       .to = site,
                       .to_end = end,
                       .rows = static_cast<std::uint32_t>(m.rows.size()),
                       .width = m.width});
        out.put_all(m.rows);
        for (std::size_t r = 0; r < m.rows.size(); ++r) out.put_all(std::span(m.row(r), m.width));
      }
  if ((packet.size() - begin) % sizeof(std::uint64_t) != 0) out.put(std::uint32_t{0});
  const std::uint64_t size = packet.size() - begin;
  std::memcpy(packet.data() + begin - sizeof size, &size, sizeof size);
}

void rank_exchange::deliver_here(const delivery& d) const {
  const site_id first = on_->rank() * sites_.each;
  for (std::size_t to = 0; to < d.received.size(); ++to)
    for (const outbox& from : d.sent) {
      const auto& messages = from[first + to];
      d.received[to].insert(d.received[to].end(), messages.begin(), messages.end());
    }
}

void rank_exchange::unpack(std::span<const std::byte> packet, std::span<inbox> received) const {
  byte_reader in(packet);
  while (in.rest().size() >= sizeof(header)) {  // less is padding
    const auto h = in.get<header>();
    const std::size_t labels = std::size_t{h.rows} * sizeof(std::uint32_t),
                      values = std::size_t{h.rows} * h.width * sizeof(float);
    if (h.to_end > received.size() || labels + values > in.rest().size())
      throw std::length_error("a message is too short");
    // Sizes, headers, labels and values are multiples of four bytes, as the packet is aligned.
    const auto* const rows = reinterpret_cast<const std::uint32_t*>(in.rest().data());
    const message m{.from = h.from,
                    .rows = {rows, h.rows},
                    .values = reinterpret_cast<const float*>(rows + h.rows),
                    .stride = h.width,
                    .width = h.width};
    for (site_id to = h.to; to < h.to_end; ++to) received[to].push_back(m);
    in = byte_reader(in.rest().subspan(labels + values));
  }
}

void rank_reduction::reduce(std::span<std::uint64_t> counts, std::optional<fault>& first) {
  byte_list own;
  byte_writer out(own);
  out.put_all(std::span<const std::uint64_t>(counts));
  out.put(first.has_value());
  if (first) {
    out.put(first->step);
    out.put(first->layer);
    out.put(first->who);
    out.put(first->value);
    out.put_text(first->what);
  }
  const std::vector<byte_list> all = on_->gather(own);
  if (all.empty()) return;
  std::fill(counts.begin(), counts.end(), 0);
  first.reset();
  for (const byte_list& of_rank : all) {  // ascending: of equal steps, the lowest site's
    byte_reader in(of_rank);
    for (std::uint64_t& count : counts) count += in.get<std::uint64_t>();
    if (!in.get<bool>()) continue;
    fault f{};
    f.step = in.get<std::uint64_t>();
    f.layer = in.get<layer_id>();
    f.who = in.get<std::uint32_t>();
    f.value = in.get<float>();
    f.what = in.get_text();
    if (!first || f.step < first->step) first = std::move(f);
  }
}

}  // namespace bdh
