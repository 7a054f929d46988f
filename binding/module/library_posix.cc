#ifndef _WIN32

#include <dlfcn.h>
#include <sys/stat.h>

#include "error.h"
#include "module/library.h"

namespace cryptoki {
namespace {

#if defined(RTLD_DEEPBIND) && !defined(CRYPTOKI_SANITIZED)
// A replaced malloc (LD_PRELOAD=libjemalloc...) and RTLD_DEEPBIND do not go together: memory that libc allocated with
// the one would be freed with the other.
bool mallocIsReplaced() {
  Dl_info malloc{};
  Dl_info libc{};
  return dladdr(dlsym(RTLD_DEFAULT, "malloc"), &malloc) != 0 &&
         dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &libc) != 0 && malloc.dli_fbase != libc.dli_fbase;
}

int bindFlag(Isolation isolation) {
  const bool deep = isolation == Isolation::DeepBind || (isolation == Isolation::Auto && !mallocIsReplaced());
  return deep ? RTLD_DEEPBIND : 0;
}
#else
int bindFlag(Isolation /*isolation*/) { return 0; }
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
