/* OpenSSL's own floor: the server's side of TLS handshakes in memory, with no socket, no event loop
 * and no proxy. No server on this libssl makes one for less.
 *
 * C, like load.c: a measuring instrument outside the product.
 *
 *   floor --certificate bench.pem --tls 1.3 --kind full --tickets 1 --seconds 2
 *
 * Client and server take turns over two memory BIOs in one thread. Only the calls of the server's
 * SSL_do_handshake are timed (CLOCK_THREAD_CPUTIME_ID); "object" is timed apart: SSL_new with its
 * BIOs, and SSL_free, which a server has to pay as well. Every handshake is asked whether it was
 * resumed: one wrong answer ends the program. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    const char *certificate;
    int version;
    bool is_resumed;
    unsigned long tickets;
    double seconds, warmup;
} options = {.version = TLS1_3_VERSION, .tickets = 1, .seconds = 2, .warmup = 0.2};

static struct {
    uint64_t handshakes, resumed, calls, handshake_ns, object_ns;
} window;

static SSL_CTX *server_context, *client_context;
static SSL_SESSION *session; /* the newest ticket */
static char negotiated[100];

static void die(const char *what) {
    fprintf(stderr, "floor: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

static int keep_session(SSL *ssl, SSL_SESSION *fresh) {
    (void)ssl;
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

static SSL_CTX *make_context(const SSL_METHOD *method) {
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context || !SSL_CTX_set_min_proto_version(context, options.version) ||
        !SSL_CTX_set_max_proto_version(context, options.version) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") ||
        !SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES256-GCM-SHA384") ||
        /* TLS 1.2 wants the certificate's curve in the list as well; X25519 is the one used. */
        !SSL_CTX_set1_groups_list(context, "X25519:P-256"))
        die("this OpenSSL lacks X25519, AES-256-GCM or the version");
    return context;
}

static void make_contexts(void) {
    server_context = make_context(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(server_context, options.certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(server_context, options.certificate, SSL_FILETYPE_PEM) != 1)
        die(options.certificate);
    SSL_CTX_set_session_cache_mode(server_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(server_context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_num_tickets(server_context, options.tickets);
    if (options.tickets == 0) SSL_CTX_set_options(server_context, SSL_OP_NO_TICKET);

    client_context = make_context(TLS_client_method());
    SSL_CTX_set_verify(client_context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(client_context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client_context, keep_session);
}

/* One call; true when it has finished, false when it waits for the other side. */
static bool step(SSL *ssl) {
    int answer = SSL_do_handshake(ssl);
    if (answer == 1) return true;
    if (SSL_get_error(ssl, answer) != SSL_ERROR_WANT_READ) die("a handshake failed");
    return false;
}

static void attach(SSL *ssl, BIO *in, BIO *out) {
    BIO_up_ref(in);
    BIO_up_ref(out);
    SSL_set_bio(ssl, in, out);
}

static void one_handshake(bool offers_session) {
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    SSL *client = SSL_new(client_context);
    if (!to_server || !to_client || !client) die("memory");
    BIO_set_mem_eof_return(to_server, -1);
    BIO_set_mem_eof_return(to_client, -1);
    attach(client, to_client, to_server);
    SSL_set_tlsext_host_name(client, "bench.test");
    if (offers_session && session) SSL_set_session(client, session);
    SSL_set_connect_state(client);

    uint64_t begun = cpu_ns();
    SSL *server = SSL_new(server_context);
    if (!server) die("memory");
    attach(server, to_server, to_client);
    SSL_set_accept_state(server);
    window.object_ns += cpu_ns() - begun;

    for (bool client_done = false, server_done = false; !client_done || !server_done;) {
        if (!client_done) client_done = step(client);
        if (server_done) continue;
        begun = cpu_ns();
        server_done = step(server);
        window.handshake_ns += cpu_ns() - begun;
        window.calls++;
    }
    /* The client takes its tickets, which come after the handshake in TLS 1.3. */
    char byte;
    if (SSL_read(client, &byte, 1) > 0) die("bytes that nobody sent");

    window.handshakes++;
    if (SSL_session_reused(server)) window.resumed++;
    if (SSL_session_reused(server) != SSL_session_reused(client)) die("the two sides disagree");
    const char *group = OBJ_nid2sn((int)SSL_get_negotiated_group(server));
    if (!negotiated[0])
        snprintf(negotiated, sizeof negotiated, "%s %s %s", SSL_get_version(server),
                 SSL_get_cipher_name(server), group ? group : "?");

    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    begun = cpu_ns();
    SSL_free(server);
    window.object_ns += cpu_ns() - begun;
    SSL_free(client);
    BIO_free(to_server);
    BIO_free(to_client);
    ERR_clear_error();
}

static void run_for(double seconds) {
    memset(&window, 0, sizeof window);
    uint64_t end = read_clock(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    do one_handshake(options.is_resumed);
    while (read_clock(CLOCK_MONOTONIC) < end);
}

static void read_options(int argc, char **argv) {
    enum { CERTIFICATE, TLS, KIND, TICKETS, SECONDS, WARMUP };
    static const struct option names[] = {
        {"certificate", 1, 0, CERTIFICATE}, {"tls", 1, 0, TLS}, {"kind", 1, 0, KIND},
        {"tickets", 1, 0, TICKETS}, {"seconds", 1, 0, SECONDS}, {"warmup", 1, 0, WARMUP},
        {0, 0, 0, 0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case CERTIFICATE: options.certificate = optarg; break;
        case TLS:
            if (strcmp(optarg, "1.2") != 0 && strcmp(optarg, "1.3") != 0) die("--tls 1.2|1.3");
            options.version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
            break;
        case KIND:
            options.is_resumed = strcmp(optarg, "resumed") == 0;
            if (!options.is_resumed && strcmp(optarg, "full") != 0) die("--kind full|resumed");
            break;
        case TICKETS: options.tickets = strtoul(optarg, NULL, 10); break;
        case SECONDS: options.seconds = atof(optarg); break;
        case WARMUP: options.warmup = atof(optarg); break;
        default: exit(2);
        }
    }
    if (!options.certificate) die("--certificate FILE");
    if (options.is_resumed && options.tickets == 0) die("nothing to resume without tickets");
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    make_contexts();
    run_for(options.warmup); /* its first one is full, and the rest find their ticket there */
    run_for(options.seconds);
    uint64_t expected = options.is_resumed ? window.handshakes : 0;
    if (window.resumed != expected) die("a full handshake was resumed, or a resumed one was not");

    double count = (double)window.handshakes, us = (double)window.handshake_ns / 1000 / count;
    printf("{\"handshakes\":%llu,\"resumed\":%llu,\"calls\":%.2f,\"cpu_us_per_handshake\":%.3f,"
           "\"object_us\":%.3f,\"tls\":\"%s\"}\n",
           (unsigned long long)window.handshakes, (unsigned long long)window.resumed,
           (double)window.calls / count, us, (double)window.object_ns / 1000 / count, negotiated);
    return 0;
}
