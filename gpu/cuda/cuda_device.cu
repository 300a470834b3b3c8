// A CUDA device: every program of gpu/programs/program_list.hpp through one kernel template,
// compaction by CUB, tokens as CUDA graphs. All work is on one stream.
#include <cuda_runtime.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <cub/device/device_select.cuh>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

#include "gpu/cuda/device_group.cuh"
#include "gpu/device/launch_shape.hpp"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {
namespace {

constexpr std::size_t small_copy = 64 << 10, pinned_bytes = 1 << 20;

template <class Program>
constexpr index groups_per_block = block_threads / group_threads<Program>;

__device__ index item_count(const extent& items) {
  return items.count ? (*items.count + items.per_item - 1) / items.per_item : items.most;
}

// Items are dealt out to blocks before their groups: few items are on as many processors.
template <class Program>
__device__ void run_items(const Program& program, index count, index block, index blocks) {
  constexpr index threads = group_threads<Program>;
  for (std::size_t item = block + std::size_t{blocks} * (threadIdx.x / threads); item < count;
       item += std::size_t{blocks} * groups_per_block<Program>)
    program(kernels::device_group<threads>{}, static_cast<index>(item));
}

template <class Program>
__global__ void __launch_bounds__(block_threads, least_blocks)
    run(const __grid_constant__ Program program, extent items) {
  run_items(program, item_count(items), blockIdx.x, gridDim.x);
}

// A block is one stream's; neighbouring blocks do the same items for different streams. The number
// of blocks is a multiple of that of streams.
template <class Program>
__global__ void __launch_bounds__(block_threads, least_blocks)
    run_together(const Program* programs, const extent* items, index streams) {
  const index stream = blockIdx.x % streams;
  run_items(programs[stream], item_count(items[stream]), blockIdx.x / streams, gridDim.x / streams);
}

void expect(cudaError_t result, const std::string& what) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // taken: the next call is judged by itself
  throw device_error("cuda: " + what, cudaGetErrorString(result));
}

template <class Program>
cudaError_t start(const void* arguments, const extent& items, unsigned most_blocks,
                  cudaStream_t stream) {
  run<<<blocks_alone(items.most, most_blocks), block_threads, 0, stream>>>(
      *static_cast<const Program*>(arguments), items);
  return cudaGetLastError();
}

template <class Program>
cudaError_t start_together(const void* arguments, const extent* items, index streams, index most,
                           unsigned most_blocks, cudaStream_t stream) {
  run_together<<<blocks_together(most, streams, most_blocks), block_threads, 0, stream>>>(
      static_cast<const Program*>(arguments), items, streams);
  return cudaGetLastError();
}
template <class... Programs>
auto start_together_of(program_set<Programs...>, std::size_t program) {
  static constexpr decltype(&start_together<list_starts>) all[] = {start_together<Programs>...};
  return all[program];
}

using starter = cudaError_t (*)(const void*, const extent&, unsigned, cudaStream_t);
template <class... Programs>
starter starter_of(program_set<Programs...>, std::size_t program) {
  static constexpr starter all[] = {start<Programs>...};
  return all[program];
}

// Blocks of a kernel that a processor runs at once. Loads the kernel, now and not while a token is
// recorded; throws where this build has none for a device.
template <class Kernel>
unsigned resident_blocks(Kernel kernel) {
  int blocks = 0;
  expect(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, block_threads, 0),
         "programs");
  return static_cast<unsigned>(std::max(blocks, 1));
}

struct resident {
  std::array<unsigned, programs::size> alone, together;  // by program
};
template <class... Programs>
resident load(program_set<Programs...>) {
  return {{resident_blocks(run<Programs>)...}, {resident_blocks(run_together<Programs>)...}};
}

struct first_member {
  index stride;
  __host__ __device__ index operator()(index unit) const { return unit * stride; }
};
struct is_active {
  const float* values;
  index stride;
  __device__ bool operator()(index first) const {
    for (index i = first; i < first + stride; ++i)
      if (values[i] != 0.0f) return true;
    return false;
  }
};

