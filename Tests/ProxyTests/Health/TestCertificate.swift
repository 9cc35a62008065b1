import Foundation

/// A certificate that signed itself, and its key, made by OpenSSL in a folder of its own.
final class TestCertificate {
  let folder: URL
  var certificate: String { folder.appending(path: "c.pem").path }
  var key: String { folder.appending(path: "k.pem").path }

  var pem: [UInt8] { (FileManager.default.contents(atPath: certificate)).map(Array.init) ?? [] }

  /// For `a.test`; one that is expired ended in 2021.
  init(isExpired: Bool = false) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "health-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let end = isExpired ? "20210101000000Z" : "20490101000000Z"
    let script = """
      cd "$1"
      touch index
      printf '%s\\n' '[ca]' 'default_ca=x' '[x]' 'database=index' 'new_certs_dir=.' \
        'default_md=sha256' 'policy=p' 'rand_serial=yes' 'x509_extensions=e' '[p]' \
        'commonName=supplied' '[e]' 'subjectAltName=DNS:a.test' > ca.cnf
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k.pem \
        -out r.pem -subj /CN=a.test
      openssl ca -config ca.cnf -batch -selfsign -keyfile k.pem -in r.pem -out c.pem -notext \
        -startdate 20200101000000Z -enddate \(end)
      """
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-ec", script, "sh", folder.path]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
