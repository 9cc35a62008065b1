// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

func module(
  _ name: String, _ dependencies: [Target.Dependency], embedding files: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: files.map { .embedInCode($0) },
    swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

// `swift test` drives the fuzzers over their corpora; `Fuzz/run` builds them around libFuzzer instead.
let isForLibFuzzer = Context.environment["GATEHOUSE_LIBFUZZER"] != nil
let corpora =
  [
    "agent-check", "database-reader", "dns-message", "element-packing", "feed-reader",
    "grpc-health", "netlink-decoder", "policy-reader", "proxy-header",
  ].map { "\($0)/corpus" }
  + ["feed-reader/dictionary", "policy-reader/dictionary"]
let fuzzers: Target =
  isForLibFuzzer
  ? .executableTarget(
    name: "fuzz", dependencies: ["Configuration", "Databases", "Firewall", "Names", "Proxy"],
    path: "Fuzz",
    exclude: corpora + ["README.md", "run", "bounded"], swiftSettings: settings)
  : .testTarget(
    name: "FuzzTests", dependencies: ["Configuration", "Databases", "Firewall", "Names", "Proxy"],
    path: "Fuzz",
    exclude: corpora + ["README.md", "run", "libfuzzer"], swiftSettings: settings)

let package = Package(
  name: "gatehouse",
  products: [.executable(name: "gatehouse", targets: ["gatehouse"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // The C doors: a module map and a header of one-line shims each.
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CNftables", pkgConfig: "libnftnl", providers: [.apt(["libnftnl-dev", "libmnl-dev"])]),
    .systemLibrary(
      name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),

    module("Proxy", ["CLinux", "CNghttp2", "COpenSSL"]),
    module("Firewall", ["CNftables"]),
    module("Names", []),
    module("Certificates", ["COpenSSL", "Names"]),
    module("Databases", ["CLinux", "COpenSSL"]),
    module(
      "Configuration",
      ["Proxy", "Firewall", "Certificates", "Names", .product(name: "Yams", package: "Yams")]),
    module(
      "Control",
      [
        "Configuration", "Databases", "Names", "CLinux",
        .product(name: "Logging", package: "swift-log"),
      ],
      embedding: [
        "index.html", "dashboard.css", "dashboard.svg", "dashboard.js", "change.js", "charts.js",
        "dom.js", "door.js", "firewall.js", "panels.js", "servers.js", "words.js",
      ].map { "Dashboard/\($0)" }),
    .executableTarget(
      name: "gatehouse",
      dependencies: [
        "Control", "Certificates", "Configuration", "Databases", "Firewall", "Proxy",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),

    tests("ProxyTests", ["Proxy"]),
    tests("NamesTests", ["Names"]),
    .testTarget(
      name: "FirewallTests", dependencies: ["Firewall"], exclude: ["Golden"],
      swiftSettings: settings),
    .testTarget(
      name: "CertificatesTests", dependencies: ["Certificates", "COpenSSL", "Names"],
      exclude: ["ACME/Stubs"], swiftSettings: settings),
    tests("DatabasesTests", ["Databases", "COpenSSL"]),
    tests("ConfigurationTests", ["Configuration", "Certificates"]),
    tests("ControlTests", ["Control", "Proxy"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["gatehouse", "Configuration", "Control", "Databases", "Firewall", "Proxy"],
      exclude: ["Golden", "Oracle"],
      swiftSettings: settings),
    tests("TidyTests", []),
    fuzzers,
  ]
)
