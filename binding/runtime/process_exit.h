// The exit of the process. exit() runs the exit handlers of the modules (destructors of globals, libraries
// that they use), and a call that is still in a module then crashes: a program that ends with an uncaught
// exception would end with SIGSEGV instead of its own exit code. So the process waits up to one second for
// the calls. If some remain, it ends without the handlers that were registered before.
#pragma once

namespace cryptoki {

// Installs the wait. It runs before all exit handlers that are registered already, because the last
// registered runs first. Call it after each C_Initialize: a module may have registered handlers there.
void watchProcessExit();

// Sets one additional wait for the exit: `wait` returns true when its calls have ended.
void waitAtExit(bool (*wait)());

// The exit handlers registered earlier do not run at all: for modules whose handlers hang or abort.
void skipExitHandlers();

// Notes the exit code of the process, for systems whose C library does not pass it to exit handlers.
void noteExitCode(int code);

}  // namespace cryptoki
