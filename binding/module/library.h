// A vendor's shared library: dlopen or LoadLibrary.
#pragma once

#include <string>

namespace cryptoki {

// Whose OpenSSL the vendor's library finds. Node exports its own; a library made for another one can crash on
// it.
enum class Isolation {
  Auto,      // DeepBind where the C library has it and malloc is not replaced, else None
  DeepBind,  // the library's own dependencies first (glibc's RTLD_DEEPBIND)
  None,      // what the process has loaded already first
};

class Library {
 public:
  // Throws Failure: ERR_CRYPTOKI_MODULE_NOT_FOUND, ERR_CRYPTOKI_MODULE_LOAD.
  Library(const std::string& path, Isolation isolation);
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Library(Library&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Library& operator=(Library&&) = delete;
  ~Library();

  // The same for every load of the same file in a process.
  void* handle() const { return handle_; }

  void* symbol(const char* name) const;

  // Leaves the library in memory for the rest of the process.
  void keep() noexcept { handle_ = nullptr; }

 private:
  void* handle_ = nullptr;
};

// Whether two functions come from the same shared library. A symbol that a library lacks may be found in one
// of its dependencies, which is another PKCS#11 module then.
bool sameLibrary(const void* one, const void* other);

}  // namespace cryptoki
