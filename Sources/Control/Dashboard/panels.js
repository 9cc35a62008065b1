// What stands around the servers: verdict, strip, databases, certificates, firewall, events.
import { sparkline } from "./charts.js";
import { badge, byID, keep, make, put, say, show } from "./dom.js";
import { bytes, count, date, share, since, span, time, took } from "./words.js";

// The verdict

const mark = badge();
const verdictText = make("span");
const verdictSince = make("span", { class: "quiet", "aria-hidden": "true" });
byID("verdict").append(mark.node, " ", verdictText, " ", verdictSince);
const causes = keep(byID("causes"), text => text, text => {
  const node = make("li");
  say(node, text);
  return { node, update() {} };
});

export function verdict(status) {
  const said = status.verdict ?? counted(status);
  const word = said.severity.toUpperCase();
  mark.set(said.severity, word);
  // The sentence begins with its own word where it is told in a terminal.
  say(verdictText, said.sentence.replace(/^(OK|DEGRADED|DOWN)( since [^–]*)?( – )?/, ""));
  say(verdictSince, said.since ? `for ${span(since(said.since))}` : "");
  const others = said.causes ?? [];
  causes(others.map(causeText));
  show(byID("causes"), others.length > 0);
  document.title = `${word} – Gatehouse`;
}

/// What is wrong, what more is known of it, and what to type.
const causeText = one => one.text + (one.detail ? `: ${one.detail}` : "") + (one.next ? ` → ${one.next}` : "");

/// Where the process gives no verdict, only what can be counted.
function counted(status) {
  const servers = status.backends.flatMap(backend => backend.servers);
  const up = servers.filter(server => server.state === "up").length;
  return { severity: "info", sentence: `${up} of ${servers.length} servers up` };
}

// The strip

const strip = keep(byID("strip"), item => item[0], ([title]) => {
  const text = make("dd");
  const label = make("dt");
  say(label, title);
  return { node: make("div", {}, label, text), update: item => say(text, item[1]) };
});

export function facts(status) {
  const recent = status.traffic.recent;
  strip([
    ["Requests/s", recent ? count(recent.requests_per_second) : "–"],
    ["p50", took(recent?.p50_seconds)],
    ["p95", took(recent?.p95_seconds)],
    ["p99", took(recent?.p99_seconds)],
    ["5xx", recent ? share(recent.error_share) : "–"],
    ["Clients", count(status.traffic.connections)],
    ["Generation", `${status.generation}`],
    ["In force for", span(since(status.applied_at))],
    ["Running for", span(since(status.started_at))],
    ["Workers", `${status.workers}`],
    ["Overrides", `${status.overrides}`],
    ["Version", status.version],
  ]);
}

// Traffic

const rate = sparkline("Requests/s", count);
const errors = sparkline("5xx/s", count);
const clients = sparkline("Clients", count);
const sent = sparkline("Bytes out/s", bytes);
byID("sparks").append(rate.node, errors.node, clients.node, sent.node);
const accepts = sparkline("Accepted/s", count);
const drops = sparkline("Refused/s", count);
byID("firewall-sparks").append(accepts.node, drops.node);

export function traffic(moments) {
  const each = act => moments.map(one => act(one) / (one.seconds > 0 ? one.seconds : 1));
  rate.set(each(one => one.responses.reduce((all, number) => all + number, 0)));
  errors.set(each(one => one.responses[5]));
  clients.set(moments.map(one => one.connections));
  sent.set(each(one => one.bytes_out));
  accepts.set(each(one => one.accepted));
  drops.set(each(one => one.refused));
}

// Databases

