// Checks that a forked child refuses calls. V8 cannot run in a forked child (its heap is not inherited), so
// this test does not use it.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "module/process.h"

int main() {
  cryptoki::process();  // as in the addon when it is loaded
  if (cryptoki::isForked()) return 1;
  const pid_t child = fork();
  if (child == 0) _exit(cryptoki::isForked() ? 0 : 2);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 || cryptoki::isForked()) return 3;
  std::puts("the child knows");
  return 0;
}
