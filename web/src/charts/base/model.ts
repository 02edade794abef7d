/* From an answer of the API to what is drawn: series with colours, and the truth about time. A bucket that is still
 * filling and a bucket whose telemetry is missing have no point: the line stops at the edge of what is known. */
import { legible } from "@/lib/legible";
import type { LineAnswer, Loss, MissingSpan, TrafficAnswer } from "@/api/types";
import { formatPercent } from "@/lib/units";
import { otherColor, valueColors, type Theme } from "@/lib/palette";

export interface Series {
    /** Index into the answer's rows. */
    row: number;
    /** Same for the same values on every axis: hovering one highlights all. */
    key: string;
    label: string;
    other: boolean;
    /** 1 direct, 2 reverse, 3 previous period, 4 its reverse. */
    axis: number;
    color: string;
    values: readonly number[];
    /** By how much each value may be off because only some packets were looked at (95 % of cases). */
    error?: readonly number[] | undefined;
}

export interface Band {
    from: number;
    to: number;
    kind: "missing" | "incomplete" | "loss";
    reason: string;
}

export interface Model {
    /** Bucket starts, ms. */
    times: number[];
    /** Width of a bucket, ms. */
    interval: number;
    start: number;
    end: number;
    series: Series[];
    bands: Band[];
    /** Buckets without a drawable value. */
    unknown: boolean[];
    /** The same of the previous period, when it is there. */
    previousUnknown?: boolean[];
    axisNames: Record<string, string>;
}

export interface Range {
    start: number;
    end: number;
}

export const isReverse = (axis: number): boolean => axis === 2 || axis === 4;
export const isPrevious = (axis: number): boolean => axis >= 3;

const SEPARATOR = "\u0000";

/** How a row is called on screen. */
export function rowLabel(row: readonly string[]): string {
    if (row.length === 0) return "Total";
    return row.every((v) => v === "Other") ? "Other" : row.map((v) => legible(v) || "(empty)").join(" · ");
}

const isOther = (row: readonly string[]): boolean => row.length > 0 && row.every((v) => v === "Other");

function intervalOf(times: number[], seconds: number | undefined): number {
    if (seconds && seconds > 0) return seconds * 1000;
    return times.length > 1 ? times[1]! - times[0]! : 60_000;
}

function bandsOf(
    range: Range,
    missing: readonly MissingSpan[] | null | undefined,
    incompleteFrom: string | null | undefined,
    losses: readonly Loss[] | null | undefined,
): Band[] {
    const bands: Band[] = (missing ?? []).map((m) => ({
        from: Math.max(Date.parse(m.start), range.start),
        to: Math.min(Date.parse(m.end), range.end),
        kind: "missing",
        reason: m.reason,
    }));
    const from = incompleteFrom ? Math.max(Date.parse(incompleteFrom), range.start) : Number.NaN;
    if (from < range.end) bands.push({ from, to: range.end, kind: "incomplete", reason: "still filling" });
    for (const l of losses ?? []) {
        const share = l.share ? ` (${formatPercent(100 * l.share)})` : "";
        bands.push({ from: Math.max(Date.parse(l.start), range.start), to: Math.min(Date.parse(l.end), range.end), kind: "loss", reason: l.reason + share });
    }
    return bands.filter((b) => b.to > b.from);
}

/** A bucket is unknown once a band covers any of it. */
function unknownOf(times: number[], interval: number, bands: Band[]): boolean[] {
    return times.map((t) => bands.some((b) => b.kind !== "loss" && b.from < t + interval && b.to > t));
}

interface Frame {
    t: string[];
    interval?: number;
    "incomplete-from"?: string | null;
    missing?: MissingSpan[] | null;
    losses?: Loss[] | null;
}

function frame(answer: Frame, range?: Range): Omit<Model, "series" | "axisNames"> {
    const times = answer.t.map((t) => Date.parse(t));
    const interval = intervalOf(times, answer.interval);
    const first = times[0] ?? range?.start ?? 0;
    const past = (times.at(-1) ?? first) + interval;
    const bounds = { start: first, end: range && range.end > (times.at(-1) ?? first) ? Math.min(range.end, past) : past };
    const bands = bandsOf(bounds, answer.missing, answer["incomplete-from"], answer.losses);
    return { times, interval, ...bounds, bands, unknown: unknownOf(times, interval, bands) };
}

