import ArgumentParser
internal import Certificates
internal import Configuration
internal import Control
internal import Foundation
internal import Proxy

/// What every `cert` command takes.
struct CertOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The certificates folder; that of the configuration, or certs.", valueName: "folder"))
  var dir: String?

  @Option(
    name: .shortAndLong, help: "The configuration file, for its certificates folder and its hosts.")
  var config: String?

  @Flag(help: "Print the same facts as JSON.")
  var json = false

  func store() throws -> CertificateStore { CertificateStore(directory: try folder()) }

  /// What is fetched from authorities; nil where no configuration says.
  func plan() throws -> CertificatePlan? {
    guard let config else { return nil }
    return try loaded(config).acme?.plan
  }

  func folder() throws -> String {
    if let dir { return dir }
    guard let config else { return "certs" }
    let loaded = try loaded(config)
    if let acme = loaded.acme { return acme.folder }
    let folders = Set(loaded.certificateFolders.values)
    guard let folder = folders.first, folders.count == 1 else {
      throw CertFailure(
        "\(config) names \(folders.count) certificates folders; say which: --dir FOLDER")
    }
    return folder
  }

  /// The hosts that routes of the configuration name; none where no configuration is named.
  func routedNames() -> [ServerName] {
    guard let config else { return [] }
    let loaded: LoadedConfiguration
    do {
      loaded = try ConfigurationFile.load(config)
    } catch {
      let first = error.lines.first ?? config
      let text = "warning: which names routes need can't be read from \(config): \(first)\n"
      FileHandle.standardError.write(Data(text.utf8))
      return []
    }
    return loaded.proxy.routes.compactMap { route in
      switch route.host {
      case .any: nil
      case .exact(let host): ServerName(host)
      case .suffix(let parent): ServerName("*.\(parent)")
      }
    }
  }

  private func loaded(_ path: String) throws -> LoadedConfiguration {
    do {
      return try ConfigurationFile.load(path)
    } catch {
      let first = error.lines.first ?? "\(error)"
      throw CertFailure("the folder can't be read from \(path), name it with --dir; \(first)")
    }
  }
}

/// What every `cert` command takes that makes another version current.
struct ServingOptions: ParsableArguments {
  @Option(help: "The admin socket of the running process.")
  var socket: String?

  @Option(
    help:
      "Seconds to wait until every worker serves it; a process that says nothing at all gets 30 at least."
  )
  var wait = 10

  @Flag(help: "Tell what would be done; nothing changes.")
  var dryRun = false

  func validate() throws {
    guard (0...600).contains(wait) else { throw ValidationError("--wait takes 0 to 600 seconds") }
  }

  /// How the running process is asked.
  func question(_ options: CertOptions) throws -> Activation.Question {
    guard let path = try named(options) else {
      let config = options.config ?? "?"
      return { _, _ in .notAsked("\(config) names no admin socket (admin: {socket: PATH})") }
    }
    let asked = CertQuestion(
      socket: path, folder: try options.folder(), isTyped: socket != nil, seconds: wait)
    return { asked.answer($0, $1) }
  }

  /// Where the running process answers.
  func path(_ options: CertOptions) throws -> String {
    try named(options) ?? LoadedConfiguration.defaultAdminSocket
  }

  /// Nil where the configuration names none.
  private func named(_ options: CertOptions) throws -> String? {
    if let socket { return socket }
    guard let config = options.config else { return LoadedConfiguration.defaultAdminSocket }
    do {
      return try ConfigurationFile.adminSocket(config)
    } catch {
      throw CertFailure(error.lines.first ?? "\(error)")
    }
  }
}
