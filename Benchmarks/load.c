/* The load: one thread, one epoll, OpenSSL, one version of TLS (X25519, AES-256-GCM).
 *
 * C, while the product is Swift: this is a measuring instrument outside the product. It has to
 * cost less than what it measures, be the same for every proxy, and share no code with any.
 *
 *   load --target 127.0.0.1:8443 --mode get --path /small --body 200 --connections 64 --seconds 5
 *
 * Modes:
 *   get      keep-alive GETs, one outstanding on each connection
 *   post     the same with an upload of --upload bytes
 *   connect  a new connection with a full handshake for each request; the client closes
 *   resume   the same with the session of the connection before it
 *   hold     --connections connections, one request on each, then silence until stdin ends
 *
 * With --no-request connect and resume only shake hands: with TLS 1.3 they wait for the server's
 * first ticket, which comes after it has checked their Finished; then they say that they close, and
 * are done when the server has closed as well. So a connection counted has cost the server all
 * that it will cost. A run of resume of which less than 99 % were resumed is an error, and a run of
 * connect of which one was.
 *
 * Every answer must be a 200 with exactly --body bytes that end in a newline; all else is an
 * error. Prints one line of JSON (hold: one when all are up, one at the end). CPU time is read
 * by this program, from /proc/PID/task/TID/schedstat of the processes named by --cpu-of, at the
 * very moments at which counting starts and ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { GET, POST, CONNECT, RESUME, HOLD };
static const char *mode_names[] = {"get", "post", "connect", "resume", "hold"};

/* Connections come from 127.0.0.2 ... 127.0.0.17, so that no address runs out of ports. */
enum { source_addresses = 16, head_limit = 8192, error_limit = 1000, handshakes_at_once = 64 };

static struct {
    enum mode mode;
    struct sockaddr_in target;
    const char *name, *path, *cpu_of;
    uint64_t body, upload;
    int connections;
    double seconds, warmup;
    uint64_t count;
    int version;
    bool no_request;
} options = {.name = "bench.test", .path = "/small", .body = 200, .connections = 64, .seconds = 5,
             .version = TLS1_3_VERSION};

/* closed -> handshaking -> writing -> reading -> writing (get, post), closed (connect, resume)
 *                                             -> held (hold)
 *                       -> awaiting a ticket -> ending -> closed (--no-request) */
enum phase { CLOSED, HANDSHAKING, WRITING, READING, HELD, AWAITING_TICKET, ENDING };

struct connection {
    enum phase phase;
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* the newest ticket; offered in mode resume */
    uint64_t started;     /* ns: the connect (connect, resume) or the request's first byte */
    uint64_t sent, received;
    int head_length;
    bool head_done, last, has_ticket;
    char head[head_limit];
};

/* ---- what is counted ---- */

enum { sub_buckets = 128, sub_bits = 7, bucket_count = 64 * sub_buckets };

static struct {
    bool running;
    uint64_t started, requests, handshakes, resumed, reconnects, cpu_started;
    uint64_t latency[bucket_count];
} window;
static uint64_t errors, completed, dropped;
static int held, opened;
static char first_error[200], negotiated[100];

static SSL_CTX *context;
static int poll_set;
static char *request;
static uint64_t request_length;
static struct connection *connections;
static char scratch[256 << 10];

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Latencies in buckets of under 1 %: the top 8 bits of the nanoseconds. */
static unsigned bucket(uint64_t v) {
    if (v < sub_buckets) return (unsigned)v;
    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    unsigned within = (unsigned)(v >> (top - sub_bits)) & (sub_buckets - 1);
    return (top - sub_bits + 1) * sub_buckets + within;
}

static double bucket_middle(unsigned b) {
    if (b < sub_buckets) return b;
    unsigned shift = b / sub_buckets - 1;
    return ((double)(sub_buckets + b % sub_buckets) + 0.5) * (double)(1ull << shift);
}

static double percentile_us(double share) {
    uint64_t total = 0, seen = 0;
    for (unsigned b = 0; b < bucket_count; b++) total += window.latency[b];
    for (unsigned b = 0; b < bucket_count; b++)
        if ((seen += window.latency[b]) > 0 && (double)seen >= share * (double)total)
            return bucket_middle(b) / 1000;
    return 0;
}

