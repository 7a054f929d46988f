#ifndef _WIN32

#include <dlfcn.h>
#include <sys/stat.h>
#if defined(__ELF__)
#include <link.h>
#endif

#include <cstring>
#include <fstream>
#include <vector>

#include "error.h"
#include "module/library.h"

namespace cryptoki {
namespace {

#if defined(RTLD_DEEPBIND) && !defined(CRYPTOKI_SANITIZED)
// Returns true when the library at this path has its own malloc.
bool definesMalloc(const char* path) {
  void* library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return false;
  const void* found = dlsym(library, "malloc");
  const void* libc = dlsym(library, "gnu_get_libc_version");
  const bool isReplacement = found != nullptr && !sameLibrary(found, libc);
  dlclose(library);
  return isReplacement;
}

// A replaced malloc (LD_PRELOAD=libjemalloc...) and RTLD_DEEPBIND cannot be combined: one would free memory
// that the other allocated. A replacement stands before the C library in the list of loaded libraries. The
// executable, which is first, is not checked: if it is not position-independent, the address of malloc is its
// own.
bool mallocIsReplaced() {
  struct Search {
    int position = 0;
    bool atLibc = false;
    bool found = false;
  } search;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* opaque) {
        auto& state = *static_cast<Search*>(opaque);
        const std::string name = info->dlpi_name != nullptr ? info->dlpi_name : "";
        state.atLibc = state.atLibc || name.find("/libc.so") != std::string::npos;
        if (state.position++ > 0 && !state.atLibc && !name.empty())
          state.found = state.found || definesMalloc(name.c_str());
        return state.atLibc ? 1 : 0;
      },
      &search);
  return search.found;
}

int bindFlag(SymbolBinding symbolBinding) {
  const bool deep = symbolBinding == SymbolBinding::DeepBind ||
                    (symbolBinding == SymbolBinding::Auto && !mallocIsReplaced());
  return deep ? RTLD_DEEPBIND : 0;
}
#else
int bindFlag(SymbolBinding /*symbolBinding*/) { return 0; }
#endif

#if defined(__ELF__)
// Returns true when the file contains all segments that the dynamic loader maps. The loader does not check
// this and crashes with SIGBUS on a library that was copied or downloaded only in part.
bool isComplete(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  ElfW(Ehdr) header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return true;  // dlopen reports what is wrong with it
  if (header.e_phentsize != sizeof(ElfW(Phdr))) return true;
  std::vector<ElfW(Phdr)> segments(header.e_phnum);
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  file.read(reinterpret_cast<char*>(segments.data()),
            static_cast<std::streamsize>(segments.size() * sizeof(ElfW(Phdr))));
  if (!file) return false;
  for (const auto& segment : segments) {
    if (segment.p_type == PT_LOAD && std::uint64_t{segment.p_offset} + segment.p_filesz > size) return false;
  }
  return true;
}
#else
bool isComplete(const std::string& /*path*/, std::uint64_t /*size*/) { return true; }
#endif

}  // namespace

Library::Library(const std::string& path, SymbolBinding symbolBinding) {
  struct stat status {};
  const bool isPath = path.find('/') != std::string::npos;  // the dynamic loader searches for a bare name
  if (isPath && stat(path.c_str(), &status) != 0) {
    throw Failure::ours(
        "ERR_CRYPTOKI_MODULE_NOT_FOUND",
        "the file " + path + " does not exist; give the path of the vendor's PKCS#11 library");
  }
  if (isPath && !S_ISREG(status.st_mode)) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_LOAD",
                        path + " is not a file; give the path of the vendor's PKCS#11 library");
  }
  if (isPath && !isComplete(path, static_cast<std::uint64_t>(status.st_size))) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_LOAD",
                        path + " is truncated: part of the library is missing; install it again");
  }
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | bindFlag(symbolBinding));
  if (handle_ != nullptr) return;
  const char* error = dlerror();
  const std::string reason = error != nullptr ? error : "cannot load " + path;
  const bool missing = !isPath && reason.starts_with(path + ": cannot open");
  if (missing) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_NOT_FOUND",
                        "the dynamic loader cannot find the library " + path + "; give its full path");
  }
  throw Failure::ours(
      "ERR_CRYPTOKI_MODULE_LOAD",
      reason + "; check that it is built for this system and architecture, and has all its dependencies");
}

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
}

void* Library::symbol(const char* name) const { return dlsym(handle_, name); }

bool sameLibrary(const void* one, const void* other) {
  Dl_info first{};
  Dl_info second{};
  return dladdr(one, &first) != 0 && dladdr(other, &second) != 0 && first.dli_fbase == second.dli_fbase;
}

}  // namespace cryptoki

#endif
