# Writes build_facts.cpp into the build folder, a source of bdh_program, for `bdh --version`, `bdh
# --cite` and the manual.
set(BDH_COMMIT "" CACHE STRING
  "Commit that bdh --version names; empty: what git has when CMake runs, where there is git")
find_package(Git QUIET)
if(NOT BDH_COMMIT AND GIT_FOUND)
  # Of this folder, not of one around it that happens to be a repository.
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --show-prefix
    --short=12 HEAD OUTPUT_VARIABLE commit
    ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND commit MATCHES "^\n([0-9a-f]+)\n$")
    set(BDH_COMMIT ${CMAKE_MATCH_1})
    # Every commit, checkout and merge adds a line here; CMake then runs again.
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} rev-parse --git-path
      logs/HEAD OUTPUT_VARIABLE log
      OUTPUT_STRIP_TRAILING_WHITESPACE)
    cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(EXISTS ${log})
      set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
  endif()
endif()

file(READ ${PROJECT_SOURCE_DIR}/CHANGELOG.md changes)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
if(NOT changes MATCHES "\n## \\[${PROJECT_VERSION}\\] - ([0-9-]+)")
  message(FATAL_ERROR
    "CHANGELOG.md: found no section of version ${PROJECT_VERSION}, \
expected '## [${PROJECT_VERSION}] - DATE'")
endif()
set(release_date ${CMAKE_MATCH_1})

string(TOUPPER ${CMAKE_BUILD_TYPE} type)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" build)
set(build "${CMAKE_BUILD_TYPE} (${build})")
if(BDH_SANITIZE)
  string(APPEND build ", sanitizers ${BDH_SANITIZE}")
endif()
if(BDH_COVERAGE)
  string(APPEND build ", coverage")
endif()
string(REGEX REPLACE "([\\\\\"])" "\\\\\\1" build "${build}")

set(igraph "igraph ${igraph_VERSION}")
if(NOT BDH_WITH_IGRAPH)
  set(igraph "no igraph")
endif()
set(libraries "")
foreach(library "TBB ${TBB_VERSION}" "HDF5 ${hdf5_VERSION}" "libzip ${libzip_VERSION}"
  "expat ${expat_VERSION}" "Oniguruma ${oniguruma_VERSION}" "ICU ${icu_VERSION}"
  "OpenSSL ${OPENSSL_VERSION}" "fmt ${fmt_VERSION}"
    "Boost ${Boost_VERSION_STRING}" "Eigen ${Eigen3_VERSION}" "${igraph}"
    "nlohmann-json ${nlohmann_json_VERSION}"
    "CLI11 ${CLI11_VERSION}" "libedit ${libedit_VERSION}" "librsvg ${librsvg_VERSION}")
  list(APPEND libraries ${library})
endforeach()
list(JOIN libraries ", " libraries)

if(NOT BDH_CUDA)
  set(cuda no)
elseif(BDH_CUDA_EXACT)
  set(cuda "${CUDAToolkit_VERSION}, exact")
else()
  set(cuda "${CUDAToolkit_VERSION}")
endif()

configure_file(${CMAKE_CURRENT_LIST_DIR}/build_facts.cpp.in
  ${CMAKE_CURRENT_BINARY_DIR}/build_facts.cpp @ONLY)
target_sources(bdh_program PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/build_facts.cpp)
# So that a commit compiles one source again.
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/build_facts.cpp PROPERTIES
  SKIP_UNITY_BUILD_INCLUSION ON)
