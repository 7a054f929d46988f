# Windows: Node-API is imported from NODE.EXE, delay-loaded, so that the addon also loads into an executable of another
# name (Electron). The import library is made from the list of symbols in node-api-headers; nothing is downloaded.
function(link_node_on_windows name)
  target_sources(${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/cmake/win_delay_load_hook.cc")

  if(MSVC)
    execute_process(
      COMMAND "${CMAKE_AR}" "/def:${CMAKE_JS_NODELIB_DEF}" "/out:${CMAKE_JS_NODELIB_TARGET}" ${CMAKE_STATIC_LINKER_FLAGS}
      COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
    target_link_options(${name} PRIVATE /DELAYLOAD:NODE.EXE)
    target_link_libraries(${name} PRIVATE ${CMAKE_JS_LIB} delayimp)
  else()  # MinGW: -y makes a delay-load import library
    find_program(CRYPTOKI_DLLTOOL NAMES "${CMAKE_DLLTOOL}" x86_64-w64-mingw32-dlltool dlltool REQUIRED)
    if(NOT CMAKE_JS_NODELIB_DEF)  # cmake-js gives it on Windows only, not in a cross build
      npm_package_dir(node-api-headers node_api_headers)
      set(CMAKE_JS_NODELIB_DEF "${node_api_headers}/def/node_api.def")
    endif()
    execute_process(
      COMMAND "${CRYPTOKI_DLLTOOL}" -d "${CMAKE_JS_NODELIB_DEF}" -y "${CMAKE_CURRENT_BINARY_DIR}/libnode_delay.a"
      COMMAND_ERROR_IS_FATAL ANY)
    target_link_libraries(${name} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/libnode_delay.a")
    target_link_options(${name} PRIVATE -static -fstack-protector-strong -s)
  endif()
endfunction()
