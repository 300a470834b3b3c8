// The kernels that nvcc made of the programs, as PTX: for one stream and for several.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ptx/kernel.hpp"
#include "ptx/machine.hpp"

namespace tests::ptx {

// Of one program: gpu/cuda/cuda_device.cu's run<Program> and run_together<Program>.
struct program_kernels {
  kernel alone, together;
};

class kernel_set {
 public:
  // Of gpu/programs/program_list.hpp. Throws fault where the text lacks one, or has what the
  // interpreter does not know.
  explicit kernel_set(std::string_view text);

  const program_kernels& of(std::size_t program) const { return programs_.at(program); }
  void count(const kernel& launched) { ++launches_[launched.name]; }
  void add(const counts& more);

  std::size_t launched() const { return launches_.size(); }  // kernels
  std::vector<std::string> never_launched() const;           // names: run<program>
  std::string summary() const;

 private:
  std::vector<program_kernels> programs_;
  std::map<std::string, std::uint64_t> launches_;  // by name
  counts counted_;
};

}  // namespace tests::ptx
