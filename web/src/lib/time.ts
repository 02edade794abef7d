/* Ranges, presets and how time is shown. The API speaks UTC; the screen shows the browser's zone and says so. */
import { parseTime } from "./timeparse";

export interface Range {
    start: Date;
    end: Date;
}

export interface Preset {
    label: string;
    start: string;
    end: string;
}

const last = (label: string, start: string): Preset => ({ label: `Last ${label}`, start, end: "now" });

export const PRESETS: readonly { group: string; presets: readonly Preset[] }[] = [
    {
        group: "Up to now",
        presets: [
            last("5 minutes", "5 minutes ago"),
            last("15 minutes", "15 minutes ago"),
            last("30 minutes", "30 minutes ago"),
            last("hour", "1 hour ago"),
            last("3 hours", "3 hours ago"),
            last("6 hours", "6 hours ago"),
            last("12 hours", "12 hours ago"),
            last("24 hours", "24 hours ago"),
            last("2 days", "2 days ago"),
            last("7 days", "7 days ago"),
            last("30 days", "30 days ago"),
            last("90 days", "90 days ago"),
            last("6 months", "6 months ago"),
            last("year", "1 year ago"),
        ],
    },
    {
        group: "Calendar",
        presets: [
            { label: "Today", start: "today", end: "now" },
            { label: "Yesterday", start: "yesterday", end: "today" },
            { label: "Day before yesterday", start: "day before yesterday", end: "yesterday" },
            { label: "This week", start: "this week", end: "now" },
            { label: "Last week", start: "start of last week", end: "this week" },
            { label: "This month", start: "this month", end: "now" },
            { label: "Last month", start: "start of last month", end: "this month" },
            { label: "This year", start: "this year", end: "now" },
            { label: "Last year", start: "start of last year", end: "this year" },
        ],
    },
];

/** The preset that a pair of texts stands for, so that the page can call it by its name. */
export function presetFor(start: string, end: string): Preset | undefined {
    const same = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase();
    return PRESETS.flatMap((g) => g.presets).find((p) => same(p.start, start) && same(p.end, end));
}

export type RangeResult = { range: Range; error?: undefined } | { range?: undefined; error: string };

/** Resolves two texts against one "now". */
export function resolveRange(start: string, end: string, now: Date = new Date()): RangeResult {
    const from = parseTime(start, now);
    const to = parseTime(end, now);
    if (!start.trim() || !end.trim()) return { error: "a time is missing" };
    if (!from) return { error: `“${start}” is not a time I understand` };
    if (!to) return { error: `“${end}” is not a time I understand` };
    if (from >= to) return { error: "the start has to be before the end" };
    return { range: { start: from, end: to } };
}

const two = (n: number): string => String(n).padStart(2, "0");

