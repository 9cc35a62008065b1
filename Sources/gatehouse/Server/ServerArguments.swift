public import ArgumentParser
public import Control
public import Proxy

extension ServerID: ExpressibleByArgument {
  public init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.init(backend: String(parts[0]), server: String(parts[1]))
  }
}

extension WeightChange: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension ServerStanding.State: ExpressibleByArgument {}
extension ServerRole: ExpressibleByArgument {}
extension Event.Kind: ExpressibleByArgument {}
