# BDH_NVCC: nvcc of release 13 or later, where there is one. With BDH_CUDA it compiles
# gpu/cuda/cuda_device.cu.
find_program(BDH_NVCC nvcc HINTS ENV CUDA_PATH PATH_SUFFIXES bin PATHS /usr/local/cuda/bin)
set(nvcc_release 0)
if(BDH_NVCC)
  execute_process(COMMAND ${BDH_NVCC} --version OUTPUT_VARIABLE nvcc_version)
  if(nvcc_version MATCHES "release ([0-9]+)")
    set(nvcc_release ${CMAKE_MATCH_1})
  endif()
endif()
set(BDH_NVCC_FLAGS --expt-relaxed-constexpr -Werror=all-warnings)
if(BDH_CUDA_EXACT)  # every value and every sum rounds as on the host
  list(APPEND BDH_NVCC_FLAGS -fmad=false)
endif()

if(BDH_CUDA)
  if(nvcc_release LESS 13)
    message(FATAL_ERROR
      "BDH_CUDA: found nvcc '${BDH_NVCC}' of release ${nvcc_release}, \
expected 13 or later; set CUDA_PATH or BDH_NVCC")
  endif()
  set(CMAKE_CUDA_COMPILER ${BDH_NVCC})
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100 CACHE STRING
    "GPUs to compile for; the last one also as PTX, for later ones")
  enable_language(CUDA)
  # CMake 3.25 does not know that nvcc 13 has it
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
