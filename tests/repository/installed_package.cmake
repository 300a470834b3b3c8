# Installs the build into a folder of its own, looks at what is there, and builds and runs a program
# that knows only that folder.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: exit code ${code}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

file(GLOB_RECURSE installed RELATIVE ${prefix} ${prefix}/*)
foreach(expected "include/bdh/bdh\\.hpp" "include/bdh/simulator\\.hpp" "lib.*/libbdh\\.a"
    "lib.*/cmake/bdh/bdhConfig\\.cmake" "lib.*/cmake/bdh/bdhConfigVersion\\.cmake"
    "lib.*/pkgconfig/bdh\\.pc" "share/doc/bdh/LICENSE" "share/doc/bdh/CITATION\\.cff")
  if(NOT ";${installed};" MATCHES ";${expected};")
    message(FATAL_ERROR "nothing installed as ${expected}, only:\n${installed}")
  endif()
endforeach()

# Public headers only, all of them, and each through <bdh/bdh.hpp>.
file(GLOB headers RELATIVE ${SOURCE}/include ${SOURCE}/include/bdh/*.hpp)
file(GLOB_RECURSE installed_headers RELATIVE ${prefix}/include ${prefix}/include/*)
list(SORT headers)
list(SORT installed_headers)
if(NOT headers STREQUAL installed_headers)
  message(FATAL_ERROR "headers installed: found '${installed_headers}', expected '${headers}'")
endif()
file(READ ${prefix}/include/bdh/bdh.hpp all)
foreach(header ${headers})
  string(FIND "${all}" "#include <${header}>" position)
  if(position EQUAL -1 AND NOT header STREQUAL bdh/bdh.hpp)
    message(FATAL_ERROR "bdh/bdh.hpp: no ${header}")
  endif()
endforeach()

# Nothing of this machine's folders and none of the project's own compile flags may get out.
file(GLOB_RECURSE package_files ${prefix}/*.cmake ${prefix}/*.pc)
foreach(file ${package_files})
  file(READ ${file} text)
  foreach(leak "${SOURCE}" "${BUILD}" "${prefix}" bdh_flags -Wall -fsanitize)
    string(FIND "${text}" "${leak}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} mentions ${leak}")
    endif()
  endforeach()
endforeach()

run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR} -D
  CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
message(STATUS "consumer: ${output}")
set(by_cmake "${output}")

# The same by pkg-config.
file(GLOB_RECURSE pc ${prefix}/bdh.pc)
get_filename_component(pc_folder ${pc} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_folder}:$ENV{PKG_CONFIG_PATH})
run(pkg-config --modversion bdh)
if(NOT output STREQUAL "${VERSION}\n")
  message(FATAL_ERROR "pkg-config --modversion bdh: found '${output}', expected ${VERSION}")
endif()
run(pkg-config --cflags --libs bdh)
separate_arguments(flags UNIX_COMMAND "${output}")
run(${COMPILER} -std=c++20 ${CONSUMER}/main.cpp ${flags} -o ${WORK}/by-pkg-config)
run(${WORK}/by-pkg-config)
if(NOT output STREQUAL by_cmake)
  message(FATAL_ERROR "by pkg-config: found '${output}', expected '${by_cmake}'")
endif()

# A shared library with all of it inside, as a module of another language is.
if(PIC)
  run(${COMPILER} -std=c++20 -fPIC -shared -Wl,-z,defs ${CONSUMER}/main.cpp ${flags}
    -o ${WORK}/consumer.so)
endif()

if(PROGRAM)
  run(${prefix}/bin/bdh devices --json)
  foreach(model random-64 shakespeare-4096)
    string(FIND "${output}" "${prefix}/share/bdh/models/${model}/model.safetensors" position)
    if(position EQUAL -1)
      message(FATAL_ERROR
        "bdh devices: no model ${model} in ${prefix}/share/bdh/models:\n${output}")
    endif()
  endforeach()
  run(${prefix}/bin/bdh --version)
  if(NOT output MATCHES "^bdh ${VERSION}\n")
    message(FATAL_ERROR "bdh --version: found '${output}', expected ${VERSION}")
  endif()
  foreach(expected "share/man/man1/bdh\\.1" "share/man/man1/bdh-run\\.1"
    "share/bash-completion/completions/bdh" "share/zsh/site-functions/_bdh"
      "share/fish/vendor_completions\\.d/bdh\\.fish"
      "share/bdh/models/shakespeare-4096/expected\\.h5")
    if(NOT ";${installed};" MATCHES ";${expected};")
      message(FATAL_ERROR "nothing installed as ${expected}, only:\n${installed}")
    endif()
  endforeach()
endif()
