# cmake --install: the library, its headers and a CMake package; apps/ adds the program. Headers keep the folders of the source, so that
# #include "core/model.hpp" means the same here and there.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bdh)

install(TARGETS bdh EXPORT bdhTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder core graph kernels gpu io)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bdh FILES_MATCHING PATTERN "*.hpp" PATTERN "*_detail.hpp" EXCLUDE)
endforeach()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT bdhTargets NAMESPACE bdh:: DESTINATION ${package_dir})
configure_file(cmake/bdhConfig.cmake.in bdhConfig.cmake @ONLY)
write_basic_package_version_file(bdhConfigVersion.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bdhConfig.cmake ${PROJECT_BINARY_DIR}/bdhConfigVersion.cmake cmake/dependencies.cmake DESTINATION ${package_dir})
