extension BadFile {
  private static let head = "version: 1\nmanagement: { from: [10.9.0.0/16], to: [tcp/22] }\n"

  private init(policy: String, _ lines: String...) {
    text = Self.head + policy
    self.lines = lines
  }

  static let policies = [
    BadFile(
      "version: 2\nservices: {}",
      "p.yaml:1:1: \"management\" is missing; write a map, see `management`",
      "p.yaml:1:10: version: \"2\" is out of range; allowed: 1"),
    BadFile(
      "version: 1\nmanagement: { from: [], to: [sctp/22, tcp/0, tcp/9-8, tcp/1-2-3] }",
      "p.yaml:2:21: \"from\" in management is empty; allowed: `any`, an address, a network or the name of a group, or a list of them",
      "p.yaml:2:30: to in management: \"sctp/22\" is no port; allowed: tcp/443, udp/443 or tcp/8000-8010, or a list of them",
      "p.yaml:2:39: to in management: \"tcp/0\" is no port; allowed: tcp/443, udp/443 or tcp/8000-8010, or a list of them",
      "p.yaml:2:46: to in management: \"tcp/9-8\" is no port; allowed: tcp/443, udp/443 or tcp/8000-8010, or a list of them",
      "p.yaml:2:55: to in management: \"tcp/1-2-3\" is no port; allowed: tcp/443, udp/443 or tcp/8000-8010, or a list of them"
    ),
    BadFile(
      policy: "timezone: Mars/Olympus\nmode: watch\nprotect: all\ndefault: allow",
      "p.yaml:3:11: unknown timezone \"Mars/Olympus\"; allowed: names such as Europe/Berlin",
      "p.yaml:4:7: mode: \"watch\" is unknown; allowed: enforce, audit",
      "p.yaml:5:10: protect: \"all\" is unknown; allowed: host, host+published",
      "p.yaml:6:10: default: \"allow\" is unknown; allowed: deny"),
    BadFile(
      policy: "client_auth: {}\ninclude: none.yaml\nserivces: {}",
      "p.yaml:3:1: unknown key \"client_auth\"; allowed: version, timezone, mode, protect, groups, management, deny, bans, services, include, existing_connections, on_drift, expect, default",
      "p.yaml:4:10: cannot read \"none.yaml\": No such file or directory",
      "p.yaml:5:1: unknown key \"serivces\"; did you mean \"services\"?"),
    BadFile(
      policy: "groups: { any: [1.2.3.4], hq: , x: 5 }",
      "p.yaml:3:11: a group cannot be named any: that is everybody; rename it",
      "p.yaml:3:27: group \"hq\" is empty; write its networks, or []",
      "p.yaml:3:36: \"5\" in group \"x\" is no network; for a group write { include: [5] }"),
    BadFile(
      policy: "groups: { hq: [10.0.0.5/8, 10.0.0.0/33, '::ffff:1.2.3.4', 2001:db8::1/32] }",
      "p.yaml:3:16: \"10.0.0.5/8\" has bits set behind its prefix; write 10.0.0.0/8 for the network, or 10.0.0.5 for the one address",
      "p.yaml:3:28: \"10.0.0.0/33\" has no prefix length after the /; allowed: 0...32",
      "p.yaml:3:41: \"::ffff:1.2.3.4\" is an IPv4 address written as IPv6; write 1.2.3.4",
      "p.yaml:3:59: \"2001:db8::1/32\" has bits set behind its prefix; write 2001:db8::/32 for the network, or 2001:db8::1 for the one address"
    ),
    BadFile(
      policy: "groups:\n  hq:\n    - fe80::\n    - 0.0.0.0/0\n    - vpn\n    - 1.2.3.4.5",
      "p.yaml:5:7: YAML takes fe80:: for a map; quote it: \"fe80::\"",
      "p.yaml:7:7: \"vpn\" in group \"hq\" is no network; for a group write { include: [vpn] }",
      "p.yaml:8:7: \"1.2.3.4.5\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\""
    ),
    BadFile(
      policy: "deny: [0.0.0.0/0]\nservices: { web: { listen: tcp/80, allow: '::/0' } }",
      "p.yaml:3:8: 0.0.0.0/0 is everybody; write any, where you mean it",
      "p.yaml:4:43: ::/0 is everybody; write any, where you mean it"),
    BadFile(
      policy: "groups: { hq: [{ cidr: 10.0.0.0/8, until: 2026-02-30, ownr: a }] }",
      "p.yaml:3:43: until in an entry of group \"hq\": \"2026-02-30\" is no day in a calendar; allowed: a day, such as 2026-12-31, or a minute, such as 2026-12-31T18:00",
      "p.yaml:3:55: unknown key \"ownr\" in an entry of group \"hq\"; did you mean \"owner\"?"),
    BadFile(
      policy: "groups: { hq: [{ reason: none }], vpn: { except: [hq] } }",
      "p.yaml:3:16: \"cidr\" is missing in an entry of group \"hq\"; write an address or a network, such as 192.0.2.0/24",
      "p.yaml:3:40: group \"vpn\" names no sources; write include or file"),
    BadFile(
      policy: "groups: { a: { include: [b] }, b: { include: [a] } }",
      "p.yaml:3:47: groups include each other in a circle: a -> b -> a; take one of them out"),
    BadFile(
      policy: "groups: { hq: [1.2.3.4] }\ndeny: [hw]",
      "p.yaml:4:8: there is no group \"hw\"; did you mean \"hq\"?"),
    BadFile(
      policy: "groups: { hq: [1.2.3.4] }\ndeny: [hw, 1.2.3, 'a b']",
      "p.yaml:4:12: \"1.2.3\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\"",
      "p.yaml:4:19: deny: \"a b\" names no source; allowed: `any`, an address, a network or the name of a group, or a list of them"
    ),
    BadFile(
      policy: "groups: { feed: { file: feed.txt, min_entries: 4 } }",
      "feed.txt:4:1: \"10.0.0.1/8\" has bits set behind its prefix; write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address",
      "feed.txt:5:3: \"nonsense\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\"",
      "feed.txt:6:1: more than a network in this line; allowed: one, and # or ; comments"),
    BadFile(
      policy: "groups: { feed: { file: everybody.txt } }",
      "everybody.txt:2:1: 0.0.0.0/0 is everybody; take it out, and write any where you mean it",
      "everybody.txt:3:1: ::/0 is everybody; take it out, and write any where you mean it"),
    BadFile(
      policy: "groups: { feed: { file: good.txt, min_entries: 4 } }",
      "p.yaml:3:25: 3 entries in \"good.txt\", at least 4 expected; fetch it again, or lower min_entries"
    ),
    BadFile(
      policy: "groups: { feed: { file: good.txt, max_entries: 1, max_age: 1 } }",
      "p.yaml:3:25: more than 1 entries in \"good.txt\"; raise max_entries if that is right",
      "p.yaml:3:60: max_age in group \"feed\": \"1\" has no unit; units: ms, s, m, h, d, as in 10s"),
    BadFile(
      policy: "groups: { feed: { file: none.txt }, other: { min_entries: 1 } }",
      "p.yaml:3:25: cannot read \"none.txt\": No such file or directory",
      "p.yaml:3:44: group \"other\" names no sources; write include or file",
      "p.yaml:3:46: min_entries in group \"other\" needs a file; name it, or remove this"),
    BadFile(
      policy: "services: { web: { listen: tcp/443 } }",
      "p.yaml:3:13: service \"web\" allows nobody; add allow: [GROUP], or allow: [any] for everybody"
    ),
    BadFile(
      policy: "services: { web: { listen: 443, allow: any, limit: {}, schedule: {} } }",
      "p.yaml:3:28: listen in service \"web\": \"443\" is no port; allowed: tcp/443, udp/443 or tcp/8000-8010, or a list of them",
      "p.yaml:3:52: limit of service \"web\" limits nothing; write new_connections or concurrent"),
    BadFile(
      policy: "services: { web: { listen: tcp/443, allow: any, limit: { new_connections: 5/s } } }",
      "p.yaml:3:75: new_connections of limit of service \"web\" must be a map, not \"5/s\"; allowed: rate, burst, per"
    ),
    BadFile(
      policy: "groups: { hq: [1.2.3.4] }\nservices: {}\ninclude: more/*.yaml",
      "more/a.yaml:1:11: group \"hq\" stands at p.yaml:3:11, too; rename one",
      "more/a.yaml:2:1: unknown key \"deny\"; allowed: version, groups, services"),
  ]
}
