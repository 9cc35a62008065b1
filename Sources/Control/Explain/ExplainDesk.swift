internal import Configuration
internal import Proxy
internal import Synchronization

/// What a `why` needs of the generation that runs: compiled with the first question about it, and kept
/// until there is another one. Questions are answered one after the other.
final class ExplainDesk: Sendable {
  private struct Kept {
    let generation: Int
    /// With the servers that were added and removed since.
    let configuration: ProxyConfiguration
    let places: ConfigurationPlaces
    let forecaster: Forecaster
  }

  private struct State {
    var kept: Kept?
    var compilations = 0
  }

  private let state = Mutex(State())

  /// Since the start.
  var compilations: Int { state.withLock { $0.compilations } }

  func why(
    _ question: Explainer.Question, of generation: Int, _ loaded: LoadedConfiguration,
    at path: String, _ facts: RunningFacts, _ kernel: KernelFacts
  ) throws -> Explanation {
    try state.withLock { state in
      let configuration = facts.applied(to: loaded.proxy)
      if state.kept?.generation != generation || state.kept?.configuration != configuration {
        state.compilations += 1
        state.kept = Kept(
          generation: generation, configuration: configuration,
          places: ConfigurationPlaces(reading: path), forecaster: try Forecaster(configuration))
      }
      guard let kept = state.kept else { throw ExplainError("nothing is compiled") }
      let explainer = Explainer(path, loaded, running: facts, kept.places, kept.forecaster)
      return try explainer.why(question, kernel)
    }
  }
}
