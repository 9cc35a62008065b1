/// The gates that look at the key, and at what the certificate lets it do.
extension CertificateGates {
  static func keyPrivate(_ file: KeyFile?) -> Verdict {
    guard let file else { return (.passed, "nobody else may read the key") }
    guard file.mode & 0o7177 == 0 else {
      return (.failed, "others may read the key; type: chmod 600 \(file.path)")
    }
    guard file.allowedOwners.contains(file.owner) else {
      return (
        .failed,
        "user \(file.owner) owns the key, who is not the folder's owner, root or you; type: "
          + "chown --reference=\(Disk.parent(of: file.path)) \(file.path)"
      )
    }
    return (.passed, "nobody else may read the key")
  }

  static func keyMatches(_ bundle: CertificateBundle) -> Verdict {
    if bundle.keyMatches { return (.passed, "the key belongs to the certificate") }
    return (
      .failed,
      "the private key does not belong to \(bundle.subject), nor to another of the file; "
        + "name the key that its request was made with"
    )
  }

  static func keyUsage(_ bundle: CertificateBundle) -> Verdict {
    bundle.leaf.maySign
      ? (.passed, "the key may sign")
      : (.failed, "its key usage leaves out digitalSignature, which TLS 1.3 needs; issue it anew")
  }

  /// Those with a signature scheme in TLS 1.3 (RFC 8446, section 4.2.3).
  private static let curves: Set<String> = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"]

  static func keySize(_ bundle: CertificateBundle) -> Verdict {
    for link in bundle.chain {
      let kind = link.keyType
      if link.isRSA {
        guard link.keyBits >= rsaBitMinimum else {
          return (.failed, "\(link.subject) has \(kind); at least \(rsaBitMinimum) bits")
        }
      } else if kind.hasPrefix("ecdsa-") {
        guard link.keyBits >= ellipticBitMinimum else {
          return (.failed, "\(link.subject) has \(kind); at least \(ellipticBitMinimum) bits")
        }
        guard curves.contains(kind) else {
          return (.failed, "\(link.subject) has \(kind), which TLS 1.3 has no word for; take P-256")
        }
      } else if kind != "ed25519", kind != "ed448" {
        return (.failed, "\(link.subject) has a \(kind) key; make an ECDSA or RSA one")
      }
    }
    guard !rare.contains(where: bundle.keyType.hasPrefix) else {
      return (
        .warning,
        "\(bundle.keyType) serves only clients that offer it, which no browser does; have an ECDSA "
          + "or RSA certificate beside it"
      )
    }
    return (.passed, bundle.keyType)
  }

  /// In TLS 1.3, and in OpenSSL, but not in what most clients offer.
  private static let rare = ["ed25519", "ed448", "rsa-pss"]

  static func signature(_ bundle: CertificateBundle) -> Verdict {
    // Nobody relies on a root's signature over itself; a server's own is what clients see.
    for (index, link) in bundle.chain.enumerated() where index == 0 || !link.isSelfSigned {
      if let digest = link.signatureDigest, brokenDigests.contains(digest) {
        return (
          .failed,
          "\(link.subject) is signed over \(digest), which can be forged; "
            + "have it issued anew over SHA-256"
        )
      }
    }
    return (.passed, bundle.leaf.signatureDigest ?? "a scheme without a digest")
  }

  static func notCompromised(_ bundle: CertificateBundle, _ context: GateContext) -> Verdict {
    guard
      let known = bundle.chain.first(where: { context.compromisedKeys.contains($0.publicKeySHA256) }
      )
    else { return (.passed, "its key was never given up") }
    return (
      .failed,
      "the key of \(known.subject) was revoked as compromised; have one issued for a new key"
    )
  }
}