/* /proc/PID/schedstat tells of the first thread alone, so every thread is asked. */
static uint64_t cpu_ns(void) {
    uint64_t sum = 0;
    char list[512], path[600];
    if (!options.cpu_of) return 0;
    snprintf(list, sizeof list, "%s", options.cpu_of);
    for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ",")) {
        snprintf(path, sizeof path, "/proc/%s/task", pid);
        DIR *tasks = opendir(path);
        if (!tasks) continue;
        for (struct dirent *task; (task = readdir(tasks));) {
            if (task->d_name[0] == '.') continue;
            snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, task->d_name);
            FILE *file = fopen(path, "r");
            unsigned long long ns = 0;
            if (!file) continue;
            if (fscanf(file, "%llu", &ns) == 1) sum += ns;
            fclose(file);
        }
        closedir(tasks);
    }
    return sum;
}

/* ---- one connection ---- */

static void drive(struct connection *c);

static void close_connection(struct connection *c, bool politely) {
    if (c->ssl) {
        if (politely) SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        c->ssl = NULL;
        ERR_clear_error();
    }
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->phase = CLOSED;
}

static void fail(struct connection *c, const char *why, ...) {
    if (errors++ == 0) {
        va_list list;
        va_start(list, why);
        vsnprintf(first_error, sizeof first_error, why, list);
        va_end(list);
        for (char *p = first_error; *p; p++)
            if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ') *p = '?';
    }
    close_connection(c, false);
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct connection *c = SSL_get_app_data(ssl);
    c->has_ticket = true;
    if (options.mode != RESUME) return 0;
    if (c->session) SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

/* False when the attempt failed at once; the caller's loop tries again. */
static bool open_connection(struct connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    static unsigned turn;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % source_addresses);
    if (bind(c->fd, (struct sockaddr *)&source, sizeof source) < 0) die("bind");

    c->started = now();
    if (connect(c->fd, (struct sockaddr *)&options.target, sizeof options.target) < 0 &&
        errno != EINPROGRESS) {
        fail(c, "connect: %s", strerror(errno));
        return false;
    }
    c->ssl = SSL_new(context);
    SSL_set_app_data(c->ssl, c);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_tlsext_host_name(c->ssl, options.name);
    if (options.mode == RESUME && c->session) SSL_set_session(c->ssl, c->session);
    SSL_set_connect_state(c->ssl);
    c->phase = HANDSHAKING;
    c->has_ticket = false;
    c->sent = c->received = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(poll_set, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
    return true;
}

static void begin_request(struct connection *c) {
    if (options.mode != CONNECT && options.mode != RESUME) c->started = now();
    c->phase = WRITING;
    c->sent = c->received = 0;
    c->head_length = 0;
    c->head_done = c->last = false;
}

/* True when the call may go on, false when it must wait or has failed. */
static bool answer(struct connection *c, int result, const char *doing) {
    if (result > 0) return true;
    int saved = errno, error = SSL_get_error(c->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    if (c->phase == HELD) {
        dropped++;
        held--;
        close_connection(c, false);
        return false;
    }
    unsigned long code = ERR_peek_error();
    const char *reason = error == SSL_ERROR_ZERO_RETURN ? "closed by the peer"
                         : code ? ERR_reason_error_string(code) : strerror(saved);
    fail(c, "%s after %llu sent, %llu of the body received: %s", doing,
         (unsigned long long)c->sent, (unsigned long long)c->received, reason ? reason : "unknown");
    return false;
}

static void note_handshake(struct connection *c) {
    window.handshakes++;
    if (SSL_session_reused(c->ssl)) window.resumed++;
    if (negotiated[0]) return;
    const char *group = OBJ_nid2sn((int)SSL_get_negotiated_group(c->ssl));
    snprintf(negotiated, sizeof negotiated, "%s %s %s", SSL_get_version(c->ssl),
             SSL_get_cipher_name(c->ssl), group ? group : "?");
}

/* Checks a whole head; what is wrong with it, or NULL. */
static const char *check_head(struct connection *c, int length) {
    static char wrong[100];
    if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
        snprintf(wrong, sizeof wrong, "status: %.40s", c->head);
        return wrong;
    }
    bool has_length = false;
    for (char *line = c->head; (line = memchr(line, '\n', (size_t)(c->head + length - line)));) {
        line++;
        if (strncasecmp(line, "content-length:", 15) == 0) {
            has_length = true;
            if (strtoull(line + 15, NULL, 10) != options.body) return "unexpected Content-Length";
        } else if (strncasecmp(line, "connection: close", 17) == 0) {
            c->last = true;
        }
    }
    return has_length ? NULL : "no Content-Length";
}

static void complete(struct connection *c) {
    completed++;
    if (window.running) {
        window.requests++;
        window.latency[bucket(now() - c->started)]++;
    }
    switch (options.mode) {
    case GET:
    case POST:
        if (!c->last) return begin_request(c);
        window.reconnects++;
        return close_connection(c, true);
    case CONNECT:
    case RESUME: return close_connection(c, !options.no_request); /* has said so already */
    case HOLD:
        if (c->last) return fail(c, "the peer keeps no connection alive");
        c->phase = HELD;
        held++;
        return;
    }
}

/* Takes what was read as more of the head or the body; false when it was wrong. */
static bool take(struct connection *c, const char *bytes, int length) {
    if (!c->head_done) {
        int room = head_limit - 1 - c->head_length, part = length < room ? length : room;
        int before = c->head_length;
        memcpy(c->head + before, bytes, (size_t)part);
        c->head_length += part;
        c->head[c->head_length] = 0;
        char *end = strstr(c->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
        if (!end) {
            if (c->head_length == head_limit - 1) return fail(c, "head too long"), false;
            return true;
        }
        int head = (int)(end + 4 - c->head);
        const char *wrong = check_head(c, head);
        if (wrong) return fail(c, "%s", wrong), false;
        c->head_done = true;
        bytes += head - before;
        length -= head - before;
    }
    c->received += (uint64_t)length;
    if (c->received > options.body) return fail(c, "more than the body"), false;
    if (c->received == options.body && length > 0 && bytes[length - 1] != '\n')
        return fail(c, "the body is not what was sent"), false;
    return true;
}

/* Without a request: says that we close, once the server has shaken hands to the end. In one segment
 * with the FIN (cork): else it is a matter of luck which side closes first, and so who pays for it. */
static void begin_ending(struct connection *c) {
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &one, sizeof one);
    SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_WR);
    c->phase = ENDING;
}

