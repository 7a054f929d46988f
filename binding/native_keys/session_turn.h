// The turn on a session that others use as well.
#pragma once

#include <chrono>
#include <memory>

#include "module/session.h"

namespace cryptoki {

// Waits until the queue of the session comes to the calling thread, which then has the session until
// queue().leave(). False at the deadline. The jobs before it run on native threads and never wait for
// JavaScript, so the JavaScript thread may wait here.
bool waitForTurn(const Session& session, std::chrono::steady_clock::time_point deadline);

}  // namespace cryptoki
