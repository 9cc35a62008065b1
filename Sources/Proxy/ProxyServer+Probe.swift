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

  /// Asks every worker, over a real handshake, for certificates of a listener that it was told of.
  ///
  /// Any client's connection goes to the worker the kernel chooses; so each worker gets one end of a
  /// socket pair in its mailbox, behind the certificates, and serves that as any other connection.
  public func probe(listener name: String, certificates asked: [String]) -> [String:
    CertificateProbe]
  {
    guard let listener = listeners.first(where: { $0.name == name }), let tls = listener.tls else {
      return failed(asked, "there is no listener \(name) with certificates")
    }
    let sets: CertificateSets
    do throws(TLSContextError) { sets = try CertificateSets(tls.certificates) } catch {
      return failed(asked, "\(error.subject): \(error.reason)")
    }
    let indices = Dictionary(
      tls.certificates.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: min)
    var found: [String: CertificateProbe] = [:]
    var silent: Set<Int> = []
    for certificate in asked {
      guard let index = indices[certificate] else {
        found[certificate] = CertificateProbe(
          problems: ["listener \(name) has no certificate \(certificate)"])
        continue
      }
      found[certificate] = probe(
        sets.probes[index], sets.fingerprints[index], listener: name, silent: &silent)
    }
    return found
  }

  private func failed(_ asked: [String], _ why: String) -> [String: CertificateProbe] {
    Dictionary(asked.map { ($0, CertificateProbe(problems: [why])) }) { one, _ in one }
  }

  /// `silent`: workers that let one question go unanswered; they are not waited for again.
  private func probe(
    _ probe: CertificateSets.Probe, _ fingerprint: [UInt8], listener: String,
    silent: inout Set<Int>
  ) -> CertificateProbe {
    var found = CertificateProbe()
    guard let serverName = probe.serverName else {
      found.isHidden = true
      return found
    }
    for (index, mailbox) in mailboxes.enumerated() {
      guard !silent.contains(index) else {
        found.problems.append("worker \(index) does not answer")
        continue
      }
      do throws(TLSContextError) {
        let shown = try ask(mailbox, listener: listener, for: serverName, keyKind: probe.keyKind)
        if shown == fingerprint {
          found.workers += 1
        } else {
          found.problems.append("worker \(index) shows another certificate for \(serverName)")
        }
      } catch {
        if error.subject == ServedLeaf.silence { silent.insert(index) }
        found.problems.append("worker \(index): \(error.subject): \(error.reason)")
      }
    }
    return found
  }

  /// A worker that has so much to do gets so much time.
  private static let probeSeconds = 10

  private func ask(
    _ mailbox: Mailbox, listener: String, for name: String, keyKind: Int32
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
    return try ServedLeaf.ask(over: own, for: name, keyKind: keyKind, seconds: Self.probeSeconds)
  }
}