export function lineModel(answer: LineAnswer, theme: Theme, range?: Range): Model {
    const keys = answer.rows.map((row) => row.join(SEPARATOR));
    const values = [...new Set(keys.filter((_, i) => !isOther(answer.rows[i]!)))];
    const colors = new Map(valueColors(values.map(colourName), theme).map((color, i) => [values[i]!, color]));
    const series = answer.rows.map((row, i): Series => {
        const key = keys[i]!, other = isOther(row);
        const color = other ? otherColor(theme) : colors.get(key)!;
        return { row: i, key, label: rowLabel(row), other, axis: answer.axis[i] ?? 1, color, values: answer.points[i] ?? [], error: answer.error?.[i] };
    });
    const base = frame(answer, range);
    const previous = answer["missing-previous"] ? { previousUnknown: unknownBefore(base, answer["missing-previous"], answer["previous-shift"] ?? 0) } : {};
    return { ...base, ...previous, series, axisNames: answer["axis-names"] ?? {} };
}

/** Which buckets of the previous period nothing is known of, by its own times. */
function unknownBefore({ times, interval }: Pick<Model, "times" | "interval">, missing: readonly MissingSpan[], shift: number): boolean[] {
    const bands = missing.map((m): Band => ({ from: Date.parse(m.start) + 1000 * shift, to: Date.parse(m.end) + 1000 * shift, kind: "missing", reason: m.reason }));
    return unknownOf(times, interval, bands);
}

/** Buckets in which a series of this axis has no drawable value. */
export const unknownIn = (model: Model, axis: number): readonly boolean[] => (isPrevious(axis) ? (model.previousUnknown ?? []) : model.unknown);

/** What a colour belongs to: the same value of one dimension is the same whatever the chart. */
const colourName = (key: string): string => key.replaceAll(SEPARATOR, " · ");

/** Without the series that were put out of sight. */
export function without(model: Model, hidden: ReadonlySet<string>): Model {
    return hidden.size === 0 ? model : { ...model, series: model.series.filter((s) => !hidden.has(s.key)) };
}

export function trafficModel(answer: TrafficAnswer, color: string): Model {
    const data = answer.data ?? [];
    const base = frame({ ...answer, t: data.map((d) => d.t) });
    const values = data.map((d) => d.gbps * 1e9);
    return { ...base, series: [{ row: 0, key: "", label: "Traffic", other: false, axis: 1, color, values }], axisNames: {} };
}

/** A stretch of known time: instants, and the bucket whose value holds there. */
export type Run = [time: number, bucket: number][];

/** A value holds until the end of its bucket where nothing drawable follows. */
export function runsOf(model: Model, unknown: readonly boolean[] = model.unknown): Run[] {
    const runs: Run[] = [];
    let run: Run = [];
    const finish = () => {
        if (run.length > 0) runs.push(run);
        run = [];
    };
    model.times.forEach((t, i) => {
        if (t >= model.end || unknown[i]) return finish();
        run.push([t, i]);
        const next = model.times[i + 1];
        if (next === undefined || next >= model.end || unknown[i + 1]) {
            run.push([Math.min(t + model.interval, model.end), i]);
            finish();
        }
    });
    finish();
    return runs;
}

/** Each value as percent of its bucket's sum over the same axis. */
export function shares(series: readonly Series[]): number[][] {
    const sums = new Map<number, number[]>();
    for (const s of series) {
        const sum = sums.get(s.axis) ?? [];
        s.values.forEach((v, i) => (sum[i] = (sum[i] ?? 0) + v));
        sums.set(s.axis, sum);
    }
    return series.map((s) => s.values.map((v, i) => (sums.get(s.axis)![i]! > 0 ? (100 * v) / sums.get(s.axis)![i]! : 0)));
}

/** Bucket that contains an instant, or -1. */
export function bucketAt(model: Model, at: number): number {
    const { times, interval } = model;
    let low = 0, high = times.length - 1;
    while (low <= high) {
        const middle = (low + high) >> 1;
        if (times[middle]! <= at) low = middle + 1;
        else high = middle - 1;
    }
    return high >= 0 && at < times[high]! + interval ? high : -1;
}

/** Which series lies under a height of the drawing, for highlighting. */
export function seriesUnder(model: Model, drawn: number[][], stacked: boolean, bucket: number, height: number): number {
    let best = -1;
    if (!stacked) {
        let distance = Infinity;
        model.series.forEach((_, i) => {
            const d = Math.abs((drawn[i]![bucket] ?? 0) - height);
            if (d < distance) [best, distance] = [i, d];
        });
        return best;
    }
    const top = { up: 0, down: 0 };
    for (const [i, s] of model.series.entries()) {
        if (isPrevious(s.axis)) continue;
        const v = drawn[i]![bucket] ?? 0;
        const side = isReverse(s.axis) ? "down" : "up";
        const low = top[side];
        top[side] += v;
        if (side === "up" ? height >= low && height < top.up : height <= low && height > top.down) best = i;
    }
    return best;
}
