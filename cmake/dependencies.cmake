# Everything comes from Debian packages; README.md lists them. Used by this build and, installed, by
# find_package(bdh).
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
# HDF5's CMake module wants the C language, libzip's files its command-line tools, expat's files are
# not everywhere; pkg-config wants nothing of the kind.
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(fmt REQUIRED)
if(POLICY CMP0167)  # Boost's own CMake files; CMake 4 has no others
  cmake_policy(SET CMP0167 NEW)
endif()
find_package(Boost REQUIRED COMPONENTS graph)
find_package(Eigen3 REQUIRED NO_MODULE)
set(igraph_library "")
if(BDH_WITH_IGRAPH)
  pkg_check_modules(igraph REQUIRED IMPORTED_TARGET igraph)
  set(igraph_library PkgConfig::igraph)
endif()
pkg_check_modules(expat REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5)
pkg_check_modules(oniguruma REQUIRED IMPORTED_TARGET oniguruma)
pkg_check_modules(icu REQUIRED IMPORTED_TARGET icu-uc)
set(bdh_dependencies TBB::tbb PkgConfig::hdf5 PkgConfig::libzip OpenSSL::Crypto fmt::fmt
  Boost::graph Eigen3::Eigen ${igraph_library} PkgConfig::expat PkgConfig::oniguruma PkgConfig::icu)
if(BDH_SENTENCEPIECE)
  # not by pkg-config, which would link its trainer too
  find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
  list(APPEND bdh_dependencies ${SENTENCEPIECE_LIBRARY})
endif()
if(BDH_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI REQUIRED COMPONENTS CXX)
  list(APPEND bdh_dependencies MPI::MPI_CXX)
endif()
if(BDH_CUDA)
  find_package(CUDAToolkit 13 REQUIRED)
endif()
