# Installs the build into a folder of its own, looks at what is there, and builds and runs a program that knows only that folder.
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
foreach(expected "include/bdh/core/model\\.hpp" "include/bdh/core/base/ids\\.hpp" "include/bdh/graph/projection\\.hpp"
    "include/bdh/kernels/cpu_engine\\.hpp" "include/bdh/io/.*\\.hpp" "lib.*/libbdh\\.a" "lib.*/cmake/bdh/bdhConfig\\.cmake"
    "lib.*/cmake/bdh/bdhConfigVersion\\.cmake" "share/doc/bdh/LICENSE")
  if(NOT ";${installed};" MATCHES ";${expected};")
    message(FATAL_ERROR "nothing installed as ${expected}, only:\n${installed}")
  endif()
endforeach()

# Nothing of this machine's folders and none of the project's own compile flags may get out.
file(GLOB_RECURSE package_files ${prefix}/*.cmake)
foreach(file ${package_files})
  file(READ ${file} text)
  foreach(leak "${SOURCE}" "${BUILD}" "${prefix}" bdh_flags -Wall -fsanitize)
    string(FIND "${text}" "${leak}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} mentions ${leak}")
    endif()
  endforeach()
endforeach()

run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
message(STATUS "consumer: ${output}")

if(PROGRAM)
  run(${prefix}/bin/bdh --version)
  if(NOT output MATCHES "${VERSION}")
    message(FATAL_ERROR "bdh --version: found '${output}', expected ${VERSION}")
  endif()
endif()