struct graph final : recording {
  cudaGraph_t made = nullptr;
  cudaGraphExec_t executable = nullptr;
  ~graph() override {
    if (executable) cudaGraphExecDestroy(executable);
    if (made) cudaGraphDestroy(made);
  }
};

class cuda_device final : public device {
 public:
  explicit cuda_device(int number) : number_(number) {
    use();
    cudaDeviceProp properties{};
    expect(cudaGetDeviceProperties(&properties, number),
           "properties of device " + std::to_string(number));
    name_ = properties.name;
    capability_ = std::to_string(properties.major) + "." + std::to_string(properties.minor);
    processors_ = static_cast<unsigned>(properties.multiProcessorCount);
    resident_ = load(programs{});
    expect(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
    expect(cudaMallocHost(&pinned_, pinned_bytes), "pinned memory");
    load_compaction();
  }
  ~cuda_device() override {
    cudaFreeHost(pinned_);
    cudaStreamDestroy(stream_);
  }

  std::string name() const override { return name_; }
  bool exact() const noexcept override { return BDH_CUDA_EXACT; }
  std::map<std::string, std::string> versions() const override {
    int driver = 0, runtime = 0;
    expect(cudaDriverGetVersion(&driver), "version of the driver");
    expect(cudaRuntimeGetVersion(&runtime), "version of the runtime");
    const auto shown = [](int version) {
      return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
    };
    return {{"capability", capability_}, {"driver", shown(driver)}, {"runtime", shown(runtime)}};
  }

  memory_info memory() const override {
    use();
    memory_info all;
    expect(cudaMemGetInfo(&all.free, &all.total), "free memory");
    return all;
  }

  void* allocate(std::size_t bytes, const std::string& what) override {
    use();
    void* memory = nullptr;
    expect(cudaMalloc(&memory, bytes), std::to_string(bytes) + " bytes for " + what);
    return memory;
  }
  void release(void* memory) noexcept override {
    cudaSetDevice(number_);
    cudaFree(memory);
  }

  // Small ones through pinned memory, part after part of it: nothing waits until it is used up.
  void upload(void* to, const void* from, std::size_t bytes) override {
    use();
    const bool small = bytes <= small_copy;
    expect(cudaMemcpyAsync(to, small ? std::memcpy(pinned(bytes), from, bytes) : from, bytes,
                           cudaMemcpyHostToDevice, stream_),
           "copy to the device");
    if (!small) synchronize();  // `from` is free again
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    use();
    void* const through = bytes <= small_copy ? pinned(bytes) : to;
    expect(cudaMemcpyAsync(through, from, bytes, cudaMemcpyDeviceToHost, stream_),
           "copy from the device");
    synchronize();
    if (through != to) std::memcpy(to, through, bytes);
  }
  void clear(void* memory, std::size_t bytes) override {
    use();
    expect(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory");
  }

  void launch(std::size_t program, const void* arguments, std::size_t,
              const extent& items) override {
    use();
    expect(starter_of(programs{}, program)(arguments, items, processors_ * resident_.alone[program],
                                           stream_),
           "launch of program " + std::to_string(program));
  }

  void launch_together(std::size_t program, const void* arguments, std::size_t, const extent* items,
                       index streams, index most) override {
    use();
    expect(start_together_of(programs{}, program)(
               arguments, items, streams, most, processors_ * resident_.together[program], stream_),
           "launch of program " + std::to_string(program) + " for streams");
  }

  std::size_t compact_workspace(index n) override {
    use();
    std::size_t bytes = 0;
    expect(select(nullptr, bytes, {nullptr, n, 1, nullptr, nullptr, nullptr, 0}),
           "workspace of a compaction");
    return bytes;
  }
  void compact(const compaction& what) override {
    use();
    std::size_t bytes = what.workspace_bytes;
    expect(select(what.workspace, bytes, what), "compaction");
  }

  void synchronize() override {
    use();
    expect(cudaStreamSynchronize(stream_), "synchronize");
    used_ = 0;
  }

  void begin_recording() override {
    use();
    expect(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "begin of a capture");
  }
  std::unique_ptr<recording> end_recording() override {
    use();
    auto all = std::make_unique<graph>();
    expect(cudaStreamEndCapture(stream_, &all->made), "end of a capture");
    expect(cudaGraphInstantiate(&all->executable, all->made, 0), "a graph");
    return all;
  }
  void abandon_recording() noexcept override {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(stream_, &status) == cudaSuccess &&
        status != cudaStreamCaptureStatusNone) {
      graph dropped;
      cudaStreamEndCapture(stream_, &dropped.made);
    }
    cudaGetLastError();
  }
  void replay(const recording& what) override {
    use();
    expect(cudaGraphLaunch(static_cast<const graph&>(what).executable, stream_),
           "launch of a graph");
  }

 private:
  void use() const {
    expect(cudaSetDevice(number_), "device " + std::to_string(number_));
  }  // of the calling thread

  cudaError_t select(void* workspace, std::size_t& bytes, const compaction& what) {
    const auto units = thrust::make_transform_iterator(thrust::make_counting_iterator(index{0}),
                                                       first_member{what.stride});
    return cub::DeviceSelect::If(workspace, bytes, units, what.list, what.count,
                                 what.n / what.stride, is_active{what.values, what.stride},
                                 stream_);
  }

  // The kernels of CUB are loaded when they are first used: not while a token is recorded.
  void load_compaction() {
    constexpr std::size_t of_each = 256;
    const std::size_t workspace = compact_workspace(1);
    auto* const memory = static_cast<std::byte*>(allocate(3 * of_each + workspace, "a compaction"));
    clear(memory, of_each);
    const auto at = [&](std::size_t part) { return memory + part * of_each; };
    compact({.values = reinterpret_cast<float*>(at(0)),
             .n = 1,
             .stride = 1,
             .list = reinterpret_cast<index*>(at(1)),
             .count = reinterpret_cast<index*>(at(2)),
             .workspace = at(3),
             .workspace_bytes = workspace});
    synchronize();
    release(memory);
  }

  // Pinned memory for a copy, which no copy under way uses.
  void* pinned(std::size_t bytes) {
    if (used_ + bytes > pinned_bytes) synchronize();
    void* const part = static_cast<std::byte*>(pinned_) + used_;
    used_ += (bytes + 15) / 16 * 16;
    return part;
  }

  int number_;
  unsigned processors_ = 1;
  resident resident_{};
  void* pinned_ = nullptr;
  std::size_t used_ = 0;  // of pinned_, since all was done
  std::string name_, capability_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace

bool built_with_cuda() noexcept { return true; }

static int device_count() {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  if (result == cudaErrorNoDevice || result == cudaErrorInsufficientDriver) {
    cudaGetLastError();
    throw no_cuda_device(cudaGetErrorString(result));
  }
  expect(result, "devices");
  return count;
}

std::vector<cuda_device_info> cuda_devices() {
  const int count = device_count();
  std::vector<cuda_device_info> all;
  for (int i = 0; i < count; ++i) {
    cuda_device_info& d = all.emplace_back();
    d.number = i;
    try {
      cudaDeviceProp properties{};
      expect(cudaGetDeviceProperties(&properties, i), "properties");
      d.name = properties.name;
      d.capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
      expect(cudaSetDevice(i), "use");
      expect(cudaMemGetInfo(&d.memory.free, &d.memory.total), "free memory");
      cudaFuncAttributes attributes{};  // one kernel for all: they are built for the same GPUs
      expect(cudaFuncGetAttributes(&attributes, run<list_starts>), "programs");
    } catch (const device_error& e) {
      d.unusable = e.what();
    }
  }
  return all;
}

std::shared_ptr<device> open_cuda_device(int number) {
  const int there = device_count();
  if (number < 0 || number >= there)
    throw device_error("device cuda", "number " + std::to_string(number),
                       "one of " + std::to_string(there));
  return std::make_shared<cuda_device>(number);
}

}  // namespace bdh::gpu
