/// The gates that look at the chain, and at what the certificate is.
extension CertificateGates {
  static func oneLeaf(_ bundle: CertificateBundle) -> Verdict {
    guard let other = bundle.repairs.otherLeaves.first else {
      return (.passed, "one server's certificate")
    }
    return (
      .failed,
      "the file holds two servers' certificates, \(bundle.subject) and \(other); "
        + "keep the one that the key belongs to"
    )
  }

  static func chainOrder(_ bundle: CertificateBundle) -> Verdict {
    var done: [String] = []
    if bundle.repairs.isReordered {
      done.append(
        "in the wrong order, which an import puts right: the server's first, then each one's issuer"
      )
    }
    if !bundle.repairs.spare.isEmpty {
      done.append(
        "left out, as of no use to the chain: \(bundle.repairs.spare.joined(separator: "; "))")
    }
    return done.isEmpty
      ? (.passed, "each is signed by the next") : (.warning, done.joined(separator: "; "))
  }

  static func chainComplete(_ bundle: CertificateBundle, _ verdict: ChainVerdict) -> Verdict {
    switch verdict {
    case .publicRoot(let root): (.passed, "leads to \(root), which this system trusts")
    case .privateRoot(let root): (.passed, "leads to \(root), a private authority")
    case .selfSigned: (.passed, "signs itself: only clients that were given it trust it")
    case .unknownIssuer(let issuer, true):
      (
        .warning,
        "leads to \(issuer), which this system does not know; are its roots old (ca-certificates), "
          + "or is one more certificate missing?"
      )
    case .unknownIssuer(let issuer, false) where bundle.chain.count > 1:
      (.passed, "leads to \(issuer), a private authority that is not known here")
    case .unknownIssuer(let issuer, false):
      (
        .warning,
        "issued by \(issuer), which is not known here; if it is an intermediate, put its certificate "
          + "below the server's; if it is your root, put it into .authorities/ of the folder"
      )
    case .missingIntermediate(let issuer, let why):
      (
        .failed,
        "the intermediate \(issuer) is missing (\(why)); put its certificate below the server's, or, "
          + "if it is a root of your own, into .authorities/ of the folder"
      )
    case .broken(let why): (.failed, "clients will refuse the chain: \(why)")
    }
  }

  static func notAuthority(_ bundle: CertificateBundle) -> Verdict {
    bundle.leaf.isAuthority
      ? (.failed, "an authority's certificate cannot serve; issue one below it (CA:FALSE)")
      : (.passed, "not an authority")
  }

  static func serverAuth(_ bundle: CertificateBundle) -> Verdict {
    switch bundle.purpose {
    case .server: (.passed, "made for servers")
    case .unsaid: (.warning, "does not say serverAuth; some clients refuse it")
    case .other:
      (.failed, "made for another use than a server's (no serverAuth); have one issued for servers")
    }
  }

  static func serial(_ bundle: CertificateBundle) -> Verdict {
    guard let bad = bundle.chain.first(where: { $0.serialFault != nil }),
      let fault = bad.serialFault
    else { return (.passed, bundle.serial) }
    return (.failed, "the serial number of \(bad.subject) is \(fault); have it issued anew")
  }

  static func mustStaple(_ bundle: CertificateBundle) -> Verdict {
    bundle.leaf.mustStaple
      ? (.failed, "asks for an OCSP staple (must-staple), which is not served; issue one without")
      : (.passed, "asks for no OCSP staple")
  }

  /// Browsers ask public authorities' certificates for two logs.
  static func transparency(_ bundle: CertificateBundle, _ chain: ChainVerdict) -> Verdict {
    guard case .publicRoot = chain else { return (.passed, "not of a public authority") }
    guard bundle.timestampCount < 2 else {
      return (.passed, "logged \(bundle.timestampCount) times")
    }
    return (
      .warning, "holds \(bundle.timestampCount) log timestamps (SCT); browsers want two at least"
    )
  }
}
