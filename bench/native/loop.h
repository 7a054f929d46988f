// Operations in a loop, each on a thread of its own, for a time.
#pragma once

#include <memory>
#include <vector>

#include "operation.h"

struct Measured {
  unsigned long operations = 0;
  double seconds = 0;
  double cpu = 0;  // seconds of all threads, system time included
};

// The time from the moment at which all threads are ready until the last one has ended its last operation.
Measured runLoop(const std::vector<std::unique_ptr<Operation>>& operations, double seconds);
