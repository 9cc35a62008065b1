// Nodes, made and changed in place. Texts are only ever set as text: names, reasons and events are foreign.

/// A new element; `attributes` may have `on`, a function for each kind of event.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    } else if (value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children);
  return node;
}

export const byID = id => document.getElementById(id);

/// Touches the page only where something is different.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function put(node, name, value) {
  if (value === undefined || value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}

export function show(node, isShown) {
  if (node.hidden === isShown) node.hidden = !isShown;
}

/// A symbol, which is never alone: a word stands beside it.
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const node = document.createElementNS(space, "svg");
  node.setAttribute("class", "icon");
  node.setAttribute("aria-hidden", "true");
  node.append(document.createElementNS(space, "use"));
  node.firstChild.setAttribute("href", `#${name}`);
  return node;
}

/// Symbol and colour of each state that a server, certificate, event or verdict is in.
const looks = {
  up: "good", ok: "good", served: "good", info: "note", allow: "good", no: "bad", deny: "bad", refused: "bad",
  down: "bad", expired: "bad", error: "bad", critical: "bad", degraded: "warn", warning: "warn",
  expiring: "warn", kept: "warn", "set aside": "warn", drain: "leaving", maint: "paused",
  standby: "waiting", skipped: "waiting",
};

/// Symbol, word and colour.
export function badge() {
  const mark = icon("note");
  const word = make("b");
  const node = make("span", { class: "badge note" }, mark, " ", word);
  return {
    node,
    set(state, text = state) {
      const look = looks[state] ?? "note";
      put(node, "class", `badge ${look}`);
      put(mark.firstChild, "href", `#${look}`);
      say(word, text);
    },
  };
}

/// Keeps the children of a node like a list: one view for each key, moved only when the order changes.
/// `create` gives `{ node, update(item) }`; `head` is a child that stays in front of all.
export function keep(parent, key, create, head = null) {
  const views = new Map();
  return items => {
    const wanted = new Map(items.map(item => [key(item), item]));
    for (const [name, view] of views) {
      if (wanted.has(name)) continue;
      view.node.remove();
      views.delete(name);
    }
    let place = head;
    for (const [name, item] of wanted) {
      if (!views.has(name)) views.set(name, create(item));
      const view = views.get(name);
      const next = place ? place.nextSibling : parent.firstChild;
      if (next !== view.node) parent.insertBefore(view.node, next);
      view.update(item);
      place = view.node;
    }
    return views;
  };
}
