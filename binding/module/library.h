// A vendor's shared library: dlopen or LoadLibrary.
#pragma once

#include <string>

namespace cryptoki {

// The OpenSSL that the vendor's library binds to. Node exports its own; a library built for another version
// can crash with it.
enum class SymbolBinding {
  Auto,      // DeepBind if the C library has it and malloc is not replaced, otherwise None
  DeepBind,  // the library's own dependencies first (glibc's RTLD_DEEPBIND)
  None,      // libraries that the process has already loaded first
};

class Library {
 public:
  // Throws Failure: ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD.
  Library(const std::string& path, SymbolBinding symbolBinding);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Library(Library&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Library& operator=(Library&&) = delete;
  ~Library();

  // The same handle for every load of the same file in a process.
  void* handle() const { return handle_; }

  void* symbol(const char* name) const;

  // Leaves the library in memory for the rest of the process.
  void keep() noexcept { handle_ = nullptr; }

 private:
  void* handle_ = nullptr;
};

// Returns true when two functions come from the same shared library. The loader may find a missing symbol in
// a dependency, which is then another PKCS#11 module.
bool sameLibrary(const void* one, const void* other);

}  // namespace cryptoki
