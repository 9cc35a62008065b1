public import Configuration
public import Firewall
internal import Foundation
public import Proxy

/// Answers why: over a configuration file, what the kernel holds, and the process that runs where one
/// does.
public struct Explainer {
  public struct Question: Sendable {
    public var client: Address
    /// Who connects in the client's place and tells of it: a CDN, a balancer.
    public var via: Address?
    public var port: UInt16?
    public var url: RequestURL?
    public var method = "GET"
    public var bodyBytes: Int?
    /// The listener, where the port does not say it.
    public var listener: String?

    public init(client: Address, port: UInt16? = nil, url: RequestURL? = nil) {
      self.client = client
      self.port = port
      self.url = url
    }
  }

  let path: String
  let loaded: LoadedConfiguration
  let running: RunningFacts?
  let places: ConfigurationPlaces
  let forecaster: Forecaster

  var configuration: ProxyConfiguration { forecaster.configuration }

  public init(
    _ path: String, _ loaded: LoadedConfiguration, running: RunningFacts? = nil
  ) throws(ProxyError) {
    self.path = path
    self.loaded = loaded
    self.running = running
    places = ConfigurationPlaces(reading: path)
    let proxy = running?.applied(to: loaded.proxy) ?? loaded.proxy
    forecaster = try Forecaster(
      proxy, standings: running?.standings ?? [:], setAside: running?.setAside ?? [])
  }

  /// Over what was compiled of the same configuration before.
  init(
    _ path: String, _ loaded: LoadedConfiguration, running: RunningFacts,
    _ places: ConfigurationPlaces, _ forecaster: Forecaster
  ) {
    self.path = path
    self.loaded = loaded
    self.running = running
    self.places = places
    self.forecaster = forecaster.standing(running.standings, setAside: running.setAside)
  }

  /// Every step in the order in which a connection meets it.
  public func why(
    _ question: Question, _ kernel: KernelFacts, at time: Int64 = CompiledPolicy.now
  ) throws(ExplainError) -> Explanation {
    var explanation = Explanation()
    guard let port = question.port ?? namedPort(question) ?? question.url?.port else {
      throw ExplainError("which port? give one behind the address, as in: why ADDRESS 443")
    }
    let listener = try listener(for: question, port)
    noteWhatRuns(&explanation)
    let packet = Packet(from: question.via ?? question.client, .tcp(port: port))
    guard passesKernel(packet, kernel, &explanation) else { return explanation }
    guard let listener else {
      explanation.add("listener", .no, "none of \(path) is bound to port \(port)")
      explanation.notes.append("another program may listen there: ss -ltnp 'sport = :\(port)'")
      return explanation
    }
    let course = Course(
      question: question, listener: listener, port: port, time: time,
      isKernelPolicySame: isSame(kernel.policy))
    explain(course, &explanation)
    return explanation
  }

  /// What is known of a connection on its way.
  struct Course {
    let question: Question
    /// Its index.
    let listener: Int
    let port: UInt16
    let time: Int64
    /// The kernel has told all that the proxy's policy would.
    let isKernelPolicySame: Bool

    var peer: IPAddress { IPAddress(question.via ?? question.client) }
    var client: IPAddress { IPAddress(question.client) }
  }

  // MARK: Which listener

  /// Of the listener that was named, where it has but one.
  private func namedPort(_ question: Question) -> UInt16? {
    let named = configuration.listeners.first { $0.name == question.listener }
    let all = Set(named.map(ports) ?? [])
    return all.count == 1 ? all.first : nil
  }

