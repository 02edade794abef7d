/* Natural time: turns what people type ("6 hours ago", "yesterday at 10:00", "2026-11-21 08:00", "last monday")
 * into an instant. Everything without an explicit zone is in the browser's zone. Returns null for what it does
 * not understand, never a guess. */

type Unit = "second" | "minute" | "hour" | "day" | "week" | "month" | "year";

const UNIT_WORDS: Record<Unit, string[]> = {
    second: ["s", "sec", "secs", "second", "seconds"],
    minute: ["m", "min", "mins", "minute", "minutes"],
    hour: ["h", "hr", "hrs", "hour", "hours"],
    day: ["d", "day", "days"],
    week: ["w", "wk", "wks", "week", "weeks"],
    month: ["mo", "month", "months"],
    year: ["y", "yr", "yrs", "year", "years"],
};
const UNITS = new Map<string, Unit>(
    Object.entries(UNIT_WORDS).flatMap(([unit, words]) => words.map((w) => [w, unit as Unit] as const)),
);
const NUMBER_WORDS: Record<string, number> = {
    a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10,
    eleven: 11, twelve: 12,
};
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Calendar shift in local time; months and years keep the day where it exists (31 March - 1 month = end of February). */
function shift(from: Date, n: number, unit: Unit): Date {
    const d = new Date(from);
    switch (unit) {
        case "second":
            return new Date(d.getTime() + n * 1000);
        case "minute":
            return new Date(d.getTime() + n * 60_000);
        case "hour":
            return new Date(d.getTime() + n * 3_600_000);
        case "day":
            d.setDate(d.getDate() + n);
            return d;
        case "week":
            d.setDate(d.getDate() + 7 * n);
            return d;
        case "month":
        case "year": {
            const day = d.getDate();
            d.setDate(1);
            d.setMonth(d.getMonth() + (unit === "month" ? n : 12 * n));
            const last = new Date(d.getFullYear(), d.getMonth() + 1, 0).getDate();
            d.setDate(Math.min(day, last));
            return d;
        }
    }
}

/** Start of the unit that contains `from`; weeks begin on Monday. */
function startOf(from: Date, unit: Unit): Date {
    const d = new Date(from);
    if (unit === "second") return new Date(d.setMilliseconds(0));
    if (unit === "minute") return new Date(d.setSeconds(0, 0));
    if (unit === "hour") return new Date(d.setMinutes(0, 0, 0));
    d.setHours(0, 0, 0, 0);
    if (unit === "week") d.setDate(d.getDate() - ((d.getDay() + 6) % 7));
    if (unit === "month" || unit === "year") d.setDate(1);
    if (unit === "year") d.setMonth(0);
    return d;
}

interface Clock {
    h: number;
    m: number;
    s: number;
}

