// flood INTERFACE MAC COUNT SOURCES SEED: sends COUNT UDP packets to 10.9.0.1 port 9999, each from one of SOURCES
// forged addresses (20.0.0.0 and up), and prints packets per second and the CPU time of one. Over a veth the kernel
// receives and drops in the sender's own time, so both tell what a drop costs. Only for namespaces of one's own:
//
//   cc -O2 -o flood Benchmarks/flood.c
//   ip netns exec CLIENT ./flood up0 "$(ip -n SERVER -br link show up0 | awk '{print $3}')" 200000 1000000 1
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { batch = 256, length = 60 };
static unsigned char packets[batch][length];
static uint64_t state;

static uint64_t number(void) {
  state ^= state << 13, state ^= state >> 7;
  return state ^= state << 17;
}

static void checksum(unsigned char *head) {
  uint32_t sum = 0;
  head[10] = head[11] = 0;
  for (int i = 0; i < 20; i += 2) sum += head[i] << 8 | head[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  head[10] = ~sum >> 8, head[11] = ~sum;
}

static void begin(unsigned char *packet, const unsigned *mac) {
  for (int i = 0; i < 6; i++) packet[i] = mac[i], packet[6 + i] = 2;
  packet[12] = 8;
  unsigned char *head = packet + 14;
  uint32_t to = inet_addr("10.9.0.1");
  head[0] = 0x45, head[3] = length - 14, head[8] = 64, head[9] = 17;
  memcpy(head + 16, &to, 4);
  head[20] = 4000 >> 8, head[21] = 4000 & 255, head[22] = 9999 >> 8, head[23] = 9999 & 255;
  head[25] = length - 34;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **words) {
  unsigned mac[6];
  if (count != 6 || sscanf(words[2], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4,
                           mac + 5) != 6)
    return fprintf(stderr, "usage: flood INTERFACE MAC COUNT SOURCES SEED\n"), 2;
  long wanted = atol(words[3]), sent = 0;
  uint64_t sources = strtoull(words[4], NULL, 10);
  state = 88172645463325252ull ^ strtoull(words[5], NULL, 10) * 0x9e3779b97f4a7c15ull;
  if (wanted < 1 || sources < 1) return fprintf(stderr, "flood: nothing to send\n"), 2;

  int one = 1, socket_ = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
  struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(words[1]),
                             .sll_protocol = htons(ETH_P_IP)};
  if (socket_ < 0 || bind(socket_, (struct sockaddr *)&link, sizeof link)) return perror("flood"), 1;
  setsockopt(socket_, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);

  static struct mmsghdr messages[batch];
  static struct iovec pieces[batch];
  for (int i = 0; i < batch; i++) {
    begin(packets[i], mac);
    pieces[i] = (struct iovec){packets[i], length};
    messages[i].msg_hdr.msg_iov = &pieces[i], messages[i].msg_hdr.msg_iovlen = 1;
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  while (sent < wanted) {
    for (int i = 0; i < batch; i++) {
      uint32_t from = htonl(0x14000000u + (uint32_t)(number() % sources));
      memcpy(packets[i] + 26, &from, 4);
      checksum(packets[i] + 14);
    }
    int done = sendmmsg(socket_, messages, batch, 0);
    if (done < 0) return perror("flood"), 1;
    sent += done;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double time = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%.0f packets/s, %.0f ns of CPU each\n", sent / time,
         (seconds(usage.ru_utime) + seconds(usage.ru_stime)) / sent * 1e9);
}