  /// Nil when none is bound to the port and no request was asked about.
  private func listener(for question: Question, _ port: UInt16) throws(ExplainError) -> Int? {
    let all = configuration.listeners
    if let name = question.listener {
      guard let index = all.firstIndex(where: { $0.name == name }) else {
        throw ExplainError("no listener \"\(name)\" in \(path); there are: \(listed)")
      }
      return index
    }
    let bound = all.indices.filter { ports(of: all[$0]).contains(port) }
    if let url = question.url, bound.isEmpty {
      throw ExplainError(
        "no listener of \(path) is bound to port \(port), which \(url.scheme.rawValue)://\(url.host) "
          + "means; there are: \(listed); give the port behind the address where it is another one")
    }
    guard let url = question.url, let address = Address(parsing: url.host) else {
      return bound.first
    }
    let wanted: SocketAddress =
      switch address {
      case .ipv4(let bits): .ipv4(bits, port: port)
      case .ipv6(let bits): .ipv6(bits, port: port)
      }
    return bound.first { all[$0].addresses.contains(wanted) } ?? bound.first
  }

  /// As bound where the process tells, for the kernel chooses a port for 0.
  private func ports(of listener: ProxyConfiguration.Listener) -> [UInt16] {
    let own = listener.addresses.map(\.port)
    guard own.contains(0) else { return own }
    let told = running?.status.listeners.first { $0.name == listener.name }?.addresses ?? []
    return told.compactMap { $0.split(separator: ":").last.flatMap { UInt16($0) } }
  }

  private var listed: String {
    configuration.listeners.map { listener in
      let ports = Set(ports(of: listener)).sorted().map { "\($0)" }
      return "\(listener.name) (\(ports.joined(separator: ", ")))"
    }.joined(separator: "; ")
  }

  private func noteWhatRuns(_ explanation: inout Explanation) {
    guard let status = running?.status else {
      return explanation.notes.append(
        "no process was asked: servers are taken to be as \(path) has them")
    }
    guard status.configurationPath == CertificateRefresh.absolute(path) else {
      return explanation.notes.append(
        "the process that answers runs \(status.configuration): this tells of \(path)")
    }
    for file in [path, loaded.policyPath].compactMap(\.self) {
      let attributes = try? FileManager.default.attributesOfItem(atPath: file)
      // It tells of whole seconds, so what was changed in the same one is taken for older.
      guard let changed = attributes?[.modificationDate] as? Date,
        changed >= status.appliedAt + 1
      else { continue }
      explanation.notes.append(
        "\(file) was changed after it was applied, and this tells of the file; "
          + "type: gatehouse apply")
    }
  }

  // MARK: The kernel

  private func isSame(_ kernel: CompiledPolicy?) -> Bool {
    guard let kernel, let own = loaded.policy else { return false }
    return CompiledPolicy(own, at: kernel.time).digest == kernel.digest
  }

  /// False when the kernel drops it.
  private func passesKernel(
    _ packet: Packet, _ kernel: KernelFacts, _ explanation: inout Explanation
  ) -> Bool {
    guard let compiled = kernel.policy else {
      let what =
        kernel.enforcement == .lost
        ? "it has lost the rules that were applied: gatehouse policy boot"
        : "no rules of ours in it: the proxy alone refuses"
      explanation.add("kernel", .skipped, what)
      return true
    }
    let policy = PolicyExplanation(
      of: packet, by: compiled, banned: kernel.ban, counters: kernel.counters)
    explanation.steps += (policy.stages + policy.entries).map { stage in
      var step = stage
      step.name = "kernel: \(stage.name)"
      return step
    }
    // Who is not let in anyway uses up nothing of a limit.
    if policy.stages.contains(where: { $0.name == "limit" }) { explainLimit(kernel, &explanation) }
    explainDenials(of: packet.source, kernel, &explanation)
    if case .unknown(let why) = kernel.enforcement { explanation.notes.append(why) }
    explanation.notes += kernel.otherChains.map { "\($0) can drop what is let in here" }
    guard !policy.isAllowed else { return true }
    guard compiled.policy.mode == .enforce else {
      explanation.add("kernel: audit", .allow, "would be denied; counted, and let in")
      return true
    }
    explanation.end = .dropped
    explanation.advice = policy.advice ?? banAdvice(packet.source, kernel)
    return false
  }

  private func banAdvice(_ source: Address, _ kernel: KernelFacts) -> String? {
    kernel.ban.map { "To allow: gatehouse ban del \($0.network)" }
  }
}
