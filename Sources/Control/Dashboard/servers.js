// The table of servers: one body for each backend, one row for each server.
import { badge, byID, keep, make, put, say, show } from "./dom.js";
import { count, share, since, span, took } from "./words.js";

/// What the page may do here; `null` reason: everything that the table offers.
let mayNot = null;
let change = () => {};

/// What is shown last, for the search to look through again.
let shown = [];

export function begin(act) {
  change = act;
  byID("find").addEventListener("input", () => render(shown));
  byID("only-trouble").addEventListener("change", () => render(shown));
}

/// Why nothing may be changed, in a sentence; null where it may.
export function forbid(reason) {
  mayNot = reason;
  say(byID("may-not"), reason ?? "");
  show(byID("may-not"), reason !== null);
}

const table = byID("servers");
const update = keep(table, backend => backend.name, backendView, table.tHead);

export function render(backends) {
  shown = backends;
  const wanted = byID("find").value.trim().toLowerCase();
  const onlyTrouble = byID("only-trouble").checked;
  const isWanted = server =>
    (!onlyTrouble || server.state !== "up")
    && (wanted === "" || `${server.backend}/${server.name} ${server.address}`.toLowerCase().includes(wanted));
  const found = backends.map(backend => ({ ...backend, all: backend.servers, servers: backend.servers.filter(isWanted) }));
  const isFiltered = onlyTrouble || wanted !== "";
  const kept = isFiltered ? found.filter(backend => backend.servers.length > 0) : found;
  update(kept);
  const all = backends.flatMap(backend => backend.servers);
  const up = all.filter(server => server.state === "up").length;
  say(byID("servers-count"), `${up} of ${all.length} up`);
  show(byID("servers-none"), isFiltered && kept.length === 0);
}

function backendView() {
  const name = make("span", { class: "name" });
  const facts = make("span", { class: "quiet" });
  const head = make("tr", { class: "backend", role: "row" },
    make("th", { colspan: "9", scope: "rowgroup", role: "rowheader" }, name, " ", facts));
  const node = make("tbody", { role: "rowgroup" }, head);
  const rows = keep(node, server => server.name, serverView, head);
  return {
    node,
    update(backend) {
      say(name, backend.name);
      const up = backend.all.filter(server => server.state === "up").length;
      const tiers = backend.tiers.length > 1 ? `, tier ${backend.tier} in use` : "";
      const queue = backend.queued > 0 ? `, ${count(backend.queued)} requests wait` : "";
      say(facts, `${up} of ${backend.all.length} up${tiers}${queue}`);
      rows(backend.servers);
    },
  };
}

const cell = (label, ...children) => make("td", { role: "cell", "data-label": label }, ...children);
const number = label => make("td", { role: "cell", "data-label": label, class: "number" });

function serverView() {
  let server;
  const name = make("b", { class: "name" });
  const address = make("span", { class: "mono quiet" });
  const state = badge();
  const why = make("span", { class: "reason quiet" });
  const weight = button("weight", () => change("weight", server));
  const weightNote = make("span", { class: "quiet" });
  const check = make("span");
  const checkNote = make("span", { class: "quiet" });
  const [rate, slow, errors, open] = ["Requests/s", "p95", "Errors", "Open"].map(number);
  const act = button("act", () => change(server.wanted === "ready" ? "drain" : "ready", server));
  const node = make("tr", { role: "row" },
    make("th", { scope: "row", role: "rowheader" }, name, " ", address),
    cell("State", state.node, " ", why), cell("Weight", weight, " ", weightNote),
    cell("Last check", check, " ", checkNote), rate, slow, errors, open, cell("Change", act));
  return {
    node,
    update(next) {
      server = next;
      const full = `${server.backend}/${server.name}`;
      say(name, server.name);
      say(address, server.address + (server.role ? ` ${server.role}` : ""));
      put(node, "data-server", full);
      put(node, "data-state", server.state);
      state.set(server.state);
      say(why, reason(server));
      updateWeight(server, full, weight, weightNote);
      say(check, server.last_result ?? "none");
      say(checkNote, checkAge(server));
      updateTraffic(server, rate, slow, errors, open);
      allow(act);
      const word = server.wanted === "ready" ? "Drain" : "Ready";
      say(act, word);
      put(act, "aria-label", `${word} ${full}`);
    },
  };
}

function reason(server) {
  const age = server.state === "down" && server.health_since
    ? `for ${span(since(server.health_since))}` : "";
  // What the last check said stands beside it.
  const why = server.why === server.last_result ? "" : server.why;
  return [age, why].filter(text => text !== "").join(": ");
}

function checkAge(server) {
  if (!server.last_at) return "";
  const age = since(server.last_at);
  return age < 30 ? "" : `${span(age)} ago`;
}

function updateWeight(server, full, weight, note) {
  const exact = `${Math.round(server.effective_weight * 100) / 100}`;
  say(weight, exact);
  put(weight, "aria-label", `Weight of ${full} is ${exact}; change it`);
  allow(weight);
  const isOther = server.effective_weight !== server.configured_weight;
  say(note, isOther && !server.is_added ? `file: ${server.configured_weight}` : "");
}

function updateTraffic(server, rate, slow, errors, open) {
  const recent = server.traffic.recent;
  say(rate, recent ? count(recent.requests_per_second) : "–");
  say(slow, recent?.p95_seconds === undefined ? "–" : took(recent.p95_seconds));
  say(errors, recent && recent.requests_per_second > 0 ? share(recent.error_share) : "–");
  put(errors, "data-bad", recent?.error_share > 0.05 ? "" : null);
  say(open, count(server.active));
}

/// A button that says why it does nothing can be reached by keyboard; a disabled one can't.
function button(kind, act) {
  return make("button", { type: "button", class: kind, on: { click() { if (mayNot === null) act(); } } });
}

function allow(node) {
  put(node, "aria-disabled", mayNot === null ? null : "true");
  put(node, "aria-describedby", mayNot === null ? null : "may-not");
  put(node, "title", mayNot);
}
