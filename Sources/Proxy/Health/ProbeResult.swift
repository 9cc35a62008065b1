/// What one check of a server found.
public struct ProbeResult: Sendable, Equatable {
  public var isGood: Bool
  /// In words: "200 in 3 ms", "connect: connection refused".
  public var text: String
  public var took: Duration
  /// What an agent asked for; nil for every other check.
  public var agent: AgentAnswer?

  public init(isGood: Bool, text: String, took: Duration, agent: AgentAnswer? = nil) {
    self.isGood = isGood
    self.text = text
    self.took = took
    self.agent = agent
  }
}
