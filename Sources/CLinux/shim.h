// What `import Glibc` lacks: Linux calls and macros. Without _GNU_SOURCE, which would give this
// module another `fd_set` than Glibc's; the calls it hides are declared here by hand.
#pragma once
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern long syscall(long, ...);

static inline int gatehouse_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) { return accept4(fd, address, length, flags); }
// sched_setaffinity(2) is 203 on x86_64 and 122 on arm64.
#if defined(__x86_64__)
static inline long gatehouse_sched_setaffinity(unsigned long mask) { return syscall(203, 0, sizeof mask, &mask); }
// recvfrom(2) and sendto(2) without glibc's bookkeeping for thread cancellation, which nobody uses here.
static inline long gatehouse_recv(int fd, void *bytes, size_t count, int flags) { return syscall(45, fd, bytes, count, flags, NULL, NULL); }
static inline long gatehouse_send(int fd, const void *bytes, size_t count, int flags) { return syscall(44, fd, bytes, count, flags, NULL, 0); }
#else
static inline long gatehouse_sched_setaffinity(unsigned long mask) { return syscall(122, 0, sizeof mask, &mask); }
static inline long gatehouse_recv(int fd, void *bytes, size_t count, int flags) { return syscall(207, fd, bytes, count, flags, NULL, NULL); }
static inline long gatehouse_send(int fd, const void *bytes, size_t count, int flags) { return syscall(206, fd, bytes, count, flags, NULL, 0); }
#endif

// Variadic in <sys/prctl.h>.
static inline int gatehouse_prctl(int option, unsigned long argument) { return prctl(option, argument, 0UL, 0UL, 0UL); }

// Of <sys/capability.h>: the system call, which glibc has without a prototype.
extern int capset(void *header, const void *data);
static inline int gatehouse_capset(uint32_t *header, const uint32_t *data) { return capset(header, data); }

// Of <spawn.h> since glibc 2.34.
extern int posix_spawn_file_actions_addclosefrom_np(void *actions, int from);
static inline int gatehouse_spawn_closefrom(void *actions, int from) { return posix_spawn_file_actions_addclosefrom_np(actions, from); }
