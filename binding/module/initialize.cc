#include "module/initialize.h"

#include <chrono>
#include <string>
#include <thread>

#include "module/attachment.h"
#include "module/module.h"
#include "module/signal_handlers.h"
#include "runtime/process_exit.h"

namespace cryptoki {
namespace {

// CK_C_INITIALIZE_ARGS plus one word: NSS reads its parameter string in the place of pReserved, and
// pReserved after it.
struct Arguments {
  CK_C_INITIALIZE_ARGS standard;
  void* more;
};

struct Context {
  Module& module;
  const InitializeOptions& options;
};

CK_RV initialize(void* opaque) {
  auto& [module, options] = *static_cast<Context*>(opaque);
  const auto call = [&module = module](Arguments* arguments) {
    return module.callUnlocked<&CK_FUNCTION_LIST_3_2::C_Initialize>(static_cast<void*>(arguments));
  };
  std::string parameters = options.libraryParameters.value_or("");
  Arguments arguments{};
  arguments.standard.flags = CKF_OS_LOCKING_OK;
  if (options.libraryParameters) arguments.standard.pReserved = parameters.data();
  CK_RV rv = call(&arguments);
  if (rv == CKR_OK) return rv;

  if (rv == CKR_CANT_LOCK) {
    module.require(Locking::All);
    arguments.standard.flags = 0;
    rv = call(&arguments);
  }
  if (rv == CKR_ARGUMENTS_BAD && !options.libraryParameters) {
    module.require(Locking::All);  // a null argument promises the module a single thread
    rv = call(nullptr);
  }
  return rv;
}

}  // namespace

CK_RV initializeModule(Module& module, const InitializeOptions& options) {
  module.require(options.locking);
  Context context{module, options};
  const SignalHandlers handlers;
  const CK_RV rv = process().initialise(module.entry(), &initialize, &context);
  if (options.restoresSignalHandlers) handlers.restore();
  if (rv != CKR_OK) return rv;
  if (options.skipsExitHandlers) skipExitHandlers();
  watchProcessExit();  // after the module has registered its exit handlers, so that ours run before
  CK_INFO info{};
  if (module.call<&CK_FUNCTION_LIST_3_2::C_GetInfo>(&info) == CKR_OK) module.learnQuirks(info);
  return CKR_OK;
}

CK_RV finaliseModule(Module& module) {
  return process().finalise(
      module.entry(),
      [](void* opaque) {
        auto& finalised = *static_cast<Module*>(opaque);
        finalised.slotEvents().forget();
        finalised.noteFinalisation();
        return finalised.callUnlocked<&CK_FUNCTION_LIST_3_2::C_Finalize>(static_cast<void*>(nullptr));
      },
      &module);
}

CK_RV finaliseModulePatiently(Module& module) {
  using std::chrono::milliseconds;
  CK_RV rv = finaliseModule(module);
  for (const auto pause : {milliseconds(10), milliseconds(100), milliseconds(500)}) {
    if (rv == CKR_OK) break;
    std::this_thread::sleep_for(pause);
    rv = finaliseModule(module);
  }
  return rv;
}

}  // namespace cryptoki
