# What others build on: headers, the static library, and how CMake and pkg-config find them. All of it may be moved
# together; nothing in it names the folder it was installed to.
include(CMakePackageConfigHelpers)
if(RCSPIKE_PYTHON)
  # In a wheel the prefix is the package's own folder, and its layout the same on every system.
  set(CMAKE_INSTALL_INCLUDEDIR include)
  set(CMAKE_INSTALL_LIBDIR lib)
endif()
include(GNUInstallDirs)
foreach(dir CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
  if(IS_ABSOLUTE "${${dir}}")
    message(FATAL_ERROR "${dir} must be relative to CMAKE_INSTALL_PREFIX, got ${${dir}}: the package can be moved")
  endif()
endforeach()
set(RCSPIKE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/rcspike)
set(RCSPIKE_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY src/cpp/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS rcspike_core EXPORT rcspike ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT rcspike NAMESPACE rcspike:: FILE rcspikeTargets.cmake DESTINATION ${RCSPIKE_CMAKE_DIR})

configure_package_config_file(cmake/rcspikeConfig.cmake.in ${PROJECT_BINARY_DIR}/rcspikeConfig.cmake
                              INSTALL_DESTINATION ${RCSPIKE_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
# Below 1.0 a new minor version may break what uses it.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rcspikeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rcspikeConfig.cmake ${PROJECT_BINARY_DIR}/rcspikeConfigVersion.cmake
        DESTINATION ${RCSPIKE_CMAKE_DIR})

file(RELATIVE_PATH RCSPIKE_PC_TO_PREFIX /${RCSPIKE_PC_DIR} /)
string(REGEX REPLACE "/$" "" RCSPIKE_PC_TO_PREFIX "${RCSPIKE_PC_TO_PREFIX}")
if(NOT WIN32)
  set(RCSPIKE_PC_THREADS -pthread)  # whatever the machine it was built on needs for them
endif()
configure_file(cmake/rcspike.pc.in ${PROJECT_BINARY_DIR}/rcspike.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rcspike.pc DESTINATION ${RCSPIKE_PC_DIR})