/* False while the server has not closed. It may reset what it did not read to the end. */
static bool has_ended(struct connection *c) {
    ssize_t n;
    while ((n = recv(c->fd, scratch, sizeof scratch, 0)) > 0) continue;
    return n == 0 || errno == ECONNRESET;
}

/* Goes on until the socket would block: edge-triggered. */
static void drive(struct connection *c) {
    for (;;) {
        ERR_clear_error();
        switch (c->phase) {
        case CLOSED: return;
        case HANDSHAKING:
            if (!answer(c, SSL_do_handshake(c->ssl), "handshake")) return;
            note_handshake(c);
            if (!options.no_request) begin_request(c);
            else if (options.version == TLS1_3_VERSION) c->phase = AWAITING_TICKET;
            else begin_ending(c);
            break;
        case AWAITING_TICKET: {
            int n = SSL_read(c->ssl, scratch, sizeof scratch);
            if (n > 0) return fail(c, "bytes that nobody asked for");
            bool goes_on = answer(c, n, "await a ticket");
            if (c->phase == CLOSED || (!goes_on && !c->has_ticket)) return;
            begin_ending(c);
            break;
        }
        case ENDING:
            if (!has_ended(c)) return;
            complete(c);
            return;
        case WRITING: {
            int n = SSL_write(c->ssl, request + c->sent, (int)(request_length - c->sent));
            if (!answer(c, n, "write")) return;
            c->sent += (uint64_t)n;
            if (c->sent == request_length) c->phase = READING;
            break;
        }
        case READING:
        case HELD: {
            int n = SSL_read(c->ssl, scratch, sizeof scratch);
            if (!answer(c, n, "read")) return;
            if (c->phase == HELD) return fail(c, "bytes that nobody asked for");
            if (!take(c, scratch, n)) return;
            if (c->head_done && c->received == options.body) complete(c);
            break;
        }
        }
    }
}

/* ---- the run ---- */

static void start_window(void) {
    memset(&window, 0, sizeof window);
    window.running = true;
    window.cpu_started = cpu_ns();
    window.started = now();
}

