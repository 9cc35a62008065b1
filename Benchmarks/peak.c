// Runs a program and writes what it took to a file: seconds, user and system seconds, its largest resident size in kB, and
// the largest part of it that no file backs (RssAnon, looked at each millisecond).
// The kernel's ru_maxrss counts what a process was before it became another program, so whoever starts the program has to be small
// himself: of Python's 16 MB the figures of nft and of us would never get rid.
//
// usage: peak FILE PROGRAM ARGUMENT...
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static long anonymous(pid_t process) {
  char path[64], line[256];
  long size = 0;
  snprintf(path, sizeof path, "/proc/%d/status", process);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "RssAnon: %ld", &size) == 1) break;
  fclose(file);
  return size;
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
  struct pollfd end = {.fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
  if (end.fd < 0) return 2;
  long most = 0;
  while (poll(&end, 1, 1) == 0) {
    long size = anonymous(child);
    if (size > most) most = size;
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) return 2;
  double took = now() - begun;
  FILE *file = fopen(arguments[1], "w");
  if (!file) return 2;
  fprintf(file, "%.6f %.6f %.6f %ld %ld\n", took, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, most);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
