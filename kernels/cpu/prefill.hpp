// Reads prompts in blocks, over circuits through hubs. For each layer:
//
//     tiles of 64 neurons, by section    X = (Dx W)_+ for all tokens; turned and aged; per block,
//                                        in the order of the stream: A += stored rows x, scores
//                                        between the block's tokens, stored <- u stored + w x^T
//     tokens                             A = sections + scores (earlier tokens of the block) w; the
//                                        pool's gain
//     tiles of 64 neurons, by section    Y = (Dy A)_+ X where X is active; E Y
//     tokens                             W = sections; the pool's gains
//
// A section is 1024 neurons of one head: a task, whichever sites own them. Several blocks are decay
// side by side, so that weights and synapses come from memory once for all of them.
#pragma once

#include <memory>

#include "core/simulation/prefill_reader.hpp"
#include "kernels/cpu/hub_site.hpp"

namespace bdh {

// All outlive it.
std::unique_ptr<prefill_reader> make_hub_prefill(const model& m, const kernels::cpu_kernels& bodies,
                                                 double retention,
                                                 std::span<const std::unique_ptr<cpu_site>> sites);

}  // namespace bdh
