import COpenSSL
import Foundation
import Glibc
import Testing

@testable import Certificates

/// What a person might bring in that must not serve, made with OpenSSL.
struct RefusedCertificate: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let gate: CertificateGate
  /// A part of what the gate says.
  let says: String
  /// Writes `new.crt` and `new.key`, or what stands in their places.
  let make: @Sendable (Workshop) throws -> Void

  init(
    _ testDescription: String, _ gate: CertificateGate, _ says: String,
    _ make: @escaping @Sendable (Workshop) throws -> Void
  ) {
    self.testDescription = testDescription
    self.gate = gate
    self.says = says
    self.make = make
  }

  static let all = ofKey + ofCertificate + ofChain + ofFile

  static let ofKey: [Self] = [
    .init("another's key", .keyMatches, "does not belong to CN=new") {
      try $0.makeCertificate("new")
      try $0.makeCertificate("other")
      try $0.copy("other.key", to: "new.key")
    },
    .init("a key that others may read", .keyPrivate, "chmod 600 ") {
      try $0.makeCertificate("new")
      unsafe chmod($0.path("new.key"), 0o640)
    },
    .init("a key behind a passphrase", .keyParse, "passphrase") {
      try $0.makeCertificate("new")
      try $0.openssl(
        "pkcs8", "-topk8", "-in", "new.key", "-out", "locked", "-passout", "pass:secret")
      try $0.copy("locked", to: "new.key")
    },
    .init("no key in the key's file", .keyParse, "no readable private key") {
      try $0.makeCertificate("new")
      try $0.copy("new.crt", to: "new.key")
    },
    .init("RSA of 1024 bits", .keySize, "at least 2048 bits") {
      try $0.makeCertificate("new", key: ["-newkey", "rsa:1024"])
    },
    .init("a curve of 224 bits", .keySize, "at least 256 bits") {
      try $0.makeCertificate(
        "new", key: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"])
    },
    .init("a curve that TLS does not know", .keySize, "take P-256") {
      try $0.makeCertificate(
        "new", key: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"])
    },
    .init("a key that was given up", .notCompromised, "new key") { workshop in
      try workshop.makeCertificate("new")
      let bundle = try CertificateBundle(
        chainPEM: try workshop.bytes("new.crt"), keyPEM: try workshop.bytes("new.key"), name: "new")
      try CertificateStore(directory: workshop.path("certs"))
        .markCompromised(bundle.publicKeySHA256, of: "new")
    },
    .init("a key that may not sign", .keyUsage, "digitalSignature") {
      try $0.makeCertificate("new", extensions: Workshop.good + ["keyUsage=keyAgreement"])
    },
  ]

  static let ofCertificate: [Self] = [
    .init("expired", .validity, "expired on") { try $0.makeDated("new", from: -40, to: -10) },
    .init("not valid yet", .validity, "not valid before") {
      try $0.makeDated("new", from: 2, to: 40)
    },
    .init("older than the current one", .notOlder, "--allow-downgrade") {
      try $0.makeDated("new", from: -30, to: 30)
    },
    .init("without a name", .names, "no name in subjectAltName") {
      try $0.makeCertificate("new", extensions: [Workshop.notAuthority, Workshop.forServers])
    },
    .init("a NUL in a name", .names, "NUL") {
      // GeneralNames { [2] "shop.test\0.evil.test" }
      let name = "shop.test\0.a.test"
      let hex = name.utf8.map { String(format: "%02x", $0) }.joined(separator: ":")
      let count = name.utf8.count
      let prefix = String(format: "30:%02x:82:%02x:", count + 2, count)
      try $0.makeCertificate(
        "new",
        extensions: [
          Workshop.notAuthority, Workshop.forServers, "subjectAltName=DER:\(prefix)\(hex)",
        ])
    },
    .init("names that no route wants", .namesCover, "does not cover shop.test") {
      try $0.makeCertificate(
        "new",
        extensions: [Workshop.notAuthority, Workshop.forServers, "subjectAltName=DNS:api.test"])
    },
    .init("an authority", .notAuthority, "CA:FALSE") {
      try $0.makeCertificate(
        "new",
        extensions: ["basicConstraints=critical,CA:TRUE", Workshop.named, Workshop.forServers])
    },
    .init("for clients", .serverAuth, "no serverAuth") {
      try $0.makeCertificate(
        "new", extensions: [Workshop.notAuthority, Workshop.named, "extendedKeyUsage=clientAuth"])
    },
    .init("SHA-1", .signature, "SHA1") { try $0.makeCertificate("new", more: ["-sha1"]) },
    .init("MD5", .signature, "MD5") {
      try $0.makeCertificate("new", key: ["-newkey", "rsa:2048"], more: ["-md5"])
    },
    .init("must-staple", .mustStaple, "staple") {
      try $0.makeCertificate("new", extensions: Workshop.good + ["tlsfeature=status_request"])
    },
    .init("a negative serial", .serial, "negative") {
      try $0.makeCertificate("new", more: ["-set_serial", "-5"])
    },
    .init("a serial of zero", .serial, "zero") {
      try $0.makeCertificate("new", more: ["-set_serial", "0"])
    },
  ]

  static let ofChain: [Self] = [
    .init("its intermediate is missing", .chainComplete, "the intermediate CN=middle is missing") {
      let line = try TestLine(
        $0, leafExtensions: [(NID_info_access, "caIssuers;URI:http://a.test")])
      try $0.write(line.leaf, line.leafKey)
    },
    .init("an intermediate that is no authority", .chainComplete, "clients will refuse") {
      let line = try TestLine($0, middleConstraints: "critical,CA:FALSE")
      try $0.write(line.leaf + line.middle, line.leafKey)
    },
    .init("below one that may have none below", .chainComplete, "path length") {
      let line = try TestLine($0, rootConstraints: "critical,CA:TRUE,pathlen:0")
      try $0.write(line.leaf + line.middle + line.root, line.leafKey)
    },
    .init("an intermediate that has expired", .validity, "CN=middle expired") {
      let line = try TestLine($0, middleEnd: -1)
      try $0.write(line.leaf + line.middle + line.root, line.leafKey)
    },
    .init("two servers' certificates", .oneLeaf, "two servers' certificates") {
      try $0.makeCertificate("new")
      try $0.makeCertificate("other")
      try $0.write(try $0.bytes("new.crt") + $0.bytes("other.crt"), try $0.bytes("new.key"))
    },
    .init("a chain without end", .parse, "more than 16") {
      try $0.makeCertificate("new")
      let one = try $0.bytes("new.crt")
      try $0.write(Array((0..<20).map { _ in one }.joined()), try $0.bytes("new.key"))
    },
    .init("an extension twice", .parse, "not well-formed") {
      let key = try PrivateKey.generate()
      let builder = try CertificateBuilder(
        commonName: "new", key: key, from: Date() - 60, to: Date() + 86_400 * 30)
      try builder.add(NID_subject_alt_name, "DNS:shop.test")
      try builder.add(NID_subject_alt_name, "DNS:shop.test")
      try $0.write(try builder.sign(with: key).pem(), try key.pem())
    },
  ]

  static let ofFile: [Self] = [
    .init("garbage", .parse, "no certificate") {
      try $0.makeCertificate("new")
      try $0.write("hello", to: "new.crt")
    },
    .init("garbage between the lines", .parse, "not a PEM certificate") {
      try $0.makeCertificate("new")
      try $0.write(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "new.crt")
    },
    .init("empty", .parse, "no certificate") {
      try $0.makeCertificate("new")
      try $0.write("", to: "new.crt")
    },
    .init("a folder", .readable, "is a folder") {
      try $0.makeCertificate("new")
      try $0.remove("new.crt")
      unsafe mkdir($0.path("new.crt"), 0o755)
    },
    .init("a pipe", .readable, "is a pipe") {
      try $0.makeCertificate("new")
      try $0.remove("new.crt")
      unsafe mkfifo($0.path("new.crt"), 0o644)
    },
    .init("nothing", .readable, "No such file") {
      try $0.makeCertificate("new")
      try $0.remove("new.key")
    },
    .init("a link in a circle", .readable, "cannot read") {
      try $0.makeCertificate("new")
      try $0.remove("new.crt")
      unsafe symlink("new.crt", $0.path("new.crt"))
    },
    .init("larger than any", .readable, "larger than 1 MiB") {
      try $0.makeCertificate("new")
      try $0.write(String(repeating: "\n", count: 1_100_000), to: "new.crt")
    },
  ]
}

/// A root, an intermediate below it, and a server's certificate below that.
struct TestLine {
  let root: [UInt8]
  let middle: [UInt8]
  let leaf: [UInt8]
  let leafKey: [UInt8]

  init(
    _ workshop: Workshop, rootConstraints: String = "critical,CA:TRUE",
    middleConstraints: String = "critical,CA:TRUE", middleEnd: Double = 100,
    leafExtensions: [(Int32, String)] = [], leafDays: Double = 60
  ) throws {
    let now = Date()
    let rootKey = try PrivateKey.generate()
    let root = try CertificateBuilder(
      commonName: "root", key: rootKey, from: now - 86_400 * 30, to: now + 86_400 * 300)
    try root.add(NID_basic_constraints, rootConstraints)
    try root.add(NID_subject_key_identifier, "hash")
    let rootCertificate = try root.sign(with: rootKey)
    let middleKey = try PrivateKey.generate()
    let middle = try CertificateBuilder(
      commonName: "middle", key: middleKey, from: now - 86_400 * 30, to: now + 86_400 * middleEnd,
      issuer: rootCertificate)
    try middle.add(NID_basic_constraints, middleConstraints)
    try middle.add(NID_subject_key_identifier, "hash")
    let middleCertificate = try middle.sign(with: rootKey)
    let key = try PrivateKey.generate()
    let leaf = try CertificateBuilder(
      commonName: "shop.test", key: key, from: now - 60, to: now + 86_400 * leafDays,
      issuer: middleCertificate)
    try leaf.add(NID_basic_constraints, "critical,CA:FALSE")
    try leaf.add(NID_ext_key_usage, "serverAuth")
    try leaf.add(NID_subject_alt_name, "DNS:shop.test")
    try leaf.add(NID_authority_key_identifier, "keyid:always")
    for (number, value) in leafExtensions { try leaf.add(number, value) }
    self.root = try rootCertificate.pem()
    self.middle = try middleCertificate.pem()
    self.leaf = try leaf.sign(with: middleKey).pem()
    leafKey = try key.pem()
  }
}

extension Workshop {
  func copy(_ old: String, to new: String) throws { try write(Data(try bytes(old)), to: new) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

  func write(_ data: Data, to name: String) throws {
    let isKey = name.hasSuffix(".key")
    try data.write(to: URL(fileURLWithPath: path(name)))
    if isKey { unsafe chmod(path(name), 0o600) }
  }

  /// As `new.crt` and `new.key`.
  func write(_ chain: [UInt8], _ key: [UInt8]) throws {
    try write(Data(chain), to: "new.crt")
    try write(Data(key), to: "new.key")
  }

  /// A self-signed certificate with these dates, in days from now.
  func makeDated(_ name: String, from start: Double, to end: Double) throws {
    let key = try PrivateKey.generate()
    let builder = try CertificateBuilder(
      commonName: name, key: key, from: Date() + start * 86_400, to: Date() + end * 86_400)
    try builder.add(NID_basic_constraints, "critical,CA:FALSE")
    try builder.add(NID_ext_key_usage, "serverAuth")
    try builder.add(NID_subject_alt_name, "DNS:shop.test")
    try write(Data(try builder.sign(with: key).pem()), to: "\(name).crt")
    try write(Data(try key.pem()), to: "\(name).key")
  }
}
