import ArgumentParser

@main
struct Gatehouse: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gatehouse", abstract: "An edge server: TLS, balancing, and a firewall.")
}
