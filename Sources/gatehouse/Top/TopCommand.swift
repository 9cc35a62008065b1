import ArgumentParser
import Control
import Foundation
import Proxy

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Live: rates, latency, servers; keys to drain and to weigh.",
    discussion: """
      Fills the terminal, and asks anew every second. Where standard output is no
      terminal, or with --once, it prints one frame and ends.

      KEYS
        up down, j k   choose a server        d r m   drain, ready, maint
        + -            its weight             / s     filter, sort
        ?              help                   q       quit

      EXAMPLES
        gatehouse top
        gatehouse top --every 5 --socket /run/gatehouse/admin.sock
        gatehouse top --once

      Exit code 0: ended by its user. 2: nobody answered at the start.
      """)

  @Option(help: "Seconds between two looks, from 0.2 to 60.")
  var every = 1.0

  @Flag(help: "Print one frame and end.")
  var once = false

  @OptionGroup var options: SocketOptions

  func validate() throws {
    guard (0.2...60).contains(every) else {
      throw ValidationError("--every must be within 0.2...60")
    }
  }

  func run() throws {
    let feed = TopFeed(AdminClient(socket: try options.path()))
    _ = try options.ask { _ in try feed.look() }
    if options.json { return print(try jsonText(feed.moment.status)) }
    guard !once, let terminal = Terminal() else {
      let frame = TopFrame(
        moment: feed.moment, state: TopState(), columns: StatusText.width, rows: 200,
        paint: Paint.standard)
      return print(frame.lines.joined(separator: "\n"))
    }
    defer { terminal.leave() }
    feed.begin(every: every)
    show(feed, on: terminal)
    feed.stop()
  }

  /// Until its user has enough of it.
  private func show(_ feed: TopFeed, on terminal: Terminal) {
    var state = TopState()
    var drawn: (serial: Int, columns: Int, rows: Int) = (-1, 0, 0)
    while !terminal.isAskedToEnd {
      let (moment, size) = (feed.moment, Terminal.size)
      if drawn != (moment.serial, size.columns, size.rows) {
        terminal.draw(
          TopFrame(
            moment: moment, state: state, columns: size.columns, rows: size.rows,
            paint: Paint.standard
          ).lines)
        drawn = (moment.serial, size.columns, size.rows)
      }
      guard let keys = terminal.keys(within: 100) else { return }
      for key in keys {
        switch state.press(key, moment.status) {
        case .none: break
        case .quit: return
        case .change(let id, .state(let wanted)): feed.change(id, ServerChange(state: wanted))
        case .change(let id, .weight(let weight)):
          feed.change(id, ServerChange(weight: WeightChange("\(weight)")))
        }
      }
      if !keys.isEmpty { drawn.serial = -1 }
    }
  }
}
