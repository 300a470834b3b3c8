# cpack, or cmake --workflow --preset package: Debian packages for the distribution of this machine,
# `bdh` with the program, its models and its pages, and `libbdh-dev` with the library and its
# headers. What they depend on follows from what the program links (dpkg-shlibdeps).
set(BDH_PACKAGE_MAINTAINER "The bdh authors <authors@bdh.invalid>" CACHE STRING
  "Maintainer of the Debian packages, with an address that answers")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each description begins with its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_files.cmake)
set(CPACK_BDH_SOURCE_DIR ${PROJECT_SOURCE_DIR})  # for that script

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${BDH_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME bdh)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS fonts-dejavu-core)  # letters in pictures
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "language models as graphs of neurons and synapses (BDH)
The Dragon Hatchling (BDH, arXiv 2509.26507) describes a language model as
neuron particles on explicit graphs, excitatory and inhibitory, with Hebbian
state on every synapse. This program runs the graph: it takes in weights that
were trained with the authors' code, exactly, and shows, records and changes
every neuron and synapse. It also makes, measures, joins, cuts and exports
such graphs, and draws pictures of runs.

The package has a small trained model to begin with.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libbdh-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libtbb-dev, libhdf5-dev, libzip-dev, libssl-dev, \
libexpat1-dev, libfmt-dev, libboost-graph-dev, libeigen3-dev, libigraph-dev, libonig-dev, \
libicu-dev, libsentencepiece-dev")
# find_package(bdh) finds HDF5, libzip, expat, Oniguruma, ICU and igraph by it
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "pkg-config")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "bdh, cmake")
set(CPACK_DEBIAN_DEV_DESCRIPTION "language models as graphs of neurons (BDH), C++ library
The library behind the program bdh: models, rounds of local kernels on the
CPU, probes and interventions, recordings and files of the Dragon Hatchling
(BDH, arXiv 2509.26507), a language model of neurons and Hebbian synapses.

A static library, its C++20 headers, a CMake package and a pkg-config file.")
include(CPack)
