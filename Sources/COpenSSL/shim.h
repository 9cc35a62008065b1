// OpenSSL, and one line for each of its macros that Swift cannot import.
#pragma once
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static inline long gatehouse_SSL_CTX_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline long gatehouse_SSL_CTX_set_session_cache_mode(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline int gatehouse_SSL_CTX_set_min_proto_version(SSL_CTX *c, int v) { return (int)SSL_CTX_set_min_proto_version(c, v); }
static inline int gatehouse_SSL_CTX_set1_groups_list(SSL_CTX *c, const char *g) { return (int)SSL_CTX_set1_groups_list(c, g); }
static inline int gatehouse_SSL_CTX_set_tlsext_ticket_keys(SSL_CTX *c, void *k, long n) { return (int)SSL_CTX_set_tlsext_ticket_keys(c, k, n); }
static inline int gatehouse_SSL_CTX_add0_chain_cert(SSL_CTX *c, X509 *x) { return (int)SSL_CTX_add0_chain_cert(c, x); }
static inline long gatehouse_SSL_set_tlsext_host_name(SSL *s, const char *n) { return SSL_set_tlsext_host_name(s, n); }
