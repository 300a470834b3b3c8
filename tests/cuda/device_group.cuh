// A thread group of one warp: the verbs of kernels/group.hpp with one thread per lane, and the same law of summation.
#pragma once

#include "kernels/group.hpp"

namespace bdh::kernels {

struct warp_group {
  __host__ __device__ static index lane() {
#if defined(__CUDA_ARCH__)
    return threadIdx.x % lanes;
#else
    return 0;
#endif
  }
  __host__ __device__ static void meet() {  // what lanes wrote before, all lanes see after
#if defined(__CUDA_ARCH__)
    __syncwarp();
#endif
  }

  template <class F>
  __host__ __device__ void each(index n, F f) const {
    for (std::size_t i = lane(); i < n; i += lanes) f(static_cast<index>(i));
    meet();
  }

  template <class F>
  __host__ __device__ void row(index n, F f) const {
    each(n, f);
  }

  template <class F>
  __host__ __device__ float sum(index n, F f) const {
    float z = 0.0f;
    for (std::size_t k = lane(); k < n; k += lanes) z += f(static_cast<index>(k));
#if defined(__CUDA_ARCH__)
    for (unsigned distance = lanes / 2; distance > 0; distance /= 2) z += __shfl_xor_sync(0xffffffffu, z, distance);
#endif
    return z;
  }

  template <class F>
  __host__ __device__ float sum_items(index n, F f) const {
    return sum(n, f);
  }

  template <class F>
  __host__ __device__ void push(index count, index n, float* out, F f) const {
    each(n, [&](index k) {
      float z = 0.0f;
      for (index j = 0; j < count; ++j) z += f(j, k);
      store(out, k, z);
    });
  }

  template <class F>
  __host__ __device__ void once(F f) const {
    if (lane() == 0) f();
    meet();
  }
};

}  // namespace bdh::kernels
