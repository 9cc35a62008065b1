import Proxy

/// Reads `health`: where /livez, /readyz and /startupz are answered.
enum HealthDoorReader {
  static func read(
    _ file: MapReader, _ listeners: [ListenerReader.Found], _ loaded: inout LoadedConfiguration
  ) {
    guard let map = file.section(FileFields.health, HealthDoorFields.section) else { return }
    loaded.healthAddresses = ListenerReader.addresses(map, HealthDoorFields.listen)
    loaded.grace = map.duration(HealthDoorFields.grace) ?? .zero
    let place = map[HealthDoorFields.listen]?.place ?? map.place
    for address in loaded.healthAddresses {
      if let owner = listeners.first(where: { $0.listener.addresses.contains(address) }) {
        map.problems.error(
          place,
          "\(address) is bound by listener \"\(owner.listener.name)\", too (line \(owner.place.line))"
        )
      }
      if loaded.adminListen?.addresses.contains(address) == true {
        map.problems.error(place, "\(address) is bound by admin.listen, too")
      }
    }
  }
}
