// Five minutes of traffic, drawn.
import { make, put, say } from "./dom.js";
import { clockOf, count, took } from "./words.js";

export const momentLimit = 300;
/// Upper bounds of all buckets but the last, in seconds, as the process counts them.
const bounds = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const bucketCount = 17;

const sum = list => list.reduce((all, one) => all + one, 0);

/// How long that share of them took at most, as if all of a bucket lay evenly in it; null without any.
export function quantile(counts, wanted) {
  const goal = wanted * sum(counts);
  let below = 0;
  for (let index = 0; index < counts.length && goal > 0; index += 1) {
    const low = index === 0 ? 0 : bounds[index - 1];
    if (index === bounds.length) return low;
    if (below + counts[index] >= goal) {
      return low + (bounds[index] - low) * (goal - below) / counts[index];
    }
    below += counts[index];
  }
  return null;
}

/// One line over the last minutes, with what it is now in figures.
export function sparkline(title, format) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const area = document.createElementNS(space, "path");
  const line = document.createElementNS(space, "path");
  put(drawing, "viewBox", `0 0 ${momentLimit} 40`);
  put(drawing, "preserveAspectRatio", "none");
  put(drawing, "aria-hidden", "true");
  put(area, "class", "area");
  put(line, "class", "stroke");
  drawing.append(area, line);
  const value = make("b", { class: "value" });
  const most = make("span", { class: "quiet" });
  const label = make("span", { class: "label" });
  say(label, title);
  const node = make("div", { class: "spark" }, label, value, most, drawing);
  return {
    node,
    set(values, current = values.at(-1)) {
      const top = Math.max(0, ...values);
      say(value, values.length ? format(current) : "–");
      say(most, top > 0 ? `at most ${format(top)}` : "");
      const start = momentLimit - values.length;
      const points = values.map(
        (one, index) => `${start + index + 1} ${(38 - 36 * (top > 0 ? one / top : 0)).toFixed(1)}`);
      const path = points.length ? `M${points.join("L")}` : "";
      put(line, "d", path);
      put(area, "d", path ? `${path}V40H${start + 1}Z` : "");
    },
  };
}

/// Seconds from left to right, how long requests took from below to above, the more the stronger.
export class HeatMap {
  #canvas;
  #read;
  #moments = [];
  #cursor = null;
  static #gutter = 48;
  static #row = 9;

  /// `read` is where a second is told in words.
  constructor(canvas, read) {
    this.#canvas = canvas;
    this.#read = read;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => this.#draw());
    }
    canvas.addEventListener("pointermove", event => this.#point(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("blur", () => this.#leave());
    canvas.addEventListener("keydown", event => this.#key(event));
  }

  set(moments) {
    this.#moments = moments;
    this.#draw();
    if (this.#cursor !== null) this.#tell();
  }

  #draw() {
    const width = this.#canvas.clientWidth;
    const height = bucketCount * HeatMap.#row;
    const scale = devicePixelRatio;
    if (width === 0) return;
    if (this.#canvas.width !== Math.round(width * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const context = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    const colour = name => style.getPropertyValue(name).trim();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#drawAxis(context, width, height, colour, style.fontFamily);
    this.#drawCells(context, width, height, colour("--heat"));
    if (this.#cursor === null) return;
    const step = (width - HeatMap.#gutter) / momentLimit;
    context.fillStyle = colour("--ink");
    context.fillRect(HeatMap.#gutter + this.#cursor * step, 0, Math.max(1, step / 3), height);
  }

  #drawAxis(context, width, height, colour, family) {
    context.font = `11px ${family}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const bound of [0.001, 0.01, 0.1, 1, 10]) {
      const y = height - (bounds.indexOf(bound) + 1) * HeatMap.#row;
      context.fillStyle = colour("--quiet");
      context.fillText(took(bound).replace(".0", ""), HeatMap.#gutter - 6, y);
      context.fillStyle = colour("--line");
      context.fillRect(HeatMap.#gutter, y, width - HeatMap.#gutter, 1);
    }
  }

  #drawCells(context, width, height, colour) {
    const step = (width - HeatMap.#gutter) / momentLimit;
    const start = momentLimit - this.#moments.length;
    const most = Math.log1p(Math.max(1, ...this.#moments.map(one => Math.max(0, ...one.latency))));
    context.fillStyle = colour;
    this.#moments.forEach((moment, index) => {
      const x = HeatMap.#gutter + (start + index) * step;
      moment.latency.forEach((number, row) => {
        if (number === 0) return;
        context.globalAlpha = 0.18 + 0.82 * Math.log1p(number) / most;
        // A little wider than a column, or gaps would shimmer.
        context.fillRect(x, height - (row + 1) * HeatMap.#row + 1, step + 0.4, HeatMap.#row - 1);
      });
    });
    context.globalAlpha = 1;
  }

  #point(event) {
    const step = (this.#canvas.clientWidth - HeatMap.#gutter) / momentLimit;
    this.#move(Math.floor((event.offsetX - HeatMap.#gutter) / step));
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#move((this.#cursor ?? momentLimit) + step);
  }

  #move(cursor) {
    this.#cursor = Math.max(0, Math.min(momentLimit - 1, cursor));
    this.#tell();
    this.#draw();
  }

  #leave() {
    this.#cursor = null;
    say(this.#read, "");
    this.#draw();
  }

  #tell() {
    const moment = this.#moments[this.#cursor - momentLimit + this.#moments.length];
    if (!moment) return say(this.#read, "nothing is known of that second");
    const all = sum(moment.latency);
    const half = quantile(moment.latency, 0.5);
    const most = quantile(moment.latency, 0.95);
    const when = clockOf(Date.parse(moment.at));
    say(this.#read, all === 0 ? `${when}: no requests`
      : `${when}: ${count(all)} requests, half of them within ${took(half)}, 95 % within ${took(most)}`);
  }
}
