// A CUDA device: every program of gpu/programs/program_list.hpp through one kernel template,
// compaction by CUB, tokens as CUDA graphs. All work is on one stream.
#include <cuda_runtime.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <algorithm>
#include <cub/device/device_select.cuh>

#include <bdh/cuda.hpp>
#include <bdh/error.hpp>

#include "gpu/cuda/device_group.cuh"
#include "gpu/programs/program_list.hpp"

namespace bdh::gpu {
namespace {

constexpr index block_threads = 256, blocks_per_processor = 8;

template <class Program>
constexpr index groups_per_block = block_threads / group_threads<Program>;

__device__ index item_count(const extent& items) {
  return items.count ? (*items.count + items.per_item - 1) / items.per_item : items.most;
}

// Items are dealt out to the groups of the grid in turn.
template <class Program>
__global__ void __launch_bounds__(block_threads, 3)
    run(const __grid_constant__ Program program, extent items) {
  const index count = item_count(items);
  constexpr index threads = group_threads<Program>;
  const std::size_t groups = std::size_t{gridDim.x} * groups_per_block<Program>;
  for (std::size_t item = (std::size_t{blockIdx.x} * block_threads + threadIdx.x) / threads;
       item < count; item += groups)
    program(kernels::device_group<threads>{}, static_cast<index>(item));
}

// Streams are fastest: neighbouring groups do the same item for different streams.
template <class Program>
__global__ void __launch_bounds__(block_threads, 3)
    run_together(const Program* programs, const extent* items, index streams) {
  constexpr index threads = group_threads<Program>;
  index most = 0;
  for (index s = 0; s < streams; ++s) most = max(most, item_count(items[s]));
  const std::size_t groups = std::size_t{gridDim.x} * groups_per_block<Program>,
                    all = std::size_t{most} * streams;
  for (std::size_t slot = (std::size_t{blockIdx.x} * block_threads + threadIdx.x) / threads;
       slot < all; slot += groups) {
    const index s = slot % streams, item = slot / streams;
    if (item < item_count(items[s])) programs[s](kernels::device_group<threads>{}, item);
  }
}

void expect(cudaError_t result, const std::string& what) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // taken: the next call is judged by itself
  throw device_error("cuda: " + what, cudaGetErrorString(result));
}

template <class Program>
cudaError_t start(const void* arguments, const extent& items, unsigned most_blocks,
                  cudaStream_t stream) {
  const unsigned blocks = std::min(
      (items.most + groups_per_block<Program> - 1) / groups_per_block<Program>, most_blocks);
  run<<<blocks, block_threads, 0, stream>>>(*static_cast<const Program*>(arguments), items);
  return cudaGetLastError();
}

template <class Program>
cudaError_t start_together(const void* arguments, const extent* items, index streams,
                           std::size_t most, unsigned most_blocks, cudaStream_t stream) {
  const std::size_t wanted =
      (most * streams + groups_per_block<Program> - 1) / groups_per_block<Program>;
  const auto blocks = static_cast<unsigned>(std::min<std::size_t>(wanted, most_blocks));
  run_together<<<blocks, block_threads, 0, stream>>>(static_cast<const Program*>(arguments), items,
                                                     streams);
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

// Loads all programs, now and not while a token is recorded; throws where this build has none for a
// device.
template <class... Programs>
void load(program_set<Programs...>) {
  cudaFuncAttributes attributes{};
  (expect(cudaFuncGetAttributes(&attributes, run<Programs>), "programs"), ...);
  (expect(cudaFuncGetAttributes(&attributes, run_together<Programs>), "programs"), ...);
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
    load(programs{});
    expect(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
  }
  ~cuda_device() override { cudaStreamDestroy(stream_); }

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

  // From memory that is not pinned: CUDA takes its own copy before it returns.
  void upload(void* to, const void* from, std::size_t bytes) override {
    use();
    expect(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copy to the device");
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    use();
    expect(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_),
           "copy from the device");
    synchronize();
  }
  void clear(void* memory, std::size_t bytes) override {
    use();
    expect(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory");
  }

  void launch(std::size_t program, const void* arguments, std::size_t,
              const extent& items) override {
    use();
    expect(starter_of(programs{}, program)(arguments, items, processors_ * blocks_per_processor,
                                           stream_),
           "launch of program " + std::to_string(program));
  }

  void launch_together(std::size_t program, const void* arguments, std::size_t, const extent* items,
                       index streams, index most) override {
    use();
    expect(start_together_of(programs{}, program)(arguments, items, streams, most,
                                                  processors_ * blocks_per_processor, stream_),
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

  int number_;
  unsigned processors_ = 1;
  std::string name_, capability_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace

bool built_with_cuda() noexcept { return true; }

std::vector<cuda_device_info> cuda_devices() {
  int count = 0;
  expect(cudaGetDeviceCount(&count), "devices");
  std::vector<cuda_device_info> all;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    expect(cudaGetDeviceProperties(&properties, i), "properties of device " + std::to_string(i));
    all.push_back({i, properties.name,
                   std::to_string(properties.major) + "." + std::to_string(properties.minor),
                   cuda_device(i).memory()});
  }
  return all;
}

std::shared_ptr<device> open_cuda_device(int number) {
  const std::size_t there = cuda_devices().size();
  if (number < 0 || static_cast<std::size_t>(number) >= there)
    throw device_error("device cuda", "number " + std::to_string(number),
                       "one of " + std::to_string(there));
  return std::make_shared<cuda_device>(number);
}

}  // namespace bdh::gpu
