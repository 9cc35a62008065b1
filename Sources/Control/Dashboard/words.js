// Numbers, times and spans as people read them.

let skew = 0;

/// What the other side's clock says, so that ages are right where this one is wrong.
export function setClock(text) {
  const other = Date.parse(text);
  if (Number.isFinite(other) && Math.abs(other - Date.now() - skew) > 2000) skew = other - Date.now();
}

export const now = () => Date.now() + skew;

export function count(number) {
  if (!Number.isFinite(number)) return "–";
  const [factor, unit] = number >= 1e9 ? [1e9, " G"] : number >= 1e6 ? [1e6, " M"]
    : number >= 1e4 ? [1e3, " k"] : [1, ""];
  const value = number / factor;
  if (value === 0) return "0";
  return value.toFixed(unit || !Number.isInteger(value) ? (value < 9.95 ? 1 : 0) : 0) + unit;
}

export function bytes(number) {
  if (!Number.isFinite(number)) return "–";
  for (const [factor, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (number >= factor) return `${(number / factor).toFixed(number < 9.95 * factor ? 1 : 0)} ${unit}`;
  }
  return `${Math.round(number)} B`;
}

export function share(number) {
  if (!Number.isFinite(number)) return "–";
  if (number === 0) return "0 %";
  return number < 0.001 ? "<0.1 %" : `${(number * 100).toFixed(number < 0.0995 ? 1 : 0)} %`;
}

/// Of a measured time.
export function took(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.00095) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.95) return `${(seconds * 1e3).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
}

/// As "3 min" or "2 days": one unit, the largest that fits twice or is days.
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const all = Math.max(0, Math.round(seconds));
  if (all < 120) return `${all} s`;
  if (all < 7200) return `${Math.round(all / 60)} min`;
  if (all < 172_800) return `${Math.round(all / 3600)} h`;
  return `${Math.round(all / 86_400)} days`;
}

export const since = text => (now() - Date.parse(text)) / 1000;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const both = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const formatted = (format, time) => Number.isFinite(time) ? format.format(time) : "–";

/// The time alone where it is of today.
export function time(text) {
  const at = Date.parse(text);
  const isToday = formatted(day, at) === formatted(day, now());
  return formatted(isToday ? clock : both, at);
}

export const date = text => formatted(day, Date.parse(text));
export const clockOf = milliseconds => formatted(clock, milliseconds);
