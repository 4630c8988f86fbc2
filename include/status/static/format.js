// Numbers and instants as people read them. Every instant is shown in UTC.

const LOCALE = "en-GB";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["min", 60], ["s", 1]];

export const NONE = "–";

export const number = (value) => (value == null ? NONE : whole.format(value));

export const compact = (value) => short.format(value);

export function percent(value, digits = 1) {
  if (value == null) return NONE;
  // 99.96 % is not 100 %: never rounded up to a whole that it is not
  const factor = 10 ** digits;
  if (value > 0 && value < 1 / factor) return `< ${1 / factor} %`;
  const shown = value < 100 ? Math.min(Math.round(value * factor) / factor, 100 - 1 / factor) : value;
  return `${shown.toLocaleString(LOCALE, { maximumFractionDigits: digits })} %`;
}

export function milliseconds(value) {
  if (value == null) return NONE;
  return value < 10000 ? `${whole.format(value)} ms` : duration(value / 1000);
}

export function duration(seconds) {
  if (seconds == null) return NONE;
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const formats = {
  day: { day: "numeric", month: "short" },
  date: { day: "numeric", month: "short", year: "numeric" },
  minute: { hour: "2-digit", minute: "2-digit" },
  dayMinute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  full: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};
const made = Object.fromEntries(
  Object.entries(formats).map(([name, parts]) => [
    name, new Intl.DateTimeFormat(LOCALE, { ...parts, timeZone: "UTC", hourCycle: "h23" }),
  ]),
);

export const instant = (at, kind = "full") => (at == null ? NONE : made[kind].format(new Date(at)));

// "3 min ago", "in 2 h": one unit is enough to see whether something is late
export function relative(at, now = Date.now()) {
  if (at == null) return NONE;
  const seconds = (new Date(at).getTime() - now) / 1000;
  const [name, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
  const count = Math.floor(Math.abs(seconds) / size);
  const plural = count !== 1 && !["min", "s"].includes(name) ? "s" : "";
  if (count === 0) return "now";
  return seconds > 0 ? `in ${count} ${name}${plural}` : `${count} ${name}${plural} ago`;
}
