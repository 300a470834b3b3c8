#include "gpu/engine/batched_launch.hpp"

#include <algorithm>
#include <cstring>

namespace bdh::gpu {
namespace {

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

}  // namespace

void play(device& on, const operations& all) {
  for (const operation& o : all) {
    if (o.kind == operation::run)
      on.launch(o.program, o.arguments.data(), o.arguments.size(), o.items);
    if (o.kind == operation::compact) on.compact(o.compacted);
    if (o.kind == operation::clear) on.clear(o.memory, o.bytes);
  }
}

bool alike(const operations& a, const operations& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const operation& x, const operation& y) {
                      return x.kind == y.kind && x.program == y.program;
                    });
}

batched_graph::batched_graph(device& on, const std::vector<operations>& streams) : on_(on) {
  const auto count = static_cast<index>(streams.size());
  std::vector<std::byte> sent;
  const auto append = [&](const void* from, std::size_t bytes) {
    const std::size_t at = sent.size();
    sent.resize(at + bytes);
    std::memcpy(sent.data() + at, from, bytes);
  };
  struct launch {
    std::size_t arguments, extents;  // offsets
    index most = 0;
  };
  std::vector<launch> launches;
  for (std::size_t i = 0; i < streams[0].size(); ++i) {
    launch l{sent.size(), 0};
    if (streams[0][i].kind == operation::run) {
      for (const operations& s : streams) append(s[i].arguments.data(), s[i].arguments.size());
      sent.resize(padded(sent.size()));
      l.extents = sent.size();
      for (const operations& s : streams) {
        append(&s[i].items, sizeof(extent));
        l.most = std::max(l.most, s[i].items.most);
      }
      sent.resize(padded(sent.size()));
    }
    launches.push_back(l);
  }
  memory_plan plan;
  plan.add(arguments_, sent.size(), "arguments of streams");
  memory_ = allocate({&plan}, on, "streams that go together");
  arguments_.upload(sent);
  on.begin_recording();
  try {
    for (std::size_t i = 0; i < launches.size(); ++i) {
      const launch& l = launches[i];
      if (streams[0][i].kind == operation::run)
        on.launch_together(
            streams[0][i].program, arguments_.data() + l.arguments, streams[0][i].arguments.size(),
            reinterpret_cast<const extent*>(arguments_.data() + l.extents), count, l.most);
      else
        for (const operations& s : streams) play(on, {s[i]});
    }
    recorded_ = on.end_recording();
  } catch (...) {
    on.abandon_recording();
    throw;
  }
}

}  // namespace bdh::gpu
