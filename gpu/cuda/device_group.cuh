// Thread groups on a GPU: a warp, or an equal part of one.
#pragma once

#include "gpu/device/thread_group.hpp"

namespace bdh::kernels {

template <index threads>
struct warp_part {
  static constexpr index count = threads;

  BDH_DEVICE static index number() {
#if defined(__CUDA_ARCH__)
    return threadIdx.x % threads;
#else
    return 0;
#endif
  }
  BDH_DEVICE static void meet() {
#if defined(__CUDA_ARCH__)
    __syncwarp(mask());
#endif
  }
  BDH_DEVICE static float exchange(float value, [[maybe_unused]] index distance) {
#if defined(__CUDA_ARCH__)
    return __shfl_xor_sync(mask(), value, distance);
#else
    return value;
#endif
  }
  template <class F>
  BDH_DEVICE static void in_order([[maybe_unused]] float value, [[maybe_unused]] F f) {
#if defined(__CUDA_ARCH__)
#pragma unroll
    for (index t = 0; t < threads; ++t) f(__shfl_sync(mask(), value, t, threads));
#endif
  }

 private:
  BDH_DEVICE static unsigned mask() {
#if defined(__CUDA_ARCH__)
    return threads == 32
               ? ~0u
               : ((1u << (threads % 32)) - 1) << (threadIdx.x % warpSize / threads * threads);
#else
    return 0;
#endif
  }
};

template <index threads>
using device_group = thread_group<warp_part<threads>>;

}  // namespace bdh::kernels
