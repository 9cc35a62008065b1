import Configuration
import Control
import Firewall

/// Packets as they are typed.
enum PacketText {
  static let addresses = "192.0.2.7 or 2001:db8::7"
  static let contents = "tcp/443, udp/53, icmp/8, icmpv6/128, ip/47"

  static func packet(from address: String, to port: String) throws -> Packet {
    guard let source = Self.address(address) else {
      throw CommandFailure("\"\(address)\" is no address; allowed: \(addresses)")
    }
    guard let content = Packet.Content(parsing: port) else {
      throw CommandFailure("\"\(port)\" is no port; allowed: \(contents)")
    }
    // Neighbours are on the same link: nothing has lowered it.
    let isNeighbour = if case .icmpv6(133...136) = content { true } else { false }
    return Packet(from: source, content, hopLimit: isNeighbour ? 255 : 64)
  }

  /// An IPv4 address also where it is written as IPv6: so a socket for both families shows it.
  static func address(_ text: String) -> Address? {
    guard let address = Address(parsing: text) else { return nil }
    guard case .ipv6(let bits) = address, bits >> 32 == 0xffff else { return address }
    return .ipv4(UInt32(truncatingIfNeeded: bits))
  }
}

extension PolicyStore {
  /// Who asks about the generation in force hears that there is none: nobody knows the answer.
  func requireGeneration(hint: String) throws {
    guard try state().generation == 0 else { return }
    throw CommandFailure(
      "no policy is in force in \(folder); \(hint), or type: gatehouse policy apply FILE",
      code: .unknown)
  }
}