/** Local time in the form the parser reads back; seconds only when there are any. */
export function toText(date: Date): string {
    const seconds = date.getSeconds() ? `:${two(date.getSeconds())}` : "";
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}${seconds}`;
}

/** Moves a range by a fraction of its width: -0.5 goes back half a screen. */
export function shiftRange(range: Range, fraction: number): Range {
    const by = Math.round(((range.end.getTime() - range.start.getTime()) * fraction) / 1000) * 1000;
    return { start: new Date(range.start.getTime() + by), end: new Date(range.end.getTime() + by) };
}

/** Doubles a range around its middle; never beyond `now`. */
export function widenRange(range: Range, now: Date = new Date()): Range {
    const width = range.end.getTime() - range.start.getTime();
    const end = Math.min(range.end.getTime() + width / 2, Math.max(now.getTime(), range.end.getTime()));
    const whole = (ms: number) => new Date(Math.round(ms / 1000) * 1000);
    return { start: whole(end - 2 * width), end: whole(end) };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export const formatDay = (d: Date): string => `${WEEKDAYS[d.getDay()]} ${d.getDate()} ${MONTHS[d.getMonth()]}`;
export const formatClock = (d: Date, seconds = false): string =>
    `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ""}`;

export function formatMoment(d: Date, seconds = false): string {
    const year = d.getFullYear() === new Date().getFullYear() ? "" : ` ${d.getFullYear()}`;
    return `${formatDay(d)}${year} ${formatClock(d, seconds)}`;
}

/** "Sat 21 Nov 09:42 – 15:42": the day is said once when both ends share it. */
export function formatRange({ start, end }: Range): string {
    const seconds = end.getTime() - start.getTime() < 600_000;
    const tail = start.toDateString() === end.toDateString() ? formatClock(end, seconds) : formatMoment(end, seconds);
    return `${formatMoment(start, seconds)} – ${tail}`;
}

/** Label of a tick; what matters grows with the width of the axis. */
export function formatTick(d: Date, widthMs: number): string {
    const day = 86_400_000;
    if (widthMs < 600_000) return formatClock(d, true);
    const midnight = d.getHours() === 0 && d.getMinutes() === 0;
    if (widthMs <= 2 * day) return midnight ? formatDay(d) : formatClock(d);
    if (widthMs < 8 * day) return midnight ? formatDay(d) : formatClock(d);
    if (widthMs < 400 * day) return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
    return `${MONTHS[d.getMonth()]} ${d.getFullYear()}`;
}

/** "5 min", "1 h", "90 s": the width of a bucket. */
export function formatDuration(seconds: number): string {
    const steps: [number, string][] = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    for (const [size, name] of steps) {
        if (seconds >= size && seconds % size === 0) return `${seconds / size}\u00a0${name}`;
    }
    return `${Math.round(seconds * 10) / 10}\u00a0s`;
}

export function formatAge(ms: number): string {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return `${s}\u00a0s ago`;
    if (s < 3600) return `${Math.floor(s / 60)}\u00a0min ago`;
    if (s < 172_800) return `${Math.floor(s / 3600)}\u00a0h ago`;
    return `${Math.floor(s / 86_400)}\u00a0days ago`;
}

/** "Europe/Paris (UTC+1)". */
export function zoneName(at: Date = new Date()): string {
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "local";
    const minutes = -at.getTimezoneOffset();
    if (minutes === 0) return name === "UTC" || name === "Etc/UTC" ? "UTC" : `${name} (UTC)`;
    const size = Math.abs(minutes);
    const offset = `${minutes < 0 ? "\u2212" : "+"}${Math.floor(size / 60)}${size % 60 ? `:${two(size % 60)}` : ""}`;
    return `${name} (UTC${offset})`;
}

/** Local ticks at round times, so that zones with half-hour offsets and days of 23 hours come out right. */
export function ticksBetween(startMs: number, endMs: number, most: number): number[] {
    const minute = 60_000, hour = 3_600_000, day = 86_400_000;
    const steps = [1000, 2000, 5000, 10_000, 15_000, 30_000, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
        hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day];
    const width = endMs - startMs;
    const step = steps.find((s) => width / s <= most);
    return step ? evenTicks(startMs, endMs, step) : monthTicks(startMs, endMs, most);
}

function evenTicks(startMs: number, endMs: number, step: number): number[] {
    const day = 86_400_000;
    const ticks: number[] = [];
    const cursor = new Date(startMs);
    cursor.setHours(0, 0, 0, 0);
    if (step > day) cursor.setDate(cursor.getDate() - ((cursor.getDay() + 6) % 7));
    while (cursor.getTime() <= endMs) {
        const next = new Date(cursor);
        next.setDate(next.getDate() + Math.max(1, Math.round(step / day)));
        const stop = step >= day ? cursor.getTime() + 1 : next.getTime();
        for (let at = cursor.getTime(); at < stop && at <= endMs; at += step) if (at >= startMs) ticks.push(at);
        cursor.setTime(next.getTime());
    }
    return ticks;
}

function monthTicks(startMs: number, endMs: number, most: number): number[] {
    const months = (endMs - startMs) / (30.4 * 86_400_000);
    const step = [1, 2, 3, 6, 12, 24].find((s) => months / s <= most) ?? 60;
    const cursor = new Date(new Date(startMs).getFullYear(), 0, 1);
    const ticks: number[] = [];
    while (cursor.getTime() <= endMs) {
        if (cursor.getTime() >= startMs) ticks.push(cursor.getTime());
        cursor.setMonth(cursor.getMonth() + step);
    }
    return ticks;
}
