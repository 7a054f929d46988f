# zig as a C++ cross compiler: it brings the headers and the libc stubs of any version of any target.
#   ZIG          path of the zig executable
#   ZIG_TARGET   for example x86_64-linux-gnu.2.17
# Both come from the environment, so that CMake's own compiler checks see them too.
set(zig "$ENV{ZIG}")
set(target "$ENV{ZIG_TARGET}")
if(NOT zig OR NOT target)
  message(FATAL_ERROR "Set ZIG and ZIG_TARGET in the environment.")
endif()

if(target MATCHES "-linux")
  set(CMAKE_SYSTEM_NAME Linux)
elseif(target MATCHES "-macos")
  set(CMAKE_SYSTEM_NAME Darwin)
elseif(target MATCHES "-windows")
  set(CMAKE_SYSTEM_NAME Windows)
endif()
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${target}")

set(CMAKE_CXX_COMPILER "${zig}" c++ -target "${target}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # a program would make zig compile the C++ library without optimisation, too
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
add_compile_options(-Wno-nullability-completeness)  # in zig's own C++ headers, which it does not treat as system headers
add_compile_options(-g0)  # zig's default is debug information, whose names of files the linker would have to remove
set(CMAKE_RC_COMPILER "${zig}")  # CMake looks for one on Windows targets; no resource is compiled
if(CMAKE_SYSTEM_NAME STREQUAL "Darwin")  # without the names and the unused parts of the C++ library
  add_link_options(-s -Wl,-x -Wl,-dead_strip)
endif()
