import ArgumentParser
import Configuration
import Control
import Firewall
import Foundation
import Proxy

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "What becomes of a client and its request, step by step.",
    discussion: """
      Every rule that decides, from the kernel to the server, with the line of the
      file that says it; the last line is the verdict. It asks the code that
      serves requests, the kernel (as root), and the process that runs, if one
      does: its bans, and how its servers stand. Who is not root needs no more
      than the admin socket: there the process itself answers, of what it runs;
      where none runs, the files are read.

      EXAMPLES
        gatehouse why 203.0.113.9 https://www.example.com/orders/7
        gatehouse why 203.0.113.9 443                 the connection alone
        gatehouse why 203.0.113.9 8443 https://www.example.com/
                                                      where 443 is sent on to 8443
        gatehouse why 203.0.113.9 https://www.example.com/ --via 192.0.2.7
                                                      through a CDN or balancer
        gatehouse why 203.0.113.9 https://www.example.com/ --method POST --body 1000

      The path is taken as it is typed; browsers take `..` out before they send it.

      Exit code 0: it is served. 1: it is refused. 2: the question or the file is
      wrong.
      """)

  @OptionGroup var question: WhyQuestion
  @OptionGroup var options: SocketOptions
  @OptionGroup var state: StoreOption

  func run() throws {
    let explanation = try question.explain(options, state.store)
    print(options.json ? try jsonText(explanation) : ExplanationText.text(of: explanation))
    if !explanation.isServed { throw ExitCode.no }
  }
}

/// Who asks for what, as it is typed.
struct WhyQuestion: ParsableArguments {
  @Argument(help: "The client's address.")
  var address: String

  @Argument(help: "A port, a URL, or both.")
  var what: [String] = []

  @Option(help: "The request's method.")
  var method = "GET"

  @Option(help: "Bytes of the request's body.")
  var body: Int?

  @Option(help: "Who connects in the client's place and tells of it: a CDN, a balancer.")
  var via: String?

  @Option(help: "The listener, where several have the port.")
  var listener: String?

  /// Prints what is wrong with the question or the file, and ends with 2 then.
  func explain(_ options: SocketOptions, _ store: PolicyStore) throws -> Explanation {
    try explanation(options, store)
  }

  func explanation(_ options: SocketOptions, _ store: PolicyStore) throws -> Explanation {
    let question = try typed()
    let client = AdminClient(socket: try options.explainedSocket())
    // Root reads all of it, and is told by the kernel what it holds, which the process may not ask.
    if geteuid() != 0, store.folder == PolicyFile.standardState,
      let told = try told(question, client, options)
    {
      return told
    }
    let addresses = [question.client, question.via].compactMap { $0 }.map { IPAddress($0) }
    let (running, trouble) = facts(client, addresses)
    let path =
      options.config ?? running?.status.configurationPath ?? ConfigurationOption.standard
    let explainer = try Explainer(path, try ConfigurationFile.load(path), running: running)
    let port = question.port ?? question.url?.port ?? 0
    let kernel = try KernelFacts.read(store, of: question.via ?? question.client, to: port)
    var explanation = try explainer.why(question, kernel)
    if let trouble { explanation.notes.append(trouble) }
    return explanation
  }

  /// What the process that runs says; nil where none does, where it can't be asked, and where it runs
  /// another file.
  private func told(
    _ question: Explainer.Question, _ client: AdminClient, _ options: SocketOptions
  ) throws -> Explanation? {
    do {
      if let config = options.config {
        let running = try client.status().configurationPath
        guard CertificateRefresh.absolute(config) == running else { return nil }
      }
      return try client.why(question, url: what.first { $0.contains("://") })
    } catch AdminClient.Failure.refused(status: 400, let errors) {
      throw CommandFailure(errors.joined(separator: "\n"))
    } catch { return nil }
  }

  /// A process that runs and can't be asked is told of; one that does not run is no trouble.
  private func facts(
    _ client: AdminClient, _ addresses: [IPAddress]
  ) -> (RunningFacts?, String?) {
    do { return (try client.facts(about: addresses), nil) } catch AdminClient.Failure.notRunning {
      return (nil, nil)
    } catch {
      return (nil, "the running process was not asked: \(error)")
    }
  }

  private func typed() throws -> Explainer.Question {
    var question = Explainer.Question(client: try Self.client(address))
    question.via = try via.map(Self.client)
    for word in what {
      if word.contains("://") {
        guard question.url == nil else { throw CommandFailure("two URLs; ask for one at a time") }
        question.url = try RequestURL(parsing: word)
      } else {
        let digits = word.hasPrefix("tcp/") ? word.dropFirst(4) : word[...]
        guard question.port == nil, let port = UInt16(digits), port > 0 else {
          throw CommandFailure(
            "\"\(word)\" is no port and no URL; allowed: 443, tcp/443, https://www.example.com/path"
          )
        }
        question.port = port
      }
    }
    guard !what.isEmpty else {
      throw CommandFailure(
        "to what? a port, a URL, or both, as in: gatehouse why \(address) https://www.example.com/")
    }
    guard Explainer.isMethod(method) else {
      throw CommandFailure("\"\(AuditText.visible(method))\" is no method; allowed: GET, POST ...")
    }
    question.method = method
    if let body, body < 0 { throw CommandFailure("--body \(body): allowed: 0 and more bytes") }
    question.bodyBytes = body
    question.listener = listener
    return question
  }

  private static func client(_ text: String) throws -> Address {
    guard let address = Address(parsing: text) else {
      throw CommandFailure(
        "\"\(AuditText.visible(text))\" is no address; allowed: 192.0.2.7 or 2001:db8::7")
    }
    // What comes to a socket for both is IPv4 to every rule.
    if case .ipv6(let bits) = address, bits >> 32 == 0xffff {
      return .ipv4(UInt32(truncatingIfNeeded: bits))
    }
    return address
  }
}

extension SocketOptions {
  /// As `path()`, but a file that can't be read is told of by who reads it whole.
  func explainedSocket() throws -> String {
    if let socket { return socket }
    guard let config else { return LoadedConfiguration.defaultAdminSocket }
    return (try? ConfigurationFile.adminSocket(config)) ?? LoadedConfiguration.defaultAdminSocket
  }
}

/// An explanation as a person reads it.
enum ExplanationText {
  static func text(of explanation: Explanation) -> String {
    var lines = [steps(explanation.steps)]
    if !explanation.notes.isEmpty { lines += [""] + explanation.notes.map { "note: \($0)" } }
    if let advice = explanation.advice { lines += ["", advice] }
    return (lines + ["", "VERDICT  \(explanation.sentence)"]).joined(separator: "\n")
  }

  /// A line each, with what the kernel has counted of it.
  static func steps(_ steps: [PolicyExplanation.Stage]) -> String {
    table(
      [],
      steps.enumerated().map { index, step in
        let hits = step.hits.map { "\($0) hits" }
        let number = "\(index + 1)"
        return [
          number.count < 2 ? " \(number)" : number, step.name, step.result.rawValue.uppercased(),
          step.detail, step.place ?? "",
          [step.counter, hits].compactMap(\.self).joined(separator: " "),
        ]
      })
  }
}
