extension BadFile {
  static let backends = [
    BadFile(
      "backends: { web: { } }",
      "g.yaml:2:18: \"servers\" is missing in backend \"web\"; write a list of addresses with ports, or a map of names, see `servers.NAME`"
    ),
    BadFile(
      "backends: { web: { servers: [] } }",
      "g.yaml:2:29: no servers in backend \"web\"; write at least one"),
    BadFile(
      "backends: { web: { servers: [10.0.0.1] } }",
      "g.yaml:2:30: server \"s1\" of backend \"web\": \"10.0.0.1\" is wrong; allowed: an address or name with a port, such as 10.0.0.11:8080"
    ),
    BadFile(
      "backends: { web: { servers: [10.0.0.256:80] } }",
      "g.yaml:2:30: server \"s1\" of backend \"web\": \"10.0.0.256:80\" is wrong; allowed: an address or name with a port, such as 10.0.0.11:8080"
    ),
    BadFile(
      "backends: { web: { servers: [name.invalid:80] } }",
      "g.yaml:2:30: server \"s1\" of backend \"web\": cannot resolve \"name.invalid\": no such name"
    ),
    BadFile(
      "backends: { web: { servers: { a: { address: 1.2.3.4:80, weight: 257 } } } }",
      "g.yaml:2:65: weight in server \"a\" of backend \"web\": \"257\" is out of range; allowed: 0 to 256"
    ),
    BadFile(
      "backends: { web: { servers: { a: { address: 1.2.3.4:80, tier: 16, role: master } } } }",
      "g.yaml:2:63: tier in server \"a\" of backend \"web\": \"16\" is out of range; allowed: 0 to 15",
      "g.yaml:2:73: role in server \"a\" of backend \"web\": \"master\" is unknown; allowed: primary, replica"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], balance: robin } }",
      "g.yaml:2:52: balance in backend \"web\": \"robin\" is unknown; allowed: round-robin, least-connections, latency, random, hash, or `{ hash: address | header NAME | cookie NAME }`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], balance: { hash: header } } }",
      "g.yaml:2:60: hash in balance of backend \"web\": \"header\" is nothing to hash; allowed: address, `header NAME` or `cookie NAME`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], sticky: \"a;b\", slow_start: 2d } }",
      "g.yaml:2:51: sticky in backend \"web\": \"a;b\" is no name of a cookie; allowed: the name of a cookie",
      "g.yaml:2:70: slow_start in backend \"web\": \"2d\" is out of range; allowed: 0s to 1h"),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], limit: 0 } }",
      "g.yaml:2:50: limit in backend \"web\": \"0\" is no number from 1 to 1000000; allowed: a number, or a map, see `backends.NAME.limit`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], limit: { queue: 5 } } }",
      "g.yaml:2:50: \"connections\" is missing in limit of backend \"web\"; write 1 to 1000000"),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], tiers: { failback: auto } } }",
      "g.yaml:2:50: tiers in backend \"web\", but all its servers are of one tier; give those that stand by `tier: 1`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], tiers: { failback: later, below: 50 } } }",
      "g.yaml:2:62: failback in tiers of backend \"web\": \"later\" is unknown; allowed: auto, manual, or `after 5m`",
      "g.yaml:2:76: below in tiers of backend \"web\": \"50\" is no percentage; allowed: 1% to 100%"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], split: { read: [get] } } }",
      "g.yaml:2:59: read in split of backend \"web\": \"get\" is no method; write it in capitals; allowed: a method, such as GET, or a list of them"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], split: { } } }",
      "g.yaml:2:50: split in backend \"web\" needs one server with `role: primary`, and there are 0; give the others `role: replica`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], http: { } } }",
      "g.yaml:2:43: \"http\" in backend \"web\" is not supported yet; remove it"),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], tls: true } }",
      "g.yaml:2:43: tls in backend \"web\": its servers are addresses, not names; write tls: { server_name: NAME } with the name in their certificate"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], tls: yes } }",
      "g.yaml:2:48: tls in backend \"web\": \"yes\" is wrong; allowed: true, false, or a map, see `backends.NAME.tls`"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], tls: { ca: none.pem, verify: maybe } } }",
      "g.yaml:2:43: tls in backend \"web\": its servers are addresses, not names; write tls: { server_name: NAME } with the name in their certificate",
      "g.yaml:2:54: cannot read \"none.pem\": No such file or directory",
      "g.yaml:2:72: verify in tls of backend \"web\": \"maybe\" is neither true nor false; allowed: true or false"
    ),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80], host: \"a\\nb\" } }",
      "g.yaml:2:49: host in backend \"web\": \"a?b\" is no host; allowed: a host name, with or without a port"
    ),
    BadFile(
      "backends:\n  api:\n    servers: [1.2.3.4:80]\n    tiemout: 1s",
      "g.yaml:5:5: unknown key \"tiemout\" in backend \"api\"; allowed: servers, balance, sticky, slow_start, limit, tiers, split, health, mysql, host, tls, proxy_protocol"
    ),
  ]

  static let routes = [
    BadFile(
      "routes: [{ host: a.example }]",
      "g.yaml:2:10: a route needs a backend or a redirect; write one"),
    BadFile(
      "backends: { web: { servers: [1.2.3.4:80] } }\nroutes: [{ backend: wbe }]",
      "g.yaml:3:21: unknown backend \"wbe\"; did you mean \"web\"?"),
    BadFile(
      "routes: [{ redirect: /a, backend: a }]",
      "g.yaml:2:10: a route has both backend and redirect; keep one"),
    BadFile(
      "routes: [{ redirect: /a }, { redirect: /b }]",
      "g.yaml:2:28: a route for this host and path stands in line 2; keep one"),
    BadFile(
      "routes:\n  - { host: A.example, redirect: /a }\n  - { host: a.example, redirect: /b }",
      "g.yaml:4:5: a route for this host and path stands in line 3; keep one"),
    BadFile(
      "routes: [{ host: '*.*.example', redirect: /a }]",
      "g.yaml:2:18: host in route: \"*.*.example\" is no host; allowed: a name, or \"*.\" and a name"
    ),
    BadFile(
      "routes: [{ path: a, redirect: /a }]",
      "g.yaml:2:18: path in route: \"a\" is no path; allowed: \"/orders\" (that path) or \"/orders/**\" (it and all below it)"
    ),
    BadFile(
      "routes: [{ path: /a/*, redirect: /a }]",
      "g.yaml:2:18: path in route: \"/a/*\" is no path; allowed: \"/orders\" (that path) or \"/orders/**\" (it and all below it)"
    ),
    BadFile(
      "routes: [{ path: /a/../b, redirect: /a }]",
      "g.yaml:2:18: path in route: \"/a/../b\" is no path; allowed: \"/orders\" (that path) or \"/orders/**\" (it and all below it)"
    ),
    BadFile(
      "routes: [{ redirect: 'ftp://a' }]",
      "g.yaml:2:22: redirect in route: \"ftp://a\" is no target; allowed: a URL or path, with {host} and {path} replaced, each once at most"
    ),
    BadFile(
      "routes: [{ redirect: '/{port}' }]",
      "g.yaml:2:22: redirect in route: \"/{port}\" is no target; allowed: a URL or path, with {host} and {path} replaced, each once at most"
    ),
    BadFile(
      "routes: [{ redirect: '{path}{path}' }]",
      "g.yaml:2:22: redirect in route: \"{path}{path}\" is no target; allowed: a URL or path, with {host} and {path} replaced, each once at most"
    ),
    BadFile(
      "routes: [{ redirect: /a, status: 200 }]",
      "g.yaml:2:34: status in route: \"200\" is unknown; allowed: 301, 302, 307, 308"),
    BadFile(
      "routes: [{ redirect: /a, headers: { response: { set: { 'a b': c } } } }]",
      "g.yaml:2:56: \"a b\" is no header name; allowed: letters, digits and -"),
    BadFile(
      "routes: [{ redirect: /a, headers: { response: { set: { a: \"b\\r\\nc\" } } } }]",
      "g.yaml:2:59: header a: its value is too long or has control bytes; allowed: one line of at most 4KiB"
    ),
    BadFile(
      "routes: [{ redirect: /a, headers: { response: { set: { Content-Length: 1 } } } }]",
      "g.yaml:2:56: header Content-Length is set by the proxy alone; remove it"),
    BadFile(
      "routes: [{ host: a, redirect: /a, limit: 1 }]",
      "g.yaml:2:35: \"limit\" in route is not supported yet; remove it"),
  ]

  static let settings = [
    BadFile(
      "limits: { head: 16 }",
      "g.yaml:2:17: head in limits: \"16\" has no unit; units: B, KiB, MiB, GiB, as in 16KiB"),
    BadFile(
      "limits: { head: 16KB }",
      "g.yaml:2:17: head in limits: \"16KB\" is no number with a unit; units: B, KiB, MiB, GiB, as in 16KiB"
    ),
    BadFile(
      "limits: { head: 1GiB }",
      "g.yaml:2:17: head in limits: \"1GiB\" is out of range; allowed: 1KiB to 128KiB"),
    BadFile(
      "limits: { headers: 99999999999999999999999 }",
      "g.yaml:2:20: headers in limits: \"99999999999999999999999\" is out of range; allowed: 1 to 10000"
    ),
    BadFile(
      "limits: { heads: 1 }",
      "g.yaml:2:11: unknown key \"heads\" in limits; did you mean \"head\"?"),
    BadFile(
      "timeouts: { idle: 10, connect: 3 s }",
      "g.yaml:2:19: idle in timeouts: \"10\" has no unit; units: ms, s, m, h, d, as in 10s",
      "g.yaml:2:32: connect in timeouts: \"3 s\" is no number with a unit; units: ms, s, m, h, d, as in 10s"
    ),
    BadFile(
      "timeouts: { idle: 99999999999999999999h }",
      "g.yaml:2:19: idle in timeouts: \"99999999999999999999h\" is out of range; allowed: 1ms to 7d"
    ),
    BadFile(
      "timeouts: { idle: 0 }",
      "g.yaml:2:19: idle in timeouts: \"0\" is out of range; allowed: 1ms to 7d"),
    BadFile(
      "workers: 65",
      "g.yaml:2:10: workers: \"65\" is out of range; allowed: 0 to 64"),
    BadFile(
      "workers: -1",
      "g.yaml:2:10: workers: \"-1\" is not a whole number; allowed: 0 to 64"),
    BadFile(
      "workers: [1]",
      "g.yaml:2:10: \"workers\" must be one value, not a list"),
    BadFile(
      "firewall: enforce",
      "g.yaml:2:11: firewall: \"enforce\" is not supported yet; allowed: proxy"),
    BadFile(
      "firewall: off",
      "g.yaml:2:11: firewall: \"off\" is unknown; allowed: proxy"),
    BadFile(
      "admin: { listen: 127.0.0.1:9443 }\nlog: {}",
      "g.yaml:2:18: listen in admin: an address alone lets nobody in; write how one shows who he is, such as listen: { bind: \"127.0.0.1:9443\", tokens: { admin: secrets/admin.token } }",
      "g.yaml:3:6: \"to\" is missing in log; write a path, stderr, `syslog:unix:/dev/log`, `syslog:udp:ADDRESS:PORT`, `syslog:tcp:ADDRESS:PORT`, journald, or `journald:PATH`"
    ),
    BadFile(
      "tracing: { to: \"ftp://x\", sample: \"200%\", trust: [a] }",
      "g.yaml:2:16: to in tracing: \"ftp://x\" is neither an http nor an https URL; allowed: a URL, such as http://127.0.0.1:4318/v1/traces",
      "g.yaml:2:35: sample in tracing: \"200%\" is no percentage; allowed: a percentage, such as 10% or 0.1%",
      "g.yaml:2:51: \"a\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\""
    ),
    BadFile(
      "policy: none.yaml",
      "g.yaml:2:9: cannot read \"none.yaml\": No such file or directory"),
    BadFile(
      "policy:",
      "g.yaml:2:8: \"policy\" must be one value, not nothing"),
  ]
}
