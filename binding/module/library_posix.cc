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
// A replaced malloc (LD_PRELOAD=libjemalloc...) and RTLD_DEEPBIND do not go together: memory that libc
// allocated with the one would be freed with the other.
bool mallocIsReplaced() {
  Dl_info malloc{};
  Dl_info libc{};
  return dladdr(dlsym(RTLD_DEFAULT, "malloc"), &malloc) != 0 &&
         dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &libc) != 0 &&
         malloc.dli_fbase != libc.dli_fbase;
}

int bindFlag(Isolation isolation) {
  const bool deep = isolation == Isolation::DeepBind || (isolation == Isolation::Auto && !mallocIsReplaced());
  return deep ? RTLD_DEEPBIND : 0;
}
#else
int bindFlag(Isolation /*isolation*/) { return 0; }
#endif

#if defined(__ELF__)
// Whether all that the dynamic loader would map is in the file. It does not look itself, and dies of SIGBUS
// on a library whose copying or download broke off.
bool isComplete(const std::string& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  ElfW(Ehdr) header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return true;  // dlopen says what is wrong with it
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

Library::Library(const std::string& path, Isolation isolation) {
  struct stat status {};
  const bool isPath = path.find('/') != std::string::npos;  // a bare name is looked up by the dynamic loader
  if (isPath && stat(path.c_str(), &status) != 0) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_NOT_FOUND", "no file at " + path);
  }
  if (isPath && !S_ISREG(status.st_mode)) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_LOAD", path + " is not a file");
  }
  if (isPath && !isComplete(path, static_cast<std::uint64_t>(status.st_size))) {
    throw Failure::ours("ERR_CRYPTOKI_MODULE_LOAD", path + " is truncated: part of the library is missing");
  }
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | bindFlag(isolation));
  if (handle_ != nullptr) return;
  const char* error = dlerror();
  const std::string reason = error != nullptr ? error : "cannot load " + path;
  const bool missing = !isPath && reason.starts_with(path + ": cannot open");
  throw Failure::ours(missing ? "ERR_CRYPTOKI_MODULE_NOT_FOUND" : "ERR_CRYPTOKI_MODULE_LOAD", reason);
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