const databaseRows = keep(byID("databases"), database => database.backend, () => {
  const name = make("th", { scope: "row" });
  const state = badge();
  const why = make("span", { class: "quiet" });
  const writer = make("td", { "data-label": "Writer" });
  const list = make("ul", { class: "members" });
  const members = keep(list, member => member.name, () => {
    const node = make("li");
    return { node, update: member => say(node, memberText(member)) };
  });
  const node = make("tr", {}, name, make("td", { "data-label": "State" }, state.node, " ", why), writer,
    make("td", { "data-label": "Members" }, list));
  return {
    node,
    update(database) {
      say(name, database.backend);
      const isWell = database.writers === 1;
      state.set(!isWell ? "down" : database.warnings.length ? "warning" : "ok", isWell ? "one writer" : `${database.writers} writers`);
      say(why, [database.verdict, ...database.warnings].join("; "));
      say(writer, database.writer ?? "none");
      members(database.members);
    },
  };
});

const memberText = member => `${member.name}: ${member.role}`
  + (member.lag_seconds === undefined ? "" : `, ${span(member.lag_seconds)} behind`)
  + (member.why ? ` (${member.why})` : "");

export function databases(status) {
  show(byID("databases-section"), status.databases.length > 0);
  databaseRows(status.databases);
}

// Certificates

const certificateRows = keep(
  byID("certificates"), one => `${one.listener}/${one.name}/${one.key_type}`, () => {
    const name = make("b");
    const names = make("span", { class: "quiet" });
    const state = badge();
    const trouble = make("span", { class: "quiet" });
    const left = make("span");
    const until = make("span", { class: "quiet" });
    const bar = make("meter", { min: "0", max: "1", low: "0.2", high: "0.34", optimum: "1", "aria-hidden": "true" });
    const node = make("tr", {}, make("th", { scope: "row" }, name, " ", names),
      make("td", { "data-label": "State" }, state.node, " ", trouble),
      make("td", { "data-label": "Time left", class: "left" }, left, " ", until, bar));
    return {
      node,
      update(one) {
        say(name, one.name);
        say(names, [one.names.join(", "), one.key_type, `on ${one.listener}`].filter(Boolean).join(" · "));
        state.set(one.state);
        put(state.node, "data-state", one.state);
        say(trouble, [...one.problems, ...one.warnings].join("; "));
        const seconds = -since(one.not_after);
        say(left, !one.not_after ? "–" : seconds > 0 ? span(seconds) : `over for ${span(-seconds)}`);
        say(until, [one.not_after ? `until ${date(one.not_after)}` : "", one.renews ?? ""].filter(Boolean).join(", "));
        bar.value = Math.max(0, one.life_left ?? 0);
      },
    };
  });

export function certificates(status) {
  const renewals = new Map(status.renewals.map(one => [one.certificate, one]));
  certificateRows(status.certificates.map(one => ({ ...one, renews: renewal(renewals.get(one.name)) })));
  show(byID("certificates-none"), status.certificates.length === 0);
}

function renewal(one) {
  if (!one) return undefined;
  if (one.failures > 0) return `renewal failed ${one.failures} times: ${one.last_problem ?? "no reason given"}`;
  const seconds = -since(one.renews_at);
  return seconds > 0 ? `renewed in ${span(seconds)}` : "renewed now";
}

// Events

const eventRows = keep(byID("events"), event => event.id, event => {
  const state = badge();
  state.set(event.severity, event.kind);
  const at = make("time", { datetime: event.at });
  say(at, time(event.at));
  const text = make("td", { "data-label": "What" });
  say(text, event.text);
  const by = make("td", { "data-label": "By" });
  say(by, event.by ?? "");
  // A symbol and a colour are no words: how bad it is is told, too.
  const severity = make("span", { class: "hidden" });
  say(severity, `(${event.severity})`);
  return {
    node: make("tr", {}, make("td", { "data-label": "Time" }, at),
      make("td", { "data-label": "Kind" }, state.node, " ", severity), text, by),
    update() {},
  };
});

const eventLimit = 20;
let known = [];

export function events(more, isAll = false) {
  const all = new Map((isAll ? more : [...known, ...more]).map(event => [event.id, event]));
  known = [...all.values()].sort((one, other) => one.id - other.id).slice(-eventLimit);
  eventRows([...known].reverse());
  show(byID("events-none"), known.length === 0);
}
