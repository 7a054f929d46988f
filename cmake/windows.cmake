# Windows: Node-API is imported from the running executable, whatever its name is, so that the addon also loads into an
# executable that is not NODE.EXE (Electron). The list of functions is the one in node-api-headers; nothing is downloaded.
function(link_node_on_windows name)
  if(NOT CMAKE_JS_NODELIB_DEF)  # cmake-js gives it on Windows only, not in a cross build
    npm_package_dir(node-api-headers node_api_headers)
    set(CMAKE_JS_NODELIB_DEF "${node_api_headers}/def/node_api.def")
  endif()

  if(MSVC)  # its linker delays the import, and its helper asks the hook for the library
    target_sources(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/cmake/win_delay_load_hook.cc")
    execute_process(
      COMMAND "${CMAKE_AR}" "/def:${CMAKE_JS_NODELIB_DEF}" "/out:${CMAKE_JS_NODELIB_TARGET}" ${CMAKE_STATIC_LINKER_FLAGS}
      COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
    target_link_options(${name} PRIVATE /DELAYLOAD:NODE.EXE)
    target_link_libraries(${name} PRIVATE ${CMAKE_JS_LIB} delayimp)
  else()  # other linkers cannot delay imports on all architectures, so the pointers of the imports are variables of ours
    node_api_table("${CMAKE_JS_NODELIB_DEF}" "${CMAKE_CURRENT_BINARY_DIR}/node_api_functions.h")
    target_sources(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/cmake/win_node_api.cc")
    set_source_files_properties("${CMAKE_CURRENT_SOURCE_DIR}/cmake/win_node_api.cc" PROPERTIES
      INCLUDE_DIRECTORIES "${CMAKE_CURRENT_BINARY_DIR}")
    target_link_options(${name} PRIVATE -static -fstack-protector-strong -s)
    set_target_properties(${name} PROPERTIES IMPORT_PREFIX "" IMPORT_SUFFIX ".lib")
  endif()
endfunction()

# Writes the names of a .def file as NODE_API_FUNCTION(name) lines, without those that Electron does not allow.
function(node_api_table def header)
  file(STRINGS "${def}" names REGEX "^(napi|node_api)_[a-z0-9_]+$")
  list(FILTER names EXCLUDE REGEX "create_external_")
  list(REMOVE_DUPLICATES names)
  if(NOT names)
    message(FATAL_ERROR "${def} lists no Node-API function.")
  endif()
  list(TRANSFORM names REPLACE "(.+)" "NODE_API_FUNCTION(\\1)")
  list(JOIN names "\n" lines)
  file(CONFIGURE OUTPUT "${header}" CONTENT "${lines}\n" @ONLY)
endfunction()
