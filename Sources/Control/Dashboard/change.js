// The dialog that changes one server: drain, ready, weight.
import { byID, say, show } from "./dom.js";
import { ask, serverPath } from "./door.js";
import { count } from "./words.js";

const dialog = byID("change");
const form = dialog.querySelector("form");
const weight = byID("change-weight");
const sure = byID("change-sure");
const button = byID("change-do");

/// What the dialog is about: kind, server, and the tag of what was seen when it opened.
let current = null;
/// Gives all backends as they are now, and takes what became of a change.
let site = { backends: () => [], changed() {} };

export function begin(all) {
  site = all;
  form.addEventListener("submit", event => {
    event.preventDefault();
    send("PATCH", serverPath(current.server.backend, current.server.name), body());
  });
  form.addEventListener("input", warn);
  byID("change-cancel").addEventListener("click", () => dialog.close());
  byID("change-clear").addEventListener("click", () => send(
    "DELETE", `/v1/overrides/${serverPath(current.server.backend, current.server.name).slice("/v1/servers/".length)}`));
}

/// `kind`: "drain", "ready" or "weight".
export function open(kind, server) {
  current = { kind, server, tag: null };
  form.reset();
  const full = `${server.backend}/${server.name}`;
  const titles = { drain: `Drain ${full}`, ready: `Put ${full} back to work`, weight: `Weight of ${full}` };
  say(byID("change-title"), titles[kind]);
  say(button, { drain: "Drain", ready: "Ready", weight: "Set the weight" }[kind]);
  show(byID("change-states"), kind === "drain");
  show(byID("change-weights"), kind === "weight");
  form.elements.state.value = "drain";
  weight.required = kind === "weight";
  weight.value = `${Math.round(server.effective_weight)}`;
  say(byID("change-error"), "");
  describe(server);
  warn();
  dialog.showModal();
  (kind === "weight" ? weight : kind === "drain" ? form.elements.state[0] : button).focus();
  if (kind === "weight") weight.select();
  look();
}

/// Ends it where nothing may be changed any more.
export const close = () => dialog.close();

function describe(server) {
  say(byID("change-facts"),
    `${server.address}; it is ${server.state}, weight ${server.effective_weight}`
    + ` (file: ${server.configured_weight}), ${count(server.active)} requests open.`);
  show(byID("change-clear"), server.overrides.length > 0 && !server.is_added);
}

/// What it is changed from: with its tag nothing is changed that somebody else changed meanwhile.
async function look() {
  const mine = current;
  try {
    const { value, tag } = await ask("GET", serverPath(mine.server.backend, mine.server.name));
    if (mine !== current) return;
    current.tag = tag;
    current.server = value;
    describe(value);
  } catch (error) {
    if (mine === current) say(byID("change-error"), error.message);
  }
}

function body() {
  const change = { reason: byID("change-reason").value.trim() };
  const span = byID("change-span").value;
  if (span) change.seconds = Number(span);
  if (current.kind === "weight") change.weight = weight.value.trim();
  else change.state = current.kind === "ready" ? "ready" : form.elements.state.value;
  return change;
}

/// The last server that takes requests is not taken away by a slip.
function warn() {
  const { kind, server } = current;
  const leaves = kind === "drain" || (kind === "weight" && /^0+%?$/.test(weight.value.trim()));
  const backend = site.backends().find(one => one.name === server.backend);
  const isReady = one => one.wanted === "ready" && one.state === "up" && one.effective_weight > 0;
  const others = (backend?.servers ?? []).filter(one => one.name !== server.name && isReady(one));
  const isLast = leaves && isReady(server) && others.length === 0;
  show(byID("change-last"), isLast);
  sure.required = isLast;
  if (isLast) {
    say(byID("change-last-text"),
      `No other server of ${server.backend} is ready: its clients will get errors.`);
  }
}

async function send(method, path, change) {
  const mine = current;
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  say(byID("change-error"), "");
  try {
    await ask(method, path, change, mine.tag);
    const { value } = await ask("GET", serverPath(mine.server.backend, mine.server.name));
    dialog.close();
    site.changed(value);
  } catch (error) {
    say(byID("change-error"), error.message);
    // The next attempt is made from what is there now.
    if (error.status === 412) look();
  } finally {
    button.removeAttribute("aria-busy");
  }
}
