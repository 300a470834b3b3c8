# Run by cpack between copying files and packing them: what a Debian package has besides what `cmake
# --install` installs. LICENSE becomes `copyright`, CHANGELOG.md `changelog.gz`; man pages are
# compressed, reproducibly.
set(packages_of_runtime bdh)
set(packages_of_dev libbdh-dev)

function(compress file)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The newest date in CHANGELOG.md is that of this version.
file(READ ${CPACK_BDH_SOURCE_DIR}/CHANGELOG.md changes)
if(NOT changes MATCHES "\n## \\[${CPACK_PACKAGE_VERSION}\\] - ([0-9-]+)")
  message(FATAL_ERROR "CHANGELOG.md: found no '## [${CPACK_PACKAGE_VERSION}] - DATE'")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d ${CMAKE_MATCH_1}
  OUTPUT_VARIABLE date
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

foreach(component runtime dev)
  set(package ${packages_of_${component}})
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
  set(doc ${usr}/share/doc/${package})
  file(MAKE_DIRECTORY ${doc})
  file(REMOVE ${doc}/LICENSE ${doc}/CHANGELOG.md)
  file(COPY_FILE ${CPACK_BDH_SOURCE_DIR}/packaging/debian/copyright ${doc}/copyright)
  file(COPY_FILE ${CPACK_BDH_SOURCE_DIR}/CHANGELOG.md ${doc}/changelog)
  set(version ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
  file(WRITE ${doc}/changelog.Debian "bdh (${version}) unstable; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION}; changelog.gz says what is new.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}
")
  file(GLOB pages ${usr}/share/man/man1/*.1)
  foreach(file ${doc}/changelog ${doc}/changelog.Debian ${pages})
    file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    compress(${file})
  endforeach()
  file(CHMOD ${doc}/copyright PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  if(EXISTS ${CPACK_BDH_SOURCE_DIR}/packaging/debian/${package}.lintian-overrides)
    file(MAKE_DIRECTORY ${usr}/share/lintian/overrides)
    file(COPY_FILE ${CPACK_BDH_SOURCE_DIR}/packaging/debian/${package}.lintian-overrides
      ${usr}/share/lintian/overrides/${package})
    file(CHMOD ${usr}/share/lintian/overrides/${package} PERMISSIONS OWNER_READ OWNER_WRITE
      GROUP_READ WORLD_READ)
  endif()
endforeach()