static double load_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_result(double load_cpu) {
    double seconds = (double)(now() - window.started) / 1e9;
    double cpu = (double)(cpu_ns() - window.cpu_started) / 1000;
    double requests = window.requests ? (double)window.requests : 1;
    printf("{\"mode\":\"%s\",\"seconds\":%.3f,\"requests\":%llu,\"errors\":%llu,\"rps\":%.1f,"
           "\"cpu_us\":%.0f,\"cpu_us_per_request\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"handshakes\":%llu,\"resumed\":%llu,\"reconnects\":%llu,\"load_cpu_share\":%.3f,"
           "\"held\":%d,\"dropped\":%llu,\"tls\":\"%s\",\"first_error\":\"%s\"}\n",
           mode_names[options.mode], seconds, (unsigned long long)window.requests,
           (unsigned long long)errors, (double)window.requests / seconds, cpu, cpu / requests,
           percentile_us(0.50), percentile_us(0.99), (unsigned long long)window.handshakes,
           (unsigned long long)window.resumed, (unsigned long long)window.reconnects,
           (load_cpu_seconds() - load_cpu) / seconds, held, (unsigned long long)dropped, negotiated,
           first_error);
    fflush(stdout);
}

static void open_what_is_due(void) {
    bool holding = options.mode == HOLD;
    for (int i = 0; i < options.connections; i++) {
        if (holding && (opened == options.connections || opened - held >= handshakes_at_once))
            return;
        struct connection *c = &connections[holding ? opened : i];
        if (c->phase != CLOSED) continue;
        if (holding) opened++;
        if (!open_connection(c) && errors > error_limit) return;
    }
}

static void poll_once(int timeout_ms, bool *stdin_ended) {
    struct epoll_event events[512];
    int count = epoll_wait(poll_set, events, 512, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr) drive(events[i].data.ptr);
        else if (read(0, scratch, sizeof scratch) <= 0) *stdin_ended = true;
    }
}

/* What the sessions say of the whole run: it measured what it was asked to measure, or failed. */
static void check_resumption(void) {
    bool is_full = options.mode == CONNECT;
    if (is_full ? window.resumed == 0 : window.resumed * 100 >= window.handshakes * 99) return;
    if (errors++ == 0)
        snprintf(first_error, sizeof first_error, "%llu of %llu handshakes were resumed",
                 (unsigned long long)window.resumed, (unsigned long long)window.handshakes);
}

/* A request that has waited for two seconds when the run ends is an error too. */
static void count_stalled(void) {
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &connections[i];
        if (c->phase != CLOSED && c->phase != HELD && now() - c->started > 2000000000u)
            fail(c, "no answer within two seconds");
    }
}

static void run_requests(void) {
    uint64_t warm = now() + (uint64_t)(options.warmup * 1e9), end = 0;
    double load_cpu = 0;
    bool ignored = false;
    while (errors < error_limit) {
        uint64_t time = now();
        if (!window.running && time >= warm) {
            start_window();
            load_cpu = load_cpu_seconds();
            end = window.started + (uint64_t)(options.seconds * 1e9);
        }
        if (window.running && time >= end) break;
        if (window.running && options.count && window.requests >= options.count) break;
        open_what_is_due();
        poll_once(20, &ignored);
    }
    if (!window.running) start_window();
    count_stalled();
    if (options.mode == CONNECT || options.mode == RESUME) check_resumption();
    print_result(load_cpu);
}

static void run_hold(void) {
    bool stdin_ended = false;
    uint64_t deadline = now() + (uint64_t)(options.seconds * 1e9);
    start_window();
    while (held < options.connections && errors < 1 && now() < deadline && !stdin_ended) {
        open_what_is_due();
        poll_once(20, &stdin_ended);
    }
    if (held < options.connections && errors == 0) {
        snprintf(first_error, sizeof first_error, "only %d connections within the time", held);
        errors++;
    }
    print_result(0);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(poll_set, EPOLL_CTL_ADD, 0, &event) < 0) return; /* a file: nothing to wait for */
    while (!stdin_ended) poll_once(-1, &stdin_ended);
    print_result(0);
}

