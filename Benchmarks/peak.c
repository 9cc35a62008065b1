// Runs a program and writes what it took to a file: seconds, user and system seconds, peak memory in kB. The kernel's
// ru_maxrss counts what a process was before it became another program, so whoever starts the program has to be small
// himself: of Python's 16 MB the figures of nft and of us would never get rid.
//
// usage: peak FILE PROGRAM ARGUMENT...
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  double begun = now();
  pid_t child = fork();
  if (child < 0) return 2;
  if (child == 0) {
    execvp(arguments[2], arguments + 2);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) return 2;
  double took = now() - begun;
  FILE *file = fopen(arguments[1], "w");
  if (!file) return 2;
  fprintf(file, "%.6f %.6f %.6f %ld\n", took, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
