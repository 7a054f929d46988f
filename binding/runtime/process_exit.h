// The end of the process. exit() runs the exit handlers of the modules (destructors of their globals,
// libraries that they use), and calls that are still in a module then crash: a program that ends with an
// uncaught exception would end with SIGSEGV instead of its own code. So the process waits for the calls, a
// second at most; when some remain, it ends without the handlers that were registered before.
#pragma once

namespace cryptoki {

// From now on, before exit handlers that are registered already run. Called after each C_Initialize: a module
// may have registered handlers in it, and those registered last run first.
void watchProcessExit();

// Waits for something else, too, at the end: `wait` returns whether it has ended.
void waitAtExit(bool (*wait)());

// Those handlers do not run at all: for modules whose handlers hang or abort.
void skipExitHandlers();

// What the process will end with, where the C library does not tell.
void noteExitCode(int code);

}  // namespace cryptoki