static void prepare(void) {
    context = SSL_CTX_new(TLS_client_method());
    bool is_new = options.version == TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
    /* TLS 1.2 wants the certificate's curve in the list as well; X25519 is the one used. */
    if (SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES256-GCM-SHA384") != 1 ||
        SSL_CTX_set1_groups_list(context, is_new ? "X25519" : "X25519:P-256") != 1)
        die("this OpenSSL lacks AES-256-GCM or X25519");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    /* Many records per receive: the load should be as light as it can be. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, options.body > 100000 ? 128 << 10 : 20 << 10);
    long mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
    if (options.mode == HOLD) mode |= SSL_MODE_RELEASE_BUFFERS;
    SSL_CTX_set_mode(context, mode);
    if (options.mode == RESUME || options.no_request) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    } else {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }

    char head[1024];
    bool post = options.mode == POST;
    int length = snprintf(head, sizeof head,
                          "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load/1\r\nAccept: */*\r\n",
                          post ? "POST" : "GET", options.path, options.name);
    if (post)
        length += snprintf(head + length, sizeof head - (size_t)length,
                           "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n",
                           (unsigned long long)options.upload);
    length += snprintf(head + length, sizeof head - (size_t)length, "\r\n");
    request_length = (uint64_t)length + (post ? options.upload : 0);
    request = malloc(request_length);
    connections = calloc((size_t)options.connections, sizeof *connections);
    if (!request || !connections) die("memory");
    memset(request, 'u', request_length);
    memcpy(request, head, (size_t)length);
    for (int i = 0; i < options.connections; i++) connections[i].fd = -1;
}

static void read_options(int argc, char **argv) {
    enum { TARGET, NAME, MODE, PATH, BODY, UPLOAD, CONNECTIONS, SECONDS, WARMUP, COUNT, CPU_OF,
           TLS, NO_REQUEST };
    static const struct option names[] = {
        {"target", 1, 0, TARGET}, {"name", 1, 0, NAME},       {"mode", 1, 0, MODE},
        {"path", 1, 0, PATH},     {"body", 1, 0, BODY},       {"upload", 1, 0, UPLOAD},
        {"connections", 1, 0, CONNECTIONS}, {"seconds", 1, 0, SECONDS}, {"warmup", 1, 0, WARMUP},
        {"count", 1, 0, COUNT},   {"cpu-of", 1, 0, CPU_OF},   {"tls", 1, 0, TLS},
        {"no-request", 0, 0, NO_REQUEST}, {0, 0, 0, 0}};
    errno = EINVAL;
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case TARGET: {
            char *colon = strrchr(optarg, ':');
            if (!colon) die("--target ADDRESS:PORT");
            *colon = 0;
            options.target.sin_family = AF_INET;
            options.target.sin_port = htons((uint16_t)atoi(colon + 1));
            if (inet_pton(AF_INET, optarg, &options.target.sin_addr) != 1) die(optarg);
            /* An instrument that is never pointed at anyone else. */
            if (ntohl(options.target.sin_addr.s_addr) >> 24 != 127) die("only loopback is loaded");
            break;
        }
        case MODE: {
            int mode = GET;
            while (mode <= HOLD && strcmp(mode_names[mode], optarg) != 0) mode++;
            if (mode > HOLD) die("--mode get|post|connect|resume|hold");
            options.mode = (enum mode)mode;
            break;
        }
        case NAME: options.name = optarg; break;
        case PATH: options.path = optarg; break;
        case BODY: options.body = strtoull(optarg, NULL, 10); break;
        case UPLOAD: options.upload = strtoull(optarg, NULL, 10); break;
        case CONNECTIONS: options.connections = atoi(optarg); break;
        case SECONDS: options.seconds = atof(optarg); break;
        case WARMUP: options.warmup = atof(optarg); break;
        case COUNT: options.count = strtoull(optarg, NULL, 10); break;
        case CPU_OF: options.cpu_of = optarg; break;
        case TLS:
            if (strcmp(optarg, "1.2") != 0 && strcmp(optarg, "1.3") != 0) die("--tls 1.2|1.3");
            options.version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
            break;
        case NO_REQUEST: options.no_request = true; break;
        default: exit(2);
        }
    }
    if (!options.target.sin_port || options.connections < 1) die("--target and --connections");
    if (options.no_request && options.mode != CONNECT && options.mode != RESUME)
        die("--no-request is for connect and resume");
    if (strlen(options.path) + strlen(options.name) > 700) die("--path or --name too long");
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    prepare();
    poll_set = epoll_create1(EPOLL_CLOEXEC);
    if (poll_set < 0) die("epoll_create1");
    if (options.mode == HOLD) run_hold();
    else run_requests();
    return errors || dropped ? 1 : 0;
}
