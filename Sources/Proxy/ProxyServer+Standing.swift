extension ProxyServer {
  /// How servers are to be treated from now on, over new generations, too; in place of all that was
  /// said before. A server that is not named stands as its file says.
  public func stand(_ standings: [ServerID: ServerStanding]) {
    for mailbox in mailboxes { mailbox.post(.stand(standings)) }
  }
}
