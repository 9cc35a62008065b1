import Foundation
import Testing

@testable import Certificates

/// A real Pebble on loopback, strict, refusing every fifth nonce; stopped with its owner.
final class Pebble {
  struct Options {
    /// Key ID and MAC key, base64url; wanted of every account when set.
    var externalAccount: (keyID: String, macKey: String)?
    var alternateRoots = 0
    var lifetime = 7_776_000
    /// A name server to validate with, instead of one that says 127.0.0.1 to everything.
    var nameServer: UInt16?
  }

  let workshop: Workshop
  let responder: Responder
  let port: UInt16
  /// Where TXT records are set when no name server was given.
  let managementPort: UInt16
  /// The name server it asks by default.
  let namePort: UInt16
  private let rootPort: UInt16
  private let server: Background
  private let names: Background

  var directory: String { "https://127.0.0.1:\(port)/dir" }
  var trustPath: String { workshop.path("listener.crt") }

  init(_ options: Options = Options(), in workshop: Workshop) throws {
    self.workshop = workshop
    let program = try Background.find("pebble", package: "pebble")
    let namesProgram = try Background.find("pebble-challtestsrv", package: "pebble")
    responder = try Responder(in: workshop)
    try workshop.makeCertificate(
      "listener", extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"])
    namePort = try freePort()
    managementPort = try freePort()
    names = try Background(
      namesProgram,
      [
        "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", "127.0.0.1:\(namePort)",
        "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
        "127.0.0.1:\(managementPort)",
      ], log: workshop.path("names.log"))
    port = try freePort()
    rootPort = try freePort()
    try workshop.write(
      Self.configuration(options, port, rootPort, responder, workshop), to: "pebble.json")
    server = try Background(
      program,
      [
        "-config", workshop.path("pebble.json"), "-strict", "-dnsserver",
        "127.0.0.1:\(options.nameServer ?? namePort)",
      ], log: workshop.path("pebble.log"),
      environment: [
        "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0",
        "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_ALTERNATE_ROOTS": "\(options.alternateRoots)",
      ])
    // Both say that they listen before they do.
    try server.listens(on: port)
    try names.listens(on: managementPort)
    try names.listens(on: namePort)
  }

  private static func configuration(
    _ options: Options, _ port: UInt16, _ rootPort: UInt16, _ responder: Responder,
    _ workshop: Workshop
  ) throws -> String {
    var fields: [String: Any] = [
      "listenAddress": "127.0.0.1:\(port)", "managementListenAddress": "127.0.0.1:\(rootPort)",
      "certificate": workshop.path("listener.crt"), "privateKey": workshop.path("listener.key"),
      "httpPort": responder.httpPort, "tlsPort": responder.tlsPort, "ocspResponderURL": "",
      "certificateValidityPeriod": options.lifetime,
    ]
    if let external = options.externalAccount {
      fields["externalAccountBindingRequired"] = true
      fields["externalAccountMACKeys"] = [external.keyID: external.macKey]
    }
    let json = try JSONSerialization.data(withJSONObject: ["pebble": fields])
    return String(decoding: json, as: UTF8.self)
  }

  /// As a plan names it.
  func authority(_ name: String = "pebble") -> ACMEAuthority {
    var authority = ACMEAuthority(name: name, directory: directory)
    authority.trustPath = trustPath
    authority.email = "admin@shop.test"
    return authority
  }

  var log: String { server.log }

  func stop() { server.stop() }
}
