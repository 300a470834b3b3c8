// Every kernel body, unchanged, in a __global__ function; one thread group per row.
// compile_bodies.sh compiles it and looks at the result.
#include "gpu/cuda/device_group.cuh"
#include "kernels/decay.hpp"
#include "kernels/propagate.hpp"
#include "kernels/reweight.hpp"
#include "kernels/source_update.hpp"
#include "kernels/spikes.hpp"
#include "kernels/threshold.hpp"

namespace bdh::kernels {

template <class Body>
__global__ void whole(Body body) {
  body(device_group<8>{});
}

template <class Body>
__global__ void items(Body body, index count) {
  body(device_group<8>{}, count);
}

template <class Body>
__global__ void rows(Body body, index first, index last) {
  const index r = first + (blockIdx.x * blockDim.x + threadIdx.x) / 8;
  if (r < last) body(device_group<8>{}, r);
}

// propagate
template __global__ void whole(push_dense);
template __global__ void whole(push_sparse);
template __global__ void whole(push_edges);
template __global__ void whole(push_aging_edges);
template __global__ void rows(pull_many_edges, index, index);
template __global__ void whole(reduce_blocks);
template __global__ void rows(pull_dense, index, index);
template __global__ void rows(pull_sparse, index, index);
// reweight
template __global__ void rows(reweight, index, index);
template __global__ void rows(reweight_edges, index, index);
// threshold
template __global__ void whole(threshold_x);
template __global__ void whole(threshold_y);
template __global__ void whole(normalise);
template __global__ void whole(net_drive);
template __global__ void whole(leak);
template __global__ void whole(integrate);
// W
template __global__ void whole(set_hub_w);
template __global__ void whole(set_source_w);
// spikes
template __global__ void items(emit_spikes, index);
template __global__ void rows(reweight_coincident, index, index);
template __global__ void rows(reweight_coincident_edges, index, index);
// decay
template __global__ void items(turn_pairs, index);
template __global__ void items(age_neurons, index);

}  // namespace bdh::kernels