function parseClock(text: string): Clock | null {
    if (text === "noon") return { h: 12, m: 0, s: 0 };
    if (text === "midnight") return { h: 0, m: 0, s: 0 };
    const match = /^(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*(am|pm)?$/.exec(text);
    if (!match || (match[2] === undefined && match[4] === undefined)) return null;
    let h = Number(match[1]);
    const m = Number(match[2] ?? 0);
    const s = Number(match[3] ?? 0);
    if (match[4]) {
        if (h < 1 || h > 12) return null;
        h = (h % 12) + (match[4] === "pm" ? 12 : 0);
    }
    return h > 23 || m > 59 || s > 59 ? null : { h, m, s };
}

function atClock(day: Date, clock: Clock): Date {
    const d = new Date(day);
    d.setHours(clock.h, clock.m, clock.s, 0);
    return d;
}

/** A date that exists (no 31 February). */
function civil(y: number, m: number, d: number): Date | null {
    const date = new Date(y, m - 1, d);
    date.setFullYear(y);
    return date.getMonth() === m - 1 && date.getDate() === d ? date : null;
}

function parseIso(text: string): Date | null {
    const match =
        /^(\d{4})-(\d{2})-(\d{2})(?:[t ]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*(z|utc|[+-]\d{2}:?\d{2})?$/.exec(text);
    if (!match) return null;
    const [, y, mo, d, h = "0", mi = "0", s = "0", zone] = match;
    const day = civil(Number(y), Number(mo), Number(d));
    if (!day || Number(h) > 23 || Number(mi) > 59 || Number(s) > 59) return null;
    if (!zone) return atClock(day, { h: Number(h), m: Number(mi), s: Number(s) });
    const utc = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
    if (zone === "z" || zone === "utc") return new Date(utc);
    const digits = zone.slice(1).replace(":", "");
    const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
    return new Date(utc - (zone.startsWith("-") ? -1 : 1) * minutes * 60_000);
}

/** "29.11.2026": what has dots has the day first. With strokes it depends on who writes, and is not guessed. */
function parseDotted(text: string): Date | null {
    const match = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text);
    return match && civil(Number(match[3]), Number(match[2]), Number(match[1]));
}

/** Seconds since 1970, as logs have them. */
const parseEpoch = (text: string): Date | null => (/^\d{10}$/.test(text) ? new Date(Number(text) * 1000) : null);

/** "21 nov 2026", "nov 21", "november 21 2026"; without a year the most recent such day. */
function parseNamedDate(text: string, now: Date): Date | null {
    const a = /^(\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+([a-z]+)(?:,?\s+(\d{4}))?$/.exec(text);
    const b = /^([a-z]+)\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?$/.exec(text);
    const [name, day, year] = a ? [a[2], a[1], a[3]] : b ? [b[1], b[2], b[3]] : [];
    if (!name || name.length < 3) return null;
    const month = MONTHS.findIndex((m) => name.startsWith(m));
    if (month < 0) return null;
    if (year) return civil(Number(year), month + 1, Number(day));
    const date = civil(now.getFullYear(), month + 1, Number(day));
    return date && date > now ? civil(now.getFullYear() - 1, month + 1, Number(day)) : date;
}

/** "6 hours", "1h30m", "an hour", "2 days 3 hours" -> list of steps. */
function parseSpan(text: string): { n: number; unit: Unit }[] | null {
    const steps: { n: number; unit: Unit }[] = [];
    let rest = text.trim();
    while (rest) {
        const match = /^(\d+(?:\.\d+)?|half an?|[a-z]+)\s*([a-z]+)\s*(?:,|and\b)?\s*/.exec(rest);
        if (!match) return null;
        const n = /^\d/.test(match[1]!) ? Number(match[1]) : match[1]!.startsWith("half") ? 0.5 : NUMBER_WORDS[match[1]!];
        const unit = UNITS.get(match[2]!);
        if (n === undefined || !unit || n > 1_000_000) return null;
        if (!Number.isInteger(n) && !["second", "minute", "hour"].includes(unit)) return null; // half a day is not half a date
        steps.push({ n, unit });
        rest = rest.slice(match[0].length);
    }
    return steps.length > 0 ? steps : null;
}

const back = (now: Date, steps: { n: number; unit: Unit }[]): Date =>
    steps.reduce((d, step) => shift(d, -step.n, step.unit), now);

function parseAgo(text: string, now: Date): Date | null {
    const match = /^(?:(?:now\s*)?-\s*(.+)|(.+?)\s+ago)$/.exec(text);
    const steps = match && parseSpan((match[1] ?? match[2])!);
    return steps ? back(now, steps) : null;
}

/** "this week" = its start; "last week" = the same moment a week ago; "start of last month" = its start; "end of last month" = the
 * start of the month after it. */
function parsePeriod(text: string, now: Date): Date | null {
    const match = /^((?:the )?(?:start|beginning|end) of )?(?:the )?(this|last|previous|next)?\s*([a-z]+)$/.exec(text);
    const unit = match && UNITS.get(match[3]!);
    if (!match || !unit || (!match[1] && !match[2])) return null;
    const moved = match[2] === "last" || match[2] === "previous" ? shift(now, -1, unit) : now;
    const target = match[2] === "next" ? shift(now, 1, unit) : moved;
    if (match[1]?.includes("end")) return shift(startOf(target, unit), 1, unit);
    return match[1] || match[2] === "this" ? startOf(target, unit) : target;
}

function parseWeekday(text: string, now: Date): Date | null {
    const match = /^(?:(last|this)\s+)?([a-z]{3,})$/.exec(text);
    if (!match) return null;
    const wanted = WEEKDAYS.findIndex((d) => d === match[2] || (match[2]!.length === 3 && d.startsWith(match[2]!)));
    if (wanted < 0) return null;
    let days = (now.getDay() - wanted + 7) % 7;
    if (match[1] === "last" && days === 0) days = 7;
    return startOf(shift(now, -days, "day"), "day");
}

/** A whole day without a clock. */
function parseDay(text: string, now: Date): Date | null {
    const today = startOf(now, "day");
    if (text === "today") return today;
    if (text === "yesterday") return shift(today, -1, "day");
    if (text === "the day before yesterday" || text === "day before yesterday") return shift(today, -2, "day");
    if (text === "tomorrow") return shift(today, 1, "day");
    const ago = parseAgo(text, now);
    return parseIso(text) ?? parseDotted(text) ?? parseWeekday(text, now) ?? parseNamedDate(text, now) ?? (ago && startOf(ago, "day"));
}

function parseDayAndClock(text: string, now: Date): Date | null {
    const last = /^(.+?)(?:,?\s+at\s+|,?\s+|t)([\d:]+\s*(?:am|pm)?|noon|midnight)$/.exec(text);
    const first = /^([\d:]+\s*(?:am|pm)?|noon|midnight)\s+(?:on\s+)?(.+)$/.exec(text);
    for (const [words, at] of [[last?.[1], last?.[2]], [first?.[2], first?.[1]]]) {
        const clock = words && at ? parseClock(at.trim()) : null;
        const day = clock && parseDay(words!, now);
        if (day) return atClock(day, clock);
    }
    return null;
}

/** "end of yesterday", "start of monday". */
function parseEdge(text: string, now: Date): Date | null {
    const match = /^(?:the )?(start|beginning|end) of (.+)$/.exec(text);
    const day = match && parseDay(match[2]!, now);
    return day && match[1] === "end" ? shift(day, 1, "day") : day;
}

/** Of years in which nothing was measured, and that the API cannot write, there is no time. */
export function parseTime(input: string, now: Date = new Date()): Date | null {
    const time = read(input.trim().toLowerCase().replace(/\s+/g, " "), now);
    const year = time?.getFullYear() ?? 0;
    return year >= 1970 && year < 2106 ? time : null;
}

function read(text: string, now: Date): Date | null {
    if (!text) return null;
    if (text === "now" || text === "just now") return new Date(now);
    const iso = parseIso(text.replace(/^(\d{4})\/(\d{2})\/(\d{2})/, "$1-$2-$3")) ?? parseDotted(text) ?? parseEpoch(text);
    if (iso) return iso;
    const clock = parseClock(text.replace(/^at /, ""));
    if (clock) return atClock(now, clock);
    const bare = parseSpan(text);
    return (
        parseAgo(text, now) ??
        (/^(today|yesterday|tomorrow|(the )?day before yesterday)$/.test(text) ? parseDay(text, now) : null) ??
        parsePeriod(text, now) ??
        parseEdge(text, now) ??
        parseWeekday(text, now) ??
        parseDayAndClock(text, now) ??
        parseNamedDate(text, now) ??
        (bare ? back(now, bare) : null)
    );
}
