public import ArgumentParser
public import Certificates

// Words that people type for values of the certificates' own module.
extension KeyKind: ExpressibleByArgument {}
extension RevocationReason: ExpressibleByArgument {}
