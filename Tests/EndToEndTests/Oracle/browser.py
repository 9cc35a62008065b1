"""A headless Chromium, told what to do by lines of JSON, each answered by one.

It knows nothing of the page: clicks, keys and texts go in as from a mouse and a keyboard, over the DevTools
protocol, and all that the browser complains of or asks a network for is kept for `log`.

usage: browser.py CHROMIUM   then e.g. {"do": "open", "url": "http://127.0.0.1:9443/"}
"""
import base64, json, os, re, shutil, subprocess, sys, tempfile, time
import websocket

# A command of the protocol, and the start of the browser.
PATIENCE = 20


class Browser:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="gatehouse-browser-")
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
             "--ignore-certificate-errors", "--disable-background-networking", "--no-first-run", "--lang=en-GB",
             "--disable-dev-shm-usage", f"--user-data-dir={self.folder}", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.console, self.requests, self.answers, self.number = [], [], {}, 0
        self.socket = websocket.create_connection(self.address(), timeout=PATIENCE, suppress_origin=True)
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    session = None

    def address(self):
        end = time.monotonic() + PATIENCE
        for line in self.process.stderr:
            found = re.search(r"ws://\S+", line)
            if found:
                return found.group()
            if time.monotonic() > end:
                break
        raise RuntimeError("the browser does not begin")

    def send(self, method, **values):
        self.number += 1
        message = {"id": self.number, "method": method, "params": values}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self.hear()
            if answer and answer.get("id") == message["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise RuntimeError(f"{method}: no answer")

    def hear(self):
        message = json.loads(self.socket.recv())
        method, values = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            texts = [str(one.get("value", one.get("description", ""))) for one in values["args"]]
            self.console.append(f"{values['type']}: {' '.join(texts)}")
        elif method == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.console.append(f"exception: {details.get('exception', {}).get('description', details['text'])}")
        elif method == "Log.entryAdded":
            entry = values["entry"]
            self.console.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.console.append(f"dialog: {values['message']}")
        return message

    # What can be asked

    def open(self, url):
        self.send("Page.navigate", url=url)

    def eval(self, code):
        answer = self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, code, seconds=10):
        """Seconds since 1970 when it held; nil when it never did."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.eval(code):
                    return time.time()
            except RuntimeError:
                pass
            time.sleep(0.02)
        return None

    def click(self, selector):
        where = self.eval(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)}); node.scrollIntoView({{block: 'center'}});"
            " const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1)

    def hover(self, x, y):
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, text):
        self.send("Input.insertText", text=text)

    def key(self, name, times=1, shift=False):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
                 "ArrowDown": 40}
        text = {"Enter": "\r", " ": " "}.get(name)
        for _ in range(times):
            values = {"key": name, "code": "Space" if name == " " else name, "windowsVirtualKeyCode": codes[name],
                      "modifiers": 8 if shift else 0}
            self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown",
                      **values, **({"text": text} if text else {}))
            self.send("Input.dispatchKeyEvent", type="keyUp", **values)

    def size(self, width, height, scale=1):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 600)

    def media(self, scheme="light", motion="no-preference"):
        self.send("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}])

    def shot(self, path, height=None):
        """Of the page, or of so much of it as has that height."""
        values = {"format": "png", "captureBeyondViewport": True}
        if height:
            width = self.eval("document.documentElement.clientWidth")
            values["clip"] = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        picture = self.send("Page.captureScreenshot", **values)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def log(self):
        self.eval("0")
        console, requests = self.console, self.requests
        self.console, self.requests = [], []
        return {"console": console, "requests": requests}

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    browser = Browser(sys.argv[1])
    try:
        print(json.dumps({"value": "ready"}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            try:
                answer = {"value": getattr(browser, command.pop("do"))(**command)}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
    finally:
        browser.end()


main()
