extension BadFile {
  private static func health(_ text: String, _ lines: String...) -> BadFile {
    var file = BadFile("backends: { web: { servers: [1.2.3.4:80], health: \(text) } }")
    file.lines = lines
    return file
  }

  static let health = [
    health(
      "{ interval: 1s }",
      "g.yaml:2:51: health in backend \"web\" checks nothing; write one of http, tcp, tls, grpc, agent, or passive"
    ),
    health(
      "[tcp]",
      "g.yaml:2:51: health in backend \"web\": a list is no check; allowed: a path such as /healthz, tcp, or a map, see `backends.NAME.health`"
    ),
    health(
      "healthz",
      "g.yaml:2:51: health in backend \"web\": \"healthz\" is no check; allowed: a path such as /healthz, tcp, or a map, see `backends.NAME.health`"
    ),
    health(
      "{ tcp: true, http: / }",
      "g.yaml:2:53: tcp in health of backend \"web\" beside http; a backend has one check: keep http and remove tcp, or the other way round"
    ),
    health(
      "{ http: healthz }",
      "g.yaml:2:59: http in health of backend \"web\": \"healthz\" is no path; allowed: a path, or a map, see `backends.NAME.health.http`"
    ),
    health(
      "{ http: { path: \"/a b\" } }",
      "g.yaml:2:67: path in http of health of backend \"web\": \"/a b\" is no path; allowed: a path that begins with /"
    ),
    health(
      "{ http: { host: a } }",
      "g.yaml:2:59: \"path\" is missing in http of health of backend \"web\"; write a path that begins with /"
    ),
    health(
      "{ http: { path: /, status: [100, \"300-200\", ok] } }",
      "g.yaml:2:79: status in http of health of backend \"web\": \"100\" is no status from 200 to 599; allowed: a status such as 200, or a range such as \"200-399\", or a list of them",
      "g.yaml:2:84: status in http of health of backend \"web\": \"300-200\" is no status from 200 to 599; allowed: a status such as 200, or a range such as \"200-399\", or a list of them",
      "g.yaml:2:95: status in http of health of backend \"web\": \"ok\" is no status from 200 to 599; allowed: a status such as 200, or a range such as \"200-399\", or a list of them"
    ),
    health(
      "{ http: { path: /, method: POST } }",
      "g.yaml:2:78: method in http of health of backend \"web\": \"POST\" is unknown; allowed: GET, HEAD"
    ),
    health(
      "{ http: { path: /, method: HEAD, body: OK } }",
      "g.yaml:2:90: body in http of health of backend \"web\" beside HEAD, which has none; write method: GET"
    ),
    health(
      "{ http: { path: /, body: \"\" } }",
      "g.yaml:2:76: body in http of health of backend \"web\": \"\" is too short or too long; allowed: text of 1 to 1024 bytes"
    ),
    health(
      "{ http: { path: /, host: \"a b\" } }",
      "g.yaml:2:76: host in http of health of backend \"web\": \"a b\" is no host; allowed: a name or address, with a port where it is not the usual one"
    ),
    health(
      "{ grpc: \"a b\" }",
      "g.yaml:2:59: grpc in health of backend \"web\": \"a b\" is no name of a service; allowed: true for the whole server, or the name of a service"
    ),
    health(
      "{ agent: true }",
      "g.yaml:2:60: agent in health of backend \"web\": \"true\" is not a whole number; allowed: 1 to 65535"
    ),
    health(
      "{ agent: 1, port: 2 }",
      "g.yaml:2:63: port in health of backend \"web\" beside agent, which names its port itself; remove port"
    ),
    health(
      "{ tcp: yes, interval: 5, rise: 0, jitter: 10 }",
      "g.yaml:2:58: tcp in health of backend \"web\": \"yes\" is neither true nor false; allowed: true or false",
      "g.yaml:2:73: interval in health of backend \"web\": \"5\" has no unit; units: ms, s, m, h, d, as in 10s",
      "g.yaml:2:82: rise in health of backend \"web\": \"0\" is out of range; allowed: 1 to 100",
      "g.yaml:2:93: jitter in health of backend \"web\": \"10\" is no percentage; allowed: 0% to 50%"
    ),
    health(
      "{ tcp: true, fast_interval: 3s }",
      "g.yaml:2:64: fast_interval in health of backend \"web\" is longer than interval; write a shorter one"
    ),
    health(
      "{ passive: yes }",
      "g.yaml:2:62: passive in health of backend \"web\": \"yes\" is wrong; allowed: true, or a map, see `backends.NAME.health.passive`"
    ),
    health(
      "{ passive: { eject: 10m } }",
      "g.yaml:2:62: longest in passive of health of backend \"web\" is shorter than eject; write a longer one"
    ),
    health(
      "{ htp: / }",
      "g.yaml:2:53: unknown key \"htp\" in health of backend \"web\"; did you mean \"http\"?"),
  ]
}
