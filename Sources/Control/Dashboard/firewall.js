// Who is let in: what the firewall and the policy refused, and why.
import { badge, byID, keep, make, put, say, show } from "./dom.js";
import { ask } from "./door.js";
import { count } from "./words.js";

/// What is asked about where nothing was typed: the first port that the policy is for.
let firstPort = "";

/// How many of the sources that were refused most are shown.
const sourceLimit = 10;

const fact = keep(byID("firewall"), item => item[0], ([title]) => {
  const label = make("dt");
  say(label, title);
  const text = make("dd");
  return { node: make("div", {}, label, text), update: item => say(text, item[1]) };
});

const sources = keep(byID("dropped"), one => one.address, () => {
  const address = make("th", { scope: "row", class: "mono" });
  const number = make("td", { class: "number", "data-label": "Refused" });
  const button = make("button", { type: "button" }, "Why");
  const node = make("tr", {}, address, number, make("td", { "data-label": "Why" }, button));
  return {
    node,
    update(one) {
      say(address, one.address);
      say(number, count(one.refused));
      put(button, "aria-label", `Why is ${one.address} refused?`);
      button.onclick = () => explain(one.address, byID("why-url").value.trim() || firstPort);
    },
  };
});

export function render(status) {
  const traffic = status.traffic;
  const rules = status.listeners.filter(one => one.is_policy_enforced).map(one => one.name);
  firstPort = status.listeners.find(one => one.is_policy_enforced)?.addresses[0]?.split(":").at(-1) ?? "";
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
  ]);
  renderSources(status.firewall?.sources);
}

/// Those that were refused most, first; nothing is shown where nobody counts them.
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
    state.set(step.result, step.name);
    return make("li", {}, state.node, " ", step.detail, " ",
      make("span", { class: "mono quiet" }, step.place ?? ""));
  }));
  say(advice, [explanation.advice, ...(explanation.notes ?? [])].filter(Boolean).join(" "));
}

/// As a shell takes it for one word.
const quoted = text => /^[\w.:/@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
