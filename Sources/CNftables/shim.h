// libnftnl, libmnl and the kernel's numbers of nf_tables, conntrack and sock_diag.
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
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/filter.h>
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
// Of <sched.h> and <linux/if_tun.h>, which Glibc's module leaves out.
extern int unshare(int flags);
static inline int gatehouse_CLONE_NEWNET(void) { return 0x40000000; }
static inline unsigned long gatehouse_TUNSETIFF(void) { return 0x400454ca; }
// How libmnl spells its automatic port number.
static inline pid_t gatehouse_MNL_SOCKET_AUTOPID(void) { return MNL_SOCKET_AUTOPID; }
