// Who is let in: what the firewall and the policy refused, and why.
import { badge, byID, keep, make, put, say, show } from "./dom.js";
import { ask } from "./door.js";
import { count, since, span } from "./words.js";

/// Ports that the policy is for, as far as they are asked about; where somebody was refused is not told.
let ports = [];
const portLimit = 8;

/// How many of the sources that were dropped or refused most are shown.
const sourceLimit = 10;

const fact = keep(byID("firewall"), item => item[0], ([title]) => {
  const label = make("dt");
  say(label, title);
  const text = make("dd");
  return { node: make("div", {}, label, text), update: item => say(text, item[1]) };
});

const sources = keep(byID("dropped"), one => one.address, () => {
  const address = make("th", { scope: "row", class: "mono" });
  const dropped = make("td", { class: "number", "data-label": "Dropped" });
  const last = make("td", { class: "number", "data-label": "Last dropped" });
  const refused = make("td", { class: "number", "data-label": "Refused" });
  const button = make("button", { type: "button" }, "Why");
  const node = make("tr", {}, address, dropped, last, refused,
    make("td", { "data-label": "Why" }, button));
  return {
    node,
    update(one) {
      say(address, one.address);
      say(dropped, one.dropped === undefined ? "–" : count(one.dropped));
      say(last, one.last_dropped_at ? `${span(Math.max(0, since(one.last_dropped_at)))} ago` : "–");
      say(refused, count(one.refused));
      put(button, "aria-label", `Why is ${one.address} dropped or refused?`);
      button.onclick = () => explainSource(one.address);
    },
  };
});

export function render(status) {
  const traffic = status.traffic;
  const rules = status.listeners.filter(one => one.is_policy_enforced).map(one => one.name);
  ports = status.listeners.filter(one => one.is_policy_enforced)
    .map(one => one.addresses[0]?.split(":").at(-1)).filter(Boolean).slice(0, portLimit);
  const open = status.listeners.filter(one => !one.is_policy_enforced).map(one => one.name);
  fact([
    ["Policy", status.policy ?? "none: everybody may connect"],
    ["Asked at", rules.join(", ") || "no listener"],
    ...(open.length && rules.length ? [["Open to everybody", open.join(", ")]] : []),
    ["Connections accepted", count(traffic.accepted)],
    ["Refused by the policy", count(traffic.refused_by_policy)],
    ["Refused as banned", count(traffic.refused_as_banned)],
    ["Requests forbidden", count(traffic.requests_forbidden)],
    ["Handshakes failed", count(traffic.handshake_failures)],
    ...kernel(status.firewall?.kernel),
  ]);
  renderSources(status.firewall?.sources);
}

/// What the kernel's rules let in and dropped, where somebody can be asked.
function kernel(facts) {
  if (!facts) return [];
  const pending = facts.is_pending ? ", to be confirmed" : "";
  return [
    ["Kernel: policy", facts.generation ? `generation ${facts.generation}${pending}` : "none in force"],
    ["Kernel: packets accepted", count(facts.accepted)],
    [facts.is_audit ? "Kernel: packets that would be dropped" : "Kernel: packets dropped",
      count(facts.dropped)],
    ...(facts.dropped_sources === undefined ? [] : [["Kernel: sources dropped in 10 minutes",
      count(facts.dropped_sources) + (facts.is_dropped_sources_full ? ", no room for more" : "")]]),
    ["Kernel: bans", count(facts.bans)],
    ["Kernel: drift", facts.drift ? `${facts.drift}: gatehouse policy verify` : "none"],
  ];
}

/// Those that the kernel dropped most and those that the proxy refused most, in turns; nothing is shown where
/// nobody counts them.
function renderSources(list) {
  show(byID("dropped-part"), list !== undefined);
  sources((list ?? []).slice(0, sourceLimit));
  show(byID("dropped-none"), list?.length === 0);
}

// Why

const answer = byID("why-answer");
const sentence = badge();
const sentenceText = make("span");
const steps = make("ol", { class: "steps" });
const advice = make("p");
const command = make("code", { class: "command", tabindex: "0" });
answer.append(
  make("p", { class: "sentence" }, sentence.node, " ", sentenceText), steps, advice,
  make("p", { class: "quiet" }, "In a terminal: ", command));

export function begin() {
  byID("why").addEventListener("submit", event => {
    event.preventDefault();
    explain(byID("why-address").value.trim(), byID("why-url").value.trim());
  });
}

/// About what was typed; else about the first port that refuses him.
async function explainSource(address) {
  let url = byID("why-url").value.trim();
  for (const port of url ? [] : ports) {
    url = port;
    const query = new URLSearchParams({ address, port });
    const found = await ask("GET", `/v1/why?${query}`).catch(() => null);
    if (found?.value.verdict === "refused") break;
  }
  await explain(address, url);
  byID("why-url").value = "";
}

async function explain(address, url) {
  byID("why-address").value = address;
  byID("why-url").value = url;
  if (url === "") return byID("why-url").focus();
  say(command, `gatehouse why ${[address, ...url.split(/\s+/)].map(quoted).join(" ")}`);
  steps.replaceChildren();
  say(advice, "");
  try {
    const query = new URLSearchParams({ address });
    for (const word of url.split(/\s+/)) query.append(/^[0-9]+$/.test(word) ? "port" : "url", word);
    tell((await ask("GET", `/v1/why?${query}`)).value);
  } catch (error) {
    sentence.set("error", "no answer");
    say(sentenceText, error.message);
  }
  show(answer, true);
  answer.focus();
  answer.scrollIntoView({ block: "nearest" });
}

function tell(explanation) {
  sentence.set(explanation.verdict);
  say(sentenceText, explanation.sentence.replace(/^(SERVED|REFUSED): /, ""));
  steps.replaceChildren(...explanation.steps.map(step => {
    const state = badge();
    state.set(step.result);
    return make("li", {}, state.node, " ", make("b", {}, step.name), ": ", step.detail, " ",
      make("span", { class: "mono quiet" }, step.place ?? ""));
  }));
  say(advice, [explanation.advice, ...(explanation.notes ?? [])].filter(Boolean).join(" "));
}

/// As a shell takes it for one word.
const quoted = text => /^[\w.:/@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
