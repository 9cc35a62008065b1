// OpenSSL, and one line for each of its macros that Swift cannot import.
#pragma once
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ct.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/params.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static inline long gatehouse_SSL_CTX_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline long gatehouse_SSL_set_mode(SSL *s, long m) { return SSL_set_mode(s, m); }
static inline long gatehouse_SSL_clear_mode(SSL *s, long m) { return SSL_clear_mode(s, m); }
static inline long gatehouse_SSL_CTX_set_session_cache_mode(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline int gatehouse_SSL_CTX_set_min_proto_version(SSL_CTX *c, int v) { return (int)SSL_CTX_set_min_proto_version(c, v); }
static inline int gatehouse_SSL_CTX_set1_groups_list(SSL_CTX *c, const char *g) { return (int)SSL_CTX_set1_groups_list(c, g); }
static inline int gatehouse_SSL_set1_verify_cert_store(SSL *s, X509_STORE *t) { return (int)SSL_set1_verify_cert_store(s, t); }
static inline int gatehouse_SSL_set1_sigalgs_list(SSL *s, const char *l) { return (int)SSL_set1_sigalgs_list(s, l); }
static inline STACK_OF(X509_NAME) *gatehouse_sk_X509_NAME_new_null(void) { return sk_X509_NAME_new_null(); }
static inline int gatehouse_sk_X509_NAME_push(STACK_OF(X509_NAME) *n, X509_NAME *x) { return sk_X509_NAME_push(n, x); }
static inline void gatehouse_sk_X509_NAME_pop_free(STACK_OF(X509_NAME) *n) { sk_X509_NAME_pop_free(n, X509_NAME_free); }
static inline int gatehouse_SSL_CTX_add1_chain_cert(SSL_CTX *c, X509 *x) { return (int)SSL_CTX_add1_chain_cert(c, x); }
static inline long gatehouse_SSL_set_tlsext_host_name(SSL *s, const char *n) { return SSL_set_tlsext_host_name(s, n); }

static const uint64_t gatehouse_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t gatehouse_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t gatehouse_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t gatehouse_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;
static const uint64_t gatehouse_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static inline int gatehouse_SSL_CTX_clear_chain_certs(SSL_CTX *c) { return (int)SSL_CTX_clear_chain_certs(c); }
static inline int gatehouse_sk_GENERAL_NAME_num(const GENERAL_NAMES *n) { return sk_GENERAL_NAME_num(n); }
static inline GENERAL_NAME *gatehouse_sk_GENERAL_NAME_value(const GENERAL_NAMES *n, int i) { return sk_GENERAL_NAME_value(n, i); }
static inline const ASN1_IA5STRING *gatehouse_GENERAL_NAME_dns(const GENERAL_NAME *n) { return n->type == GEN_DNS ? n->d.dNSName : NULL; }
static inline const ASN1_STRING *gatehouse_GENERAL_NAME_mail(const GENERAL_NAME *n) { return n->type == GEN_EMAIL ? n->d.rfc822Name : NULL; }
static inline const ASN1_STRING *gatehouse_GENERAL_NAME_uri(const GENERAL_NAME *n) { return n->type == GEN_URI ? n->d.uniformResourceIdentifier : NULL; }
static inline const ASN1_OCTET_STRING *gatehouse_GENERAL_NAME_ip(const GENERAL_NAME *n) { return n->type == GEN_IPADD ? n->d.iPAddress : NULL; }
static inline EVP_PKEY *gatehouse_EVP_RSA_gen(size_t b) { return EVP_RSA_gen(b); }
static inline EVP_PKEY *gatehouse_EVP_EC_gen(const char *c) { return EVP_EC_gen(c); }
static const unsigned long gatehouse_XN_FLAG_RFC2253 = XN_FLAG_RFC2253;
static const unsigned long gatehouse_ASN1_STRFLGS_ESC_MSB = ASN1_STRFLGS_ESC_MSB;
static inline int gatehouse_SSL_CTX_set1_sigalgs_list(SSL_CTX *c, const char *s) { return (int)SSL_CTX_set1_sigalgs_list(c, s); }
static inline STACK_OF(X509) *gatehouse_sk_X509_new_null(void) { return sk_X509_new_null(); }
static inline int gatehouse_sk_X509_push(STACK_OF(X509) *s, X509 *x) { return sk_X509_push(s, x); }
static inline int gatehouse_sk_X509_num(const STACK_OF(X509) *s) { return sk_X509_num(s); }
static inline X509 *gatehouse_sk_X509_value(const STACK_OF(X509) *s, int i) { return sk_X509_value(s, i); }
static inline void gatehouse_sk_X509_free(STACK_OF(X509) *s) { sk_X509_free(s); }
static inline int gatehouse_sk_SCT_num(const STACK_OF(SCT) *s) { return sk_SCT_num(s); }
static inline int gatehouse_sk_ACCESS_DESCRIPTION_num(const AUTHORITY_INFO_ACCESS *s) { return sk_ACCESS_DESCRIPTION_num(s); }
static inline int gatehouse_ACCESS_DESCRIPTION_nid(const AUTHORITY_INFO_ACCESS *s, int i) { return OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(s, i)->method); }
static inline int gatehouse_sk_POLICYINFO_num(const CERTIFICATEPOLICIES *s) { return sk_POLICYINFO_num(s); }
static inline const ASN1_OBJECT *gatehouse_POLICYINFO_policy(const CERTIFICATEPOLICIES *s, int i) { return sk_POLICYINFO_value(s, i)->policyid; }
static inline const ASN1_IA5STRING *gatehouse_GENERAL_NAME_email(const GENERAL_NAME *n) { return n->type == GEN_EMAIL ? n->d.rfc822Name : NULL; }
static inline STACK_OF(X509_EXTENSION) *gatehouse_sk_X509_EXTENSION_new_null(void) { return sk_X509_EXTENSION_new_null(); }
static inline int gatehouse_sk_X509_EXTENSION_push(STACK_OF(X509_EXTENSION) *s, X509_EXTENSION *e) { return sk_X509_EXTENSION_push(s, e); }
static inline void gatehouse_sk_X509_EXTENSION_free(STACK_OF(X509_EXTENSION) *s) { sk_X509_EXTENSION_pop_free(s, X509_EXTENSION_free); }

// Deprecated, and not gone: the one way to a hash without a search among the providers, and to other random bytes.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline int gatehouse_RAND_set_rand_method(const RAND_METHOD *m) { return RAND_set_rand_method(m); }
static inline const RAND_METHOD *gatehouse_RAND_get_rand_method(void) { return RAND_get_rand_method(); }
static inline const RAND_METHOD *gatehouse_RAND_OpenSSL(void) { return RAND_OpenSSL(); }
static inline int gatehouse_SHA256_Init(SHA256_CTX *c) { return SHA256_Init(c); }
static inline int gatehouse_SHA256_Update(SHA256_CTX *c, const void *d, size_t n) { return SHA256_Update(c, d, n); }
static inline int gatehouse_SHA256_Final(unsigned char *d, SHA256_CTX *c) { return SHA256_Final(d, c); }
static inline int gatehouse_SHA384_Init(SHA512_CTX *c) { return SHA384_Init(c); }
static inline int gatehouse_SHA384_Update(SHA512_CTX *c, const void *d, size_t n) { return SHA384_Update(c, d, n); }
static inline int gatehouse_SHA384_Final(unsigned char *d, SHA512_CTX *c) { return SHA384_Final(d, c); }
#pragma clang diagnostic pop
