// Waits for a session that is shared with other users.
#pragma once

#include <chrono>
#include <memory>

#include "module/session.h"

namespace cryptoki {

// Waits until the calling thread holds the session; queue().leave() gives it back. Returns false at the
// deadline. The jobs in the queue run on native threads and never wait for JavaScript, so the JavaScript
// thread may wait here.
bool waitForSession(const Session& session, std::chrono::steady_clock::time_point deadline);

}  // namespace cryptoki
