/// Runs a program on a terminal of 80 by 24, and presses keys.
enum PseudoTerminal {
  /// Arguments: seconds between keys, the keys (one step each; `@rows,columns` resizes, `~` is a
  /// SIGTERM), the program and its arguments. Prints what the screen was sent, then `STATUS n`, and
  /// `RESTORED` when the terminal's mode is what it was.
  static let script = #"""
    import fcntl, os, pty, select, signal, struct, sys, termios, time
    pause, keys, words = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    main, side = pty.openpty()
    def size(rows, columns): fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    size(24, 80)
    before = termios.tcgetattr(side)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(side, termios.TIOCSCTTY, 0)
        for number in range(3): os.dup2(side, number)
        os.environ["TERM"] = "xterm"
        os.execvp(words[0], words)
    out = b""
    def drain(seconds):
        global out
        end = time.time() + seconds
        while time.time() < end:
            if select.select([main], [], [], 0.05)[0]:
                try: out += os.read(main, 65536)
                except OSError: return
    drain(pause)
    for step in keys.split(" "):
        if step.startswith("@"):
            rows, columns = step[1:].split(",")
            size(int(rows), int(columns))
        elif step == "~": os.kill(child, signal.SIGTERM)
        else: os.write(main, step.encode())
        drain(pause)
    status = None
    for _ in range(100):
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
            break
        drain(0.1)
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    drain(0.2)
    after = termios.tcgetattr(side)
    sys.stdout.write(out.decode("utf-8", "replace"))
    print("\nSTATUS", status)
    if after == before: print("RESTORED")
    """#
}
