internal import CLinux
internal import Glibc

/// What a probe of one certificate has found.
public struct CertificateProbe: Sendable, Equatable {
  /// Workers that showed it.
  public var workers = 0
  /// Why the others did not, one line each.
  public var problems: [String] = []
  /// Other certificates serve all its names, so that nobody is ever shown it.
  public var isHidden = false
  /// The names of which that holds.
  public var hiddenNames: [String] = []
}

extension ProxyServer {
  /// Listeners whose lists of revoked certificates, or authorities, have run out: who is asked for a
  /// certificate of theirs is let in no longer.
  public static func outdatedTerms(of configuration: ProxyConfiguration) -> [String] {
    configuration.listeners.compactMap { listener in
      guard let tls = listener.tls, let terms = try? ClientTerms(tls, of: listener.name),
        terms.goodUntil <= Clock.unixSeconds()
      else { return nil }
      return "client_auth of listener \(listener.name): a list of revoked certificates, or an "
        + "authority, has run out, and its clients are let in no longer; sign a new list: "
        + "gatehouse ca crl NAME, then gatehouse apply"
    }
  }

  /// Asks every worker, over a real handshake, for a certificate of a listener that it was told of.
  ///
  /// Any client's connection goes to the worker the kernel chooses; so each worker gets one end of a
  /// socket pair in its mailbox, behind the certificates, and serves that as any other connection.
  public func probe(listener name: String, certificate: String) -> CertificateProbe {
    var found = CertificateProbe()
    guard let listener = listeners.first(where: { $0.name == name }), let tls = listener.tls,
      let wanted = tls.certificates.first(where: { $0.name == certificate })
    else {
      found.problems = ["listener \(name) has no certificate \(certificate)"]
      return found
    }
    do throws(TLSContextError) {
      let leaf = try CertificateLeaf(wanted)
      let sets = try CertificateSets(tls.certificates)
      let probe = sets.probes.first { $0.certificate == certificate }
      found.hiddenNames = probe?.hidden ?? []
      guard let probe, let serverName = probe.serverName
      else {
        found.isHidden = true
        return found
      }
      for (index, mailbox) in mailboxes.enumerated() {
        do throws(TLSContextError) {
          let shown = try ask(mailbox, listener: name, for: serverName, rsa: probe.isRSA)
          if shown == leaf.fingerprint {
            found.workers += 1
          } else {
            found.problems.append("worker \(index) shows another certificate for \(serverName)")
          }
        } catch { found.problems.append("worker \(index): \(error.subject): \(error.reason)") }
      }
    } catch { found.problems.append("\(error.subject): \(error.reason)") }
    return found
  }

  /// A worker that has so much to do gets so much time.
  private static let probeSeconds = 10

  private func ask(
    _ mailbox: Mailbox, listener: String, for name: String, rsa: Bool
  ) throws(TLSContextError) -> [UInt8] {
    var pair: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard unsafe socketpair(AF_UNIX, kind, 0, &pair) == 0 else {
      throw TLSContextError(name, "no socket pair: \(unsafe String(cString: strerror(errno)))")
    }
    let own = FileDescriptor(owning: pair[0])
    let other = Socket(FileDescriptor(owning: pair[1]))
    _ = fcntl(other.number, F_SETFL, O_NONBLOCK)
    let address = SocketAddress.unix(path: "")
    mailbox.post(.serve(BoundListener(other, address: address), listener: listener))
    return try ServedLeaf.ask(over: own, for: name, rsa: rsa, seconds: Self.probeSeconds)
  }
}
