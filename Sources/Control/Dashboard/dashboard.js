// The page: who looks at it, what it is told, and which part shows what.
import { HeatMap, momentLimit, quantile } from "./charts.js";
import * as change from "./change.js";
import { byID, put, say, show } from "./dom.js";
import { Stream, ask, get } from "./door.js";
import * as firewall from "./firewall.js";
import * as panels from "./panels.js";
import * as servers from "./servers.js";
import { clockOf, now, setClock, took } from "./words.js";

let stream = null;
let status = null;
let moments = [];
/// Moments that came while the history was on its way; null when it has come.
let early = null;
let lastHeard = 0;

const heat = new HeatMap(byID("heat"), byID("heat-read"));

// Who looks

async function greet(notice = "") {
  let greeting;
  try {
    greeting = await get("/v1/greeting");
  } catch (error) {
    complain(error.message);
    return void setTimeout(greet, 3000);
  }
  complain(null);
  if (greeting.session) enter(greeting.session);
  else askForToken(notice, greeting.takes_tokens);
}

function askForToken(notice, takesTokens) {
  leave();
  document.title = "Log in – Gatehouse";
  say(byID("login-notice"), takesTokens ? notice
    : "Only certificates are taken here: give your browser one that has a role, then load this page again.");
  for (const node of byID("login").querySelectorAll("label, input, button, #token-hint")) {
    show(node, takesTokens);
  }
  show(byID("login"), true);
  byID("token").focus();
}

async function logIn(event) {
  event.preventDefault();
  const token = byID("token").value.trim();
  say(byID("login-error"), "");
  try {
    const { value } = await ask("POST", "/v1/session", { token });
    byID("token").value = "";
    enter(value);
    byID("main").focus();
  } catch (error) {
    say(byID("login-error"), error.message);
    byID("token").select();
  }
}

async function logOut() {
  leave();
  try { await ask("DELETE", "/v1/session", {}); } catch { /* it is over, or ends by itself */ }
  greet("You have logged out.");
}

function enter(session) {
  show(byID("login"), false);
  show(byID("page"), true);
  say(byID("caller"), session.name);
  show(byID("log-out"), session.name.startsWith("session "));
  const mayChange = session.role === "operator" || session.role === "admin";
  servers.forbid(mayChange ? null
    : `You look on as ${session.role}: to drain a server or change a weight, log in with a token of the role operator.`);
  stream?.end();
  stream = new Stream(hear);
}

/// Nothing of what was seen stays on the screen.
function leave() {
  stream?.end();
  stream = null;
  change.close();
  complain(null);
  show(byID("page"), false);
}

// What it is told

const hear = {
  open() {
    heard();
    load();
  },
  broken(attempts) {
    // The first attempt comes at once, and mostly succeeds: nothing to speak of.
    if (attempts > 0) complain(`Disconnected since ${clockOf(lastHeard || now())}: trying again. What is shown is old.`);
  },
  ended() { askForToken("Your session has ended: log in again.", true); },
  events: {
    status(next) {
      heard();
      status = next;
      render();
    },
    moment(moment) {
      heard();
      setClock(moment.at);
      if (early) early.push(moment);
      else add([moment]);
    },
    event(event) {
      heard();
      panels.events([event]);
    },
  },
};

function heard() {
  lastHeard = now();
  complain(null);
}

function complain(text) {
  show(byID("banner"), text !== null);
  say(byID("banner"), text ?? "");
  put(byID("page"), "data-old", text === null ? null : "");
}

/// What was before the stream began.
async function load() {
  early = [];
  try {
    const [history, events] = await Promise.all([get("/v1/history"), get("/v1/events?last=20")]);
    const isThere = new Set(history.slice(-5).map(moment => JSON.stringify(moment)));
    moments = [];
    add([...history, ...early.filter(moment => !isThere.has(JSON.stringify(moment)))]);
    panels.events(events, true);
  } catch (error) {
    announce(error.message);
  }
  early = null;
}

function add(more) {
  moments = [...moments, ...more].slice(-momentLimit);
  panels.traffic(moments);
  heat.set(moments);
  const counts = moments.reduce(
    (all, moment) => all.map((number, index) => number + moment.latency[index]), new Array(17).fill(0));
  const [half, most, top] = [0.5, 0.95, 0.99].map(wanted => quantile(counts, wanted));
  say(byID("heat-now"), half === null ? "no requests yet"
    : `half within ${took(half)}, 95 % within ${took(most)}, 99 % within ${took(top)}`);
}

function render() {
  panels.verdict(status);
  panels.facts(status);
  servers.render(status.backends);
  panels.databases(status);
  panels.certificates(status);
  firewall.render(status);
}

/// Said once, for eyes and ears.
let silence = 0;
function announce(text) {
  clearTimeout(silence);
  say(byID("said"), text);
  silence = setTimeout(() => say(byID("said"), ""), 6000);
}

servers.begin(change.open);
change.begin({
  backends: () => status?.backends ?? [],
  changed(server) {
    const backend = status.backends.find(one => one.name === server.backend);
    if (backend) backend.servers = backend.servers.map(one => one.name === server.name ? server : one);
    render();
    announce(`${server.backend}/${server.name} is ${server.state}, weight ${server.effective_weight}.`);
  },
});
firewall.begin();
byID("login").addEventListener("submit", logIn);
byID("log-out").addEventListener("click", logOut);
greet();
