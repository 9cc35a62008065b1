extension BadFile {
  /// Of the file itself.
  private static let keys =
    "; allowed: listeners, backends, resolver, routes, policy, firewall, agent, acme, tracing, limits, "
    + "timeouts, workers, cookie_key, log, admin, health, state"

  static let yaml = [
    BadFile(
      "",
      "g.yaml:1:1: the file must be a map, not nothing\(keys)"),
    BadFile(
      "- a",
      "g.yaml:1:1: the file must be a map, not a list\(keys)"),
    BadFile(
      "listeners: {\n",
      "g.yaml:2:1: not YAML: did not find expected node content; quote addresses such as \"fe80::\" and \"[::1]:443\""
    ),
    BadFile(
      "listeners:\n\thttp: 1",
      "g.yaml:2:1: not YAML: found character that cannot start any token; indent with spaces, or quote it"
    ),
    BadFile(
      "workers: 1\nworkers: 2",
      "g.yaml:1:1: \"workers\" stands twice in this map; keep one of them"),
    BadFile(
      "a: &x 1\nb: *x",
      "g.yaml:1:4: anchors and aliases (& and *) are refused; write the value out, or quote it"),
    BadFile(
      "a: |\n  'quote\nb: &x 1\nc: *x",
      "g.yaml:3:4: anchors and aliases (& and *) are refused; write the value out, or quote it"),
    BadFile(
      "a: !!int 1",
      "g.yaml:1:4: tags (!) are refused; write the value alone, or quote it"),
    BadFile(
      "? [a]\n: 1",
      "g.yaml:1:3: a key must be a word, not a list or a map; quote it"),
    BadFile(
      "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
      "g.yaml:1:20: nested too deep; at most 16 levels"),
    BadFile(
      "lisseners: {}\nrouts: []",
      "g.yaml:1:1: unknown key \"lisseners\"; did you mean \"listeners\"?",
      "g.yaml:2:1: unknown key \"routs\"; did you mean \"routes\"?"),
  ]

  static let listeners = [
    BadFile(
      "listeners: {}",
      "g.yaml:1:12: no listener; write one, such as https: { bind: \":443\" }"),
    BadFile(
      "listeners: [a]",
      "g.yaml:1:12: \"listeners\" must be a map, not a list"),
    BadFile(
      "listeners: { a: { bnd: ':80' } }",
      "g.yaml:1:19: unknown key \"bnd\" in listener \"a\"; did you mean \"bind\"?"),
    BadFile(
      "listeners: { 'a b': { bind: ':80' } }",
      "g.yaml:1:14: \"a b\" is no name; allowed: 1 to 64 of a-z, A-Z, 0-9, - and _"),
    BadFile(
      "listeners: { a: { bind: 80 } }",
      "g.yaml:1:25: bind in listener \"a\": \"80\" is no address with a port; allowed: \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    BadFile(
      "listeners: { a: { bind: [] } }",
      "g.yaml:1:25: \"bind\" in listener \"a\" is empty; allowed: \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    BadFile(
      "listeners: { a: { bind: ':65536' } }",
      "g.yaml:1:25: bind in listener \"a\": \":65536\" is no address with a port; allowed: \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    BadFile(
      "listeners: { a: { bind: 'localhost:80' } }",
      "g.yaml:1:25: bind in listener \"a\": \"localhost:80\" is a name, not an address; allowed: \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    BadFile(
      "listeners: { a: { bind: '::1:80' } }",
      "g.yaml:1:25: bind in listener \"a\": \"::1:80\" is no address with a port; allowed: \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    BadFile(
      "listeners:\n  a:\n    bind: fe80::\n",
      "g.yaml:3:16: not YAML: mapping values are not allowed in this context; quote what holds a colon, such as \"fe80::\""
    ),
    BadFile(
      "listeners:\n  a:\n    bind:\n      - fe80::\n      - [::1]:443\n",
      "g.yaml:5:10: not YAML: did not find expected node content; quote addresses such as \"fe80::\" and \"[::1]:443\""
    ),
    BadFile(
      "listeners: { a: { bind: [fe80::] } }",
      "g.yaml:1:31: not YAML: found unexpected ':'; quote addresses such as \"fe80::\" and \"[::1]:443\""
    ),
    BadFile(
      "listeners: { a: { bind: ':80' }, b: { bind: '[::]:80' } }",
      "g.yaml:1:34: [::]:80 is bound by listener \"a\", too (line 1)"),
    BadFile(
      "listeners: { a: { bind: ':80', redirect: https } }",
      "g.yaml:1:42: redirect: no listener has certificates; give one a certificates folder"),
    BadFile(
      "listeners:\n  a: { bind: ':80', redirect: https }\n"
        + "  b: { bind: [':443', ':8443'], certificates: certs }",
      "g.yaml:2:31: redirect: which HTTPS port is not clear (443, 8443); allowed: one HTTPS listener with one port"
    ),
    BadFile(
      "listeners: { a: { bind: ':443', certificates: none } }",
      "g.yaml:1:47: cannot read the folder \"none\"; make it with: gatehouse cert dev"),
    BadFile(
      "listeners: { a: { bind: ':443', certificates: empty } }",
      "g.yaml:1:14: no certificate in \"empty\"; for a first one: gatehouse cert dev"),
    BadFile(
      "listeners: { a: { bind: ':443', tls: { tickets: 1 } } }",
      "g.yaml:1:33: tls in listener \"a\" needs certificates; name their folder"),
    BadFile(
      "listeners:\n  a:\n    bind: ':443'\n    certificates: certs\n    default_certificate: ww\n"
        + "    tls: { minimum: '1.1', tickets: 5, client_auth: {} }\n    proxy_protocol: {}",
      "g.yaml:5:26: no certificate \"ww\" in listener \"a\"; did you mean \"www\"?",
      "g.yaml:6:21: minimum in tls of listener \"a\": \"1.1\" is unknown; allowed: 1.2, 1.3",
      "g.yaml:6:37: tickets in tls of listener \"a\": \"5\" is out of range; allowed: 0 to 4",
      "g.yaml:6:53: \"ca\" is missing in client_auth of tls of listener \"a\"; write a path",
      "g.yaml:7:21: \"from\" is missing in proxy_protocol of listener \"a\"; write a network, such as 10.0.0.0/8 or \"2001:db8::/32\", or a list of them"
    ),
    BadFile(
      "listeners: { a: { bind: ':80', proxy_protocol: { from: [10.0.0.5/8, any] } } }",
      "g.yaml:1:57: \"10.0.0.5/8\" has bits set behind its prefix; write 10.0.0.0/8 for the network, or 10.0.0.5 for the one address",
      "g.yaml:1:69: \"any\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\""
    ),
  ]
}
