# Target `coverage`: builds everything, runs the tests and prints the line coverage of the library.
function(all_targets out folder)  # of a folder and those below it
  get_property(found DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(next ${below})
    all_targets(more ${next})
    list(APPEND found ${more})
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

find_program(BDH_GCOVR gcovr)
if(BDH_GCOVR)
  add_custom_target(coverage
    COMMAND sh ${PROJECT_SOURCE_DIR}/cmake/coverage.sh ${PROJECT_SOURCE_DIR} ${CMAKE_CTEST_COMMAND}
    ${BDH_GCOVR}
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR} USES_TERMINAL VERBATIM)
  all_targets(targets ${PROJECT_SOURCE_DIR})
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      add_dependencies(coverage ${target})
    endif()
  endforeach()
else()
  add_custom_target(coverage COMMAND ${CMAKE_COMMAND} -E echo
    "coverage: gcovr not found: apt-get install gcovr, then configure again"
    COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
endif()
