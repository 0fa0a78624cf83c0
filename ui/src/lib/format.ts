/** Numbers, sizes and times as people read them. */
export function grouped(value: number): string {
  return value.toLocaleString();
}

/** Bytes in units of 1,000, three digits. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let at = 0;
  let rest = value;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at++;
  }
  return `${at === 0 ? rest : rest.toPrecision(3).replace(/\.0+$/, "")} ${units[at]}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago, from microseconds since 1970. */
export function ago(micros: number, language: string, now = Date.now()): string {
  const seconds = micros / 1e6 - now / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(Math.round(seconds), "second");
}

/** The full time, from microseconds since 1970. */
export function moment(micros: number, language: string): string {
  return new Date(micros / 1000).toLocaleString(language);
}

/** A path with its middle left out, so that the file's name stays. */
export function middle(text: string, most: number): string {
  const letters = [...text];
  if (letters.length <= most) return text;
  const tail = Math.ceil(most * 0.6);
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

/** The name of an author written as `Name <mail>`. */
export function person(author: string): string {
  return author.replace(/\s*<[^>]*>\s*$/, "") || author;
}
