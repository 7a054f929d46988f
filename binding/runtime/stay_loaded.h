#pragma once

namespace cryptoki {

// Keeps this library in memory until the process ends. Node unloads an addon when the last thread that has
// loaded it ends, while the threads of the pool still run its code. On Linux the linker option -z nodelete
// has this effect.
void stayLoaded() noexcept;

}  // namespace cryptoki
