// The thread group on a GPU: a quarter of a warp.
#pragma once

#include "gpu/quad_group.hpp"

namespace bdh::kernels {

struct warp_quarter {
  BDH_DEVICE static index number() {
#if defined(__CUDA_ARCH__)
    return threadIdx.x % group_threads;
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

 private:
  BDH_DEVICE static unsigned mask() {
#if defined(__CUDA_ARCH__)
    return 0xffu << (threadIdx.x % warpSize / group_threads * group_threads);
#else
    return 0;
#endif
  }
};

using device_group = quad_group<warp_quarter>;

}  // namespace bdh::kernels
