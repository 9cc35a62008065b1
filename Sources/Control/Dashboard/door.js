// What is asked of the admin API, and the stream of what happens.

/// What the API refused, in its own words.
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/// As long as an answer may take.
const patience = 10_000;

/// One request; the answer's body, and its ETag.
export async function ask(method, path, body, tag) {
  const headers = {};
  // The API takes changes as JSON alone, since no form of another site can send it.
  if (method !== "GET") headers["Content-Type"] = "application/json";
  if (tag) headers["If-Match"] = tag;
  let response, text;
  try {
    response = await fetch(path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience), cache: "no-store",
    });
    text = await response.text();
  } catch {
    throw new Refusal(0, "no answer: is the process still running?");
  }
  let value = null;
  try { value = JSON.parse(text); } catch { /* said below */ }
  if (!response.ok) {
    throw new Refusal(response.status, value?.errors?.join("; ") ?? `the answer is ${response.status}`);
  }
  if (value === null) throw new Refusal(response.status, "the answer is no JSON");
  return { value, tag: response.headers.get("ETag") };
}

export const get = async path => (await ask("GET", path)).value;

export const serverPath = (backend, server) =>
  `/v1/servers/${encodeURIComponent(backend)}/${encodeURIComponent(server)}`;

/// Silence that means that the stream is broken; the status comes each second.
const silence = 5000;
/// How long it is left before the next attempt; the last one again and again.
const waits = [300, 1000, 2000, 3000];

/// Follows the stream and takes it up again by itself, until it is ended.
export class Stream {
  #source = null;
  #timer = 0;
  #attempts = 0;
  #hear;
  #isOver = false;

  /// `hear` is told of `open`, `broken` and `ended`, and has a function for each kind of event.
  constructor(hear) {
    this.#hear = hear;
    this.#open();
  }

  end() {
    this.#isOver = true;
    this.#close();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #open() {
    this.#close();
    const source = new EventSource("/v1/events/stream");
    this.#source = source;
    this.#watch();
    source.onopen = () => {
      this.#attempts = 0;
      this.#hear.open();
    };
    source.onerror = () => this.#broken();
    for (const [kind, act] of Object.entries(this.#hear.events)) {
      source.addEventListener(kind, event => {
        this.#watch();
        let value;
        try { value = JSON.parse(event.data); } catch { return; }
        act(value);
      });
    }
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#broken(), silence);
  }

  #broken() {
    this.#close();
    if (this.#isOver) return;
    this.#hear.broken(this.#attempts);
    const wait = waits[Math.min(this.#attempts, waits.length - 1)];
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.#again(), wait);
  }

  /// First whether one still may: a stream that is refused would say nothing of why.
  async #again() {
    try {
      const greeting = await get("/v1/greeting");
      if (this.#isOver) return;
      if (!greeting.session) return this.#hear.ended();
      this.#open();
    } catch {
      if (!this.#isOver) this.#broken();
    }
  }
}
