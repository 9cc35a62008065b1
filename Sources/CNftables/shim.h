// libnftnl, libmnl and the kernel's nf_tables numbers.
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
// Before the kernel's headers, which then leave its types alone: Glibc has them too.
#include <netinet/in.h>
#include <linux/netlink.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/object.h>
#include <libnftnl/batch.h>

// What Glibc's own module and this one lack of <asm/socket.h>.
static inline int gatehouse_SO_SNDBUFFORCE(void) { return 32; }
static inline int gatehouse_SO_RCVBUFFORCE(void) { return 33; }
// How libmnl spells its automatic port number.
static inline pid_t gatehouse_MNL_SOCKET_AUTOPID(void) { return MNL_SOCKET_AUTOPID; }
