/// What a service can be wrong about.
extension BadFile {
  static let services = [
    BadFile(
      """
      version: 1
      management: { from: [10.9.0.0/16], to: [tcp/22] }
      services:
        web: { listen: tcp/443, allow: any, schedule: { days: [], hours: "08:00-09:00" } }
        !x deny: { listen: tcp/80, allow: any }

      """,
      "p.yaml:5:3: tags (!) are refused; write the value alone, or quote it"
    ),
    BadFile(
      """
      version: 1
      management: { from: [10.9.0.0/16], to: [tcp/22] }
      services:
        web: { listen: tcp/443, allow: any, schedule: { days: [], hours: "08:00-09:00" } }

      """,
      "p.yaml:4:57: days in schedule of service \"web\": a list names no day; allowed: mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri, or a list of them"
    ),
    BadFile(
      """
      version: 1
      management: { from: [10.9.0.0/16], to: [tcp/22] }
      bans: { default_for: 2d, max_for: 1d }
      services:
        web:
          listen: tcp/443
          allow: any
          limit: { new_connections: { rate: 5/y, per: [ipv4/7, ipv6/129, x] }, concurrent: {} }
          schedule: { days: [mon-xyz, fri], hours: "8:00-18:00" }
          ban: { when: limited often }
          trusted_proxies: any
          http: [{ host: "a b", allow: any }, { host: a.test, path: /a/../b, allow: any }, { path: / }]
          log: some
        other: { listen: tcp/80, allow: any, ban: { when: limited 3 times in 1m } }
      expect: [{ from: x, to: tcp/0, verdict: perhaps }, { from: 10.9.0.1, to: tcp/23, at: 2026-01-01, verdict: allow }]

      """,
      "p.yaml:3:7: default_for of bans is longer than max_for; raise max_for",
      "p.yaml:8:39: rate in new_connections of limit of service \"web\": \"5/y\" is no rate; allowed: a number per s, m, h, d or w, such as 50/s",
      "p.yaml:8:50: per in new_connections of limit of service \"web\": \"ipv4/7\" is no size of source; allowed: ipv4/8 to ipv4/32 and ipv6/16 to ipv6/128",
      "p.yaml:8:58: per in new_connections of limit of service \"web\": \"ipv6/129\" is no size of source; allowed: ipv4/8 to ipv4/32 and ipv6/16 to ipv6/128",
      "p.yaml:8:68: per in new_connections of limit of service \"web\": \"x\" is no size of source; allowed: ipv4/8 to ipv4/32 and ipv6/16 to ipv6/128",
      "p.yaml:8:86: \"max\" is missing in concurrent of limit of service \"web\"; write 1 to 1000000",
      "p.yaml:9:24: days in schedule of service \"web\": \"mon-xyz\" is no day; allowed: mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri, or a list of them",
      "p.yaml:9:46: hours in schedule of service \"web\": \"8:00-18:00\" is no span of hours; allowed: HH:MM-HH:MM; up to the next day where the end is not later",
      "p.yaml:10:18: when in ban of service \"web\": \"limited often\" is no rule for bans; allowed: `limited N times in SPAN` or `refused N times in SPAN`",
      "p.yaml:12:20: host in http of service \"web\": \"a b\" is no host; allowed: a name, \"*.NAME\" for all below it, or \"*\" for every host and for none",
      "p.yaml:12:63: path in http of service \"web\": \"/a/../b\" is no path as the proxy matches it; allowed: a path, or PATH/** for it and all below",
      "p.yaml:12:86: \"host\" is missing in http of service \"web\"; write a name, \"*.NAME\" for all below it, or \"*\" for every host and for none",
      "p.yaml:12:86: \"allow\" is missing in http of service \"web\"; write `any`, an address, a network or the name of a group, or a list of them",
      "p.yaml:13:10: log in service \"web\": \"some\" is unknown; allowed: none, denied, all",
      "p.yaml:14:53: ban of service \"other\" waits for its limit, and there is none; add limit: { new_connections: { rate: 50/s } }",
      "p.yaml:15:41: verdict in expect: \"perhaps\" is unknown; allowed: allow, deny",
      "p.yaml:15:86: at in expect: \"2026-01-01\" is no minute; allowed: a minute, such as 2026-12-24T22:00"
    ),
    BadFile(
      """
      version: 1
      management: { from: [10.9.0.0/16], to: [tcp/22] }
      services:
        web: { listen: tcp/443, allow: [10.1.0.0/16], trusted_proxies: any }
      expect: [{ from: 10.9.0.1, to: tcp/443, verdict: allow }, { from: 10.1.0.1, to: tcp/443, verdict: deny }]

      """,
      "p.yaml:4:66: trusted_proxies any would believe what anybody says of who he is; name the networks of your balancers"
    ),
    BadFile(
      """
      version: 1
      management: { from: [10.9.0.0/16], to: [tcp/22] }
      services:
        web: { listen: tcp/443, allow: [10.1.0.0/16], http: [{ host: a.test, path: /x, allow: 10.1.0.9 }] }
      expect:
        - { from: 10.9.0.1, to: tcp/443, verdict: allow }
        - { from: 10.1.0.1, to: tcp/443, verdict: deny }
        - { from: 10.1.0.1, to: tcp/443, host: a.test, path: /x, verdict: allow }
        - { from: 10.1.0.1, to: tcp/443, host: A.test, path: /y, verdict: allow }

      """,
      "p.yaml:6:5: expected that 10.9.0.1 to tcp/443 is allowed, but it is denied: service \"web\" does not allow it; change the policy, or what is expected of it",
      "p.yaml:7:5: expected that 10.1.0.1 to tcp/443 is denied, but it is allowed by service \"web\"; change the policy, or what is expected of it",
      "p.yaml:8:5: expected that 10.1.0.1 to tcp/443, a.test/x, is allowed, but it is denied by http; change the policy, or what is expected of it"
    ),
  ]
}
