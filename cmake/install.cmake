# cmake --install: the library, its public headers, a CMake package and a pkg-config file (component
# dev); apps/ adds the program (component runtime).
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bdh)

install(TARGETS bdh EXPORT bdhTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
# All that programs may include, as <bdh/...>; every other header is free to change.
install(DIRECTORY include/bdh DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
  FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE CHANGELOG.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT
  runtime)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime FILES_MATCHING PATTERN
  "*.md" PATTERN "*.png")

install(EXPORT bdhTargets NAMESPACE bdh:: DESTINATION ${package_dir} COMPONENT dev)
configure_file(cmake/bdhConfig.cmake.in bdhConfig.cmake @ONLY)
write_basic_package_version_file(bdhConfigVersion.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY
  SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bdhConfig.cmake ${PROJECT_BINARY_DIR}/bdhConfigVersion.cmake
  cmake/dependencies.cmake
  DESTINATION ${package_dir} COMPONENT dev)

file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
set(cuda_libraries "")
if(BDH_CUDA)
  set(cuda_libraries " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -ldl -lrt")
endif()
set(sentencepiece_libraries "")
if(BDH_SENTENCEPIECE)
  set(sentencepiece_libraries " -lsentencepiece")
endif()
set(igraph_package "")
if(BDH_WITH_IGRAPH)
  set(igraph_package " igraph")
endif()
configure_file(cmake/bdh.pc.in bdh.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bdh.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT
  dev)
