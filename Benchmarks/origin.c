/* A server to stand behind the proxies: HTTP/1.1 keep-alive, one thread, one epoll, next to no
 * CPU. C because it is a measuring instrument outside the product, like load.c.
 *
 *   origin PORT        GET /small (200 bytes), /16k, /1m; POST /upload (any length) -> 3 bytes
 *
 * Answers are built once and sent from the same memory; uploads are dropped inside the kernel
 * (MSG_TRUNC copies nothing). Understands what a proxy sends and refuses the rest with 501:
 * no chunked bodies.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { head_limit = 8192, descriptor_limit = 65536 };

struct answer {
    const char *start_of_request; /* up to and with the space after the path */
    uint64_t body;
    char *bytes;
    size_t length;
};

static struct answer answers[] = {
    {"GET /small ", 200, 0, 0},
    {"GET /16k ", 16 << 10, 0, 0},
    {"GET /1m ", 1 << 20, 0, 0},
    {"POST /upload ", 3, 0, 0},
};
static struct answer refusal = {"", 0, 0, 0};

/* reading a head -> dropping a body -> answering -> reading a head */
struct connection {
    uint64_t body_left;
    const struct answer *answer; /* owed once the body has come; NULL while reading a head */
    size_t sent, length;
    char head[head_limit];
};

static struct connection *connections[descriptor_limit];

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void build(struct answer *a, const char *status) {
    a->bytes = malloc(a->body + 256);
    if (!a->bytes) die("memory");
    a->length = (size_t)sprintf(a->bytes,
                                "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                                "Cache-Control: no-store\r\nContent-Length: %llu\r\n\r\n",
                                status, (unsigned long long)a->body);
    for (uint64_t i = 0; i < a->body; i++)
        a->bytes[a->length++] = i % 64 == 63 || i + 1 == a->body ? '\n' : (char)('a' + i % 26);
}

static void forget(int fd) {
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

/* Takes one head off the buffer, when it is whole. */
static void take_head(struct connection *c) {
    char *end = memmem(c->head, c->length, "\r\n\r\n", 4);
    if (!end) return;
    uint64_t body = 0;
    c->answer = &refusal;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (strncmp(c->head, answers[i].start_of_request, strlen(answers[i].start_of_request)) == 0)
            c->answer = &answers[i];
    for (char *line = c->head; (line = memchr(line, '\n', (size_t)(end - line)));) {
        line++;
        if (strncasecmp(line, "content-length:", 15) == 0) body = strtoull(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) c->answer = &refusal;
    }
    size_t used = (size_t)(end + 4 - c->head), rest = c->length - used;
    size_t with_head = rest < body ? rest : (size_t)body;
    c->body_left = body - with_head;
    c->length = rest - with_head;
    memmove(c->head, c->head + used + with_head, c->length);
}

/* Goes on until the socket would block; false when the connection is over. */
static bool drive(int fd, struct connection *c) {
    for (;;) {
        ssize_t n;
        if (!c->answer) {
            take_head(c);
            if (c->answer) continue;
            if (c->length == head_limit) return false;
            n = recv(fd, c->head + c->length, head_limit - c->length, 0);
            if (n > 0) c->length += (size_t)n;
        } else if (c->body_left) {
            n = recv(fd, NULL, c->body_left < 1 << 20 ? c->body_left : 1 << 20, MSG_TRUNC);
            if (n > 0) c->body_left -= (uint64_t)n;
        } else {
            n = send(fd, c->answer->bytes + c->sent, c->answer->length - c->sent, MSG_NOSIGNAL);
            if (n > 0) c->sent += (size_t)n;
            if (c->sent == c->answer->length) {
                if (c->answer == &refusal) return false;
                c->answer = NULL;
                c->sent = 0;
                if (c->length == 0) return true; /* the next head is an event of its own */
            }
        }
        if (n == 0) return false;
        if (n < 0) return errno == EAGAIN || errno == EINTR;
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: origin PORT\n"), 2;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) build(&answers[i], "200 OK");
    build(&refusal, "501 Not Implemented");

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    int set = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 4096) < 0) die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll_ctl");

    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(set, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                if (connections[fd] && !drive(fd, connections[fd])) forget(fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                if (fd < descriptor_limit) connections[fd] = calloc(1, sizeof **connections);
                if (fd >= descriptor_limit || !connections[fd]) {
                    close(fd);
                    continue;
                }
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
                event.data.fd = fd;
                if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0) forget(fd);
            }
        }
    }
}
